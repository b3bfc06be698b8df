/* ledger/merkle - the tree of RFC 9162 section 2.1 in O(log n) memory.
 *
 * The state of a tree of n leaves is the roots of its perfect subtrees, one for each set bit of n,
 * largest first. Pushing a leaf costs one hash on average, the root one for each peak. Pure: no
 * I/O, plain values. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

#define MERKLE_LEN       32
#define MERKLE_PEAKS_MAX 64
#define MERKLE_PROOF_MAX 64 /* nodes of a proof */

struct digest;

struct merkle {
    uint64_t size;
    uint8_t peaks[MERKLE_PEAKS_MAX][MERKLE_LEN]; /* popcount(size) of them, largest tree first */
};

/* Hash of a leaf: SHA-256(0x00 || data), RFC 9162 section 2.1.1. */
void merkle_leaf(struct digest *d, struct slice data, uint8_t out[static MERKLE_LEN]);

/* Hash of a node: SHA-256(0x01 || left || right); `out` may be one of the two. */
void merkle_node(struct digest *d, const uint8_t left[static MERKLE_LEN],
                 const uint8_t right[static MERKLE_LEN], uint8_t out[static MERKLE_LEN]);

/* Append a leaf's hash. */
void merkle_push(struct merkle *m, struct digest *d, const uint8_t leaf[static MERKLE_LEN]);

/* The root; of an empty tree the hash of nothing. */
void merkle_root(const struct merkle *m, struct digest *d, uint8_t out[static MERKLE_LEN]);

/* Copy a tree: only the peaks that it has, a tenth of the struct for a million leaves. */
void merkle_copy(struct merkle *to, const struct merkle *from);

/* The peaks as one run of bytes, and back; false when `peaks` is not of `size`'s length. */
struct slice merkle_peaks(const struct merkle *m);
bool merkle_load(struct merkle *m, uint64_t size, struct slice peaks)
    __attribute__((warn_unused_result));

/* Whether `proof` (nodes one behind the other) shows that leaf `index` is in the tree, RFC 9162
 * section 2.1.3.2. */
bool merkle_check_inclusion(uint64_t index, uint64_t size, const uint8_t leaf[static MERKLE_LEN],
                            struct slice proof, const uint8_t root[static MERKLE_LEN])
    __attribute__((warn_unused_result));

/* Whether `proof` shows that the first tree is the beginning of the second, RFC 9162 section
 * 2.1.4.2. */
bool merkle_check_consistency(uint64_t size1, const uint8_t root1[static MERKLE_LEN],
                              uint64_t size2, const uint8_t root2[static MERKLE_LEN],
                              struct slice proof) __attribute__((warn_unused_result));

/* A run of leaves; as a part of a proof a subtree, of which the root is a node. */
struct merkle_range {
    uint64_t first, count;
};

/* The subtrees whose roots, in this order, prove that leaf `index` is in a tree of `size` leaves (RFC 9162
 * section 2.1.3.1), or that the tree of `size1` leaves is the beginning of that of `size2` (section
 * 2.1.4.1). Returns their number. index < size; size1 <= size2. */
size_t merkle_inclusion_ranges(uint64_t index, uint64_t size,
                               struct merkle_range ranges[static MERKLE_PROOF_MAX]);
size_t merkle_consistency_ranges(uint64_t size1, uint64_t size2,
                                 struct merkle_range ranges[static MERKLE_PROOF_MAX]);
