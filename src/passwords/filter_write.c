#include "passwords/filter_write.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/bytes.h"

#include "host/file.h"
#include "passwords/internal.h"

#define DATA_BUFFER  ((size_t)1 << 20)
#define INDEX_BUFFER (FILTER_INDEX_LEN * (size_t)4096)

/* Bytes on their way to one place of the file after the other. */
struct run {
    uint64_t at; /* where the first of them belongs */
    struct buf bytes;
};

struct filter_writer {
    int fd;
    unsigned bits;
    unsigned width;
    uint64_t range;
    uint64_t blocks;
    uint64_t block; /* the one that is being filled */
    uint64_t count;
    uint64_t data_len; /* of the blocks before */
    uint64_t last;     /* value; of any block */
    uint64_t hash;     /* the one before */
    bool begun;        /* the block has an entry */
    uint64_t pending;  /* bits of it, the last `n_pending` of which are not in `filling` */
    unsigned n_pending;
    size_t filled;
    uint8_t filling[FILTER_BLOCK_MAX];
    struct run data;
    struct run index;
};

struct filter_writer *filter_writer_new(int fd, uint64_t expected, unsigned bits)
{
    struct filter_writer *w = calloc(1, sizeof(*w));

    if (!w || expected < 1 || expected > FILTER_COUNT_MAX || bits < FILTER_BITS_MIN ||
        bits > FILTER_BITS_MAX) {
        arena_panic("a filter cannot be written so");
    }
    w->fd = fd;
    w->bits = bits;
    w->width = bits + FILTER_BLOCK_LOG;
    w->range = expected << bits;
    w->blocks = filter_blocks(w->range, w->width);
    w->index.at = FILTER_HEADER_LEN;
    w->data.at = filter_data_at(w->blocks);
    buf_init(&w->data.bytes, DATA_BUFFER + FILTER_BLOCK_MAX);
    buf_init(&w->index.bytes, INDEX_BUFFER + FILTER_INDEX_LEN);
    return w;
}

void filter_writer_free(struct filter_writer *w)
{
    if (w) {
        buf_done(&w->data.bytes);
        buf_done(&w->index.bytes);
        free(w);
    }
}

static bool write_run(const struct filter_writer *w, struct run *r, size_t keep, struct error *e)
{
    if (r->bytes.len <= keep) {
        return true;
    }
    if (!file_write_at(w->fd, r->at, buf_slice(&r->bytes), e)) {
        return error_add(e, "write the list of passwords");
    }
    r->at += r->bytes.len;
    buf_reset(&r->bytes);
    return true;
}

/* Add the low bits of `value`; false when the block is full. */
static bool put_bits(struct filter_writer *w, uint64_t value, unsigned bits)
{
    w->pending = w->pending << bits | value;
    w->n_pending += bits;
    while (w->n_pending >= 8) {
        if (w->filled == FILTER_BLOCK_MAX) {
            return false;
        }
        w->n_pending -= 8;
        w->filling[w->filled++] = (uint8_t)(w->pending >> w->n_pending);
    }
    return true;
}

/* The distance to the entry before by Rice's code: its high part in ones, a zero, `bits` low bits. */
static bool put_distance(struct filter_writer *w, uint64_t distance)
{
    bool fits = true;

    for (uint64_t ones = distance >> w->bits; ones && fits; ones--) {
        fits = put_bits(w, 1, 1);
    }
    return fits && put_bits(w, 0, 1) &&
           put_bits(w, distance & ((UINT64_C(1) << w->bits) - 1), w->bits);
}

static void add_index(struct filter_writer *w, uint32_t check)
{
    uint8_t entry[FILTER_INDEX_LEN];

    put64(entry, w->data_len);
    put32(entry + 8, check);
    buf_add(&w->index.bytes, SLICE_ARRAY(entry));
}

/* Put away the block and begin the next one. What fills its last byte are ones: no code begins so. */
static bool end_block(struct filter_writer *w, struct error *e)
{
    if (w->n_pending) {
        unsigned pad = 8 - w->n_pending;
        if (!put_bits(w, (UINT64_C(1) << pad) - 1, pad)) {
            return error_set(e, ERROR_INPUT, "the hashes crowd: they are not SHA-1 of passwords");
        }
    }
    struct slice block = slice_of(w->filling, w->filled);
    add_index(w, filter_check(w->block, block));
    buf_add(&w->data.bytes, block);
    w->data_len += block.len;
    w->block++;
    w->begun = false;
    w->filled = 0;
    w->pending = 0;
    return write_run(w, &w->data, DATA_BUFFER, e) && write_run(w, &w->index, INDEX_BUFFER, e);
}

bool filter_writer_add(struct filter_writer *w, uint64_t hash, struct error *e)
{
    uint64_t value = filter_value(hash, w->range);
    uint64_t start = value >> w->width << w->width;

    if (hash < w->hash) {
        return error_set(e, ERROR_INPUT, "the hashes do not ascend");
    }
    w->hash = hash;
    if (w->count && value == w->last) {
        return true;
    }
    while (w->block < value >> w->width) {
        if (!end_block(w, e)) {
            return false;
        }
    }
    if (!put_distance(w, w->begun ? value - w->last - 1 : value - start)) {
        return error_set(e, ERROR_INPUT, "the hashes crowd: they are not SHA-1 of passwords");
    }
    w->last = value;
    w->begun = true;
    w->count++;
    return true;
}

static bool write_header(const struct filter_writer *w, struct error *e)
{
    uint8_t header[FILTER_HEADER_LEN] = {0};

    (void)memcpy(header, FILTER_MAGIC, FILTER_MAGIC_LEN);
    put64(header + FILTER_AT_RANGE, w->range);
    put64(header + FILTER_AT_BLOCKS, w->blocks);
    put64(header + FILTER_AT_COUNT, w->count);
    put32(header + FILTER_AT_BITS, w->bits);
    put32(header + FILTER_AT_WIDTH, w->width);
    put64(header + FILTER_AT_DATA_LEN, w->data_len);
    put32(header + FILTER_AT_CHECK, filter_check(0, slice_of(header, FILTER_AT_CHECK)));
    return file_write_at(w->fd, 0, SLICE_ARRAY(header), e);
}

bool filter_writer_end(struct filter_writer *w, uint64_t *count, struct error *e)
{
    while (w->block < w->blocks) {
        if (!end_block(w, e)) {
            return false;
        }
    }
    add_index(w, 0); /* where the last block ends */
    if (!write_run(w, &w->data, 0, e) || !write_run(w, &w->index, 0, e) || !write_header(w, e)) {
        return false;
    }
    if (fsync(w->fd) != 0) {
        return error_errno(e, ERROR_BUSY, "sync the list of passwords");
    }
    *count = w->count;
    return true;
}
