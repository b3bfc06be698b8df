#include "ledger/merkle.h"

#include "keyring/digest.h"

void merkle_node(struct digest *d, const uint8_t left[static MERKLE_LEN],
                 const uint8_t right[static MERKLE_LEN], uint8_t out[static MERKLE_LEN])
{
    uint8_t input[1 + 2 * MERKLE_LEN] = {0x01};

    (void)memcpy(input + 1, left, MERKLE_LEN);
    (void)memcpy(input + 1 + MERKLE_LEN, right, MERKLE_LEN);
    digest_add(d, SLICE_ARRAY(input));
    digest_end(d, out);
}

static unsigned peaks_of(uint64_t size)
{
    return (unsigned)__builtin_popcountll(size);
}

void merkle_leaf(struct digest *d, struct slice data, uint8_t out[static MERKLE_LEN])
{
    static const uint8_t prefix[1] = {0x00};

    digest_add(d, SLICE_ARRAY(prefix));
    digest_add(d, data);
    digest_end(d, out);
}

/* As adding one to a binary number: each carry merges two equal trees. */
void merkle_push(struct merkle *m, struct digest *d, const uint8_t leaf[static MERKLE_LEN])
{
    unsigned n = peaks_of(m->size);

    (void)memcpy(m->peaks[n], leaf, MERKLE_LEN);
    for (uint64_t carry = m->size; carry & 1; carry >>= 1) {
        merkle_node(d, m->peaks[n - 1], m->peaks[n], m->peaks[n - 1]);
        n--;
    }
    m->size++;
}

void merkle_root(const struct merkle *m, struct digest *d, uint8_t out[static MERKLE_LEN])
{
    unsigned n = peaks_of(m->size);

    if (n == 0) {
        digest_end(d, out);
        return;
    }
    (void)memcpy(out, m->peaks[n - 1], MERKLE_LEN);
    for (unsigned i = n - 1; i > 0; i--) {
        merkle_node(d, m->peaks[i - 1], out, out);
    }
}

void merkle_copy(struct merkle *to, const struct merkle *from)
{
    to->size = from->size;
    (void)memmove(to->peaks, from->peaks, merkle_peaks(from).len);
}

struct slice merkle_peaks(const struct merkle *m)
{
    return slice_of(m->peaks, (size_t)peaks_of(m->size) * MERKLE_LEN);
}

bool merkle_load(struct merkle *m, uint64_t size, struct slice peaks)
{
    if (peaks.len != (size_t)peaks_of(size) * MERKLE_LEN) {
        return false;
    }
    *m = (struct merkle){.size = size};
    if (peaks.len) {
        (void)memcpy(m->peaks, peaks.ptr, peaks.len);
    }
    return true;
}

/* The next node of a proof, or NULL when it is used up. */
static const uint8_t *take_node(struct slice *proof)
{
    if (proof->len < MERKLE_LEN) {
        return NULL;
    }
    const uint8_t *node = proof->ptr;
    *proof = slice_from(*proof, MERKLE_LEN);
    return node;
}

bool merkle_check_inclusion(uint64_t index, uint64_t size, const uint8_t leaf[static MERKLE_LEN],
                            struct slice proof, const uint8_t root[static MERKLE_LEN])
{
    uint8_t r[MERKLE_LEN];

