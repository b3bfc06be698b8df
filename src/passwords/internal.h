/* passwords/internal - what reader and writer of a filter share. */
#pragma once

#include "passwords/filter.h"

#define FILTER_MAGIC      "POSTERN FILTER 1"
#define FILTER_MAGIC_LEN  16
#define FILTER_HEADER_LEN 64
#define FILTER_INDEX_LEN  12 /* u64 where the block begins, u32 its CRC-32 */
#define FILTER_BLOCK_LOG  9  /* a block has some 2^9 entries */

/* Places in the header; every number is big-endian. */
enum filter_header {
    FILTER_AT_RANGE = 16,
    FILTER_AT_BLOCKS = 24,
    FILTER_AT_COUNT = 32,
    FILTER_AT_BITS = 40,
    FILTER_AT_WIDTH = 44,
    FILTER_AT_DATA_LEN = 48,
    FILTER_AT_ZERO = 56,
    FILTER_AT_CHECK = 60,
};

__extension__ typedef unsigned __int128 filter_wide; /* a product of two of 64 bits */

/* The value that stands for a hash: order is kept. */
static inline uint64_t filter_value(uint64_t hash, uint64_t range)
{
    return (uint64_t)(((filter_wide)hash * range) >> 64);
}

static inline uint64_t filter_blocks(uint64_t range, unsigned width)
{
    return (range >> width) + ((range & ((UINT64_C(1) << width) - 1)) != 0);
}

/* Where the blocks begin, behind header and index. */
static inline uint64_t filter_data_at(uint64_t blocks)
{
    return FILTER_HEADER_LEN + (blocks + 1) * FILTER_INDEX_LEN;
}

/* CRC-32 (that of zlib) of a block's bytes and its number. */
uint32_t filter_check(uint64_t block, struct slice bytes);

/**
 * Look for a value in one block.
 *
 * @param wanted  counted from the block's first value; UINT64_MAX: only read it
 * @param count   set to the number of entries; when it was found, of those up to it
 * @return        FILTER_FAILED with ERROR_CORRUPT
 */
enum filter_answer filter_block_look(struct slice block, unsigned bits, unsigned width,
                                     uint64_t wanted, uint64_t *count, struct error *e) MUST_CHECK;
