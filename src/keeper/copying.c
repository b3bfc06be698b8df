#include "keeper/copying.h"

#include "keeper/internal.h"
#include "stages/protect/blind.h"
#include "stages/protect/plan.h"

#define ROUNDS_MAX                                                                                 \
    16 /* each takes a method from a recipient, and there are five, or its cleaning */
#define WHY_MAX 300

/* One letter on the ladder. */
struct climbing {
    struct copying *c;
    struct recipient_state *states;
    struct decision *decision;
    bool *own;    /* recipients who get a copy of their own when it is protected */
    bool *split;  /* those among them who can have none together with others */
    bool *blind;  /* those who are a Bcc; NULL: nobody has looked yet */
    bool changed; /* a state is another one: decide again */
};

/* ── what a recipient cannot have ── */

static struct recipient_fact *fact_of(struct recipient_state *state, uint64_t rung)
{
    switch (rung) {
    case RUNG_SMIME:
        return &state->smime;
    case RUNG_OPENPGP:
        return &state->openpgp;
    case RUNG_SMIME_SIGNED:
        return &state->smime_signed;
    case RUNG_OPENPGP_SIGNED:
        return &state->openpgp_signed;
    default:
        return &state->secret;
    }
}

static void fail(struct climbing *x, const uint16_t *indexes, size_t n, uint64_t rung,
                 struct slice why)
{
    struct slice text = letter_text(x->c->source.arena, slice_head(why, WHY_MAX), WHY_MAX);

    for (size_t i = 0; i < n; i++) {
        if (rung == RUNG_NONE) {
            x->states[indexes[i]].uncleaned = text;
            x->states[indexes[i]].partly = false;
        } else {
            *fact_of(&x->states[indexes[i]], rung) = (struct recipient_fact){.why = text};
        }
    }
    x->changed = true;
}

/* It cannot be had now. False: the letter comes again. */
static bool give_up(struct climbing *x, const uint16_t *indexes, size_t n, uint64_t rung,
                    const struct error *e)
{
    if (!x->c->over) {
        return false;
    }
    fail(x, indexes, n, rung,
         arena_printf(x->c->source.arena, "%s, for as long as a letter waits", e->text));
    for (size_t i = 0; i < n && rung != RUNG_NONE; i++) {
        fact_of(&x->states[indexes[i]], rung)->over = true;
    }
    return true;
}

/* ── who gets a copy of his own ── */

static bool is_blind(struct climbing *x, size_t index)
{
    const struct copy_source *s = &x->c->source;
    const struct recipient *all = s->facts->recipients.items;
    struct blind_named named;

    if (!x->blind) {
        x->blind = arena_array(s->arena, s->facts->recipients.count + 1, sizeof(bool));
        blind_read(s->header, s->facts->smtputf8, s->arena, &named);
        for (size_t i = 0; i < s->facts->recipients.count; i++) {
            x->blind[i] = blind_is(&named, all[i].address, s->facts->smtputf8, s->arena);
        }
    }
    return x->blind[index];
}

static uint16_t index_at(struct slice indexes, size_t i)
{
    return (uint16_t)(indexes.ptr[2 * i] << 8 | indexes.ptr[2 * i + 1]);
}

/* Nothing protects the content: all share that copy, which names no Bcc. */
static void share(struct climbing *x, const struct ruling *r)
{
    for (size_t i = 0; i < r->recipients.len / 2; i++) {
        uint16_t index = index_at(r->recipients, i);
        if (index < x->c->source.facts->recipients.count) {
            x->own[index] = false;
        }
    }
}

/* Look at one ruling that protects the content: is there such a method, and who gets his own? */
static void look_at_ruling(struct climbing *x, const struct ruling *r)
{
    const struct copy_source *s = &x->c->source;
    const struct copy_method *method = copy_method_of(s->k->copy_methods, r->method);

    for (size_t i = 0; i < r->recipients.len / 2; i++) {
        uint16_t index = index_at(r->recipients, i);
        if (index >= s->facts->recipients.count) {
            continue; /* the plan refuses it */
        }
        if (!method) {
            fail(x, &index, 1, r->method, SLICE("nothing here can protect a letter so"));
            continue;
        }
        x->own[index] = !method->same && (method->alone || x->split[index] || is_blind(x, index));
    }
}

static void look_at_rulings(struct climbing *x)
{
    const struct ruling *rulings = x->decision->rulings.items;

    for (size_t i = 0; i < x->decision->rulings.count; i++) {
        if (rulings[i].method) {
            look_at_ruling(x, &rulings[i]);
        } else {
            share(x, &rulings[i]);
        }
    }
}

/* ── the copies ── */