    if (index >= size || proof.len % MERKLE_LEN) {
        return false;
    }
    OWN(digest) struct digest *d = digest_new();
    uint64_t fn = index;
    uint64_t sn = size - 1;
    (void)memcpy(r, leaf, MERKLE_LEN);
    for (const uint8_t *p = take_node(&proof); p; p = take_node(&proof)) {
        if (sn == 0) {
            return false;
        }
        if ((fn & 1) || fn == sn) {
            merkle_node(d, p, r, r);
            while (!(fn & 1) && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            merkle_node(d, r, p, r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && memcmp(r, root, MERKLE_LEN) == 0;
}

/* RFC 9162 section 2.1.4.2, steps 4 to 7: fold the proof into both roots at once. */
static bool fold_both(uint64_t size1, uint64_t size2, struct slice proof,
                      uint8_t fr[static MERKLE_LEN], uint8_t sr[static MERKLE_LEN])
{
    OWN(digest) struct digest *d = digest_new();
    uint64_t fn = size1 - 1;
    uint64_t sn = size2 - 1;

    while (fn & 1) {
        fn >>= 1;
        sn >>= 1;
    }
    for (const uint8_t *c = take_node(&proof); c; c = take_node(&proof)) {
        if (sn == 0) {
            return false;
        }
        if ((fn & 1) || fn == sn) {
            merkle_node(d, c, fr, fr);
            merkle_node(d, c, sr, sr);
            while (!(fn & 1) && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            merkle_node(d, sr, c, sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0;
}

bool merkle_check_consistency(uint64_t size1, const uint8_t root1[static MERKLE_LEN],
                              uint64_t size2, const uint8_t root2[static MERKLE_LEN],
                              struct slice proof)
{
    uint8_t fr[MERKLE_LEN];
    uint8_t sr[MERKLE_LEN];

    if (size1 > size2 || proof.len % MERKLE_LEN) {
        return false;
    }
    if (size1 == size2) {
        return proof.len == 0 && memcmp(root1, root2, MERKLE_LEN) == 0;
    }
    if (size1 == 0) { /* an empty tree is the beginning of every tree */
        uint8_t empty[MERKLE_LEN];
        digest_of(SLICE_NONE, SLICE_NONE, empty);
        return proof.len == 0 && memcmp(root1, empty, MERKLE_LEN) == 0;
    }
    /* A perfect first tree is a node of the second: its root stands for the proof's first node. */
    const uint8_t *seed = (size1 & (size1 - 1)) ? take_node(&proof) : root1;
    if (!seed || proof.len == 0) {
        return false;
    }
    (void)memcpy(fr, seed, MERKLE_LEN);
    (void)memcpy(sr, seed, MERKLE_LEN);
    return fold_both(size1, size2, proof, fr, sr) && memcmp(fr, root1, MERKLE_LEN) == 0 &&
           memcmp(sr, root2, MERKLE_LEN) == 0;
}

/* The largest power of two below n, which is 2 or more: where a tree is split. */
static uint64_t split_of(uint64_t n)
{
    return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* Found from the root down, wanted from the leaf up. */
static void reverse(struct merkle_range *ranges, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct merkle_range other = ranges[i];
        ranges[i] = ranges[n - 1 - i];
        ranges[n - 1 - i] = other;
    }
}

size_t merkle_inclusion_ranges(uint64_t index, uint64_t size,
                               struct merkle_range ranges[static MERKLE_PROOF_MAX])
{
    uint64_t first = 0;
    size_t n = 0;

    while (size > 1) {
        uint64_t left = split_of(size);
        if (index - first < left) {
            ranges[n++] = (struct merkle_range){first + left, size - left};
            size = left;
        } else {
            ranges[n++] = (struct merkle_range){first, left};
            first += left;
            size -= left;
        }
    }
    reverse(ranges, n);
    return n;
}

size_t merkle_consistency_ranges(uint64_t size1, uint64_t size2,
                                 struct merkle_range ranges[static MERKLE_PROOF_MAX])
{
    uint64_t first = 0;
    size_t n = 0;
    bool whole = true; /* what is left of the first tree is that tree, which the asker knows */

    if (size1 == 0) {
        return 0;
    }
    while (size1 < size2) {
        uint64_t left = split_of(size2);
        if (size1 <= left) {
            ranges[n++] = (struct merkle_range){first + left, size2 - left};
            size2 = left;
        } else {
            ranges[n++] = (struct merkle_range){first, left};
            first += left;
            size1 -= left;
            size2 -= left;
            whole = false;
        }
    }
    if (!whole) {
        ranges[n++] = (struct merkle_range){first, size2};
    }
    reverse(ranges, n);
    return n;
}
