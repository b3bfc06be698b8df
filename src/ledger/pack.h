/* ledger/pack - a pack: what a sealed segment becomes. For ledger/'s own files.
 *
 * docs/ledger-format.md section 12. pack_format.c has the bytes, pack.c opens one and gives its records out
 * one by one, pack_check.c looks at all of it, pack_write.c makes one. A struct pack belongs to one
 * thread. */
#pragma once

#include "ledger/internal.h"
#include "ledger/record_keys.h"

#define PACK_HEAD_LEN      512
#define PACK_FIXED_LEN     160
#define PACK_ROW_LEN       48
#define PACK_ENTRY_LEN     72
#define PACK_AAD_LEN       (1 + 8 + 2 + 8 + DIGEST_LEN + KEYRING_ID_LEN + 1)
#define PACK_NAME_MAX      40
#define PACK_FILES_MAX     1024 /* payload files: classes times months of one segment */
#define PACK_WINDOW        ((size_t)64 << 10)
#define PAYLOAD_HEAD_LEN   64
#define PAYLOAD_DIGEST_LEN 16

struct pack_head {
    uint32_t number;
    int64_t created_ms;
    uint8_t ledger_id[LEDGER_ID_LEN];
    uint8_t id[KEYRING_ID_LEN];
    uint64_t first; /* sequence number */
    uint32_t records;
    uint32_t files;
    uint64_t segment_length;
    uint64_t length;
    uint8_t dictionary[DIGEST_LEN];
    uint8_t digest[DIGEST_LEN]; /* of what is behind the header */
    uint8_t ledger_key_id[KEYRING_ID_LEN];
    uint8_t sealed_key[SEGMENT_KEY_LEN];
    uint8_t fixed[PACK_FIXED_LEN]; /* as in the file */
};

struct pack_row {
    uint16_t class;
    uint32_t month; /* YYYYMM */
    uint64_t length;
};

struct pack_entry {
    uint16_t type;
    bool sealed;
    uint32_t length;
    int64_t time_ms;
    uint16_t file; /* 0: the pack itself */
    uint64_t offset;
    uint8_t commitment[DIGEST_LEN];
    uint8_t digest[PAYLOAD_DIGEST_LEN];
};

/* Bodies of the ledger's own records about packs. */
struct pack_record {
    uint64_t number;
    struct slice digest;
    uint64_t length;
    struct slice segment_digest;
    uint64_t first;
    uint64_t records;
};

struct erasure_record {
    uint64_t number;
    struct slice ranges; /* see ledger/claims.h */
};

/* -- pack_format.c -- */

/* The names of a pack: when it counts, while it is made, and of one of its payload files. */
void pack_name(uint32_t number, char name[static PACK_NAME_MAX]);
void pack_name_new(uint32_t number, char name[static PACK_NAME_MAX]);
void pack_payload_name(uint32_t number, const struct pack_row *row,
                       char name[static PACK_NAME_MAX]);

/* What a file of the folder is to a ledger. */
enum ledger_file { FILE_OTHER, FILE_SEGMENT, FILE_PACK, FILE_PACK_NEW, FILE_PAYLOAD, FILE_OLD };
enum ledger_file ledger_file_of(const char *name, uint32_t *number);

/* The name that a segment has while it is destroyed. */
void segment_name_old(uint32_t number, char name[static SEGMENT_NAME_MAX]);

/* The header with its digest; h->fixed is set from the other members. */
void pack_head_write(struct pack_head *h, uint8_t out[static PACK_HEAD_LEN]);
void pack_fixed_write(struct pack_head *h);

/* False with ERROR_CONFIG when newer, ERROR_CORRUPT when damaged. */
bool pack_head_read(const uint8_t in[static PACK_HEAD_LEN], struct pack_head *h,
                    struct error *e) MUST_CHECK;
/* What a pack record names. */
void pack_digest(const struct pack_head *h, uint8_t digest[static DIGEST_LEN]);

/* A payload file's row, a record's entry and a payload file's header, as bytes and back. Reading is
 * false when reserved bytes are in use. */
void pack_row_write(const struct pack_row *r, uint8_t out[static PACK_ROW_LEN]);
bool pack_row_read(const uint8_t in[static PACK_ROW_LEN], struct pack_row *r) MUST_CHECK;
void pack_entry_write(const struct pack_entry *n, uint8_t out[static PACK_ENTRY_LEN]);
bool pack_entry_read(const uint8_t in[static PACK_ENTRY_LEN], struct pack_entry *n) MUST_CHECK;
void payload_head_write(const struct pack_head *h, const struct pack_row *r,
                        uint8_t out[static PAYLOAD_HEAD_LEN]);

/* The month of a time, in UTC. */
uint32_t pack_month(int64_t time_ms);

/* The head that the record would have in a segment, as far as a leaf needs it. */
struct record_head pack_record_head(const struct pack_entry *n, uint64_t seq);

