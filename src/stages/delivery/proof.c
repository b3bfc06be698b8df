#include "stages/delivery/proof.h"

#include <stdio.h>
#include <string.h>

#define PUBLISHED_MAX 255 /* as the schema of evidence bounds it */

/* Names that count with DANE-TA beside the base domain (RFC 7672 section 3.2.2): the next hop's, the host's, and what the
 * settings add. */
static void add_names(const struct proof_of *of, const struct route_host *host, struct arena *arena,
                      struct proof *out)
{
    struct slice *names = arena_array(arena, of->n_names + 3, sizeof(*names));
    const struct slice own[] = {host->name, of->domain, of->canonical};
    size_t n = 0;

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (own[i].len && !slice_equal(own[i], out->name)) {
            names[n++] = own[i];
        }
    }
    for (size_t i = 0; i < of->n_names; i++) {
        names[n++] = of->names[i];
    }
    out->names = names;
    out->n_names = n;
}

static bool by_dane(const struct lookup *l, const struct proof_of *of,
                    const struct route_host *host, const struct lookup_addresses *found,
                    struct arena *arena, struct proof *out, struct slice *why)
{
    struct dane dane;

    dane_look_up(l, host, found, arena, &dane);
    out->published = slice_head(dane.note, PUBLISHED_MAX);
    switch (dane.state) {
    case DANE_NONE:
        return true;
    case DANE_UNUSABLE:
        out->floor = LEVEL_ENCRYPTED;
        return true;
    case DANE_USABLE:
        out->kind = PROOF_DANE;
        out->floor = LEVEL_AUTHENTICATED;
        out->name = dane.base;
        out->tlsa = dane.records;
        out->n_tlsa = dane.n_records;
        add_names(of, host, arena, out);
        return true;
    case DANE_UNKNOWN:
        break;
    }
    *why = dane.note;
    return false;
}

/* Nobody who forges MX records chose the host: DNSSEC or the settings name it, or the address of the recipient does. */
static bool is_named(const struct proof_of *of, const struct route_host *host)
{
    return of->proven || (of->domain.len > 0 &&
                          (of->domain.ptr[0] == '[' || slice_equal_nocase(of->domain, host->name)));
}

/* A pinned key is known by itself. An authority's certificate must have a name that counts, and who forges MX records
 * must not choose it: it may be an authority that serves everybody. */
static bool by_pin(const struct proof_of *of, const struct route_host *host, struct arena *arena,
                   struct proof *out, struct slice *why)
{
    if (of->n_pins == 0) {
        *why = SLICE("the authority that is pinned for this domain cannot be read (`tls-ca`)");
        return false;
    }
    out->kind = PROOF_PIN;
    out->floor = LEVEL_AUTHENTICATED;
    out->tlsa = of->pins;
    out->n_tlsa = of->n_pins;
    out->published = SLICE("pinned here: `tls-pin` or `tls-ca`");
    out->sni_alone = !is_named(of, host);
    add_names(of, host, arena, out);
    return true;
}

/* No other name will do than the one that was dialled (RFC 8461 section 4). */
static bool by_sts(const struct proof_of *of, const struct route_host *host, struct arena *arena,
                   struct proof *out, struct slice *why)
{
    out->kind = PROOF_STS;
    out->floor = LEVEL_AUTHENTICATED;
    out->names = NULL;
    out->n_names = 0;
    (void)snprintf(out->sts_id, sizeof(out->sts_id), "%.*s", SLICE_ARG(of->sts->id));
    if (out->published.len == 0) {
        out->published = arena_printf(arena, "MTA-STS enforce, id %s", out->sts_id);
    }
    if (sts_refuses(of->sts, host->name)) {
        *why = arena_printf(arena, "%.*s is no mail server of %.*s by the MTA-STS policy %s",
                            SLICE_ARG(host->name), SLICE_ARG(of->domain), out->sts_id);
        return false;
    }
    return true;
}

uint64_t proof_policy(const struct proof *proof, const struct sts_rule *rule)
{
    if (proof->kind == PROOF_DANE) {
        return TLS_POLICY_DANE;
    }
    return proof->kind != PROOF_PIN && rule->policy.mode >= STS_TESTING ? TLS_POLICY_STS
                                                                        : TLS_POLICY_NONE;
}

static bool find_proof(const struct lookup *l, const struct proof_of *of,
                       const struct route_host *host, const struct lookup_addresses *found,
                       struct arena *arena, struct proof *out, struct slice *why)
{
    *out = (struct proof){
        .floor = LEVEL_CLEARTEXT, .name = host->name, .names = of->names, .n_names = of->n_names};
    if (of->pinned) {
        return by_pin(of, host, arena, out, why);
    }
    if (of->proven && !of->waived && !by_dane(l, of, host, found, arena, out, why)) {
        return false;
    }
    return out->kind != PROOF_NONE || !of->sts || !sts_rules(of->sts) ||
           by_sts(of, host, arena, out, why);
}

bool proof_of_host(const struct lookup *l, const struct proof_of *of, const struct route_host *host,
                   const struct lookup_addresses *found, struct arena *arena, struct proof *out,
                   struct slice *why)
{
    bool known = find_proof(l, of, host, found, arena, out, why);

    out->named = is_named(of, host) || out->kind != PROOF_NONE;
    return known;
}

enum tls_level proof_level(const struct proof *proof, const struct conn_tls *tls)
{
    if (!tls->on) {
        return LEVEL_CLEARTEXT;
    }
    if (tls->verdict != TLS_VERIFIED) {
        return LEVEL_ENCRYPTED;
    }
    switch (proof->kind) {
    case PROOF_NONE:
        return LEVEL_VERIFIED;
    case PROOF_STS:
        return LEVEL_AUTHENTICATED;
    case PROOF_DANE:
    case PROOF_PIN:
        return tls->by_tlsa ? LEVEL_AUTHENTICATED : LEVEL_ENCRYPTED;
    }
    return LEVEL_ENCRYPTED;
}

bool proof_failed(const struct proof *proof, const struct conn_tls *tls)
{
    return proof->kind != PROOF_NONE && tls->on && proof_level(proof, tls) < LEVEL_AUTHENTICATED;
}

void proof_text(const struct proof *proof, const struct conn_tls *tls,
                char text[static PROOF_TEXT_MAX])
{
    text[0] = 0;
    if (proof_level(proof, tls) < LEVEL_AUTHENTICATED) {
        return;
    }
    if (proof->kind == PROOF_PIN) {
        (void)snprintf(text, PROOF_TEXT_MAX, "pinned %s",
                       tls->matched.usage == TLSA_DANE_EE ? "key" : "authority");
    } else if (proof->kind == PROOF_STS) {
        (void)snprintf(text, PROOF_TEXT_MAX, "MTA-STS %s", proof->sts_id);
    } else {
        (void)snprintf(text, PROOF_TEXT_MAX, "DANE %u %u %u", tls->matched.usage,
                       tls->matched.selector, tls->matched.matching);
    }
}
