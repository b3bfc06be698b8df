#include "keeper/contact_plan.h"

#include <stdlib.h>

#include "formats/mail/address.h"

/* An entry that can be a contact. */
struct entry {
    struct slice key; /* its address in lower case */
    const struct contact *contact;
    size_t place; /* among the directory's */
};

struct planning {
    struct slice directory;
    uint8_t separator;
    struct entry *entries; /* ascending by key, each once */
    size_t n;
    struct arena *arena;
    struct contact_plan *out;
    const struct contact_row **owned;
};

static struct slice lower(struct slice text, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, text.len + 1);

    for (size_t i = 0; i < text.len; i++) {
        copy[i] = ascii_lower(text.ptr[i]);
    }
    return slice_of(copy, text.len);
}

static int by_key(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    int order = slice_compare(x->key, y->key);

    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static int to_key(const void *key, const void *entry)
{
    return slice_compare(*(const struct slice *)key, ((const struct entry *)entry)->key);
}

static bool is_good(const struct contact *c, struct arena *arena)
{
    struct mail_address address;

    return contact_flaw(c) == NULL &&
           mail_address_read(c->address, true, arena, &address) == MAIL_ADDRESS_CLEAR;
}

static void sort_entries(struct planning *p, const struct contact *there, size_t n)
{
    size_t kept = 0;

    p->entries = arena_array(p->arena, n + 1, sizeof(*p->entries));
    for (size_t i = 0; i < n; i++) {
        if (is_good(&there[i], p->arena)) {
            p->entries[p->n++] = (struct entry){lower(there[i].address, p->arena), &there[i], i};
        }
    }
    if (p->n) {
        qsort(p->entries, p->n, sizeof(*p->entries), by_key);
    }
    for (size_t i = 0; i < p->n; i++) {
        if (kept == 0 || !slice_equal(p->entries[kept - 1].key, p->entries[i].key)) {
            p->entries[kept++] = p->entries[i];
        }
    }
    p->out->left_out = n - kept;
    p->n = kept;
}

static void change(struct planning *p, enum contact_plan_kind kind, const struct contact_row *row)
{
    p->out->changes[p->out->n_changes++] = (struct contact_change){kind, *row};
    p->out->counts[kind]++;
}

static bool is_same(const struct contact *a, const struct contact *b)
{
    return slice_equal(a->address, b->address) && slice_equal(a->name, b->name) &&
           slice_equal(a->organisation, b->organisation) && slice_equal(a->title, b->title) &&
           slice_equal(a->phone, b->phone);
}

static void plan_one(struct planning *p, const struct contact_book *b, const struct contact *given)
{
    const struct contact_row *there = contact_book_get(b, SLICE_NONE, given->address);
    bool hidden =
        contact_book_decoy(b, contact_book_bare(given->address, p->separator, p->arena)) != NULL;
    struct contact_row row = {.contact = *given,
                              .kind = hidden ? CONTACT_DECOY : CONTACT_REAL,
                              .until = hidden ? UINT64_MAX >> 1 : 0,
                              .directory = p->directory};

    if (!there || there->kind == CONTACT_RETIRED) {
        change(p, CONTACT_PLAN_ADD, &row);
        return;
    }
    if (!slice_equal(there->directory, p->directory)) {
        p->out->left_out++;
        return;
    }
    if (!is_same(given, &there->contact)) {
        row.kind = there->kind;
        row.until = there->until;
        change(p, CONTACT_PLAN_SET, &row);
    }
}

static void visit_owned(void *planning, const struct contact_row *row)
{
    struct planning *p = planning;

    if (row->owner.len == 0 && row->kind != CONTACT_RETIRED &&
        slice_equal(row->directory, p->directory)) {
        p->owned[p->out->owned++] = row;
    }
}

/* A decoy that goes is watched all the same. */
static void plan_gone(struct planning *p, const struct contact_row *owned)
{
    struct slice key = lower(owned->contact.address, p->arena);
    struct contact_row row = *owned;

    if (p->n && bsearch(&key, p->entries, p->n, sizeof(*p->entries), to_key)) {
        return;
    }
    row.kind = row.kind == CONTACT_DECOY ? CONTACT_RETIRED : row.kind;
    change(p, CONTACT_PLAN_REMOVE, &row);
}

void contact_plan_make(const struct contact_book *b, struct slice directory, uint8_t separator,
                       const struct contact *there, size_t n, struct arena *arena,
                       struct contact_plan *out)
{
    struct planning p = {
        .directory = directory, .separator = separator, .arena = arena, .out = out};

    *out = (struct contact_plan){
        .changes = arena_array(arena, n + contact_book_size(b) + 1, sizeof(*out->changes))};
    p.owned = arena_array(arena, contact_book_size(b) + 1, sizeof(const struct contact_row *));
    sort_entries(&p, there, n);
    contact_book_each(b, visit_owned, &p);
    for (size_t i = 0; i < out->owned; i++) { /* first, so that there is room */
        plan_gone(&p, p.owned[i]);
    }
    for (size_t i = 0; i < p.n; i++) {
        plan_one(&p, b, p.entries[i].contact);
    }
}

bool contact_plan_is_alarming(const struct contact_plan *plan)
{
    size_t removed = plan->counts[CONTACT_PLAN_REMOVE];

    return removed &&
           ((removed >= CONTACT_PLAN_MIN && removed * 3 > plan->owned) || removed == plan->owned);
}
