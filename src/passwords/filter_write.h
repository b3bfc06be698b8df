/* passwords/filter_write - make a filter file from hashes in ascending order, however many, in little
 * memory: some 2 MiB and nothing that grows.
 *
 * How many hashes come must be known beforehand, roughly: 1 % more makes each 0.01 bits longer, and
 * 1 % more passwords that are not on the list are taken for ones that are. One thread. */
#pragma once

#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"

#include "passwords/filter.h"

struct filter_writer;

/**
 * Start writing to an empty file.
 *
 * @param fd        open for writing; stays the caller's
 * @param expected  how many hashes there are about, 1 to FILTER_COUNT_MAX
 * @param bits      FILTER_BITS_MIN to FILTER_BITS_MAX
 */
struct filter_writer *filter_writer_new(int fd, uint64_t expected, unsigned bits);

/* Free. NULL is fine; what was written without filter_writer_end() is no filter. */
void filter_writer_free(struct filter_writer *w);

/* Add a hash (filter_hash()), not below the one before. ERROR_INPUT when it is, or when hashes crowd as
 * those of a hash function never do; ERROR_BUSY when the disk fails. */
bool filter_writer_add(struct filter_writer *w, uint64_t hash, struct error *e) MUST_CHECK;

/* Write what is left, index and header, and sync. `count` gets the number of entries: a hash that
 * came twice is one, and so are two that fall together. ERROR_BUSY. */
bool filter_writer_end(struct filter_writer *w, uint64_t *count, struct error *e) MUST_CHECK;

OWN_BY(filter_writer, struct filter_writer, filter_writer_free)
