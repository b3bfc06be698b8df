/* base/arena - memory that lives as long as one letter, one request or one attempt.
 *
 * Allocate freely, reset once. The maximum is a promise about the inputs that fill it: going
 * past it, like running out of memory, is a bug or an attack and ends the process (the
 * supervisor starts a new one). Not thread-safe: an arena belongs to one job. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/own.h"
#include "base/slice.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    size_t used;                /* in the newest chunk */
    size_t total;               /* bytes in all chunks */
    size_t max;
    bool
        wipes; /* what it held is overwritten before it is given back; until then, set by anybody */
};

/* Start an empty arena that may grow to `max_bytes`; nothing is allocated yet. */
void arena_init(struct arena *a, size_t max_bytes);

/* Give back everything that came from the arena, keeping one small chunk for the next job. */
void arena_reset(struct arena *a);

/* Give back all memory. The arena may be used again. */
void arena_done(struct arena *a);

/* Zeroed memory for `size` bytes, aligned for any type. Never NULL. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((returns_nonnull, malloc));

/* Zeroed memory for `count` elements of `size` bytes each; the product may not overflow. */
void *arena_array(struct arena *a, size_t count, size_t size) __attribute__((returns_nonnull));

/* Bytes that can be allocated for certain, in one piece, before the arena reaches its limit. */
size_t arena_left(const struct arena *a);

/* A copy of s, with a NUL behind it that is not counted. */
struct slice arena_copy(struct arena *a, struct slice s);

/* As arena_copy(), for functions that want a C string; a NUL inside s cuts it. */
char *arena_text(struct arena *a, struct slice s) __attribute__((returns_nonnull));

/* As snprintf(), into the arena: the text without its NUL, which is there as well. */
struct slice arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

OWN_VALUE(arena, struct arena, arena_done)

/* End the process because of a condition that bounded inputs cannot bring about. */
_Noreturn void arena_panic(const char *why);
