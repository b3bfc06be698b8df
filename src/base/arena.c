#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>

#define CHUNK_MIN 8192 /* what arena_reset() keeps; most requests fit into it */

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* bytes behind this header */
    _Alignas(max_align_t) uint8_t bytes[];
};

_Noreturn void arena_panic(const char *why)
{
    (void)fprintf(stderr, "level=error event=process.panic reason=\"%s\"\n", why);
    abort();
}

void arena_init(struct arena *a, size_t max_bytes)
{
    *a = (struct arena){.max = max_bytes};
}

static void free_chunks(struct arena_chunk *c, bool wipe)
{
    while (c) {
        struct arena_chunk *older = c->older;
        if (wipe) {
            explicit_bzero(c->bytes, c->size);
        }
        free(c);
        c = older;
    }
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *newest = a->chunks;

    if (!newest) {
        return;
    }
    if (newest->size > CHUNK_MIN) {
        arena_done(a);
        return;
    }
    free_chunks(newest->older, a->wipes);
    if (a->wipes) {
        explicit_bzero(newest->bytes, a->used);
    }
    newest->older = NULL;
    a->used = 0;
    a->total = newest->size;
    a->wipes = false;
}

void arena_done(struct arena *a)
{
    free_chunks(a->chunks, a->wipes);
    *a = (struct arena){.max = a->max};
}

static void add_chunk(struct arena *a, size_t need)
{
    size_t size = a->chunks ? a->chunks->size * 2 : CHUNK_MIN;

    if (size < need) {
        size = need;
    }
    if (size > a->max - a->total) {
        size = a->max - a->total; /* the last chunk takes what is left */
    }
    if (size < need) {
        arena_panic("an arena reached its limit");
    }
    struct arena_chunk *c = malloc(sizeof(*c) + size);
    if (!c) {
        arena_panic("out of memory");
    }
    c->older = a->chunks;
    c->size = size;
    a->chunks = c;
    a->used = 0;
    a->total += size;
}

size_t arena_left(const struct arena *a)
{
    size_t here = a->chunks ? a->chunks->size - a->used : 0;
    size_t fresh = a->max - a->total;

    return (here > fresh ? here : fresh) / _Alignof(max_align_t) * _Alignof(max_align_t);
}

void *arena_alloc(struct arena *a, size_t size)
{
    const size_t align = _Alignof(max_align_t);

    if (size > SIZE_MAX / 2) {
        arena_panic("an allocation is too large");
    }
    size = (size + align - 1) / align * align;
    if (!a->chunks || a->chunks->size - a->used < size) {
        add_chunk(a, size);
    }
    void *memory = a->chunks->bytes + a->used;
    a->used += size;
    return memset(memory, 0, size);
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    size_t bytes = 0;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        arena_panic("an array is too large");
    }
    return arena_alloc(a, bytes);
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    uint8_t *copy = arena_alloc(a, s.len + 1);
    if (s.len) {
        (void)memcpy(copy, s.ptr, s.len);
    }
    return (struct slice){copy, s.len};
}

char *arena_text(struct arena *a, struct slice s)
{
    char *text = arena_alloc(a, s.len + 1);
    if (s.len) {
        (void)memcpy(text, s.ptr, s.len);
    }
    return text;
}

struct slice arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    va_list again;

    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0) {
        arena_panic("a format string is wrong");
    }
    char *text = arena_alloc(a, (size_t)n + 1);
    (void)vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return slice_of(text, (size_t)n);
}
