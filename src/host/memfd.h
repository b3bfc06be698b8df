/* host/memfd - bytes on their way to another process as a sealed memory file.
 *
 * A sealed memfd can be neither changed nor shortened by whoever made it, so the receiver may
 * map it and trust that what it checked stays what it reads. Descriptors belong to the caller. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"

/* A view of a sealed memory file, not to be written to. What is short is copied: taking a page
 * into the address space and out again, with every processor told, costs more than reading it. */
struct memfd_map {
    struct slice bytes; /* valid until memfd_unmap() */
    bool copied;
};

/* Start an empty memory file that is still writable. `name` shows in /proc only.
 * ERROR_BUSY when the kernel has no descriptor or memory left. */
bool memfd_open(const char *name, int *fd, struct error *e) MUST_CHECK;

/* Append all of s. ERROR_BUSY when memory is short. */
bool memfd_add(int fd, struct slice s, struct error *e) MUST_CHECK;

/* Forbid every later change of content, length and seals. */
bool memfd_seal(int fd, struct error *e) MUST_CHECK;

/* Open, add, seal. */
bool memfd_from(const char *name, struct slice content, int *fd, struct error *e) MUST_CHECK;

/* Is it a memory file that nobody can change any more? */
bool memfd_is_sealed(int fd);

/**
 * Look at what a peer sent, after checking that nobody can change it any more. The descriptor stays
 * the caller's and may be closed at once.
 *
 * @param max_bytes  largest length accepted
 * @return           false with ERROR_DENIED: not a sealed memory file; ERROR_LIMIT: longer than
 *                   max_bytes; ERROR_BUSY: no memory
 */
bool memfd_map(int fd, size_t max_bytes, struct memfd_map *map, struct error *e) MUST_CHECK;

/* Give the view back. A zeroed map is fine. */
void memfd_unmap(struct memfd_map *map);

OWN_VALUE(memfd_map, struct memfd_map, memfd_unmap)