/* What a sealed payload is authenticated with. */
void pack_aad(const struct pack_head *h, const struct pack_entry *n, uint64_t seq,
              uint8_t aad[static PACK_AAD_LEN]);

/* The bodies of the ledger's own records about packs and erasures. Reading fails with ERROR_CORRUPT. */
void pack_record_write(struct buf *body, const struct pack_record *r);
bool pack_record_read(struct slice body, struct pack_record *r, struct error *e) MUST_CHECK;
void erasure_record_write(struct buf *body, const struct erasure_record *r);
bool erasure_record_read(struct slice body, struct erasure_record *r, struct error *e) MUST_CHECK;
void erased_record_write(struct buf *body, uint64_t erasure);
bool erased_record_read(struct slice body, uint64_t *erasure, struct error *e) MUST_CHECK;

/* -- pack.c -- */

struct window {
    int fd;
    uint64_t at;
    size_t len;
    uint8_t bytes[PACK_WINDOW];
};

struct pack {
    struct pack_head head;
    struct pack_row *rows;
    struct window entries;
    struct window clear;
    struct window payload;     /* its fd is one of `files` */
    int *files;                /* of the rows; -1: not opened yet */
    int dirfd;                 /* the caller's */
    struct secret *commit_key; /* NULL without the ledger's key */
    struct record_keys *keys;  /* NULL without, or before pack_keys() */
    int keys_dirfd;
    const struct secret *ledger_key; /* the caller's */
    ino_t keys_inode;
};

enum pack_found { PACK_OPENED, PACK_MISSING, PACK_NOT_OPENED };

/* Open a pack and read its header and rows; not checked against the digest. With the ledger's key its
 * commit key is opened too. `name` NULL: the usual. */
enum pack_found pack_open(int dirfd, int keys_dirfd, uint32_t number, const char *name,
                          const struct secret *ledger_key, struct pack **out,
                          struct error *e) MUST_CHECK;
void pack_close(struct pack *p);
OWN_BY(pack, struct pack, pack_close)

/* Read the n-th entry. */
bool pack_entry(struct pack *p, uint32_t n, struct pack_entry *entry, struct error *e) MUST_CHECK;

/* Read an entry's payload into `out`, which is emptied before, and check its digest. ERROR_CONFIG: the
 * payload file is missing. */
bool pack_payload(struct pack *p, const struct pack_entry *entry, struct digest *d, struct buf *out,
                  struct error *e) MUST_CHECK;

/* The key of a record: *there is false when it was erased. Reads the key file when that was replaced. */
bool pack_key(struct pack *p, uint32_t n, uint8_t key[static KEYRING_KEY_LEN], bool *there,
              struct error *e) MUST_CHECK;

/* What a packed segment's start says of its predecessor's length. */
bool pack_start_length(int dirfd, uint32_t number, uint64_t *length, struct error *e) MUST_CHECK;

/* Read the start record of a pack; its slices look into `room`. */
bool pack_start(struct pack *p, struct buf *room, struct segment_start *start,
                struct error *e) MUST_CHECK;

/* Where the clear payloads begin. */
uint64_t pack_clear_at(const struct pack_head *h);

/* -- pack_check.c -- */

struct pack_check {
    struct sealer *sealer; /* NULL: without the key */
    struct merkle tree;    /* before the pack; afterwards after it */
    bool trusted;          /* `tree` is known; false afterwards when it is not any more */
    uint64_t watch_size;   /* note the root of this size */
    bool watch_hit;
    uint8_t watch_root[MERKLE_LEN];

    void (*fault)(void *context, uint64_t offset, uint64_t seq, const char *text);
    /* A record without a key. */
    void (*erased)(void *context, uint64_t seq);
    /* One of the ledger's own records. */
    bool (*own)(void *context, uint16_t type, uint64_t seq, struct slice body, struct error *e);
    void *context;

    uint64_t records, commits, bytes;
    struct segment_start start; /* its slices are gone */
    struct merkle start_tree;
    int64_t time_ms; /* of the last commit */
};

/* Look at every byte of a pack. False when the disk fails; faults are reported. */
bool pack_check(struct pack *p, struct pack_check *c, struct error *e) MUST_CHECK;

/* -- pack_write.c -- */

struct pack_made {
    struct pack_head head;
    uint8_t digest[DIGEST_LEN]; /* pack_digest() */
    uint8_t segment_digest[DIGEST_LEN];
    uint64_t bytes; /* in all files but the keys */
};

/* Make the pack of a segment that has a successor, beside it, durable and compared with it, under its
 * name while it is new. Its key file is durable as well. */
bool pack_make(int dirfd, int keys_dirfd, const struct secret *ledger_key, uint32_t number,
               int64_t now_ms, mode_t mode, struct pack_made *made, struct error *e) MUST_CHECK;
