/* Segments and packs in which nothing can be erased: what is in them stays, and the rest goes. */
#include <stdlib.h>

#include "base/log.h"

#include "keeper/erase.h"
#include "keeper/internal.h"

#define ROOM_AT_ONCE 64

static bool is_known(const struct erase_damaged *d, uint32_t number)
{
    bool known = false;

    for (size_t i = 0; i < d->n; i++) {
        known = known || d->list[i] == number;
    }
    return known;
}

bool erase_damaged_add(struct erase_damaged *d, uint32_t number)
{
    if (is_known(d, number)) {
        return false;
    }
    if (d->n == d->room) {
        d->room += ROOM_AT_ONCE + d->room / 2;
        d->list = realloc(d->list, d->room * sizeof(*d->list));
        if (!d->list) {
            arena_panic("out of memory");
        }
    }
    d->list[d->n++] = number;
    return true;
}

void erase_damaged_forget(struct erase_damaged *d)
{
    free(d->list);
    *d = (struct erase_damaged){0};
}

bool erase_is_damaged(const struct erasing *x, size_t first)
{
    const struct erase_damaged *d = &x->k->approvals.damaged;
    bool damaged = false;

    for (size_t i = first; i < x->n_refs && !damaged; i++) {
        damaged = is_known(d, x->refs[i].segment);
    }
    return damaged;
}

bool erase_note_damaged(struct keeper *k)
{
    uint32_t number = ledger_damaged(k->ledger);

    if (number == 0 || !erase_damaged_add(&k->approvals.damaged, number)) {
        return false;
    }
    log_event(LOG_WARNING, "erase.damaged", LOG_NUMBER("segment", number));
    keeper_alert(k, "segment-damaged",
                 "a segment of the ledger is damaged, and nothing is erased in it: `postern ledger "
                 "verify` says what; put it back from a backup");
    return true;
}
