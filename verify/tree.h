/* verify/tree - the Merkle tree of RFC 9162 section 2.1: its root, and both kinds of proof.
 *
 * A tree of n leaves is kept as its peaks: the roots of its perfect subtrees, one for each set bit of
 * n, largest first. Plain values, no I/O. */
#pragma once

#include "verify/hash.h"

#define TREE_PEAKS_MAX 64

struct tree {
    uint64_t size;
    uint8_t peaks[TREE_PEAKS_MAX][HASH_LEN];
};

/* Add the hash of a leaf. */
void tree_push(struct tree *t, struct hash *h, const uint8_t leaf[static HASH_LEN]);

/* The root; of no leaves the hash of nothing. */
void tree_root(const struct tree *t, struct hash *h, uint8_t root[static HASH_LEN]);

/* Take a tree from its peaks, one behind the other. False when their number is not that of `size`. */
bool tree_load(struct tree *t, uint64_t size, struct view peaks)
    __attribute__((warn_unused_result));

/* Copy a tree: only the peaks that it has. */
void tree_copy(struct tree *to, const struct tree *from);

/* Whether two trees are the same. */
bool tree_same(const struct tree *a, const struct tree *b);

/* Whether `proof`, nodes one behind the other, shows that `leaf` is number `index` of the tree: section
 * 2.1.3.2. */
bool tree_includes(struct hash *h, uint64_t index, uint64_t size,
                   const uint8_t leaf[static HASH_LEN], struct view proof,
                   const uint8_t root[static HASH_LEN]) __attribute__((warn_unused_result));

/* Whether `proof` shows that the tree of `size1` leaves is the beginning of that of `size2`: section
 * 2.1.4.2. Every tree begins with the one of no leaves, and needs no proof for it. */
bool tree_continues(struct hash *h, uint64_t size1, const uint8_t root1[static HASH_LEN],
                    uint64_t size2, const uint8_t root2[static HASH_LEN], struct view proof)
    __attribute__((warn_unused_result));

/* A leaf of several that are proved at once. */
struct tree_leaf {
    uint64_t index;
    const uint8_t *hash; /* HASH_LEN bytes */
};

/* Whether `proof` shows that these leaves, n of them and ascending, are in the tree: section 14 of
 * docs/ledger-format.md; of one leaf it is as tree_includes(). */
bool tree_includes_all(struct hash *h, const struct tree_leaf *leaves, size_t n, uint64_t size,
                       struct view proof, const uint8_t root[static HASH_LEN])
    __attribute__((warn_unused_result));
