/* ledger/reader_state - a reader's files: the segments and packs that it has open. For ledger/'s own files. */
#pragma once

#include "ledger/pack.h"
#include "ledger/reader.h"
#include "ledger/scan.h"

#define READER_CACHED 4 /* files kept open: a follower needs two, random reading likes more */

/* A segment or the pack that took its place; one of both is NULL. */
struct source {
    struct scan *scan;
    struct pack *pack;
};

struct ledger_reader {
    int dirfd;
    int keys_dirfd; /* -1: none */
    struct secret *key;
    struct sealer *sealer;
    struct digest *digest;
    struct buf payload;
    uint16_t left_out;                   /* type of record whose body is not wanted; 0: none */
    uint16_t only_first, only_last;      /* the types whose bodies are wanted; 0: all */
    struct source cached[READER_CACHED]; /* most recently used first */
};

/* The file of a number, of a segment with its first batch read: SCAN_BATCH and *out, or why not
 * (SCAN_END: no such file, or no whole first batch yet). */
enum scan_result reader_source(struct ledger_reader *r, uint32_t number, struct source *out,
                               struct error *e) MUST_CHECK;

/* What it says of its predecessor's length. */
bool reader_start_length(struct source *s, uint64_t *length, struct error *e) MUST_CHECK;

/* Forget what is open. */
void reader_drop(struct ledger_reader *r);
