#include "passwords/filter.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/bytes.h"

#include "host/file.h"
#include "passwords/internal.h"

static bool damaged(struct error *e, const char *what)
{
    return error_set(e, ERROR_CORRUPT,
                     "the list of passwords is damaged: %s; import it anew "
                     "(`postern passwords import`)",
                     what);
}

static bool read_exactly(const struct filter *f, uint64_t at, void *to, size_t len, struct error *e)
{
    size_t got = 0;

    if (at > f->size || len > f->size - at) {
        return damaged(e, "it ends too soon");
    }
    if (f->memory.ptr) {
        (void)memcpy(to, f->memory.ptr + at, len);
        return true;
    }
    return file_read_at(f->fd, at, to, len, &got, e) &&
           (got == len || damaged(e, "it ends too soon"));
}

uint32_t filter_check(uint64_t block, struct slice bytes)
{
    uint8_t number[8];

    put64(number, block);
    uLong crc = crc32(crc32(0, Z_NULL, 0), number, sizeof(number));
    return (uint32_t)crc32(crc, bytes.ptr, (uInt)bytes.len);
}

uint64_t filter_hash(struct slice bytes)
{
    uint8_t digest[SHA_DIGEST_LENGTH];

    if (EVP_Digest(bytes.ptr, bytes.len, digest, NULL, EVP_sha1(), NULL) != 1) {
        arena_panic("SHA-1 cannot be computed");
    }
    return get64(digest);
}

/* ── header ── */

static bool is_sound(const struct filter *f, uint64_t data_len)
{
    uint64_t index = FILTER_INDEX_LEN * (f->blocks + 1);

    return f->bits >= FILTER_BITS_MIN && f->bits <= FILTER_BITS_MAX && f->width < 40 &&
           f->range >= 1 && f->range <= FILTER_COUNT_MAX << f->bits &&
           f->blocks == filter_blocks(f->range, f->width) && f->count <= f->range &&
           f->blocks <= f->size / FILTER_INDEX_LEN && f->size >= FILTER_HEADER_LEN + index &&
           f->size - FILTER_HEADER_LEN - index == data_len;
}

static bool read_header(struct filter *f, struct error *e)
{
    uint8_t header[FILTER_HEADER_LEN];

    if (f->size < sizeof(header)) {
        return error_set(e, ERROR_CORRUPT, "this is no list of passwords of Postern's");
    }
    if (!read_exactly(f, 0, header, sizeof(header), e)) {
        return false;
    }
    if (memcmp(header, FILTER_MAGIC, FILTER_MAGIC_LEN) != 0) {
        return error_set(e, ERROR_CORRUPT,
                         "this is no list of passwords of Postern's, or one of a later version");
    }
    f->range = get64(header + FILTER_AT_RANGE);
    f->blocks = get64(header + FILTER_AT_BLOCKS);
    f->count = get64(header + FILTER_AT_COUNT);
    f->bits = get32(header + FILTER_AT_BITS);
    f->width = get32(header + FILTER_AT_WIDTH);
    return (get32(header + FILTER_AT_CHECK) == filter_check(0, slice_of(header, FILTER_AT_CHECK)) &&
            get32(header + FILTER_AT_ZERO) == 0 &&
            is_sound(f, get64(header + FILTER_AT_DATA_LEN))) ||
           damaged(e, "its header does not hold");
}

bool filter_open(struct filter *f, int fd, struct error *e)
{
    struct filter opened = {.fd = fd};
    struct stat about;

    if (fstat(fd, &about) != 0) {
        return error_errno(e, ERROR_BUSY, "the list of passwords");
    }
    if (!S_ISREG(about.st_mode)) {
        return damaged(e, "it is no file");
    }
    opened.size = (uint64_t)about.st_size;
    if (!read_header(&opened, e)) {
        return false;
    }
    *f = opened;
    return true;
}

bool filter_open_memory(struct filter *f, struct slice bytes, struct error *e)
{
    struct filter opened = {.fd = -1, .memory = bytes, .size = bytes.len};

    if (!read_header(&opened, e)) {
        return false;
    }
    *f = opened;
    return true;
}

/* ── blocks ── */

/* Bits of a block, the highest of each byte first. */
struct bits {
    struct slice bytes;
    size_t at; /* bits taken */
};

static size_t bits_left(const struct bits *b)
{
    return b->bytes.len * 8 - b->at;
}

/* The next bits, leftmost in the word, and how many of them there are: 57 or more, but at the end. */
static uint64_t next_bits(const struct bits *b, size_t *valid)
{
    const uint8_t *from = b->bytes.ptr + b->at / 8;
    size_t bytes = b->bytes.len - b->at / 8;
    size_t left = bits_left(b);
    uint8_t last[8] = {0};

    *valid = left < 64 - b->at % 8 ? left : 64 - b->at % 8;
    if (bytes >= sizeof(last)) {
        return get64(from) << b->at % 8;
    }
    (void)memcpy(last, from, bytes);
    return get64(last) << b->at % 8;
}

