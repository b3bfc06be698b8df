/* ledger/internal - the bytes of docs/ledger-format.md and what the files of ledger/ share.
 *
 * format.c turns bytes into these structs and back, seal.h closes and opens records, scan.c walks
 * the batches of one segment for recovery, reader and verify; segment.c writes one. */
#pragma once

#include "base/arena.h"

#include "keyring/digest.h"
#include "keyring/keyring.h"
#include "ledger/ledger.h"
#include "ledger/merkle.h"

#define SEGMENT_HEAD_LEN  512 /* section 3 */
#define SEGMENT_FIXED_LEN 64  /* of those, bound by the first commit */
#define SEGMENT_KEY_LEN   (KEYRING_KEY_LEN + KEYRING_SEAL_OVERHEAD)
#define SEGMENT_NAME_MAX  32
#define RECORD_HEAD_LEN   144 /* section 4 */
#define RECORD_AAD_LEN    104 /* of those, authenticated by the seal */
#define RECORD_SEALED_MIN (BLIND_LEN + TAG_LEN)
#define CLEAR_MAX         4096 /* bytes of a clear payload: 64 peaks and some numbers fit */
#define BLIND_LEN         32
#define SALT_LEN          32
#define TAG_LEN           16

enum record_type {
    RECORD_START = 1,
    RECORD_COMMIT = 2,
    RECORD_END = 3,
    RECORD_PACK = 4, /* section 12 */
    RECORD_ERASURE = 5,
    RECORD_ERASED = 6,
};

enum start_reason {
    START_FIRST = 1,
    START_FULL = 2,
    START_CLEAN = 3,
    START_CRASH = 4,
    START_FAILURE = 5,
};

enum end_reason { END_FULL = 1, END_STOPPED = 2 };

struct segment_head {
    uint32_t number;
    int64_t created_ms;
    uint8_t ledger_id[LEDGER_ID_LEN];
    uint8_t key_id[KEYRING_ID_LEN];
    uint8_t ledger_key_id[KEYRING_ID_LEN];
    uint8_t sealed_key[SEGMENT_KEY_LEN];
    uint8_t fixed[SEGMENT_FIXED_LEN]; /* as in the file: context of the sealed key */
};

struct record_head {
    bool sealed;
    uint16_t type;
    int64_t time_ms;
    uint32_t length; /* of the payload */
    uint8_t key_id[KEYRING_ID_LEN];
    uint8_t salt[SALT_LEN];
    uint8_t commitment[DIGEST_LEN];
    uint64_t seq;
    uint8_t digest[DIGEST_LEN];
};

/* Clear bodies; the slices look into the payload they were read from. */
struct segment_start {
    uint64_t number;
    uint64_t reason;
    uint64_t size;
    struct slice root;
    struct slice peaks;
    uint64_t previous;
    uint64_t length; /* of the predecessor */
    uint64_t behind;
    struct slice program;
};

struct commit {
    uint64_t size;
    struct slice root;
    int64_t time_ms;
    uint64_t from;
    struct slice digest;
    struct slice mac;
};

/* A record as it goes into the file: head and payload in one allocation, sequence number open. */
struct sealed {
    uint8_t *bytes;
    size_t len;
};

/* A segment's keys. Immutable; shared by the threads that seal and freed by the last. */
struct segment_key {
    unsigned users; /* guarded by the ledger's lock */
    uint8_t id[KEYRING_ID_LEN];
    struct secret *key;
    struct secret *commit_key;
};

/* -- format.c -- */

/* The file name of a segment: its number, then `.seg`. */
void segment_name(uint32_t number, char name[static SEGMENT_NAME_MAX]);

/* The number of a segment's name, or 0 when it is none. */
uint32_t segment_number(const char *name);

/* Write head with its digest; h->fixed is set from the other members. */
void segment_head_write(struct segment_head *h, uint8_t out[static SEGMENT_HEAD_LEN]);

/* The first 64 bytes alone, which are the context for sealing the segment's key. */
void segment_fixed_write(struct segment_head *h);

/* False with ERROR_CONFIG when newer, ERROR_CORRUPT when damaged. */
bool segment_head_read(const uint8_t in[static SEGMENT_HEAD_LEN], struct segment_head *h,
                       struct error *e) MUST_CHECK;

/* The head of a record as bytes and back; reading fails with ERROR_CORRUPT. */
void record_head_write(const struct record_head *h, uint8_t out[static RECORD_HEAD_LEN]);
bool record_head_read(const uint8_t in[static RECORD_HEAD_LEN], struct record_head *h,
                      struct error *e) MUST_CHECK;

/* Put the sequence number into a written head. */
void record_number(uint8_t head[static RECORD_HEAD_LEN], uint64_t seq);

/* The hash of the leaf that a record is in the tree. */
void record_leaf(struct digest *d, const struct record_head *h, uint8_t leaf[static MERKLE_LEN]);

/* Append a clear record: head and body. */
void clear_write(struct buf *out, uint16_t type, int64_t time_ms, uint64_t seq, struct slice body);

/* The same as an appending thread hands it over: its number is still open. */
void clear_make(const struct ledger_record *record, int64_t time_ms, struct sealed *out);

/* Whether head and payload of a clear record belong together. */
bool clear_check(const struct record_head *h, struct slice payload, struct error *e) MUST_CHECK;

/* The bodies of the records that the ledger itself needs, as bytes and back. Reading fails with
 * ERROR_CORRUPT. */
void start_write(struct buf *body, const struct segment_start *s);
bool start_read(struct slice body, struct segment_start *s, struct error *e) MUST_CHECK;
void commit_write(struct buf *body, const struct commit *c);
bool commit_read(struct slice body, struct commit *c, struct error *e) MUST_CHECK;
void end_write(struct buf *body, enum end_reason reason);
bool end_read(struct slice body, struct error *e) MUST_CHECK;

/* The commit's mac: over its encoding without the mac. */
void commit_mac(const struct commit *c, const struct secret *commit_key,
                uint8_t mac[static DIGEST_LEN]);
