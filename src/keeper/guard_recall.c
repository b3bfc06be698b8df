/* After a start: what was sent within the last day is counted again, and what the ledger tells of signs is seen again. Of words, of
 * rushes, of wrong passwords and of sign-ins without a letter it tells nothing: they begin anew. */
#include "base/clock.h"
#include "base/log.h"

#include "keeper/guard_state.h"
#include "keeper/internal.h"
#include "keeper/outside.h"

#define PAGE          1000
#define RECALL_MS     (LIMITS_DAY_MS + LIMITS_HOUR_MS)
#define RESTORE_ARENA ((size_t)256 << 20)

struct first {
    struct keeper *keeper;
    uint64_t letter;
    bool fresh, ever; /* one of the numbers is new with this letter; the first of them is not */
    size_t n;
    struct error *error;
    bool failed;
};

/* The first number says that there was any at all: without it nothing is compared. */
static void look_first(void *context, uint64_t number)
{
    struct first *x = context;
    bool first = false;

    if (x->failed ||
        !catalog_known_first(x->keeper->tail.catalog, number, x->letter, &first, x->error)) {
        x->failed = true;
        return;
    }
    x->ever = x->n ? x->ever : !first;
    x->fresh = x->fresh || (x->n && first);
    x->n++;
}

/* Hosts to which it had not linked before count for an hour. */
static bool recall_links(struct keeper *k, const struct catalog_letter *l,
                         const struct findings *findings, struct guarded *x, struct arena *arena,
                         struct error *e)
{
    struct first first = {.keeper = k, .letter = l->seq, .error = e};

    catalog_known_links(k->tail.catalog, findings, arena, look_first, &first);
    if (!first.failed && first.ever && first.fresh) {
        limits_recall_note(&x->count, LIMITS_NEW_LINKS, 1, (int64_t)l->received_at);
    }
    return !first.failed;
}

/* What was found in it counts for an hour. */
static bool recall_findings(struct keeper *k, const struct catalog_letter *l, struct guarded *x,
                            struct arena *arena, struct error *e)
{
    struct findings findings;
    struct ledger_ref ref;
    bool found = false;

    if (!catalog_record(k->tail.catalog, l->seq, RECORD_FINDINGS, &ref, &found, e) ||
        (found && !keeper_read(k, ref, &findings_schema, arena, &findings, e))) {
        return false;
    }
    if (!found || !slice_equal(findings.id, letter_id_slice(&l->id))) {
        return true;
    }
    guard_note_scans(x, &findings, (int64_t)l->received_at);
    return recall_links(k, l, &findings, x, arena, e);
}

/* A network or country from which it had not been used: of sign-ins without a letter nothing is left. */
static bool recall_place(struct keeper *k, const struct catalog_letter *l, const struct facts *f,
                         struct guarded *x, struct error *e)
{
    const struct catalog *c = k->tail.catalog;
    uint8_t text[CATALOG_COUNTRY_LEN];
    struct first network = {.keeper = k, .letter = l->seq, .error = e};
    struct first country = network;

    look_first(&network, guard_network(c, f->account, SLICE_NONE));
    look_first(&network, guard_network(c, f->account, f->client));
    if (f->country.len) {
        look_first(&country,
                   catalog_known_key(c, f->account, catalog_known_country(SLICE_NONE, text)));
        look_first(&country,
                   catalog_known_key(c, f->account, catalog_known_country(f->country, text)));
    }
    if (network.failed || country.failed) {
        return false;
    }
    limits_recall_note(&x->count, LIMITS_NETWORKS, network.ever && network.fresh,
                       (int64_t)l->received_at);
    limits_recall_note(&x->count, LIMITS_COUNTRIES, country.ever && country.fresh,
                       (int64_t)l->received_at);
    return true;
}

/* Recipients of letters of the last hour that do not exist. */
static bool recall_bounces(struct keeper *k, const struct catalog_letter *l, struct guarded *x,
                           struct arena *arena, struct error *e)
{
    struct catalog_record *records = NULL;
    size_t count = 0;

