/* ledger/pack_maker - a pack under way. For pack_write.c, which goes through the segment, and pack_files.c,
 * which has the files and compares them with it. */
#pragma once

#include "ledger/pack.h"
#include "ledger/scan.h"
#include "ledger/shares.h"
#include "ledger/stream.h"

#define MAKER_STEP ((size_t)1 << 20)

struct maker {
    int dirfd;
    int keys_dirfd;
    const struct secret *ledger_key;
    mode_t mode;
    struct scan *scan;
    uint64_t length; /* of the segment, as its successor says */
    struct pack_head head;
    struct merkle tree; /* after the segment */
    struct record_keys *keys;
    struct sealer *sealer;
    struct digest *digest;
    struct arena arena;
    struct buf payload; /* as in the segment */
    struct buf packed;
    uint64_t clear_at;
    uint64_t bytes;
    size_t n_rows;
    struct pack_row rows[PACK_FILES_MAX];
    struct stream *payloads; /* of the rows */
    int fd;
    struct stream entries;
    struct stream clear;
    struct shares *shares;
    struct pack_row objects; /* their row, once they are written; class 0: none */
};

/* Create the files: entries and clear payloads, payload files, objects when there are any. */
bool maker_create(struct maker *m, struct error *e) MUST_CHECK;

/* End them: flushed, durable, and with their header. */
bool maker_finish(struct maker *m, struct error *e) MUST_CHECK;

/* See that what the disk has are the segment's leaves, and that each record opens. */
bool maker_compare(const struct maker *m, struct error *e) MUST_CHECK;

/* The digest of the segment that a pack record names. */
bool maker_digest_segment(struct maker *m, uint8_t *digest, struct error *e) MUST_CHECK;
