/* ledger/objects - parts that several records of packs share, stored once. For ledger/'s own files.
 *
 * docs/ledger-format.md section 12, "Objects". An object's key stands in the records that refer to it and
 * nowhere else: it goes with the last of them, and nobody has to count. A struct objects belongs to one thread. */
#pragma once

#include "ledger/parts.h"
#include "ledger/seal.h"

#define OBJECTS_HEAD_LEN  64
#define OBJECTS_NAME_MAX  32
#define OBJECT_REF_LEN    72
#define OBJECT_DIGEST_LEN 16

/* Where an object is, and in references where it belongs in the body. */
struct object_ref {
    uint32_t place;
    uint32_t size;   /* of the part */
    uint32_t number; /* of the pack that it was stored with */
    uint16_t making; /* see objects_name() */
    uint64_t offset;
    uint32_t stored; /* bytes in the file */
    uint8_t digest[OBJECT_DIGEST_LEN];
    uint8_t key[KEYRING_KEY_LEN];
};

/* What is needed to read them. */
struct objects {
    int dirfd; /* the caller's */
    uint8_t ledger_id[LEDGER_ID_LEN];
    bool being_made; /* those of pack `number` are in the file that is not renamed yet */
    uint32_t making_number;
    int fd; /* the file read last; -1: none */
    uint32_t number;
    uint16_t making;
    struct buf stored;
};

/* Nothing is opened yet. */
void objects_init(struct objects *o, int dirfd, const uint8_t ledger_id[static LEDGER_ID_LEN]);
/* Close and free what is open. */
void objects_done(struct objects *o);

/* A file of objects: that of a pack, as it was made for the n-th time. */
void objects_name(uint32_t number, uint16_t making, bool being_made,
                  char name[static OBJECTS_NAME_MAX]);

/* Its header. `list_at`: where the list of its references begins. */
void objects_head_write(const uint8_t ledger_id[static LEDGER_ID_LEN], uint32_t number,
                        uint16_t making, uint64_t list_at, uint8_t out[static OBJECTS_HEAD_LEN]);
/* False when it is not that one's. */
bool objects_head_read(const uint8_t in[static OBJECTS_HEAD_LEN],
                       const uint8_t ledger_id[static LEDGER_ID_LEN], uint32_t number,
                       uint16_t making, uint64_t *list_at) MUST_CHECK;

/* References as bytes and back; false when it cannot be one. */
void object_ref_write(const struct object_ref *r, uint8_t out[static OBJECT_REF_LEN]);
bool object_ref_read(const uint8_t in[static OBJECT_REF_LEN], struct object_ref *r) MUST_CHECK;

/* What an object is authenticated with, beside its key. */
#define OBJECT_AAD_LEN (1 + LEDGER_ID_LEN + 4 + 2 + 8)
void object_aad(const uint8_t ledger_id[static LEDGER_ID_LEN], const struct object_ref *r,
                uint8_t aad[static OBJECT_AAD_LEN]);

/* Read an object's r->size bytes into `to`. False with ERROR_CORRUPT when it is missing or altered. */
bool objects_read(struct objects *o, struct sealer *s, const struct object_ref *r, uint8_t *to,
                  struct error *e) MUST_CHECK;

/* Open the body of a record that may refer to objects: count, references and a compressed frame, which
 * were sealed. */
bool objects_body(struct objects *o, struct sealer *s, struct slice dictionary, struct slice opened,
                  struct arena *arena, struct slice *body, struct error *e) MUST_CHECK;
