/* passwords/filter - a list of passwords as a file of some 12 bits for each, that answers "not on it"
 * or "most likely on it".
 *
 * What is stored of a password is the head of its SHA-1, scaled to a range of 2^bits for each entry
 * (docs/password-filter.md). One password in 2^bits that is not on the list is taken for one that
 * is; one that is on it is never missed. A look reads two small pieces of the file, so nothing of it
 * need be in memory, and a file that shrinks or rots under the reader is an error and no signal.
 *
 * The reader believes nothing: it is fuzzed. A filter is a plain value that owns no descriptor and no
 * memory; looking changes nothing in it, so threads may share it. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

#define FILTER_BITS_MIN  4  /* one in 16 is refused wrongly */
#define FILTER_BITS_MAX  24 /* one in 16 million */
#define FILTER_BITS      10 /* of an imported list: one in 1,024, 11.75 bits an entry */
#define FILTER_COUNT_MAX (UINT64_C(1) << 33)
#define FILTER_BLOCK_MAX 16384 /* bytes; they have some 700 */

struct filter {
    int fd;              /* of a file; -1: none */
    struct slice memory; /* or where it is */
    uint64_t size;       /* bytes of all */
    uint64_t count;      /* entries */
    uint64_t range;      /* hashes are scaled to 0 ... range - 1 */
    uint64_t blocks;
    unsigned bits;  /* one password in 2^bits is taken for one on the list */
    unsigned width; /* a block has the entries of 2^width values */
};

enum filter_answer { FILTER_ABSENT, FILTER_PRESENT, FILTER_FAILED };

/* Look at a file, which stays the caller's and open. ERROR_CORRUPT when it is no filter or is damaged,
 * ERROR_BUSY when the disk fails. */
bool filter_open(struct filter *f, int fd, struct error *e) MUST_CHECK;

/* The same for bytes in memory, which outlive it. */
bool filter_open_memory(struct filter *f, struct slice bytes, struct error *e) MUST_CHECK;

/**
 * Look for a password.
 *
 * @param hash  first 64 bits of its SHA-1, filter_hash()
 * @return      FILTER_FAILED with ERROR_CORRUPT or ERROR_BUSY
 */
enum filter_answer filter_look(const struct filter *f, uint64_t hash, struct error *e) MUST_CHECK;

/* Read every block and check it: what a look would find out bit by bit. */
bool filter_verify(const struct filter *f, struct error *e) MUST_CHECK;

/* The first 64 bits of the SHA-1 of some bytes. */
uint64_t filter_hash(struct slice bytes);
