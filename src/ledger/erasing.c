/* Invariants:
 *  1. A key is destroyed only when the erasure that names its record is durable in the ledger.
 *  2. What is recorded as erased (type 6) has no key any more.
 *  3. As long as the file `erasing` is there nothing is packed, so what it speaks of is found in segments.
 *
 * | file `erasing` | erasure record | erased record | what is done |
 * |---|---|---|---|
 * | not there | - | - | nothing |
 * | there | none at or behind its number | - | the file removed |
 * | there | there | none | keys destroyed, recorded, the file removed |
 * | there | there | there | the file removed */
#include "ledger/erasing.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/bytes.h"

#include "host/file.h"
#include "ledger/io.h"
#include "ledger/marker.h"
#include "ledger/pack.h"
#include "ledger/packing.h"
#include "ledger/scan.h"

#define FILE_NAME "erasing"
#define FILE_LEN  24

static const char magic[8] = {'P', 'S', 'T', 'N', 'E', 'R', 'A', 'S'};

struct erasure *erasures_add(struct erasures *all, uint32_t number, uint64_t seq)
{
    if (all->n == all->room) {
        all->room = all->room ? all->room * 2 : 8;
        struct erasure *more = realloc(all->list, all->room * sizeof(*more));
        if (!more) {
            arena_panic("out of memory");
        }
        all->list = more;
    }
    struct erasure *added = &all->list[all->n++];
    *added = (struct erasure){.number = number, .seq = seq};
    return added;
}

void erasures_done(struct erasures *all)
{
    for (size_t i = 0; i < all->n; i++) {
        seq_ranges_done(&all->list[i].ranges);
    }
    free(all->list);
    *all = (struct erasures){0};
}

/* -- keys -- */

static bool is_sealed(struct pack *p, uint64_t seq, struct error *e)
{
    struct pack_entry n;
    uint64_t index = seq - p->head.first;

    if (index < p->head.records && !pack_entry(p, (uint32_t)index, &n, e)) {
        return false;
    }
    return (index < p->head.records && n.sealed) ||
           error_set(e, ERROR_INPUT, "pack %u: record %llu cannot be erased", p->head.number,
                     (unsigned long long)seq);
}

/* Take the keys out of memory; *changed: there was one. */
static bool forget(struct pack *p, const struct seq_ranges *ranges, struct record_keys *keys,
                   bool *changed, struct error *e)
{
    for (size_t i = 0; i < ranges->n; i++) {
        const struct seq_range *r = &ranges->list[i];
        for (uint64_t seq = r->first; seq < r->first + r->count; seq++) {
            if (!is_sealed(p, seq, e)) {
                return false;
            }
            *changed = record_keys_erase(keys, (uint32_t)(seq - p->head.first)) || *changed;
        }
    }
    return true;
}

/* Erase in one pack, or see whether that is possible. */
static bool erase_in(struct ledger *l, const struct erasure *erasure, bool really, struct error *e)
{
    struct record_keys_head h = {.number = erasure->number};
    int dirfd = l->options.record_keys;
    OWN(pack) struct pack *p = NULL;
    OWN(record_keys) struct record_keys *keys = NULL;
    bool changed = false;

    enum pack_found found = pack_open(l->dirfd, dirfd, erasure->number, NULL, l->key, &p, e);
    if (found == PACK_MISSING) {
        return error_set(e, ERROR_CORRUPT, "pack %u is missing", erasure->number);
    }
    if (found != PACK_OPENED) {
        return false;
    }
    h.making = p->head.making;
    /* What a failure left of a rewriting: the old file may hold what the new one does not. */
    if (really && !record_keys_finish(dirfd, l->key, erasure->number, h.making, e)) {
        return false;
    }
    (void)memcpy(h.ledger_id, p->head.ledger_id, sizeof(h.ledger_id));
    (void)memcpy(h.pack_id, p->head.id, sizeof(h.pack_id));
    if (!record_keys_read(dirfd, l->key, p->head.records, &h, &keys, e) ||
        !forget(p, &erasure->ranges, keys, &changed, e)) {
        return error_add(e, "pack %u", erasure->number);
    }
    if (!really) {
        return record_keys_fit(keys) ||
               error_set(e, ERROR_LIMIT, "too many single records of pack %u are erased",
                         erasure->number);
    }
    return !changed || record_keys_replace(dirfd, l->key, &h, keys, l->options.mode, e);
}

bool erasing_check(struct ledger *l, const struct erasures *all, struct error *e)
{
    for (size_t i = 0; i < all->n; i++) {
        if (!erase_in(l, &all->list[i], false, e)) {
            erasing_met(l, all->list[i].number, e);
            return false;
        }
    }
    return true;
}

void erasing_met(struct ledger *l, uint32_t number, const struct error *e)
{
    if (e->kind == ERROR_CORRUPT) {
        atomic_store(&l->damaged, number);
    }
}

/* -- the file -- */

bool erasing_announce(struct ledger *l, struct error *e)
{
    uint8_t bytes[FILE_LEN] = {0};
    struct ledger_head head;

    ledger_head(l, &head);
    (void)memcpy(bytes, magic, sizeof(magic));
    put64(bytes + 8, head.size);
    put32(bytes + 16, head.segment);
    return marker_write(l, FILE_NAME, SLICE_ARRAY(bytes), e);
}