    if (!catalog_records(k->tail.catalog, l->seq, arena, &records, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct outcome outcome;
        if (records[i].type != RECORD_OUTCOME) {
            continue;
        }
        if (!keeper_read(k, records[i].ref, &outcome_schema, arena, &outcome, e)) {
            return false;
        }
        limits_recall_note(&x->count, LIMITS_BOUNCES, guard_bounces_of(&outcome),
                           (int64_t)l->received_at);
    }
    return true;
}

static bool recall_signs(struct keeper *k, const struct catalog_letter *l, const struct facts *f,
                         size_t outside, struct guarded *x, struct arena *arena, struct error *e)
{
    if (!recall_place(k, l, f, x, e)) {
        return false;
    }
    if (l->received_at + LIMITS_HOUR_MS <= (uint64_t)clock_wall_ms()) {
        return true;
    }
    signs_recall(&x->signs, outside, (int64_t)l->received_at);
    return recall_bounces(k, l, x, arena, e) && recall_findings(k, l, x, arena, e);
}

/* It was sent before the last release. Numbers say so; a row from before they stood there has the time alone. */
static bool is_behind(const struct suspension_end *end, const struct catalog_letter *l)
{
    return end->seq ? l->seq < end->seq : l->received_at < end->at;
}

/* Count a letter again that was sent within the last day. */
static bool recall(struct keeper *k, const struct catalog_letter *l, struct arena *arena,
                   struct error *e)
{
    struct guard *g = k->guard;
    struct app_limits app;
    struct outside o;
    struct facts f;

    if (!keeper_read(k, l->facts, &facts_schema, arena, &f, e) ||
        !guard_app_limits_now(k, &f, arena, &app, e)) {
        return false;
    }
    outside_read(k, &f, arena, &o);
    const uint64_t *numbers = outside_numbers(&o, arena);
    for (size_t i = 0; i < o.n; i++) {
        if (!catalog_known_first(k->tail.catalog, numbers[i], l->seq, &o.first[i], e)) {
            return false;
        }
    }
    const struct limits_letter letter = {
        .bytes = f.size, .outside = numbers, .first = o.first, .n_outside = o.n};
    uint64_t number = guard_number(k, f.account);
    if (!guard_know_own(k, f.account, number, arena, e)) {
        return false;
    }
    struct guarded *x = guard_account(g, number);
    if (x->n_letters < GUARD_RECENT) { /* the newest come first */
        x->letters[x->n_letters].at_ms = (int64_t)f.received_at;
        x->letters[x->n_letters++].id = l->id;
    }
    if (app.number) {
        limits_recall(&guard_app(g, app.number)->count, &letter, (int64_t)f.received_at);
    }
    if (is_behind(&x->end, l)) { /* what it did before it was released counts no more */
        return true;
    }
    limits_recall(&x->count, &letter, (int64_t)f.received_at);
    return recall_signs(k, l, &f, o.n, x, arena, e);
}

/* What cannot be read is said, and not counted: the letters behind it count all the same. */
static void recall_page(struct keeper *k, const struct catalog_letter *letters, size_t count,
                        uint64_t since, bool *young)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    struct error e;

    *young = false;
    for (size_t i = 0; i < count; i++) {
        if (letters[i].received_at < since) {
            continue;
        }
        *young = true;
        if (letters[i].kind == LETTER_SUBMITTED && !recall(k, &letters[i], &arena, &e)) {
            log_event(LOG_WARNING, "limits.unread", LOG_NUMBER("seq", letters[i].seq),
                      LOG_TEXT("reason", e.text));
        }
        arena_reset(&arena);
    }
}

bool guard_restore(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = RESTORE_ARENA};
    uint64_t since = (uint64_t)clock_wall_ms() - RECALL_MS;
    uint64_t before = INT64_MAX;
    bool young = true;

    if (!catalog_known_each(k->tail.catalog, guard_make_known, k->guard, e)) {
        return false;
    }
    while (young) {
        struct catalog_letter *letters = NULL;
        size_t count = 0;
        arena_reset(&arena);
        if (!catalog_letters(k->tail.catalog, CATALOG_BEFORE, before, PAGE, &arena, &letters,
                             &count, e)) {
            return false;
        }
        recall_page(k, letters, count, since, &young);
        before = count ? letters[count - 1].seq : before;
    }
    return true;
}
