#include "ledger/prove.h"

#include <fcntl.h>

#include "ledger/pack.h"
#include "ledger/scan.h"

/* The subtrees of a proof, of which one at a time grows: ranges do not overlap. */
struct proof {
    struct merkle_range ranges[MERKLE_PROOF_MAX]; /* in the order of the proof */
    uint8_t nodes[MERKLE_PROOF_MAX][MERKLE_LEN];
    size_t n;
    uint64_t size; /* leaves that are needed */
    uint64_t next; /* the leaf that is due */
    struct merkle growing;
    struct digest *digest;
};

/* The range that leaf `seq` is in; n when in none. */
static size_t range_of(const struct proof *p, uint64_t seq)
{
    size_t i = 0;

    while (i < p->n && seq - p->ranges[i].first >= p->ranges[i].count) {
        i++;
    }
    return i;
}

static void take(struct proof *p, const uint8_t leaf[static MERKLE_LEN])
{
    size_t i = range_of(p, p->next++);

    if (i == p->n) {
        return;
    }
    merkle_push(&p->growing, p->digest, leaf);
    if (p->growing.size == p->ranges[i].count) {
        merkle_root(&p->growing, p->digest, p->nodes[i]);
        p->growing.size = 0;
    }
}

/* The records of a batch that is whole. */
static bool take_batch(struct proof *p, struct scan *s, struct error *e)
{
    const struct scan_state *state = scan_state(s);
    uint64_t offset = state->from ? state->from : SEGMENT_HEAD_LEN;

    while (offset < state->at && p->next < p->size) {
        struct record_head h;
        const uint8_t *bytes = NULL;
        uint8_t leaf[MERKLE_LEN];
        if (scan_head(s, offset, &h, &bytes, e) != SCAN_BATCH || h.seq != p->next) {
            return error_set(e, ERROR_CORRUPT, "segment %u: a record is not the next",
                             state->number);
        }
        record_leaf(p->digest, &h, leaf);
        take(p, leaf);
        offset += RECORD_HEAD_LEN + h.length;
    }
    return true;
}

/* Where a segment ends, as its successor says; UINT64_MAX when it has none. */
static bool end_of(int dirfd, uint32_t number, uint64_t *end, struct error *e)
{
    OWN(scan) struct scan *s = NULL;
    OWN(pack) struct pack *pack = NULL;

    *end = UINT64_MAX;
    switch (scan_open(dirfd, number + 1, O_RDONLY, NULL, &s, e)) {
    case SCAN_OPENED:
        break;
    case SCAN_MISSING:
        switch (pack_open(dirfd, 0, number + 1, NULL, NULL, &pack, e)) {
        case PACK_OPENED:
            return pack_start_length(dirfd, number + 1, end, e);
        case PACK_MISSING:
            return true;
        case PACK_NOT_OPENED:
            return false;
        }
        return false;
    case SCAN_NOT_OPENED:
        return false;
    }
    if (scan_next(s, e) == SCAN_FAILED) {
        return false;
    }
    if (scan_state(s)->start_whole) {
        *end = scan_state(s)->start.length;
    }
    return true;
}

static bool take_segment(struct proof *p, int dirfd, struct scan *s, struct error *e)
{
    const struct scan_state *state = scan_state(s);
    enum scan_result r = SCAN_BATCH;
    uint64_t end = 0;

    if (!end_of(dirfd, state->number, &end, e)) {
        return false;
    }
    while (r == SCAN_BATCH && p->next < p->size && state->at < end) {
        struct error why;
        r = scan_next(s, &why);
        if (r == SCAN_FAILED) {
            *e = why;
            return false;
        }
        if (r == SCAN_BATCH && !take_batch(p, s, e)) {
            return false;
        }
    }
    return true;
}