/* They cannot have it together. Who cannot have it alone goes without; if all can, each gets his own. */
static bool divide(struct climbing *x, const struct copy_method *method,
                   const struct plan_copy *copy, struct error *e)
{
    bool anybody = false;

    for (size_t i = 0; i < copy->n_recipients; i++) {
        struct copy_made made = {.fd = -1};
        enum copy_end end = copy_ask_method(&x->c->source, method, copy->clean != CLEAN_NOT,
                                            &copy->recipients[i], 1, &made, e);
        if (made.fd >= 0) {
            (void)close(made.fd);
        }
        if (end == COPY_LATER && !give_up(x, &copy->recipients[i], 1, method->rung, e)) {
            return false;
        }
        if (end == COPY_CANNOT) {
            fail(x, &copy->recipients[i], 1, method->rung, slice_text(e->text));
        }
        anybody = anybody || end != COPY_MADE;
    }
    for (size_t i = 0; i < copy->n_recipients && !anybody; i++) {
        x->split[copy->recipients[i]] = true;
    }
    x->changed = true;
    return true;
}

static bool is_too_much(struct climbing *x, const struct plan_copy *copy, uint64_t size)
{
    struct arena *arena = x->c->source.arena;

    x->c->whole_bytes += size;
    if (x->c->whole_bytes <= COPIES_BYTES_MAX) {
        return false;
    }
    fail(x, copy->recipients, copy->n_recipients, copy->method,
         arena_printf(arena,
                      "the letter's protected copies together have more than %llu MiB: send it to "
                      "fewer recipients, or make it smaller",
                      (unsigned long long)(COPIES_BYTES_MAX >> 20)));
    return true;
}

/* Make one protected copy, or say of whom it cannot be had. False: not now. */
static bool make_protected(struct climbing *x, const struct plan_copy *copy, uint64_t number,
                           struct leaving *out, struct error *e)
{
    struct copy_source *s = &x->c->source;
    const struct copy_method *method = copy_method_of(s->k->copy_methods, copy->method);
    struct copy_made made = {.fd = -1};
    enum copy_end end = copy_ask_method(s, method, copy->clean != CLEAN_NOT, copy->recipients,
                                        copy->n_recipients, &made, e);

    bool none = end == COPY_CANNOT || (end == COPY_LATER && x->c->over);

    if (none && copy->n_recipients > 1 && !method->same) {
        return divide(x, method, copy, e);
    }
    if (made.waits) { /* the others may begin to wait meanwhile */
        x->c->waits = true;
        return true;
    }
    if (end == COPY_MADE) {
        end = copy_make_protected(s, number, copy->method, &made, out, e);
        (void)close(made.fd);
    }
    if (end == COPY_CANNOT) {
        fail(x, copy->recipients, copy->n_recipients, copy->method, slice_text(e->text));
        return true;
    }
    return end == COPY_MADE ? is_too_much(x, copy, out->script.size) || true
                            : give_up(x, copy->recipients, copy->n_recipients, copy->method, e);
}

static void drop_copies(struct copying *c)
{
    for (size_t i = 0; i < c->n_copies; i++) {
        leaving_done(&c->copies[i]);
    }
    c->n_copies = 0;
    c->whole_bytes = 0;
}

/* Nothing but the files is another. False: not now. */
static bool make_cleaned(struct climbing *x, const struct plan_copy *copy, uint64_t number,
                         struct leaving *out, struct error *e)
{
    enum copy_end end = copy_make_cleaned(&x->c->source, number, out, e);

    if (end == COPY_CANNOT) {
        fail(x, copy->recipients, copy->n_recipients, RUNG_NONE, slice_text(e->text));
    }
    if (end == COPY_MADE && x->c->source.cleaned.changed) {
        (void)is_too_much(x, copy, out->script.size);
    }
    return end != COPY_LATER || give_up(x, copy->recipients, copy->n_recipients, RUNG_NONE, e);
}

/* Have the letter's files cleaned for a copy; *can: they are as its policy wants them. False: not now. */
static bool clean(struct climbing *x, const struct plan_copy *copy, bool *can, struct error *e)
{
    enum copy_end end = copy_make_clean(&x->c->source, e);
    struct slice left = x->c->source.cleaned.left;

    *can = false;
    if (end == COPY_LATER) {
        return give_up(x, copy->recipients, copy->n_recipients, RUNG_NONE, e);
    }
    *can = end == COPY_MADE && (copy->clean != CLEAN_REQUIRE || left.len == 0);
    if (!*can) {
        fail(x, copy->recipients, copy->n_recipients, RUNG_NONE,
             end == COPY_CANNOT ? slice_text(e->text) : left);
        for (size_t i = 0; i < copy->n_recipients; i++) {
            x->states[copy->recipients[i]].partly = end == COPY_MADE;
        }
    }
    return true;
}

/* One copy of the plan. False: not now. */
static bool make_copy(struct climbing *x, const struct plan_copy *copy, uint64_t number,
                      struct leaving *out, struct error *e)
{
    bool can = true;
    bool made = true;