bool erasing_withdraw(const struct ledger *l, struct error *e)
{
    return marker_remove(l, FILE_NAME, e);
}

/* *there is false when nothing was announced. */
static bool read_file(const struct ledger *l, bool *there, uint64_t *from, uint32_t *segment,
                      struct error *e)
{
    uint8_t bytes[FILE_LEN] = {0};

    if (!marker_read(l, FILE_NAME, bytes, sizeof(bytes), there, e)) {
        return *there ? error_add(e, "whether records are still to be erased is not known") : false;
    }
    *from = get64(bytes + 8);
    *segment = get32(bytes + 16);
    return !*there || (memcmp(bytes, magic, sizeof(magic)) == 0 && *segment) ||
           error_set(e, ERROR_CORRUPT,
                     FILE_NAME ": damaged: whether records are still to be erased is not known");
}

/* -- what was recorded -- */

struct search {
    uint64_t from;
    struct erasures found; /* those not done yet */
};

static void remove_done(struct erasures *all, uint64_t seq)
{
    for (size_t i = 0; i < all->n; i++) {
        if (all->list[i].seq == seq) {
            seq_ranges_done(&all->list[i].ranges);
            all->list[i] = all->list[--all->n];
            return;
        }
    }
}

static bool take_record(struct search *s, const struct record_head *h, struct slice body,
                        struct error *e)
{
    struct erasure_record erasure;
    uint64_t of = 0;

    if (h->type == RECORD_ERASED) {
        if (!erased_record_read(body, &of, e)) {
            return false;
        }
        remove_done(&s->found, of);
        return true;
    }
    return h->type != RECORD_ERASURE ||
           (erasure_record_read(body, &erasure, e) &&
            (seq_ranges_read(erasure.ranges,
                             &erasures_add(&s->found, (uint32_t)erasure.number, h->seq)->ranges) ||
             error_set(e, ERROR_CORRUPT, "an erasure's record is damaged")));
}

/* The ledger's own records of the last batch. */
static bool take_batch(struct search *s, struct scan *scan, struct error *e)
{
    const struct scan_state *state = scan_state(scan);

    for (uint64_t at = state->own_at; at && at < state->at;) {
        struct record_head h;
        const uint8_t *bytes = NULL;
        size_t got = 0;
        if (scan_head(scan, at, &h, &bytes, e) != SCAN_BATCH) {
            return false;
        }
        bool own = !h.sealed && h.seq >= s->from && h.length <= CLEAR_MAX;
        if (own && (!scan_look(scan, at + RECORD_HEAD_LEN, h.length, &bytes, &got, e) ||
                    got < h.length || !take_record(s, &h, slice_of(bytes, got), e))) {
            return false;
        }
        at += RECORD_HEAD_LEN + h.length;
    }
    return true;
}

static bool search_segment(const struct ledger *l, uint32_t number, bool last, struct search *s,
                           struct error *e)
{
    OWN(scan) struct scan *scan = NULL;
    enum scan_result r = SCAN_BATCH;

    *e = (struct error){.kind = ERROR_CORRUPT, .text = "what is to be erased is not found"};
    if (scan_open(l->dirfd, number, O_RDONLY, l->key, &scan, e) != SCAN_OPENED) {
        return error_add(e, "segment %u", number);
    }
    while ((r = scan_next(scan, e)) == SCAN_BATCH) {
        if (!take_batch(s, scan, e)) {
            return error_add(e, "segment %u", number);
        }
    }
    return r == SCAN_END || (r == SCAN_BAD && last); /* being written */
}

/* -- all of it -- */

bool erasing_do(struct ledger *l, const struct erasures *all, struct error *e)
{
    for (size_t i = 0; i < all->n; i++) {
        OWN(buf) struct buf body = {.max = CLEAR_MAX};
        if (!erase_in(l, &all->list[i], true, e)) {
            return false;
        }
        (void)atomic_fetch_add(&l->erasures, 1);
        erased_record_write(&body, all->list[i].seq);
        const struct ledger_record record = {RECORD_ERASED, buf_slice(&body)};
        if (!ledger_append_any(l, LEDGER_AWAITED, &record, 1, NULL, e)) {
            return false;
        }
    }
    return erasing_withdraw(l, e);
}

bool erasing_finish(struct ledger *l, struct error *e)
{
    struct search s = {0};
    struct ledger_head head;
    uint32_t number = 0;
    bool there = false;
    OWN(fd) int lock = -1;

    if (!read_file(l, &there, &s.from, &number, e)) {
        return false;
    }
    if (!there) {
        return true;
    }
    if (!packing_lock_out_backups(l, &lock, e)) {
        return false;
    }
    ledger_head(l, &head);
    bool ok = true;
    for (; ok && number <= head.segment; number++) {
        ok = search_segment(l, number, number == head.segment, &s, e);
    }
    ok = ok && erasing_do(l, &s.found, e);
    erasures_done(&s.found);
    return ok;
}
