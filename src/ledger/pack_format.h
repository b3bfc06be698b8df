/* ledger/pack_format - the bytes of packs, of their payload files, and of the ledger's own records about
 * them. For ledger/'s own files. docs/ledger-format.md section 12. */
#pragma once

#include "ledger/internal.h"

#define PACK_HEAD_LEN      512
#define PACK_FIXED_LEN     160
#define PACK_ROW_LEN       48
#define PACK_ENTRY_LEN     72
#define PACK_AAD_LEN       (1 + 8 + 2 + 8 + DIGEST_LEN + KEYRING_ID_LEN + 1)
#define PACK_NAME_MAX      40
#define PACK_FILES_MAX     1024  /* payload files: classes times months of one segment */
#define PACK_OBJECTS       65535 /* the class of the row that names the objects */
#define PAYLOAD_HEAD_LEN   64
#define PAYLOAD_DIGEST_LEN 16

struct pack_head {
    uint32_t number;
    uint16_t making; /* 0: of a segment; n: of a pack, for the n-th time */
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
    uint32_t month; /* YYYYMM; of the objects: which making */
    uint64_t length;
    uint8_t digest[DIGEST_LEN]; /* of the objects' file; else zeros */
};

struct pack_entry {
    uint16_t type;
    bool sealed;
    bool dictionary; /* compressed with the pack's */
    bool objects;    /* its body may refer to some */
    bool left_out;   /* it was erased before the pack was made: sealed, without payload and file */
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
    struct slice replaced; /* digest of the segment or, made again, of the pack before */
    uint64_t first;
    uint64_t records;
};

struct erasure_record {
    uint64_t number;
    struct slice ranges; /* see ledger/claims.h */
};

/* The names of a pack: when it counts, while it is made, and of one of its payload files. */
void pack_name(uint32_t number, char name[static PACK_NAME_MAX]);
void pack_name_new(uint32_t number, char name[static PACK_NAME_MAX]);
void pack_payload_name(const struct pack_head *head, const struct pack_row *row,
                       char name[static PACK_NAME_MAX]);

/* What a file of the folder is to a ledger. */
enum ledger_file {
    FILE_OTHER,
    FILE_SEGMENT,
    FILE_PACK,
    FILE_PACK_NEW,
    FILE_PAYLOAD,
    FILE_OBJECTS,
    FILE_OBJECTS_NEW,
    FILE_OLD,
};
enum ledger_file ledger_file_of(const char *name, uint32_t *number);

/* Of a payload file's name: which making of the pack it belongs to. */
uint16_t pack_payload_making(const char *name);

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

/* Where the clear payloads begin. */
uint64_t pack_clear_at(const struct pack_head *h);

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
