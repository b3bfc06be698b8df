#include "keeper/rotation_publish.h"

#include "base/clock.h"
#include "base/log.h"

#include "config/settings.h"
#include "keeper/internal.h"
#include "keeper/publish.h"

#define WITHIN_MS 60000
#define RUN_MAX   ((size_t)64 << 20) /* of memory for one publication; the sentence alone is kept */

static const struct settings *settings_of(struct keeper *k)
{
    return k->options.settings(k->options.context);
}

static bool run(struct keeper *k, struct slice domain, struct arena *arena,
                struct publish_report *report, struct slice *why)
{
    const struct publish_wish wish = {.domain = domain,
                                      .reason = SLICE("a change of DKIM keys"),
                                      .keys_only = true,
                                      .deadline_ms = clock_steady_ms() + WITHIN_MS};
    struct error e;

    if (!publish_domain(k, &wish, arena, report, &e)) {
        *why = arena_copy(arena, slice_text(e.text));
        return false;
    }
    return true;
}

static const struct own_publish_row *row_of(const struct publish_report *report, struct slice name)
{
    for (size_t i = 0; i < report->n_rows; i++) {
        if (slice_equal_nocase(report->rows[i].name, name)) {
            return &report->rows[i];
        }
    }
    return NULL;
}

static bool is_there(const struct own_publish_row *row)
{
    return row && (row->mark == OWN_PUBLISH_SAME || row->mark == OWN_PUBLISH_PUT ||
                   row->mark == OWN_PUBLISH_CHANGED || row->mark == OWN_PUBLISH_KEPT);
}

/* Why they are not all there; empty: they are. */
static struct slice missing(const struct publish_report *report, struct slice domain,
                            const struct cbor_list *expected, struct arena *arena)
{
    const struct slice *selectors = expected->items;

    for (size_t i = 0; i < expected->count; i++) {
        const struct own_publish_row *row =
            row_of(report, publish_key_name(selectors[i], domain, arena));
        if (!is_there(row)) {
            return row && row->what.len ? row->what : SLICE("the server does not have them");
        }
    }
    return SLICE_NONE;
}

const char *rotation_publish(struct keeper *k, struct slice domain,
                             const struct cbor_list *expected, struct arena *arena)
{
    OWN(arena) struct arena scratch = {.max = RUN_MAX};
    struct publish_report report = {0};
    struct slice why = SLICE_NONE;

    if (!publish_does_keys(settings_of(k), domain)) {
        return "new DKIM keys are to be published; `postern domain dns` prints their records";
    }
    if (run(k, domain, &scratch, &report, &why)) {
        why = missing(&report, domain, expected, &scratch);
    }
    if (why.len == 0) {
        log_event(LOG_INFO, "dkim.published", LOG_SLICE("domain", domain),
                  LOG_NUMBER("keys", expected->count));
        return NULL;
    }
    return arena_text(arena, arena_printf(arena,
                                          "new DKIM keys could not be published, which is tried "
                                          "again: %.*s; `postern domain dns` prints their records",
                                          SLICE_ARG(why)));
}

/* Whether a row is that of a selector. */
static bool is_of(const struct published_row *row, struct slice selector, struct slice domain,
                  struct arena *arena)
{
    return slice_equal_nocase(row->name, publish_key_name(selector, domain, arena));
}

bool rotation_publish_retire(struct keeper *k, struct slice domain,
                             const struct cbor_list *selectors, struct arena *arena,
                             struct error *e)
{
    const struct slice *names = selectors->items;
    struct published ours;
    bool changed = false;

    if (!publish_read(k, domain, arena, &ours, e)) {
        return false;
    }
    struct published_row *rows = ours.rows.items;
    for (size_t i = 0; i < ours.rows.count; i++) {
        for (size_t s = 0; s < selectors->count; s++) {
            if (!rows[i].retired && is_of(&rows[i], names[s], domain, arena)) {
                rows[i].retired = true;
                changed = true;
            }
        }
    }
    return !changed || publish_keep(k, domain, &ours, e);
}

static bool is_retired(const struct published *ours, struct slice selector, struct slice domain,
                       struct arena *arena)
{
    const struct published_row *rows = ours->rows.items;

    for (size_t i = 0; i < ours->rows.count; i++) {
        if (rows[i].retired && is_of(&rows[i], selector, domain, arena)) {
            return true;
        }
    }
    return false;
}

static bool any_retired(const struct published *ours)
{
    const struct published_row *rows = ours->rows.items;

    for (size_t i = 0; i < ours->rows.count; i++) {
        if (rows[i].retired) {
            return true;
        }
    }
    return false;
}

bool rotation_publish_pending(struct keeper *k, struct slice domain)
{
    OWN(arena) struct arena arena = {.max = 4 * STATE_VALUE_MAX};
    struct published ours;
    struct error ignored;

    return publish_does_keys(settings_of(k), domain) &&
           publish_read(k, domain, &arena, &ours, &ignored) && any_retired(&ours);
}

/* Selectors that a person must see to. */
static const char *others_of(const struct published *ours, struct slice domain,
                             const struct cbor_list *selectors, struct arena *arena)
{
    const struct slice *names = selectors->items;
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < selectors->count; i++) {
        if (!is_retired(ours, names[i], domain, arena)) {
            text = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(text), text.len ? ", " : "",
                                SLICE_ARG(names[i]));
        }
    }
    return text.len ? arena_text(arena, arena_printf(arena,
                                                     "take the DNS records of these selectors "
                                                     "away, they sign nothing any more: %.*s",
                                                     SLICE_ARG(text)))
                    : NULL;
}

/* One sentence of two: an alarm of the same name is not said twice in a row. What a person must do comes first. */
static const char *both(const char *first, const char *second, struct arena *arena)
{
    return !first    ? second
           : !second ? first
                     : arena_text(arena, arena_printf(arena, "%s; and %s", first, second));
}

const char *rotation_publish_remove(struct keeper *k, struct slice domain,
                                    const struct cbor_list *selectors, struct arena *arena)
{
    bool does = publish_does_keys(settings_of(k), domain);
    OWN(arena) struct arena scratch = {.max = RUN_MAX};
    struct publish_report report = {0};
    struct published ours = {0};
    struct slice why = SLICE_NONE;
    struct error ignored;

    if (does && !publish_read(k, domain, arena, &ours, &ignored)) {
        ours.rows.count = 0; /* a person hears of all of them */
    }
    const char *others = others_of(&ours, domain, selectors, arena);
    if (!does || !any_retired(&ours)) {
        return others;
    }
    (void)!run(k, domain, &scratch, &report, &why);
    for (size_t i = 0; i < report.n_rows && why.len == 0; i++) {
        why = report.rows[i].mark == OWN_PUBLISH_FAILED ? report.rows[i].what : why;
    }
    if (!rotation_publish_pending(k, domain)) {
        return others;
    }
    return both(others,
                arena_text(arena, arena_printf(arena,
                                               "the DNS records of former DKIM keys could not "
                                               "be taken away, which is tried again: %.*s",
                                               SLICE_ARG(why))),
                arena);
}
