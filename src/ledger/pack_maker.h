/* ledger/pack_maker - a pack under way. For pack_write.c, which goes through the segment, pack_again.c, which goes through a
 * pack, and pack_files.c, which has the files and compares them with it. */
#pragma once

#include "ledger/claims.h"
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
    struct scan *scan;               /* what it is made of: a segment */
    struct pack *from;               /* or a pack */
    const struct seq_ranges *erased; /* then: what is left out */
    const struct secret *commit_key;
    struct merkle start_tree; /* before the segment */
    uint64_t length;          /* of the segment, as its successor says */
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

/* A maker of the pack of that number, from nothing yet; done with it. */
struct maker *maker_new(int dirfd, int keys_dirfd, const struct secret *ledger_key, uint32_t number,
                        int64_t now_ms, mode_t mode) __attribute__((returns_nonnull));
void maker_done(struct maker *m);

/* First pass: there is a sealed record of that time; look at its body for what can be shared. Before the first, maker_share()
 * with m->head.ledger_id set. */
void maker_share(struct maker *m);
bool maker_count(struct maker *m, int64_t time_ms, struct error *e) MUST_CHECK;

/* Make the record keys' file, durable, and then the others. `erased`, unless NULL: whether a record is to have no key. */
bool maker_begin(struct maker *m, bool (*erased)(const struct maker *m, uint32_t n),
                 struct error *e) MUST_CHECK;

/* Second pass: seal the body, whose blind is at the beginning of m->payload, anew into m->packed. */
bool maker_seal(struct maker *m, struct pack_entry *n, uint64_t seq, struct slice body,
                struct error *e) MUST_CHECK;

/* Add a record's payload, to the file of its month or to the clear ones, and its entry. */
bool maker_add(struct maker *m, struct pack_entry *n, struct slice payload,
               struct error *e) MUST_CHECK;

/* Tell what was made. */
void maker_tell(const struct maker *m, struct pack_made *made);

/* Create the files: entries and clear payloads, payload files, objects when there are any. */
bool maker_create(struct maker *m, struct error *e) MUST_CHECK;

/* End them: flushed, durable, and with their header. */
bool maker_finish(struct maker *m, struct error *e) MUST_CHECK;

/* See that what the disk has are the segment's leaves, and that each record opens. */
bool maker_compare(const struct maker *m, struct error *e) MUST_CHECK;

/* The digest of the segment that a pack record names. */
bool maker_digest_segment(struct maker *m, uint8_t *digest, struct error *e) MUST_CHECK;