static bool take_pack(struct proof *p, struct pack *pack, struct error *e)
{
    for (uint32_t i = 0; i < pack->head.records && p->next < p->size; i++) {
        struct pack_entry entry;
        uint8_t leaf[MERKLE_LEN];
        if (!pack_entry(pack, i, &entry, e)) {
            return false;
        }
        struct record_head h = pack_record_head(&entry, pack->head.first + i);
        if (h.seq != p->next) {
            return error_set(e, ERROR_CORRUPT, "pack %u: a record is not the next",
                             pack->head.number);
        }
        record_leaf(p->digest, &h, leaf);
        take(p, leaf);
    }
    return true;
}

static bool take_file(struct proof *p, int dirfd, uint32_t number, struct error *e)
{
    OWN(scan) struct scan *s = NULL;
    OWN(pack) struct pack *pack = NULL;

    switch (scan_open(dirfd, number, O_RDONLY, NULL, &s, e)) {
    case SCAN_OPENED:
        return take_segment(p, dirfd, s, e);
    case SCAN_NOT_OPENED:
        return false;
    case SCAN_MISSING:
        break;
    }
    switch (pack_open(dirfd, 0, number, NULL, NULL, &pack, e)) {
    case PACK_OPENED:
        return take_pack(p, pack, e);
    case PACK_MISSING:
        return error_set(e, ERROR_CORRUPT,
                         "the ledger ends before the checkpoint: it has %llu records",
                         (unsigned long long)p->next);
    case PACK_NOT_OPENED:
        break;
    }
    return false;
}

static bool fill(struct proof *p, int dirfd, struct buf *nodes, struct error *e)
{
    uint64_t before = UINT64_MAX;

    for (uint32_t number = 1; p->next < p->size; number++) {
        if (before == p->next) {
            return error_set(e, ERROR_CORRUPT, "segment %u is damaged", number - 1);
        }
        before = p->next;
        if (!take_file(p, dirfd, number, e)) {
            return error_add(e, "ledger");
        }
    }
    buf_reset(nodes);
    for (size_t i = 0; i < p->n; i++) {
        buf_add(nodes, SLICE_ARRAY(p->nodes[i]));
    }
    return true;
}

void ledger_leaf(uint64_t seq, uint16_t type, int64_t time_ms, const uint8_t commitment[static 32],
                 uint8_t leaf[static MERKLE_LEN])
{
    OWN(digest) struct digest *d = digest_new();
    struct record_head h = {.seq = seq, .type = type, .time_ms = time_ms};

    (void)memcpy(h.commitment, commitment, sizeof(h.commitment));
    record_leaf(d, &h, leaf);
}

bool ledger_prove_record(int dirfd, uint64_t seq, const uint8_t leaf[static MERKLE_LEN],
                         const struct checkpoint *in, struct buf *nodes, struct error *e)
{
    OWN(digest) struct digest *digest = digest_new();
    struct proof p = {.size = in->size, .digest = digest};

    if (seq >= in->size) {
        return error_set(e, ERROR_INPUT, "the checkpoint is older than the record");
    }
    p.n = merkle_inclusion_ranges(seq, in->size, p.ranges);
    return fill(&p, dirfd, nodes, e) &&
           (merkle_check_inclusion(seq, in->size, leaf, buf_slice(nodes), in->root) ||
            error_set(e, ERROR_CORRUPT, "the ledger is not the one of the checkpoint"));
}

bool ledger_prove_growth(int dirfd, const struct checkpoint *from, const struct checkpoint *to,
                         struct buf *nodes, struct error *e)
{
    OWN(digest) struct digest *digest = digest_new();
    struct proof p = {.size = to->size, .digest = digest};

    if (from->size > to->size) {
        return error_set(e, ERROR_INPUT, "the first checkpoint is newer than the second");
    }
    p.n = merkle_consistency_ranges(from->size, to->size, p.ranges);
    p.size = p.n ? to->size : 0;
    return fill(&p, dirfd, nodes, e) && (merkle_check_consistency(from->size, from->root, to->size,
                                                                  to->root, buf_slice(nodes)) ||
                                         error_set(e, ERROR_CORRUPT,
                                                   "the ledger is not the one of both checkpoints: "
                                                   "it was rolled back, or is another"));
}
