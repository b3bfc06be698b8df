/* Erasing: what a caller names becomes packs, is recorded, and is done. */
#include "ledger/erased.h"
#include "ledger/erasing.h"
#include "ledger/packing.h"
#include "ledger/resealing.h"

#define RANGES_MAX 256 /* of one erasure record, which is a clear one */

static bool in_order(const struct ledger_ref *refs, size_t n, struct error *e)
{
    bool ok = n > 0 && n <= LEDGER_ERASE_MAX;

    for (size_t i = 1; ok && i < n; i++) {
        ok = refs[i - 1].seq < refs[i].seq && refs[i - 1].segment <= refs[i].segment;
    }
    return ok ||
           error_set(e, ERROR_INPUT, "ledger: records to be erased are named in order, up to %d",
                     LEDGER_ERASE_MAX);
}

/* A record of a segment has no key of its own. */
static bool pack_all(struct ledger *l, const struct ledger_ref *refs, size_t n, struct error *e)
{
    struct ledger_head head;

    ledger_head(l, &head);
    if (refs[n - 1].segment >= head.segment && !ledger_roll(l, e)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (packing_is_segment(l, refs[i].segment) && !packing_number(l, refs[i].segment, e)) {
            erasing_met(l, refs[i].segment, e);
            return false;
        }
    }
    return true;
}

static void gather(const struct ledger_ref *refs, size_t n, struct erasures *all)
{
    struct erasure *last = NULL;

    for (size_t i = 0; i < n; i++) {
        if (!last || last->number != refs[i].segment || last->ranges.n == RANGES_MAX) {
            last = erasures_add(all, refs[i].segment, 0);
        }
        seq_ranges_add(&last->ranges, refs[i].seq, 1);
    }
}

/* The erasures and why, in one batch; sets where each erasure stands. */
static bool record(struct ledger *l, struct erasures *all, const struct ledger_record *why,
                   size_t n_why, struct error *e)
{
    OWN(heap) struct ledger_record *records = calloc(all->n + LEDGER_WHY_MAX, sizeof(*records));
    OWN(heap) struct ledger_ref *refs = calloc(all->n + LEDGER_WHY_MAX, sizeof(*refs));
    OWN(buf) struct buf bodies = {.max = (all->n + 1) * CLEAR_MAX};

    /* -fanalyzer: it takes the end of the process for a leak */
    if (!records || !refs || !buf_room(&bodies, bodies.max)) {
        arena_panic("out of memory");
    }
    for (size_t i = 0; i < all->n; i++) {
        const struct erasure *erasure = &all->list[i];
        OWN(buf) struct buf ranges = {.max = CLEAR_MAX};
        size_t from = bodies.len;
        seq_ranges_write(erasure->ranges.list, erasure->ranges.n, &ranges);
        const struct erasure_record r = {erasure->number, buf_slice(&ranges)};
        erasure_record_write(&bodies, &r);
        records[i] = (struct ledger_record){RECORD_ERASURE, slice_from(buf_slice(&bodies), from)};
    }
    for (size_t i = 0; i < n_why; i++) {
        records[all->n + i] = why[i];
    }
    if (!ledger_append_any(l, LEDGER_AWAITED, records, all->n + n_why, refs, e)) {
        return false; /* NOLINT(clang-analyzer-unix.Malloc): as below */
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): clang 14 does not know OWN() */
    for (size_t i = 0; i < all->n; i++) {
        all->list[i].seq = refs[i].seq;
    }
    return true; /* NOLINT(clang-analyzer-unix.Malloc): clang 14 does not know that OWN() frees */
}

static bool erase(struct ledger *l, const struct ledger_ref *refs, size_t n,
                  const struct ledger_record *why, size_t n_why, bool *recorded, struct error *e)
{
    OWN(erasures) struct erasures all = {0};
    OWN(fd) int lock = -1;
    struct error unwithdrawn;

    gather(refs, n, &all);
    if (!resealing_finish(l, e) || !erasing_finish(l, e) || !pack_all(l, refs, n, e) ||
        !packing_lock_out_backups(l, &lock, e) || !erasing_check(l, &all, e) ||
        !erasing_announce(l, e)) {
        return false;
    }
    *recorded = record(l, &all, why, n_why, e);
    if (!*recorded) {
        erased_forget(l);
        /* Found again and withdrawn before the next, if not now. */
        return erasing_withdraw(l, &unwithdrawn) ? false : error_add(e, "%s", unwithdrawn.text);
    }
    erased_note(l, &all);
    return erasing_do(l, &all, e);
}

uint32_t ledger_damaged(struct ledger *l)
{
    return atomic_load(&l->damaged);
}

bool ledger_erase(struct ledger *l, const struct ledger_ref *refs, size_t n,
                  const struct ledger_record *why, size_t n_why, bool *recorded, struct error *e)
{
    *recorded = false;
    atomic_store(&l->damaged, 0);
    if (l->options.record_keys <= 0) {
        return error_set(e, ERROR_CONFIG, "ledger: there is no folder of record keys");
    }
    for (size_t i = 0; i < n_why || i == 0; i++) {
        if (n_why == 0 || n_why > LEDGER_WHY_MAX || why[i].type < LEDGER_TYPE_OWN) {
            return error_set(e, ERROR_INPUT, "ledger: an erasure says why, in records of callers");
        }
    }
    if (!in_order(refs, n, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&l->packing);
    bool erased = erase(l, refs, n, why, n_why, recorded, e);
    (void)pthread_mutex_unlock(&l->packing);
    return erased || error_add(e, "ledger");
}
