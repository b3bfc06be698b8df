#include "verify/tree.h"

static unsigned peaks_of(uint64_t size)
{
    return (unsigned)__builtin_popcountll(size);
}

/* `out` may be one of the two. */
static void node(struct hash *h, const uint8_t *left, const uint8_t *right, uint8_t *out)
{
    static const uint8_t inner = 1;

    hash_add(h, &inner, 1);
    hash_add(h, left, HASH_LEN);
    hash_add(h, right, HASH_LEN);
    hash_end(h, out);
}

void tree_push(struct tree *t, struct hash *h, const uint8_t leaf[static HASH_LEN])
{
    unsigned n = peaks_of(t->size);

    if (t->size == UINT64_MAX) {
        return; /* no file is that long */
    }
    uint8_t sum[HASH_LEN];
    (void)memcpy(sum, leaf, sizeof(sum));
    for (uint64_t rest = t->size; rest & 1; rest >>= 1) {
        node(h, t->peaks[--n], sum, sum);
    }
    (void)memcpy(t->peaks[n], sum, sizeof(sum));
    t->size++;
}

void tree_root(const struct tree *t, struct hash *h, uint8_t root[static HASH_LEN])
{
    unsigned n = peaks_of(t->size);

    if (n == 0) {
        hash_begin(h);
        hash_end(h, root);
        return;
    }
    (void)memcpy(root, t->peaks[--n], HASH_LEN);
    while (n) {
        node(h, t->peaks[--n], root, root);
    }
}

bool tree_load(struct tree *t, uint64_t size, struct view peaks)
{
    if (peaks.len != (size_t)peaks_of(size) * HASH_LEN) {
        return false;
    }
    t->size = size;
    if (peaks.len) {
        (void)memcpy(t->peaks, peaks.at, peaks.len);
    }
    return true;
}

void tree_copy(struct tree *to, const struct tree *from)
{
    to->size = from->size;
    (void)memcpy(to->peaks, from->peaks, (size_t)peaks_of(from->size) * HASH_LEN);
}

bool tree_same(const struct tree *a, const struct tree *b)
{
    return a->size == b->size &&
           memcmp(a->peaks, b->peaks, (size_t)peaks_of(a->size) * HASH_LEN) == 0;
}

bool tree_includes(struct hash *h, uint64_t index, uint64_t size,
                   const uint8_t leaf[static HASH_LEN], struct view proof,
                   const uint8_t root[static HASH_LEN])
{
    uint8_t sum[HASH_LEN];
    uint64_t at = index;
    uint64_t last = size - 1;

    if (index >= size || proof.len % HASH_LEN) {
        return false;
    }
    (void)memcpy(sum, leaf, sizeof(sum));
    for (; proof.len; proof.at += HASH_LEN, proof.len -= HASH_LEN) {
        if (last == 0) {
            return false;
        }
        if ((at & 1) || at == last) {
            node(h, proof.at, sum, sum);
            while (!(at & 1) && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            node(h, sum, proof.at, sum);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0 && same(sum, root, sizeof(sum));
}

/* Fold the proof into both roots at once. */
static bool fold(struct hash *h, uint64_t at, uint64_t last, struct view proof,
                 uint8_t sum1[static HASH_LEN], uint8_t sum2[static HASH_LEN])
{
    for (; proof.len; proof.at += HASH_LEN, proof.len -= HASH_LEN) {
        if (last == 0) {
            return false;
        }
        if ((at & 1) || at == last) {
            node(h, proof.at, sum1, sum1);
            node(h, proof.at, sum2, sum2);
            while (!(at & 1) && at != 0) {
                at >>= 1;
                last >>= 1;
            }
        } else {
            node(h, sum2, proof.at, sum2);
        }
        at >>= 1;
        last >>= 1;
    }
    return last == 0;
}

bool tree_continues(struct hash *h, uint64_t size1, const uint8_t root1[static HASH_LEN],
                    uint64_t size2, const uint8_t root2[static HASH_LEN], struct view proof)
{
    uint8_t sum1[HASH_LEN];
    uint8_t sum2[HASH_LEN];

    if (size1 > size2 || proof.len % HASH_LEN) {
        return false;
    }
    if (size1 == 0) {
        hash_begin(h);
        hash_end(h, sum1);
        return proof.len == 0 && same(sum1, root1, sizeof(sum1));
    }
    if (size1 == size2) {
        return proof.len == 0 && same(root1, root2, HASH_LEN);
    }
    if (proof.len == 0) {
        return false;
    }
    uint64_t at = size1 - 1;
    uint64_t last = size2 - 1;
    while (at & 1) {
        at >>= 1;
        last >>= 1;
    }
    /* A first tree that is perfect is a node of the second, and stands for itself. */
    if (at == 0) {
        (void)memcpy(sum1, root1, sizeof(sum1));
    } else {
        (void)memcpy(sum1, proof.at, sizeof(sum1));
        proof.at += HASH_LEN;
        proof.len -= HASH_LEN;
    }
    (void)memcpy(sum2, sum1, sizeof(sum2));
    return fold(h, at, last, proof, sum1, sum2) && same(sum1, root1, sizeof(sum1)) &&
           same(sum2, root2, sizeof(sum2));
}

/* Leaves that are proved, from the left, and the nodes that are not used yet. */
struct batch {
    struct hash *h;
    const struct tree_leaf *leaves;
    size_t n, next;
    struct view proof;
};

static bool take_node(struct batch *b, uint8_t out[static HASH_LEN])
{
    if (b->proof.len < HASH_LEN) {
        return false;
    }
    (void)memcpy(out, b->proof.at, HASH_LEN);
    b->proof.at += HASH_LEN;
    b->proof.len -= HASH_LEN;
    return true;
}

static bool is_before(const struct batch *b, uint64_t end)
{
    return b->next < b->n && b->leaves[b->next].index < end;
}

/* The root of the leaves from `low` to `high`, of which the next one that is proved is one. As deep as 64. */
static bool root_of(struct batch *b, uint64_t low, uint64_t high, uint8_t out[static HASH_LEN])
{
    uint8_t left[HASH_LEN];
    uint8_t right[HASH_LEN];

    if (high - low == 1) {
        (void)memcpy(out, b->leaves[b->next++].hash, HASH_LEN);
        return true;
    }
    uint64_t middle = low + ((uint64_t)1 << (63 - __builtin_clzll(high - low - 1)));
    bool in_left = is_before(b, middle);
    if (in_left && !root_of(b, low, middle, left)) {
        return false;
    }
    bool in_right = is_before(b, high);
    if (in_right && !root_of(b, middle, high, right)) {
        return false;
    }
    if ((!in_left && !take_node(b, left)) || (!in_right && !take_node(b, right))) {
        return false;
    }
    node(b->h, left, right, out);
    return true;
}

bool tree_includes_all(struct hash *h, const struct tree_leaf *leaves, size_t n, uint64_t size,
                       struct view proof, const uint8_t root[static HASH_LEN])
{
    struct batch b = {.h = h, .leaves = leaves, .n = n, .proof = proof};
    uint8_t sum[HASH_LEN];

    if (n == 0 || leaves[n - 1].index >= size) {
        return false;
    }
    for (size_t i = 1; i < n; i++) {
        if (leaves[i - 1].index >= leaves[i].index) {
            return false;
        }
    }
    return root_of(&b, 0, size, sum) && b.next == n && b.proof.len == 0 &&
           same(sum, root, sizeof(sum));
}
