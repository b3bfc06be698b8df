#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b)
{
    free(b->ptr);
    *b = (struct buf){.max = b->max};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->full = false;
}

void buf_shrink(struct buf *b, size_t keep)
{
    if (b->capacity > keep) {
        buf_done(b);
    }
    buf_reset(b);
}

static void grow(struct buf *b, size_t need)
{
    size_t capacity = b->capacity ? b->capacity : 64;

    while (capacity < need) {
        capacity *= 2;
    }
    if (capacity > b->max) {
        capacity = b->max;
    }
    uint8_t *moved = realloc(b->ptr, capacity);
    if (!moved) {
        arena_panic("out of memory");
    }
    b->ptr = moved;
    b->capacity = capacity;
}

uint8_t *buf_room(struct buf *b, size_t len)
{
    if (b->full || len > b->max - b->len) {
        b->full = true;
        return NULL;
    }
    if (b->capacity - b->len < len || !b->ptr) {
        grow(b, b->len + len);
    }
    return b->ptr + b->len;
}

void buf_add(struct buf *b, struct slice s)
{
    if (s.len == 0) {
        return;
    }
    uint8_t *room = buf_room(b, s.len);
    if (room) {
        (void)memcpy(room, s.ptr, s.len);
        b->len += s.len;
    }
}

void buf_add_byte(struct buf *b, uint8_t byte)
{
    buf_add(b, (struct slice){&byte, 1});
}

void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, slice_text(text));
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    va_list again;

    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    /* vsnprintf ends with a NUL: it needs one byte of room that does not count. */
    uint8_t *room = n < 0 ? NULL : buf_room(b, (size_t)n + 1);
    if (room) {
        (void)vsnprintf((char *)room, (size_t)n + 1, format, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_drop(struct buf *b, size_t len)
{
    if (len >= b->len) {
        b->len = 0;
        return;
    }
    if (len) {
        b->len -= len;
        (void)memmove(b->ptr, b->ptr + len, b->len);
    }
}
