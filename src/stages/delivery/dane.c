#include "stages/delivery/dane.h"

void dane_judge(const struct slice *records, size_t n_records, struct slice base, uint16_t port,
                struct arena *arena, struct dane *out)
{
    const char *why = "too short";

    *out = (struct dane){.state = DANE_UNUSABLE, .base = base};
    if (n_records > TLSA_RECORDS_MAX) { /* the one that matches may be among the rest */
        out->state = DANE_UNKNOWN;
        out->note =
            arena_printf(arena, "_%u._tcp.%.*s has more than %d TLSA records, which are not read",
                         port, SLICE_ARG(base), TLSA_RECORDS_MAX);
        return;
    }
    out->records = arena_array(arena, n_records + 1, sizeof(*out->records));
    for (size_t i = 0; i < n_records; i++) {
        struct tlsa t;
        const char *unusable = tlsa_read(records[i], &t) ? tlsa_unusable(&t) : "too short";
        if (unusable) {
            why = unusable;
        } else {
            out->records[out->n_records++] = records[i];
        }
    }
    if (out->n_records) {
        out->state = DANE_USABLE;
        out->note =
            arena_printf(arena, "TLSA records of _%u._tcp.%.*s: %zu, of which %zu can be used",
                         port, SLICE_ARG(base), n_records, out->n_records);
    } else {
        out->note = arena_printf(
            arena, "TLSA records of _%u._tcp.%.*s: %zu, of which none can be used (%s)", port,
            SLICE_ARG(base), n_records, why);
    }
}

static struct dns_answer ask(const struct lookup *l, struct slice name, enum dns_type type,
                             struct arena *arena)
{
    struct dns_answer answer = {0};

    lookup_ask(l, name, type, arena, &answer);
    return answer;
}

static void unknown(struct dane *out, struct slice why, struct arena *arena)
{
    *out = (struct dane){
        .state = DANE_UNKNOWN,
        .note = arena_printf(arena, "whether the server has TLSA records is not known: %.*s",
                             SLICE_ARG(why)),
    };
}

/* Ask at one base domain. True when that settled it. */
static bool at_base(const struct lookup *l, struct slice base, uint16_t port, struct arena *arena,
                    struct dane *out)
{
    struct slice name = arena_printf(arena, "_%u._tcp.%.*s", port, SLICE_ARG(base));
    struct dns_answer answer = ask(l, name, DNS_TLSA, arena);

    switch (answer.status) {
    case DNS_FOUND:
        break;
    case DNS_NO_DATA:
    case DNS_NO_NAME:
        return false;
    case DNS_FAILED:
    case DNS_BOGUS:
        unknown(out, answer.why, arena);
        return true;
    }
    if (!answer.secure) {
        return false;
    }
    dane_judge(answer.records, answer.n_records, base, port, arena, out);
    return true;
}

void dane_look_up(const struct lookup *l, const struct route_host *host,
                  const struct lookup_addresses *found, struct arena *arena, struct dane *out)
{
    *out = (struct dane){.state = DANE_NONE};
    if (host->literal || (!found->secure && found->canonical.len == 0)) {
        return;
    }
    if (!found
             ->secure) { /* section 2.2.2: the alias itself may be proven where its target is not */
        struct dns_answer alias = ask(l, host->name, DNS_CNAME, arena);
        if (alias.status == DNS_FAILED || alias.status == DNS_BOGUS) {
            unknown(out, alias.why, arena);
            return;
        }
        if (alias.status != DNS_FOUND || !alias.secure) {
            return;
        }
    } else if (found->canonical.len && at_base(l, found->canonical, host->port, arena, out)) {
        return;
    }
    (void)at_base(l, host->name, host->port, arena, out);
}
