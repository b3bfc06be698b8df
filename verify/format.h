/* verify/format - the bytes of docs/ledger-format.md, sections 3 to 6 and 12, as values.
 *
 * Pure: what is read is checked for its form; what it means is for segment.c and pack.c. Slices of
 * bodies look into the bytes they were read from. */
#pragma once

#include "verify/hash.h"

#define ID_LEN           16
#define SEGMENT_HEAD_LEN 512
#define RECORD_HEAD_LEN  144
#define CLEAR_MAX        4096
#define SEALED_MAX       ((uint64_t)272 << 20) /* a body of 256 MiB, compressed in vain */

#define TYPE_START   1
#define TYPE_COMMIT  2
#define TYPE_END     3
#define TYPE_PACK    4
#define TYPE_ERASURE 5
#define TYPE_ERASED  6
#define TYPE_SEALED  16 /* and all above */

enum reason {
    REASON_FIRST = 1,
    REASON_FULL = 2,
    REASON_CLEAN = 3,
    REASON_CRASH = 4,
    REASON_FAILED = 5,
};

/* What is wrong with bytes that were read: NULL is nothing. Texts that begin with "newer" mean that a
 * newer program wrote them. */
typedef const char *fault;

struct segment_head {
    uint32_t number;
    uint8_t ledger[ID_LEN];
    uint8_t key[ID_LEN];
};

struct record {
    bool sealed;
    uint16_t type;
    int64_t time;
    uint32_t length; /* of the payload */
    uint64_t number; /* the sequence number */
    uint8_t key[ID_LEN];
    uint8_t commitment[HASH_LEN];
    uint8_t digest[HASH_LEN];
};

struct start {
    uint64_t number, reason, size;
    struct view root, peaks;
    uint64_t previous, length, behind;
};

struct commit {
    uint64_t size;
    struct view root;
    int64_t time;
    uint64_t from;
    struct view digest;
};

struct pack_record {
    uint64_t number;
    struct view digest;
    uint64_t length, first, records;
};

struct erasure {
    uint64_t number;
    struct view ranges;
};

/* A segment's header. What could be read is set even when something is wrong. */
fault segment_head_read(const uint8_t in[static SEGMENT_HEAD_LEN], struct hash *h,
                        struct segment_head *out);

/* A record's header. What could be read is set even when something is wrong. */
fault record_read(const uint8_t in[static RECORD_HEAD_LEN], struct record *out);

/* The hash of the leaf that a record is. */
void record_leaf(const struct record *r, struct hash *h, uint8_t leaf[static HASH_LEN]);

/* Whether a clear record's payload has its digest or its commitment: one of the two may be altered. */
bool clear_stands(const struct record *r, struct view payload, struct hash *h)
    __attribute__((warn_unused_result));

/* Whether a clear record's payload is the one that its header tells of. Sets what is wrong. */
fault clear_check(const struct record *r, struct view payload, struct hash *h);

/* The bodies of clear records; false when they are not exactly that. */
bool start_read(struct view body, struct start *out) __attribute__((warn_unused_result));
bool commit_read(struct view body, struct commit *out) __attribute__((warn_unused_result));
bool end_read(struct view body, uint64_t *reason) __attribute__((warn_unused_result));
bool pack_record_read(struct view body, struct pack_record *out)
    __attribute__((warn_unused_result));
bool erasure_read(struct view body, struct erasure *out) __attribute__((warn_unused_result));
bool erased_read(struct view body, uint64_t *of) __attribute__((warn_unused_result));
