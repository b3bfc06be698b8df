/* Invariants:
 *  1. The value "delegations" of the state holds what the book in memory does; it is written first.
 *  2. A delegation that is over, or was granted by who has not got the address any more, or not alone, gives nothing, whatever the
 *     book holds: that is looked at for each letter. */
#include "keeper/delegations.h"

#include "keeper/account_parts.h"
#include "keeper/internal.h"

#define STATE_NAME   SLICE("delegations")
#define BOOK_MAX     ((size_t)8 << 20)
#define EXPANDED_MAX 1000 /* addresses that one account may send as by delegation */

/* ── the book ── */

static bool read_book(struct slice value, struct delegation_book *book, struct error *e)
{
    struct arena arena;
    struct delegations all = {
        {NULL, 0}
    };

    arena_init(&arena, BOOK_MAX);
    if (value.len && !cbor_read(arena_copy(&arena, value), &delegations_schema, &arena, &all, e)) {
        arena_done(&arena);
        return error_add(e, "read who may send as whom");
    }
    (void)pthread_mutex_lock(&book->lock);
    arena_done(&book->arena);
    book->arena = arena;
    book->all = all;
    (void)pthread_mutex_unlock(&book->lock);
    return true;
}

bool delegations_open(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = BOOK_MAX};
    struct slice value = SLICE_NONE;
    bool found = false;

    return state_value_get(k->state, STATE_NAME, &arena, &value, &found, e) &&
           read_book(found ? value : SLICE_NONE, &k->senders.delegations, e);
}

void delegations_close(struct keeper *k)
{
    arena_done(&k->senders.delegations.arena);
    (void)pthread_mutex_destroy(&k->senders.delegations.lock);
}

static struct delegation copy(const struct delegation *d, struct arena *arena)
{
    struct delegation out = *d;

    out.from = arena_copy(arena, d->from);
    out.to = arena_copy(arena, d->to);
    out.by = arena_copy(arena, d->by);
    out.approved_by = arena_copy(arena, d->approved_by);
    out.reason = arena_copy(arena, d->reason);
    return out;
}

/* Those of an account, or all when it is empty. */
static struct delegation *copies(struct keeper *k, struct slice to, struct arena *arena,
                                 size_t *count)
{
    struct delegation_book *book = &k->senders.delegations;

    *count = 0;
    (void)pthread_mutex_lock(&book->lock);
    const struct delegation *rows = book->all.rows.items;
    struct delegation *out = arena_array(arena, book->all.rows.count + 1, sizeof(*out));
    for (size_t i = 0; i < book->all.rows.count; i++) {
        if (to.len == 0 || slice_equal(rows[i].to, to)) {
            out[(*count)++] = copy(&rows[i], arena);
        }
    }
    (void)pthread_mutex_unlock(&book->lock);
    return out;
}

void delegations_all(struct keeper *k, struct arena *arena, struct delegations *out)
{
    size_t count = 0;
    struct delegation *rows = copies(k, SLICE_NONE, arena, &count);

    out->rows = (struct cbor_list){rows, count};
}

static bool is_same(const struct delegation *d, struct slice from, struct slice to)
{
    return slice_equal_nocase(d->from, from) && slice_equal(d->to, to);
}

const struct delegation *delegations_find(const struct delegations *all, struct slice from,
                                          struct slice to)
{
    const struct delegation *rows = all->rows.items;

    for (size_t i = 0; i < all->rows.count; i++) {
        if (is_same(&rows[i], from, to)) {
            return &rows[i];
        }
    }
    return NULL;
}

struct slice delegations_name(struct slice from, struct slice to, struct arena *arena)
{
    return arena_printf(arena, "%.*s to %.*s", SLICE_ARG(from), SLICE_ARG(to));
}

/* ── changes ── */

