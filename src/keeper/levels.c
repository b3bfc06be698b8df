/* How well next hops have protected what they took: the floor for what follows, until a person says that
 * one may be worse from now on.
 *
 *     state row          says
 *     sts/shown/WHERE    that nothing but MTA-STS has shown its level yet */
#include "keeper/levels.h"

#include "base/log.h"

#include "formats/smtp/address.h"
#include "keeper/admin.h"
#include "keeper/internal.h"
#include "stages/policy/policy.h"

#define ARENA_BYTES 8192

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

static struct slice mark_of(struct slice where, struct arena *arena)
{
    return arena_printf(arena, "sts/shown/%.*s", SLICE_ARG(where));
}

static bool is_marked(struct keeper *k, struct slice mark, struct arena *arena, bool *found,
                      struct error *e)
{
    struct slice value = SLICE_NONE;

    return state_value_get(k->state, mark, arena, &value, found, e);
}

bool keeper_level_learn(struct keeper *k, struct slice where, const struct evidence *seen,
                        uint64_t shown, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    struct slice mark = mark_of(where, &arena);
    bool found = false;

    if (seen->level == LEVEL_AUTHENTICATED && slice_starts(seen->proof, SLICE("MTA-STS "))) {
        if (shown < LEVEL_AUTHENTICATED && !state_value_put(k->state, mark, SLICE("1"), e)) {
            return false;
        }
    } else if (seen->level == LEVEL_AUTHENTICATED &&
               (!is_marked(k, mark, &arena, &found, e) ||
                (found && !state_value_delete(k->state, mark, &found, e)))) {
        return false;
    }
    return seen->level <= shown || state_level_put(k->state, where, seen->level, e);
}

/* What MTA-STS authenticated had a certificate that proves itself: that stays demanded. */
static bool withdraw(struct keeper *k, struct slice domain, bool *lowered, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    struct slice mark = mark_of(domain, &arena);
    uint64_t shown = 0;
    bool found = false;

    if (!is_marked(k, mark, &arena, &found, e) || !state_level_get(k->state, domain, &shown, e)) {
        return false;
    }
    *lowered = found && shown == LEVEL_AUTHENTICATED;
    return (!*lowered || state_level_put(k->state, domain, LEVEL_VERIFIED, e)) &&
           (!found || state_value_delete(k->state, mark, &found, e));
}

void keeper_level_withdraw(struct keeper *k, struct slice domain)
{
    struct error e = {0};
    bool lowered = false;

    if (!withdraw(k, domain, &lowered, &e)) {
        log_event(LOG_ERROR, "state.failed", LOG_TEXT("reason", e.text));
    } else if (lowered) {
        log_event(LOG_WARNING, "sts.withdrawn", LOG_NUMBER("level", LEVEL_VERIFIED));
        keeper_alert(
            k, "sts-withdrawn",
            "A domain says by its own policy that its MTA-STS is in force no more. Its servers "
            "must show a certificate that proves itself, and no more than that.");
    }
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
