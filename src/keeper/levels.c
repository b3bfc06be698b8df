/* How well next hops have protected what they took: the floor for what follows, until a person says that
 * one may be worse from now on. */
#include "keeper/levels.h"

#include "formats/smtp/address.h"
#include "keeper/admin.h"
#include "keeper/internal.h"
#include "stages/policy/policy.h"

struct slice keeper_shown_by(struct keeper *k, struct slice domain, struct slice route,
                             bool smarthost, struct arena *arena)
{
    const struct settings *settings = k->options.settings(k->options.context);
    const struct domain_settings *own = settings_domain(settings, domain);

    if (route.len && !smarthost && own &&
        (own->tls_names.count || own->tls_pins.count || own->tls_ca.len)) {
        return arena_printf(arena, "%.*s %.*s", SLICE_ARG(route), SLICE_ARG(domain));
    }
    return route.len ? route : domain;
}

/* Where letters to a domain go as it is set now: what a letter to somebody there would be told. */
struct slice keeper_where_of(struct keeper *k, struct slice domain, struct arena *arena)
{
    const struct settings *s = k->options.settings(k->options.context);
    struct recipient somebody = {.address = arena_printf(arena, "x@%.*s", SLICE_ARG(domain))};
    const struct facts facts = {
        .recipients = {&somebody, 1}
    };
    struct decision d;

    policy_decide(&(struct policy_letter){.facts = &facts}, s, arena, &d);
    const struct ruling *r = d.rulings.items;
    return keeper_shown_by(k, r->domain, r->route, ruling_is_smarthost(k, r), arena);
}

bool keeper_on_domain_forget(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    const struct admin_domain_ask *ask = r->ask;
    struct admin_domain_answer *answer = r->answer;
    uint8_t text[SMTP_DOMAIN_MAX];
    size_t len = 0;
    bool found = false;

    if (!smtp_domain_canonical(ask->domain, text, &len, e)) {
        return error_add(e, "this is no domain");
    }
    answer->where = keeper_where_of(k, slice_of(text, len), r->arena);
    return state_level_get(k->state, answer->where, &answer->level, e) &&
           (answer->level == 0 ||
            (keeper_admin_record(admin, "domain forget", answer->where, ask->reason, e) &&
             state_level_delete(k->state, answer->where, &found, e)));
}