static bool write_book(struct keeper *k, const struct delegations *all, struct error *e)
{
    OWN(buf) struct buf value = {.max = STATE_VALUE_MAX};

    cbor_write(&value, &delegations_schema, all);
    if (value.full || all->rows.count > DELEGATIONS_MAX) {
        return error_set(e, ERROR_LIMIT,
                         "there are too many delegations: remove some that are not needed, or "
                         "name a group");
    }
    return state_value_put(k->state, STATE_NAME, buf_slice(&value), e) &&
           read_book(buf_slice(&value), &k->senders.delegations, e);
}

/* All but one, and but those that are over; `add` goes behind them. */
static bool replace(struct keeper *k, struct slice from, struct slice to,
                    const struct delegation *add, struct error *e)
{
    OWN(arena) struct arena arena = {.max = BOOK_MAX};
    uint64_t now = (uint64_t)approvals_now(k);
    size_t count = 0;
    size_t n = 0;
    struct delegation *rows = copies(k, SLICE_NONE, &arena, &count);

    for (size_t i = 0; i < count; i++) {
        if (!is_same(&rows[i], from, to) && !delegation_is_over(&rows[i], now)) {
            rows[n++] = rows[i];
        }
    }
    if (add) {
        rows[n++] = *add; /* there is room for one more */
    }
    const struct delegations all = {
        {rows, n}
    };
    return write_book(k, &all, e);
}

bool delegations_put(struct keeper *k, const struct delegation *d, struct error *e)
{
    return replace(k, d->from, d->to, d, e);
}

bool delegations_remove(struct keeper *k, struct slice from, struct slice to, struct error *e)
{
    return replace(k, from, to, NULL, e);
}

/* ── what holds now ── */

static void add(struct delegated *out, struct slice address, const struct delegation *by)
{
    if (out->count < EXPANDED_MAX) {
        out->addresses[out->count] = address;
        out->by[out->count++] = *by;
    }
}

static bool add_group(struct keeper *k, const struct delegation *d, struct arena *arena,
                      struct delegated *out, struct error *e)
{
    struct slice *addresses = NULL;
    size_t count = 0;

    if (!directory_group(k, d->from, arena, &addresses, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        add(out, addresses[i], d);
    }
    return true;
}

/* Whether who granted what was his still has it, and alone: with another one it would take two persons. */
static bool is_granted_still(struct keeper *k, const struct delegation *d, struct arena *arena,
                             bool *granted, struct error *e)
{
    struct account owner;
    bool found = false;

    *granted = !d->owner;
    if (*granted) {
        return true;
    }
    if (!state_account_get(k->state, d->by, arena, &owner, &found, e)) {
        return false;
    }
    if (!found || owner.disabled || !account_has_address(&owner, d->from)) {
        return true;
    }
    struct slice *accounts = NULL;
    size_t count = 0;
    if (!directory_accounts(k, d->from, arena, &accounts, &count, e)) {
        return false;
    }
    *granted = true;
    for (size_t i = 0; i < count; i++) {
        *granted = *granted && slice_equal(accounts[i], d->by);
    }
    return true;
}

static bool add_one(struct keeper *k, const struct delegation *d, struct arena *arena,
                    struct delegated *out, struct error *e)
{
    bool granted = false;

    if (delegation_is_over(d, (uint64_t)approvals_now(k))) {
        return true;
    }
    if (!is_granted_still(k, d, arena, &granted, e)) {
        return false;
    }
    if (!granted) {
        return true;
    }
    if (delegation_is_of_group(d)) {
        return add_group(k, d, arena, out, e);
    }
    add(out, d->from, d);
    return true;
}

bool delegations_to(struct keeper *k, struct slice account, struct arena *arena,
                    struct delegated *out, struct error *e)
{
    size_t count = 0;
    const struct delegation *rows = copies(k, account, arena, &count);

    *out = (struct delegated){NULL, NULL, 0};
    if (count == 0) {
        return true;
    }
    out->addresses = arena_array(arena, EXPANDED_MAX, sizeof(*out->addresses));
    out->by = arena_array(arena, EXPANDED_MAX, sizeof(*out->by));
    for (size_t i = 0; i < count; i++) {
        if (!add_one(k, &rows[i], arena, out, e)) {
            return false;
        }
    }
    return true;
}
