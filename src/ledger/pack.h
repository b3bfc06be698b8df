/* ledger/pack - a pack: what a sealed segment becomes. For ledger/'s own files.
 *
 * pack.c opens one and gives its records out one by one, pack_check.c looks at all of it, pack_write.c
 * makes one, pack_format.h has the bytes. A struct pack belongs to one thread. */
#pragma once

#include "ledger/objects.h"
#include "ledger/pack_format.h"
#include "ledger/record_keys.h"

#define PACK_WINDOW ((size_t)64 << 10)

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
    struct buf dictionary;     /* read when first needed; empty: none was */
    struct objects objects;    /* what its records, and perhaps others', refer to */
    struct secret *commit_key; /* NULL without the ledger's key */
    struct record_keys *keys;  /* NULL without, or before pack_keys() */
    int keys_dirfd;
    const struct secret *ledger_key; /* the caller's */
    ino_t
        keys_inode; /* of the key file that was read, and when that was last changed: a number alone */
    struct timespec keys_changed; /* may serve again */
    unsigned
        look_every; /* whether another took its place is looked up each so many keys; 0: each time */
    unsigned given; /* keys since then */
};

enum pack_found { PACK_OPENED, PACK_MISSING, PACK_NOT_OPENED };

/* Open a pack and read its header and rows; not checked against the digest. With the ledger's key its
 * commit key is opened too. `name` NULL: the usual. */
enum pack_found pack_open(int dirfd, int keys_dirfd, uint32_t number, const char *name,
                          const struct secret *ledger_key, struct pack **out,
                          struct error *e) MUST_CHECK;
void pack_close(struct pack *p);
OWN_BY(pack, struct pack, pack_close)

/* Read the header alone; ERROR_CORRUPT when it is missing or damaged. */
bool pack_head_of(int dirfd, uint32_t number, const char *name, struct pack_head *head,
                  struct error *e) MUST_CHECK;

/* Read the n-th entry. */
bool pack_entry(struct pack *p, uint32_t n, struct pack_entry *entry, struct error *e) MUST_CHECK;

/* Read an entry's payload into `out`, which is emptied before, and check its digest. ERROR_CONFIG: the
 * payload file is missing. */
bool pack_payload(struct pack *p, const struct pack_entry *entry, struct digest *d, struct buf *out,
                  struct error *e) MUST_CHECK;

/* The row that names the file of objects; NULL: there is none. */
const struct pack_row *pack_objects(const struct pack *p);

/* Open a sealed record's payload, n->length bytes, decrypted in place; the body is in the arena. */
bool pack_body(struct pack *p, struct sealer *s, const struct pack_entry *n, uint64_t seq,
               const uint8_t key[static KEYRING_KEY_LEN], uint8_t *payload, struct arena *arena,
               struct slice *body, struct error *e) MUST_CHECK;

/* The key of a record: *there is false when it was erased. Reads the key file when that was replaced. */
bool pack_key(struct pack *p, uint32_t n, uint8_t key[static KEYRING_KEY_LEN], bool *there,
              struct error *e) MUST_CHECK;

/* What a packed segment's start says of its predecessor's length. */
bool pack_start_length(int dirfd, uint32_t number, uint64_t *length, struct error *e) MUST_CHECK;

/* Read the start record of a pack; its slices look into `room`. */
bool pack_start(struct pack *p, struct buf *room, struct segment_start *start,
                struct error *e) MUST_CHECK;

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

struct seq_ranges;

struct pack_made {
    struct pack_head head;
    uint8_t digest[DIGEST_LEN];   /* pack_digest() */
    uint8_t replaced[DIGEST_LEN]; /* of the segment, or the pack's, in whose place it comes */
    uint64_t bytes;               /* in all files but the keys */
    uint16_t objects; /* which making of their file, which is not renamed yet; 0: there is none */
};

/* Make the pack of a segment that has a successor, beside it, durable and compared with it, under its
 * name while it is new. Its key file is durable as well. */
bool pack_make(int dirfd, int keys_dirfd, const struct secret *ledger_key, uint32_t number,
               int64_t now_ms, mode_t mode, struct pack_made *made, struct error *e) MUST_CHECK;

/* -- pack_again.c -- */

/* Make the pack of a number anew, of the one in force, as pack_make() does of a segment: fresh keys, the present format, without
 * `erased`, records that are ascending and apart. The pack in force must be whole, and every other record have its key:
 * ERROR_CORRUPT when not. */
bool pack_make_again(int dirfd, int keys_dirfd, const struct secret *ledger_key, uint32_t number,
                     const struct seq_ranges *erased, int64_t now_ms, mode_t mode,
                     struct pack_made *made, struct error *e) MUST_CHECK;
