#include "vault/relock.h"

#include <string.h>

#include "base/clock.h"

#include "vault/fetch.h"

#define ARENA_BYTES ((size_t)256 << 20)

void vault_round_begin(struct vault_round *r)
{
    (void)memcpy(r->from, r->next, VAULT_NAME_LEN);
    r->wrapped = false;
    r->done = false;
}

bool vault_names_of(struct vault *v, uint64_t number, struct buf *names, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    struct vault_manifest m;

    if (!vault_find(v, number, NULL, &arena, &m, e)) {
        return false;
    }
    const struct vault_file *files = m.files.items;
    buf_reset(names);
    for (size_t i = 0; i < m.files.count; i++) {
        for (size_t k = 0; k < vault_pieces(&files[i]); k++) {
            buf_add(names, vault_piece(&files[i], k).name);
        }
    }
    vault_names_sort(names);
    return !names->full || error_set(e, ERROR_LIMIT, "the backup holds too many objects");
}

/* Index of the first name that is not below. */
static size_t first_from(struct slice names, const uint8_t *name)
{
    size_t low = 0;
    size_t high = names.len / VAULT_NAME_LEN;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(names.ptr + middle * VAULT_NAME_LEN, name, VAULT_NAME_LEN) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The name behind this one; false: there is none. */
static bool step(uint8_t *name)
{
    for (size_t i = VAULT_NAME_LEN; i-- > 0;) {
        if (++name[i]) {
            return true;
        }
    }
    return false;
}

static bool lock_one(struct vault *v, struct slice own, struct error *e)
{
    const struct store *s = &v->store;
    char name[STORE_NAME_MAX + 1];
    struct slice bytes;

    vault_data_name(v, own, name);
    if (!s->ops->renew || s->ops->renew(s->context, slice_text(name), e)) {
        return true;
    }
    if (e->kind == ERROR_BUSY) {
        return false;
    }
    /* What a store says is what a stranger says: nothing that does not open is written over what may be whole. */
    if (!vault_get(v, name, &bytes, NULL, e)) {
        return e->kind ==
               ERROR_CORRUPT; /* it is not there, or damaged: a trial tells, and the next backup stores it */
    }
    return s->ops->put(s->context, slice_text(name), buf_slice(&v->sealed), e);
}

/* The next one's index, or that all are done. */
static size_t turn(struct slice names, struct vault_round *r)
{
    size_t n = names.len / VAULT_NAME_LEN;
    size_t i = first_from(names, r->next);

    if (!r->wrapped && i == n) {
        r->wrapped = true;
        (void)memset(r->next, 0, VAULT_NAME_LEN);
        i = 0;
    }
    r->done = r->wrapped &&
              (i == n || memcmp(names.ptr + i * VAULT_NAME_LEN, r->from, VAULT_NAME_LEN) >= 0);
    return i;
}

bool vault_relock(struct vault *v, struct slice names, struct vault_round *r, int64_t until,
                  struct error *e)
{
    while (!r->done && clock_steady_ms() < until) {
        size_t i = turn(names, r);
        if (r->done) {
            break;
        }
        struct slice own = slice_of(names.ptr + i * VAULT_NAME_LEN, VAULT_NAME_LEN);
        if (!lock_one(v, own, e)) {
            return error_add(e, "lock an object for longer");
        }
        (void)memcpy(r->next, own.ptr, VAULT_NAME_LEN);
        if (!step(r->next)) { /* it was the highest name there can be */
            r->done = r->wrapped;
            r->wrapped = true;
        }
    }
    return true;
}
