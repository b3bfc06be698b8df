/* formats/scrub/package - an office document's ZIP archive while parts of it are replaced or taken out; all else is copied as it is packed.
 * For this module alone. One thread. */
#pragma once

#include <zip.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/own.h"
#include "base/slice.h"

#define PACKAGE_PARTS_MAX 20000

struct package {
    zip_source_t *source;
    zip_t *zip;
    struct arena arena; /* for names */
    size_t unpacked;    /* bytes of parts that were read */
    size_t *spent;      /* where they are counted */
    bool failed;        /* a part cannot be read or written */
    const char *why;    /* why, "it is ..."; NULL: it is damaged */
};

/* Begin; false when it is no archive that can be read, see p->why.
 *
 * @param spent  bytes that were unpacked of the file that it is in, which count and are counted on; NULL: it is in none */
bool package_open(struct package *p, struct slice bytes, size_t *spent)
    __attribute__((warn_unused_result));

/* Give all back; a zeroed one is fine. */
void package_done(struct package *p);

OWN_VALUE(package, struct package, package_done)

/* How many parts it had in the beginning. */
size_t package_count(const struct package *p);

/* A part's name; empty when there is none (any more). */
struct slice package_name(struct package *p, size_t i);

/* The name that it had in the beginning. */
struct slice package_name_before(struct package *p, size_t i);

/* Whether there is a part of that name. */
bool package_has(const struct package *p, const char *name);

/* The part of that name; package_count(): none. */
size_t package_find(const struct package *p, const char *name);

/* Unpack a part; fails, and notes that, when it is damaged or too large. */
bool package_read(struct package *p, size_t i, struct buf *out) __attribute__((warn_unused_result));

/* Put bytes, which are copied, in a part's place, or take it out. */
void package_replace(struct package *p, size_t i, struct slice bytes);
void package_delete(struct package *p, size_t i);

/* Give a part that was replaced the time that it had. */
void package_keep_time(struct package *p, size_t i);

/* Write it; false when something has failed. Nothing can be done with it then but package_done(). */
bool package_write(struct package *p, struct buf *out) __attribute__((warn_unused_result));
