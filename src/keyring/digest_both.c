/* SHA-256 of two streams at once, by the processor's own instructions (FIPS 180-4 section 6.2). One chain of
 * rounds waits for itself half of the time; the other fills that half. Where the instructions are missing,
 * and on other processors, OpenSSL digests one after the other. */
#include "keyring/digest.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define BLOCK_LEN  64
#define LENGTH_LEN 8
#define FRONT_MAX  ((size_t)256)
#define LANES      2

#define BY_INSTRUCTION __attribute__((target("sha,sse4.1")))
#define INLINED        __attribute__((target("sha,sse4.1"), always_inline)) static inline

static const uint32_t initial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* The eight words as the instructions want them: ABEF and CDGH. */
struct lane {
    __m128i abef;
    __m128i cdgh;
};

INLINED __m128i load(const void *from)
{
    return _mm_loadu_si128((const __m128i *)from);
}

INLINED void lane_init(struct lane *l)
{
    __m128i cdab = _mm_shuffle_epi32(load(initial), 0xb1);
    __m128i efgh = _mm_shuffle_epi32(load(initial + 4), 0x1b);

    l->abef = _mm_alignr_epi8(cdab, efgh, 8);
    l->cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

/* Big-endian, as the hash is written. */
INLINED void lane_write(const struct lane *l, uint8_t out[static DIGEST_LEN])
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i feba = _mm_shuffle_epi32(l->abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(l->cdgh, 0xb1);
    __m128i low = _mm_blend_epi16(feba, dchg, 0xf0);
    __m128i high = _mm_alignr_epi8(dchg, feba, 8);

    _mm_storeu_si128((__m128i *)(void *)out, _mm_shuffle_epi8(low, swap));
    _mm_storeu_si128((__m128i *)(void *)(out + DIGEST_LEN / 2), _mm_shuffle_epi8(high, swap));
}

/* Four rounds, the `i`-th of sixteen; `w`: the last sixteen words of the message schedule. */
INLINED void four_rounds(struct lane *l, __m128i w[static 4], const uint8_t *block, int i)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

    if (i < 4) {
        w[i] = _mm_shuffle_epi8(load(block + 16 * i), swap);
    } else {
        __m128i older = _mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]);
        __m128i newer = _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4);
        w[i & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(older, newer), w[(i + 3) & 3]);
    }
    __m128i sum = _mm_add_epi32(w[i & 3], load(constants + 4 * (size_t)i));
    l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, sum);
    l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(sum, 0x0e));
}

/* Digest `n` blocks of each of the first `lanes` streams. Inlined, so that it becomes straight code for
 * one and for two. */
INLINED void blocks(struct lane *l, const uint8_t *const *from, int lanes, size_t n)
{
    for (size_t at = 0; at < n * BLOCK_LEN; at += BLOCK_LEN) {
        __m128i abef[LANES];
        __m128i cdgh[LANES];
        __m128i words[LANES][4];
        for (int k = 0; k < lanes; k++) {
            abef[k] = l[k].abef;
            cdgh[k] = l[k].cdgh;
        }
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            for (int k = 0; k < lanes; k++) {
                four_rounds(&l[k], words[k], from[k] + at, i);
            }
        }
        for (int k = 0; k < lanes; k++) {
            l[k].abef = _mm_add_epi32(l[k].abef, abef[k]);
            l[k].cdgh = _mm_add_epi32(l[k].cdgh, cdgh[k]);
        }
    }
}

BY_INSTRUCTION static void blocks_of_one(struct lane *l, const uint8_t *from, size_t n)
{
    struct lane one = *l;

    blocks(&one, &from, 1, n);
    *l = one;
}

BY_INSTRUCTION static void blocks_of_two(struct lane *l, const uint8_t *a, const uint8_t *b,
                                         size_t n)
{
    struct lane two[LANES] = {l[0], l[1]};
    const uint8_t *const from[LANES] = {a, b};

    blocks(two, from, LANES, n);
    l[0] = two[0];
    l[1] = two[1];
}

/* What is left of a stream of `total` bytes, padded (FIPS 180-4 section 5.1.1). */
BY_INSTRUCTION static void finish(struct lane *l, struct slice rest, size_t total,
                                  uint8_t out[static DIGEST_LEN])
{
    uint8_t last[2 * BLOCK_LEN] = {0};
    size_t whole = rest.len / BLOCK_LEN;

    blocks_of_one(l, rest.ptr, whole);
    rest = slice_from(rest, whole * BLOCK_LEN);
    size_t n = rest.len + 1 + LENGTH_LEN <= BLOCK_LEN ? 1 : 2;
    if (rest.len) {
        (void)memcpy(last, rest.ptr, rest.len);
    }
    last[rest.len] = 0x80;
    for (size_t i = 0; i < LENGTH_LEN; i++) {
        last[n * BLOCK_LEN - 1 - i] = (uint8_t)((uint64_t)total * 8 >> 8 * i);
    }
    blocks_of_one(l, last, n);
    lane_write(l, out);
    explicit_bzero(last, sizeof(last));
}

static bool has_instructions(void)
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;

    bool vectors = __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSSE3) != 0 && (c & bit_SSE4_1) != 0;
    return vectors && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA) != 0;
}

/* The front fills up a block with the first of the bytes, so that both streams go on in the bytes alone. */
BY_INSTRUCTION static void both_by_instruction(struct slice front, struct slice bytes,
                                               uint8_t alone[static DIGEST_LEN],
                                               uint8_t behind[static DIGEST_LEN])
{
    struct lane l[LANES];
    uint8_t first[FRONT_MAX + BLOCK_LEN];
    size_t filled = (front.len + BLOCK_LEN - 1) / BLOCK_LEN * BLOCK_LEN;
    size_t taken = filled - front.len;
    size_t n = (bytes.len - taken) / BLOCK_LEN;

    lane_init(&l[0]);
    lane_init(&l[1]);
    (void)memcpy(first, front.ptr, front.len);
    (void)memcpy(first + front.len, bytes.ptr, taken);
    blocks_of_one(&l[1], first, filled / BLOCK_LEN);
    blocks_of_two(l, bytes.ptr, bytes.ptr + taken, n);
    finish(&l[0], slice_from(bytes, n * BLOCK_LEN), bytes.len, alone);
    finish(&l[1], slice_from(bytes, taken + n * BLOCK_LEN), front.len + bytes.len, behind);
    explicit_bzero(first, sizeof(first));
}

static bool is_worth_it(struct slice front, struct slice bytes)
{
    return front.len > 0 && front.len <= FRONT_MAX && bytes.len >= BLOCK_LEN && has_instructions();
}

#else

static bool is_worth_it(struct slice front, struct slice bytes)
{
    (void)front;
    (void)bytes;
    return false;
}

static void both_by_instruction(struct slice front, struct slice bytes,
                                uint8_t alone[static DIGEST_LEN], uint8_t behind[static DIGEST_LEN])
{
    (void)front;
    (void)bytes;
    (void)alone;
    (void)behind;
}

#endif

void digest_both(struct slice front, struct slice bytes, uint8_t alone[static DIGEST_LEN],
                 uint8_t behind[static DIGEST_LEN])
{
    if (is_worth_it(front, bytes)) {
        both_by_instruction(front, bytes, alone, behind);
    } else {
        digest_of(bytes, SLICE_NONE, alone);
        digest_of(front, bytes, behind);
    }
}
