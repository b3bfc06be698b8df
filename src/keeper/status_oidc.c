#include "keeper/status_oidc.h"

#include "base/clock.h"
#include "base/log.h"

#include "keeper/internal.h"

#define PATIENCE_MS 2000 /* of who scrapes */
#define ARENA_MAX   ((size_t)256 << 10)

static const struct {
    const char *fact;
    const char *metric;
    const char *help;
    bool is_time; /* and no counter */
} rows[STATUS_OIDC_EACH] = {
    {"signins",      "postern_oidc_sign_ins_total",         "Sign-ins by the provider",          false},
    {"refused",      "postern_oidc_sign_in_failures_total", "Sign-ins and tokens of it refused", false},
    {"unanswered",   "postern_oidc_unanswered_total",       "Questions to it without an answer", false},
    {"keys_fetched", "postern_oidc_keys_timestamp_ms",      "When its keys were last fetched",   true },
};

static uint64_t value_of(const struct provider_count *p, size_t row)
{
    const uint64_t values[STATUS_OIDC_EACH] = {p->accepted, p->refused, p->unanswered, p->keys_at};

    return values[row];
}

/* None where no section is, or auth does not answer in time. */
static struct cbor_list counted(struct keeper *k, struct arena *arena)
{
    struct providers_answer answer = {
        .providers = {NULL, 0}
    };
    struct error e;

    if (k->options.settings(k->options.context)->oidcs.count == 0) {
        return answer.providers;
    }
    if (!ipc_call(k->options.auth, &auth_providers, NULL, -1, &answer, NULL, arena, PATIENCE_MS,
                  &e)) {
        log_event(LOG_WARNING, "status.providers_uncounted", LOG_TEXT("reason", e.text));
        return (struct cbor_list){NULL, 0};
    }
    return answer.providers;
}

size_t status_oidc_facts(struct keeper *k, struct arena *arena, struct admin_fact *facts)
{
    struct cbor_list list = counted(k, arena);
    const struct provider_count *all = list.items;
    size_t n = 0;

    for (size_t i = 0; i < list.count; i++) {
        for (size_t row = 0; row < STATUS_OIDC_EACH; row++) {
            uint64_t value = value_of(&all[i], row);
            char when[CLOCK_TEXT_MAX] = "never";
            if (rows[row].is_time && value) {
                clock_rfc3339((int64_t)value, when);
            }
            facts[n++] = (struct admin_fact){
                arena_printf(arena, "oidc.%.*s.%s", SLICE_ARG(all[i].name), rows[row].fact),
                rows[row].is_time ? arena_copy(arena, slice_text(when))
                                  : arena_printf(arena, "%llu", (unsigned long long)value)};
        }
    }
    return n;
}

/* The name of a section may have letters that mean something in a label. */
static void add_label(struct buf *out, struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '"' || name.ptr[i] == '\\') {
            buf_add_byte(out, '\\');
        }
        buf_add_byte(out, name.ptr[i]);
    }
}

void status_oidc_metrics(struct keeper *k, struct buf *out)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    struct cbor_list list = counted(k, &arena);
    const struct provider_count *all = list.items;

    for (size_t row = 0; list.count && row < STATUS_OIDC_EACH; row++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", rows[row].metric, rows[row].help,
                   rows[row].metric, rows[row].is_time ? "gauge" : "counter");
        for (size_t i = 0; i < list.count; i++) {
            buf_printf(out, "%s{provider=\"", rows[row].metric);
            add_label(out, all[i].name);
            buf_printf(out, "\"} %llu\n", (unsigned long long)value_of(&all[i], row));
        }
    }
}
