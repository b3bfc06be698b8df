/* base/buf - bytes under construction, with a limit that its owner must name.
 *
 * Adding past the limit adds nothing and makes the buffer `full` for good, so that a row of
 * additions is checked once, at its end: `if (buf.full) ...`. Owns its memory. Not thread-safe. */
#pragma once

#include "base/own.h"
#include "base/slice.h"

struct buf {
    uint8_t *ptr;
    size_t len;
    size_t capacity;
    size_t max;
    bool full; /* something did not fit: the content is not what was asked for */
};

/* Start an empty buffer that may hold up to `max` bytes; nothing is allocated yet. */
void buf_init(struct buf *b, size_t max);

/* Free the memory. The buffer is then as after buf_init(). */
void buf_done(struct buf *b);

/* Forget the content and `full`, keep the memory. */
void buf_reset(struct buf *b);

/* The same, and give the memory back when it is more than `keep` bytes. */
void buf_shrink(struct buf *b, size_t keep);

/* Append; what does not fit below `max` is dropped as a whole and sets `full`. */
void buf_add(struct buf *b, struct slice s);
void buf_add_byte(struct buf *b, uint8_t byte);
void buf_add_text(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for at least `len` more bytes, to be filled by the caller who then adds to b->len; NULL
 * (and b->full) when that would pass the limit. */
uint8_t *buf_room(struct buf *b, size_t len) __attribute__((warn_unused_result));

/* Drop the first `len` bytes and move the rest to the front. */
void buf_drop(struct buf *b, size_t len);

static inline struct slice buf_slice(const struct buf *b)
{
    return (struct slice){b->ptr, b->len};
}

OWN_VALUE(buf, struct buf, buf_done)