/* How many ones before the next zero, which is taken too; false when no zero is left. */
static bool take_ones(struct bits *b, uint64_t *ones)
{
    for (uint64_t n = 0; bits_left(b);) {
        size_t valid = 0;
        uint64_t word = ~next_bits(b, &valid);
        size_t here = word ? (size_t)__builtin_clzll(word) : 64;
        if (here < valid) {
            b->at += here + 1;
            *ones = n + here;
            return true;
        }
        b->at += valid;
        n += valid;
    }
    return false;
}

/* The next distance; *end when only padding is left. */
static bool take_distance(struct bits *b, unsigned bits, uint64_t *distance, bool *end,
                          struct error *e)
{
    size_t left = bits_left(b);
    size_t valid = 0;
    uint64_t ones = 0;

    *end = left == 0 || !take_ones(b, &ones);
    if (*end) {
        return left < 8 || damaged(e, "a block does not end as it must");
    }
    if (bits_left(b) < bits) {
        return damaged(e, "a block is cut");
    }
    *distance = ones << bits | next_bits(b, &valid) >> (64 - bits);
    b->at += bits;
    return true;
}

enum filter_answer filter_block_look(struct slice block, unsigned bits, unsigned width,
                                     uint64_t wanted, uint64_t *count, struct error *e)
{
    struct bits b = {.bytes = block};
    uint64_t value = 0;
    bool end = false;

    for (uint64_t n = 0;; n++) {
        uint64_t distance = 0;
        if (!take_distance(&b, bits, &distance, &end, e)) {
            return FILTER_FAILED;
        }
        *count = n;
        if (end) {
            return FILTER_ABSENT;
        }
        value += distance + (n != 0);
        if (value >> width) {
            (void)damaged(e, "a block holds what is not its own");
            return FILTER_FAILED;
        }
        if (value >= wanted) {
            *count = n + 1;
            return value == wanted ? FILTER_PRESENT : FILTER_ABSENT;
        }
    }
}

/* Read a block into `room`; its bytes are checked. */
static bool read_block(const struct filter *f, uint64_t number, uint8_t room[FILTER_BLOCK_MAX],
                       struct slice *block, struct error *e)
{
    uint8_t index[2 * FILTER_INDEX_LEN];
    uint64_t data_at = filter_data_at(f->blocks);

    if (!read_exactly(f, FILTER_HEADER_LEN + number * FILTER_INDEX_LEN, index, sizeof(index), e)) {
        return false;
    }
    uint64_t from = get64(index);
    uint64_t to = get64(index + FILTER_INDEX_LEN);
    if (from > to || to > f->size - data_at || to - from > FILTER_BLOCK_MAX) {
        return damaged(e, "its index does not hold");
    }
    struct slice bytes = slice_of(room, (size_t)(to - from));
    if (bytes.len && !read_exactly(f, data_at + from, room, bytes.len, e)) {
        return false;
    }
    if (filter_check(number, bytes) != get32(index + 8)) {
        return damaged(e, "a block does not fit its check sum");
    }
    *block = bytes;
    return true;
}

enum filter_answer filter_look(const struct filter *f, uint64_t hash, struct error *e)
{
    uint8_t room[FILTER_BLOCK_MAX];
    uint64_t value = filter_value(hash, f->range);
    uint64_t mask = (UINT64_C(1) << f->width) - 1;
    uint64_t count = 0;
    struct slice block;

    if (!read_block(f, value >> f->width, room, &block, e)) {
        return FILTER_FAILED;
    }
    return filter_block_look(block, f->bits, f->width, value & mask, &count, e);
}

/* Behind the last block's entry of the index stands where the blocks end. */
static bool read_end(const struct filter *f, struct error *e)
{
    uint8_t index[FILTER_INDEX_LEN];

    return read_exactly(f, FILTER_HEADER_LEN + f->blocks * FILTER_INDEX_LEN, index, sizeof(index),
                        e) &&
           ((get64(index) == f->size - filter_data_at(f->blocks) && get32(index + 8) == 0) ||
            damaged(e, "its index does not end as it must"));
}

bool filter_verify(const struct filter *f, struct error *e)
{
    uint8_t room[FILTER_BLOCK_MAX];
    uint64_t all = 0;

    for (uint64_t i = 0; i < f->blocks; i++) {
        uint64_t count = 0;
        struct slice block;
        if (!read_block(f, i, room, &block, e) ||
            filter_block_look(block, f->bits, f->width, UINT64_MAX, &count, e) == FILTER_FAILED) {
            return false;
        }
        all += count;
    }
    return read_end(f, e) && (all == f->count || damaged(e, "entries are missing"));
}
