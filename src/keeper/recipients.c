#include "keeper/recipients.h"

/* Which fact a method of the settings wants; what wants none is not here. */
static const struct {
    enum setting_method method;
    recipients_fact *fact;
} facts[] = {
    {SETTING_METHOD_SMIME,         recipients_smime    },
    {SETTING_METHOD_OPENPGP,       recipients_openpgp  },
    {SETTING_METHOD_ATTACHMENTS,   recipients_secret   },
    {SETTING_METHOD_AUTHENTICATED, recipients_transport},
};

#define FACTS (sizeof(facts) / sizeof(facts[0]))

static bool is_wanted(const struct settings *s, enum setting_method method)
{
    const struct policy_settings *all = s->policies.items;

    for (size_t i = 0; i < s->policies.count; i++) {
        const int *methods = all[i].methods.items;
        for (size_t n = 0; n < all[i].methods.count; n++) {
            if (methods[n] == (int)method) {
                return true;
            }
        }
    }
    return false;
}

struct recipient_state *recipients_look(struct keeper *k, const struct facts *f,
                                        const struct settings *s, struct arena *arena)
{
    const struct recipient *all = f->recipients.items;
    struct recipient_state *states = arena_array(arena, f->recipients.count + 1, sizeof(*states));

    if (f->drill || f->kind == LETTER_NOTICE) {
        return states;
    }
    for (size_t n = 0; n < FACTS; n++) {
        bool wanted = is_wanted(s, facts[n].method);
        for (size_t i = 0; wanted && i < f->recipients.count; i++) {
            facts[n].fact(k, f, all[i].address, arena, &states[i]);
        }
    }
    return states;
}

/* ── what could not be looked at ── */

static const struct recipient_fact *fact_of(const struct recipient_state *state, uint64_t rung)
{
    switch (rung) {
    case RUNG_SMIME:
        return &state->smime;
    case RUNG_OPENPGP:
        return &state->openpgp;
    case RUNG_ATTACHMENTS:
        return &state->secret;
    default:
        return NULL;
    }
}

/* Of one recipient: the step that was passed over, or NULL. */
static const struct recipient_fact *find_later(const struct recipient_state *state,
                                               const struct ruling *r)
{
    const struct ruling_try *tried = r->tried.items;

    for (size_t i = 0; i < r->tried.count; i++) {
        const struct recipient_fact *fact = fact_of(state, tried[i].rung);
        if (fact && fact->later && !fact->usable) {
            return fact;
        }
    }
    return NULL;
}

bool recipients_known(const struct recipient_state *states, size_t count, const struct decision *d,
                      struct error *e)
{
    const struct ruling *rulings = d->rulings.items;

    for (size_t i = 0; i < d->rulings.count; i++) {
        struct slice in = rulings[i].recipients;
        for (; in.len >= 2; in = slice_from(in, 2)) {
            size_t at = (size_t)in.ptr[0] << 8 | in.ptr[1];
            const struct recipient_fact *later =
                at < count ? find_later(&states[at], &rulings[i]) : NULL;
            if (later) {
                return error_set(e, ERROR_BUSY, "a recipient: %.*s", SLICE_ARG(later->why));
            }
        }
    }
    return true;
}
