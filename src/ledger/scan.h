/* ledger/scan - walk one segment from commit to commit, checking each. For ledger/'s own files.
 *
 * A scan believes nothing: it goes on only where header, records and commit agree. Recovery, reader
 * and verify differ in what they do where it stops. The file may grow meanwhile. */
#pragma once

#include "ledger/seal.h"

#define SCAN_WINDOW ((size_t)64 << 10)

enum scan_result {
    SCAN_BATCH,  /* one more whole batch */
    SCAN_END,    /* nothing behind the last batch, or space taken in advance */
    SCAN_BAD,    /* something, but no whole batch; e says what */
    SCAN_FAILED, /* the disk failed, or a newer version or another key: e says which */
};

/* What a scan knows; read-only for others, but for the watch. */
struct scan_state {
    uint32_t number;
    int fd;
    uint64_t bytes;                /* size of the file when last looked at */
    struct segment_head head;      /* from the first batch on */
    const struct segment_key *key; /* NULL without the ledger's key */
    struct segment_start start;    /* its slices are gone: see start_tree */
    struct merkle start_tree;      /* before the start record */
    bool start_whole;              /* that was read, whatever became of its commit */

    uint64_t at;          /* end of the last whole batch; 0 before the first */
    struct merkle tree;   /* after it; the next sequence number is tree.size */
    int64_t time_ms;      /* of its commit */
    uint64_t from;        /* where it begins */
    uint64_t first;       /* sequence number of its first record */
    struct merkle before; /* the tree before it */
    bool ended;           /* it closed the segment */
    bool altered;         /* a whole batch was found that its writer cannot have written */
    uint64_t records;     /* in all batches but the ledger's own */
    uint64_t commits;
    uint64_t own_at; /* of the last batch: its first record about packs or erasures; 0: none */

    bool known;   /* the segment's header was read */
    bool trusted; /* the tree is known; false after scan_skip() */

    uint64_t watch_size; /* note the root when the tree has this size */
    bool watch_hit;
    uint8_t watch_root[MERKLE_LEN];
};

struct scan {
    struct scan_state state;
    struct segment_key *key;
    const struct secret *ledger_key; /* the caller's */
    struct digest *digest;
    struct digest *batch;
    uint64_t window_at;
    size_t window_len;
    uint8_t window[SCAN_WINDOW];
};

enum scan_open_result { SCAN_OPENED, SCAN_MISSING, SCAN_NOT_OPENED };

/* Open a segment. `ledger_key` may be NULL: then macs are not checked. Reads nothing yet. */
enum scan_open_result scan_open(int dirfd, uint32_t number, int flags,
                                const struct secret *ledger_key, struct scan **out,
                                struct error *e) MUST_CHECK;
void scan_close(struct scan *s);
OWN_BY(scan, struct scan, scan_close)

/* Where the scan stands; lives as long as the scan. */
struct scan_state *scan_state(struct scan *s) __attribute__((returns_nonnull));

/* Look anew how many bytes the file has. False with ERROR_BUSY when the disk fails. */
bool scan_look_at_size(struct scan *s, struct error *e) MUST_CHECK;

/* Check the next batch and move behind it. */
enum scan_result scan_next(struct scan *s, struct error *e) MUST_CHECK;

/**
 * Find the next commit that is whole in itself.
 *
 * @param at      where to look from; set to where it begins
 * @param commit  set; its slices live until the scan is used again
 * @param end     set to where it ends
 */
enum scan_result scan_find_commit(struct scan *s, uint64_t *at, struct commit *commit,
                                  uint64_t *end, struct error *e) MUST_CHECK;

/* Go on behind a commit found further on, over a batch that could not be checked. From here on
 * the tree is not known and roots are not compared. */
void scan_skip(struct scan *s, const struct commit *commit, uint64_t end);

/* Undo the last batch: move back to where it begins. Possible once, not for the first batch. */
void scan_back(struct scan *s);

/* The bytes from `at` on up to the last that is not zero. False when the disk fails. */
bool scan_tail(struct scan *s, uint64_t *bytes, struct error *e) MUST_CHECK;

/* Read the record head at an offset; SCAN_END at the end of the file, SCAN_BAD when there is none. The
 * 144 bytes themselves live until the scan is used again. */
enum scan_result scan_head(struct scan *s, uint64_t offset, struct record_head *h,
                           const uint8_t **bytes, struct error *e) MUST_CHECK;

/* Check the payload digests of the records from one offset to another, heads being whole. Calls
 * `bad` for each that is wrong (NULL: only count); returns false with e when the disk fails. */
bool scan_payloads(struct scan *s, uint64_t from, uint64_t to,
                   void (*bad)(void *context, uint64_t offset, const struct record_head *h),
                   void *context, uint64_t *n_bad, struct error *e) MUST_CHECK;

/* Whether all of these are zero, as what a segment has room for and nothing was written to. Asked of whole pages before
 * anything is looked for in them: after a crash most of the last segment is that. */
bool scan_all_zero(const uint8_t *bytes, size_t len);

/* Look at `len` bytes at an offset, at most SCAN_WINDOW; *got is smaller at the end of the file. They
 * live until the scan is used again. */
bool scan_look(struct scan *s, uint64_t offset, size_t len, const uint8_t **bytes, size_t *got,
               struct error *e) MUST_CHECK;
