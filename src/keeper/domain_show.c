/* What is known of the servers of a recipient domain: for `postern domain show`. */
#include "formats/smtp/address.h"
#include "keeper/internal.h"
#include "keeper/levels.h"
#include "keeper/overrides.h"
#include "keeper/sts.h"
#include "requests/sts.h"

/* What a person said until when, which counts before all else. */
static void add_override(struct keeper *k, struct arena *arena, struct domain_show_answer *answer)
{
    struct override_row *rows = NULL;
    size_t n = overrides_list(k, arena, &rows);

    for (size_t i = 0; i < n; i++) {
        if (slice_equal(rows[i].domain, answer->domain)) {
            answer->override_level = rows[i].level;
            answer->override_until = rows[i].until;
            answer->override_by = rows[i].by;
            answer->override_reason = rows[i].reason;
        }
    }
}

bool keeper_on_domain_show(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct domain_show_ask *ask = r->ask;
    struct domain_show_answer *answer = r->answer;
    struct sts_known known;
    uint8_t text[SMTP_DOMAIN_MAX];
    size_t len = 0;

    if (!smtp_domain_canonical(ask->domain, text, &len, e)) {
        return error_add(e, "this is no domain");
    }
    answer->domain = arena_copy(r->arena, slice_of(text, len));
    answer->where = keeper_where_of(k, answer->domain, r->arena);
    answer->fixed = !slice_equal(answer->where, answer->domain);
    if (!state_level_get(k->state, answer->where, &answer->level, e)) {
        return false;
    }
    sts_find(k, answer->domain, STS_KNOWN, r->arena, &known);
    answer->mode = known.policy.mode;
    answer->id = known.id;
    answer->mx = (struct cbor_list){known.policy.mx, known.policy.n_mx};
    answer->max_age_s = known.policy.max_age_s;
    answer->fetched_at = (uint64_t)known.fetched_at;
    answer->looked_at = (uint64_t)known.looked_at;
    answer->problem = slice_text(known.problem);
    answer->why = known.why;
    answer->proof = known.proof;
    answer->published = known.published;
    answer->seen_at = (uint64_t)known.seen_at;
    const struct domain_settings *own =
        settings_domain(k->options.settings(k->options.context), answer->domain);
    answer->pinned = own && (own->tls_pins.count || own->tls_ca.len);
    add_override(k, r->arena, answer);
    return true;
}
