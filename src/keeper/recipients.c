#include "keeper/recipients.h"

#include "formats/mail/facts.h"

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

/* The mailbox that From names first. */
static struct slice sender_of(const struct facts *f, const struct mail_header *header,
                              struct arena *arena)
{
    struct mail_facts read;

    mail_facts_read(header, f->smtputf8, arena, &read);
    return read.from.count ? mail_address_text(&read.from.items[0], arena) : SLICE_NONE;
}

/* What the sender has is the same for all. */
static void look_at_sender(struct keeper *k, const struct facts *f,
                           const struct mail_header *header, const struct settings *s,
                           struct arena *arena, struct recipient_state *states)
{
    const int *methods = s->signing.methods.items;
    struct recipient_state own = {0};

    for (size_t i = 0; header && i < s->signing.methods.count; i++) {
        struct slice sender = sender_of(f, header, arena);
        if (methods[i] == SETTING_SIGN_SMIME) {
            senders_smime(k, sender, arena, &own.smime_signed);
        } else {
            senders_openpgp(k, sender, arena, &own.openpgp_signed);
        }
    }
    for (size_t i = 0; i < f->recipients.count; i++) {
        states[i].smime_signed = own.smime_signed;
        states[i].openpgp_signed = own.openpgp_signed;
    }
}

struct recipient_state *recipients_look(struct keeper *k, const struct facts *f,
                                        const struct mail_header *header, const struct settings *s,
                                        struct arena *arena)
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
    look_at_sender(k, f, header, s, arena, states);
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

/* What may sign instead of what does, as `sign-letters` has them in order; or NULL. */
static const struct recipient_fact *find_signer(const struct recipient_state *state,
                                                const struct settings *s, uint64_t signs)
{
    const int *methods = s->signing.methods.items;

    for (size_t i = 0; i < s->signing.methods.count; i++) {
        bool smime = methods[i] == SETTING_SIGN_SMIME;
        const struct recipient_fact *fact = smime ? &state->smime_signed : &state->openpgp_signed;
        if (signs == (smime ? RUNG_SMIME_SIGNED : RUNG_OPENPGP_SIGNED)) {
            return NULL;
        }
        if (fact->later && !fact->usable) {
            return fact;
        }
    }
    return NULL;
}

/* Of one recipient: the step that was passed over, or NULL. */
static const struct recipient_fact *find_later(const struct recipient_state *state,
                                               const struct settings *s, const struct ruling *r)
{
    const struct ruling_try *tried = r->tried.items;

    for (size_t i = 0; i < r->tried.count; i++) {
        const struct recipient_fact *fact = fact_of(state, tried[i].rung);
        if (fact && fact->later && !fact->usable) {
            return fact;
        }
    }
    return rung_hides(r->method) || !state ? NULL : find_signer(state, s, r->method);
}

static void give_up(struct recipient_fact *fact, struct arena *arena)
{
    if (fact->later && !fact->usable) {
        *fact = (struct recipient_fact){
            .why = arena_printf(arena, "%.*s, for as long as a letter waits", SLICE_ARG(fact->why)),
            .over = true};
    }
}

void recipients_give_up(struct recipient_state *states, size_t count, struct arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        give_up(&states[i].smime, arena);
        give_up(&states[i].openpgp, arena);
        give_up(&states[i].secret, arena);
        give_up(&states[i].smime_signed, arena);
        give_up(&states[i].openpgp_signed, arena);
    }
}

bool recipients_known(const struct recipient_state *states, size_t count, const struct settings *s,
                      const struct decision *d, struct error *e)
{
    const struct ruling *rulings = d->rulings.items;

    for (size_t i = 0; i < d->rulings.count; i++) {
        struct slice in = rulings[i].recipients;
        for (; in.len >= 2; in = slice_from(in, 2)) {
            size_t at = (size_t)in.ptr[0] << 8 | in.ptr[1];
            const struct recipient_fact *later =
                at < count ? find_later(&states[at], s, &rulings[i]) : NULL;
            if (later) {
                return error_set(e, ERROR_BUSY, "a recipient: %.*s", SLICE_ARG(later->why));
            }
        }
    }
    return true;
}
