#include "ledger/prove.h"

#include "ledger/heads.h"
#include "ledger/internal.h"

/* The subtrees of a proof, of which one at a time grows: ranges do not overlap. */
struct proof {
    struct merkle_range ranges[MERKLE_PROOF_MAX]; /* in the order of the proof */
    uint8_t nodes[MERKLE_PROOF_MAX][MERKLE_LEN];
    size_t n;
    uint64_t size; /* leaves that are needed */
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

static bool take(void *proof, const struct ledger_passed *passed, struct error *e)
{
    struct proof *p = proof;
    size_t i = range_of(p, passed->seq);

    (void)e;
    if (i == p->n) {
        return true;
    }
    merkle_push(&p->growing, p->digest, passed->leaf);
    if (p->growing.size == p->ranges[i].count) {
        merkle_root(&p->growing, p->digest, p->nodes[i]);
        p->growing.size = 0;
    }
    return true;
}

static bool fill(struct proof *p, int dirfd, struct buf *nodes, struct error *e)
{
    if (!ledger_heads(dirfd, p->size, take, p, e)) {
        return false;
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

/* ── many at once ── */

/* Subtrees from the left that are not parts of a larger one yet. */
struct subtree {
    uint8_t root[MERKLE_LEN];
    bool wanted; /* a record that is proved is in it */
};

struct batch {
    struct ledger_proved *records;
    size_t n;
    size_t next; /* of them */
    uint64_t size;
    struct subtree peaks[MERKLE_PEAKS_MAX];
    unsigned n_peaks;
    struct buf *nodes;
    struct digest *digest;
};

/* Of two of which one alone holds what is proved, the other is a node of the proof. */
static void join(struct batch *b, const struct subtree *left, const struct subtree *right,
                 struct subtree *out)
{
    struct subtree both = {.wanted = left->wanted || right->wanted};

    if (left->wanted != right->wanted) {
        buf_add(b->nodes, slice_of(left->wanted ? right->root : left->root, MERKLE_LEN));
    }
    merkle_node(b->digest, left->root, right->root, both.root);
    *out = both;
}

static void note(struct batch *b, const struct ledger_passed *passed)
{
    struct ledger_proved *r = &b->records[b->next++];

    r->type = passed->type;
    r->time_ms = passed->time_ms;
    (void)memcpy(r->commitment, passed->commitment, sizeof(r->commitment));
}

static bool add(void *batch, const struct ledger_passed *passed, struct error *e)
{
    struct batch *b = batch;
    struct subtree *last = &b->peaks[b->n_peaks++];

    (void)e;
    (void)memcpy(last->root, passed->leaf, sizeof(last->root));
    last->wanted = b->next < b->n && b->records[b->next].seq == passed->seq;
    if (last->wanted) {
        note(b, passed);
    }
    for (uint64_t carry = b->size++; carry & 1; carry >>= 1) {
        struct subtree *left = &b->peaks[b->n_peaks - 2];
        join(b, left, left + 1, left);
        b->n_peaks--;
    }
    return true;
}

bool ledger_prove_records(int dirfd, struct ledger_proved *records, size_t n,
                          const struct checkpoint *in, struct buf *nodes, struct error *e)
{
    OWN(digest) struct digest *digest = digest_new();
    struct batch b = {.records = records, .n = n, .nodes = nodes, .digest = digest};

    if (n && records[n - 1].seq >= in->size) {
        return error_set(e, ERROR_INPUT, "the checkpoint is older than the record");
    }
    buf_reset(nodes);
    if (!ledger_heads(dirfd, in->size, add, &b, e)) {
        return false;
    }
    while (b.n_peaks > 1) {
        struct subtree *left = &b.peaks[b.n_peaks - 2];
        join(&b, left, left + 1, left);
        b.n_peaks--;
    }
    if (nodes->full) {
        return error_set(e, ERROR_LIMIT, "a proof of so many records does not fit");
    }
    return (b.next == n && b.n_peaks == 1 && memcmp(b.peaks[0].root, in->root, MERKLE_LEN) == 0) ||
           error_set(e, ERROR_CORRUPT, "the ledger is not the one of the checkpoint");
}