    if (copy->clean && !clean(x, copy, &can, e)) {
        return false;
    }
    if (!can) {
        return true;
    }
    if (copy->method) {
        made = make_protected(x, copy, number, out, e);
    } else if (copy->clean) {
        made = make_cleaned(x, copy, number, out, e);
    } else {
        made = copy_make_plain(&x->c->source, number, out, e);
    }
    if (copy->clean) {
        copy_note_cleaned(&x->c->source, out);
    }
    return made;
}

/* Make all that the plan has. What is found of one recipient is found of others in the same round. */
static bool make_copies(struct climbing *x, const struct plan *plan, struct error *e)
{
    struct copying *c = x->c;

    c->copies = arena_array(c->source.arena, plan->n_copies, sizeof(*c->copies));
    for (size_t i = 0; i < plan->n_copies; i++) {
        const struct plan_copy *copy = &plan->copies[i];
        struct leaving *out = &c->copies[c->n_copies++];
        out->fd = -1;
        if (i >= COPIES_MAX) {
            fail(x, copy->recipients, copy->n_recipients, copy->method,
                 SLICE("a letter leaves in 200 copies at most: send it to fewer recipients"));
            continue;
        }
        if (!make_copy(x, copy, i + 1, out, e)) {
            return false;
        }
    }
    return !c->waits || error_set(e, ERROR_BUSY, "recipients are being told their passwords");
}

/* The decision says which copies a password opens that was made for the letter: another one may be agreed on later. */
static void note_passwords(const struct copying *c, struct decision *d)
{
    struct ruling *rulings = d->rulings.items;

    for (size_t i = 0; i < d->rulings.count; i++) {
        uint64_t copy = rulings[i].copy ? rulings[i].copy : 1;
        rulings[i].generated =
            rulings[i].method && copy <= c->n_copies && c->copies[copy - 1].generated;
    }
}

/* Leave out whoever is not decided. */
static void leave_out(const struct copying *c, struct decision *d)
{
    struct ruling *rulings = d->rulings.items;
    size_t kept = 0;

    for (size_t i = 0; c->only && i < d->rulings.count; i++) {
        struct slice in = rulings[i].recipients;
        uint8_t *mine = arena_alloc(c->source.arena, in.len + 1);
        size_t len = 0;
        for (size_t k = 0; k < in.len / 2; k++) {
            if (c->only[index_at(in, k)]) {
                mine[len++] = in.ptr[2 * k];
                mine[len++] = in.ptr[2 * k + 1];
            }
        }
        if (len) {
            rulings[kept] = rulings[i];
            rulings[kept++].recipients = slice_of(mine, len);
        }
    }
    d->rulings.count = c->only ? kept : d->rulings.count;
}

bool copying_decide(struct copying *c, const struct policy_letter *known,
                    struct recipient_state *states, struct decision *out, struct error *e)
{
    size_t n = known->facts->recipients.count;
    struct climbing x = {.c = c,
                         .states = states,
                         .decision = out,
                         .own = arena_array(c->source.arena, n + 1, sizeof(bool)),
                         .split = arena_array(c->source.arena, n + 1, sizeof(bool))};

    for (int round = 0; round < ROUNDS_MAX; round++) {
        struct plan plan;
        drop_copies(c);
        x.changed = false;
        c->policy(known, c->source.settings, c->source.arena, out);
        leave_out(c, out);
        look_at_rulings(&x);
        if (x.changed) {
            continue;
        }
        if (!plan_copies(out, x.own, n, c->source.arena, &plan, e) || !make_copies(&x, &plan, e)) {
            return false;
        }
        if (!x.changed) {
            note_passwords(c, out);
            return true;
        }
    }
    return error_set(e, ERROR_CORRUPT,
                     "the policy chooses what was found impossible: the letter waits");
}

bool copying_keep(struct copying *c, struct error *e)
{
    for (size_t i = 0; i < c->n_copies; i++) {
        if (!copy_keep(&c->copies[i], c->source.content, e)) {
            return false;
        }
    }
    return true;
}

void copying_number(struct copying *c, struct decision *d)
{
    struct ruling *rulings = d->rulings.items;

    for (size_t i = 0; c->before && i < d->rulings.count; i++) {
        rulings[i].copy = (rulings[i].copy ? rulings[i].copy : 1) + c->before;
    }
    for (size_t i = 0; i < c->n_copies; i++) {
        c->copies[i].sealed.copy = c->before + i + 1;
    }
}

void copying_hand_over(struct copying *c, struct parcel *p, const struct ledger_ref *refs)
{
    parcel_expect_copies(p, c->before + c->n_copies);
    for (size_t i = 0; i < c->n_copies; i++) {
        struct leaving *from = &c->copies[i];
        struct parcel_copy *to = parcel_copy_at(p, c->before + i + 1);
        to->ref = refs[i];
        parcel_keep_copy(p, to, TAKE(from->fd, -1), from->script.size, from->has_8bit);
    }
}

void copying_done(struct copying *c)
{
    drop_copies(c);
    copy_source_done(&c->source);
}
