#include "stages/protect/plan.h"

struct planning {
    struct arena *arena;
    const bool *own;
    size_t n_recipients;
    struct plan plan;
    struct ruling *rulings; /* the new ones */
    size_t n_rulings;
};

static struct plan_copy *add_copy(struct planning *p, const struct ruling *like)
{
    struct plan_copy *copy = &p->plan.copies[p->plan.n_copies++];

    *copy = (struct plan_copy){.method = like->method, .clean = like->clean};
    return copy;
}

/* The copy that all share who have this method and cleaning; *shared keeps its number from ruling to ruling. */
static struct plan_copy *shared_copy(struct planning *p, const struct ruling *like, size_t *shared)
{
    size_t *number = &shared[like->method * (CLEAN_REQUIRE + 1) + like->clean];

    if (*number == 0) {
        struct plan_copy *copy = add_copy(p, like);
        copy->recipients = arena_array(p->arena, p->n_recipients, sizeof(*copy->recipients));
        *number = p->plan.n_copies;
    }
    return &p->plan.copies[*number - 1];
}

/* As it is: neither protected nor cleaned. */
static bool is_plain(const struct ruling *r)
{
    return r->method == RUNG_NONE && r->clean == CLEAN_NOT;
}

static bool are_all_plain(const struct decision *d)
{
    const struct ruling *rulings = d->rulings.items;

    for (size_t i = 0; i < d->rulings.count; i++) {
        if (!is_plain(&rulings[i])) {
            return false;
        }
    }
    return true;
}

static uint16_t index_at(const struct ruling *r, size_t i)
{
    return (uint16_t)(r->recipients.ptr[2 * i] << 8 | r->recipients.ptr[2 * i + 1]);
}

/* One more ruling like that one, for some of its recipients. */
static void add_ruling(struct planning *p, const struct ruling *like, const uint8_t *indexes,
                       size_t n, const struct plan_copy *copy)
{
    struct ruling *r = &p->rulings[p->n_rulings++];

    *r = *like;
    r->recipients = slice_of(indexes, 2 * n);
    r->copy = (uint64_t)(copy - p->plan.copies) + 1;
}

static void put_index(uint8_t *indexes, size_t at, uint16_t index)
{
    indexes[2 * at] = (uint8_t)(index >> 8);
    indexes[2 * at + 1] = (uint8_t)index;
}

static void divide(struct planning *p, const struct ruling *r, size_t *shared)
{
    size_t n = r->recipients.len / 2;
    uint8_t *together = arena_alloc(p->arena, 2 * n + 1);
    size_t n_together = 0;

    for (size_t i = 0; i < n; i++) {
        uint16_t index = index_at(r, i);
        if (!p->own[index]) {
            struct plan_copy *copy = shared_copy(p, r, shared);
            copy->recipients[copy->n_recipients++] = index;
            put_index(together, n_together++, index);
        }
    }
    if (n_together) {
        add_ruling(p, r, together, n_together, shared_copy(p, r, shared));
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t index = index_at(r, i);
        if (p->own[index]) {
            struct plan_copy *copy = add_copy(p, r);
            uint8_t *alone = arena_alloc(p->arena, 2);
            copy->recipients = arena_array(p->arena, 1, sizeof(*copy->recipients));
            copy->recipients[copy->n_recipients++] = index;
            put_index(alone, 0, index);
            add_ruling(p, r, alone, 1, copy);
        }
    }
}

static bool are_sound(const struct decision *d, size_t n_recipients)
{
    const struct ruling *rulings = d->rulings.items;
    size_t n = 0;

    for (size_t i = 0; i < d->rulings.count; i++) {
        for (size_t k = 0; k < rulings[i].recipients.len / 2; k++) {
            if (index_at(&rulings[i], k) >= n_recipients) {
                return false;
            }
        }
        n += rulings[i].recipients.len / 2;
        if (rulings[i].method > UINT8_MAX || rulings[i].clean > CLEAN_REQUIRE) {
            return false;
        }
    }
    return n <= n_recipients;
}

bool plan_copies(struct decision *d, const bool *own, size_t n_recipients, struct arena *arena,
                 struct plan *out, struct error *e)
{
    const struct ruling *rulings = d->rulings.items;
    static const struct ruling as_it_is = {.method = RUNG_NONE};
    size_t shared[(UINT8_MAX + 1) * (CLEAN_REQUIRE + 1)] = {0};
    struct planning p = {.arena = arena, .own = own, .n_recipients = n_recipients};
    bool plain = d->rulings.count == 0;

    if (!are_sound(d, n_recipients)) {
        return error_set(e, ERROR_CORRUPT, "a decision names recipients that there are not");
    }
    for (size_t i = 0; i < d->rulings.count; i++) {
        plain = plain || is_plain(&rulings[i]);
    }
    p.plan.copies = arena_array(arena, n_recipients + 2, sizeof(*p.plan.copies));
    if (plain) {
        (void)add_copy(&p, &as_it_is);
    }
    if (!are_all_plain(d)) {
        p.rulings = arena_array(arena, n_recipients + d->rulings.count, sizeof(*p.rulings));
        for (size_t i = 0; i < d->rulings.count; i++) {
            if (!is_plain(&rulings[i])) {
                divide(&p, &rulings[i], shared);
            } else {
                add_ruling(&p, &rulings[i], rulings[i].recipients.ptr,
                           rulings[i].recipients.len / 2, p.plan.copies);
            }
        }
        d->rulings = (struct cbor_list){p.rulings, p.n_rulings};
    }
    *out = p.plan;
    return true;
}
