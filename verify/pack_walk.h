/* verify/pack_walk - a pack that is gone through. For pack.c, which takes its records, and pack_files.c,
 * which has its header, rows and files. */
#pragma once

#include "verify/pack.h"

#define HEAD_LEN   512
#define FIXED_LEN  160
#define ROW_LEN    48
#define ENTRY_LEN  72
#define DATA_HEAD  64
#define DIGEST_LEN 16    /* of a payload's SHA-256 in an entry */
#define OPEN_MAX   8     /* payload files open at once */
#define PACKED     2     /* flag: compressed with the dictionary */
#define MAY_REFER  4     /* flag: parts of the body may be objects */
#define OBJECTS    65535 /* class of the row that names the file of objects */
#define NO_ROW     UINT32_MAX

struct pack_head {
    uint32_t number;
    uint8_t ledger[ID_LEN];
    uint8_t id[ID_LEN];
    uint64_t first;
    uint32_t records, files;
    uint16_t making; /* 0: of a segment; n: of a pack, for the n-th time */
    uint64_t segment_length, length;
    uint8_t dictionary[HASH_LEN];
    uint8_t digest[HASH_LEN];
};

struct pack_row {
    uint16_t class;
    uint32_t month;
    uint64_t length;
    uint64_t next; /* where its next payload must stand */
    bool seen;     /* its file was looked for */
    bool missing;
};

/* A payload file that is open. */
struct pack_data {
    uint32_t row; /* NO_ROW: none */
    uint64_t used;
    struct input in;
};

struct pack_walk {
    struct check *c;
    struct input *in;   /* the entries */
    struct input clear; /* the same file, for the clear payloads: each has its window */
    struct pack_head head;
    struct pack_row *rows;
    uint64_t clear_next;
    uint32_t index; /* of the record */
    uint64_t batch; /* number of the first record behind the last commit */
    uint64_t ended;
    bool last_is_end; /* the record before was an end */
    uint64_t uses;
    struct pack_data data[OPEN_MAX];
};

/* Report a finding about records from `first` to the one that is due, about that one, or about the pack as
 * a whole. */
void pack_find(const struct pack_walk *w, uint64_t first, fault what);
void pack_find_here(const struct pack_walk *w, fault what);
void pack_find_whole(const struct pack_walk *w, uint64_t offset, fault what);

/* The header's bytes as values, whatever is wrong with them. */
fault pack_head_read(const uint8_t *in, struct hash *h, struct pack_head *out);

/* The file from its rows on must have its digest; a dictionary must be there and be the one named. */
void pack_check_digest(struct pack_walk *w);
void pack_check_dictionary(struct pack_walk *w);

/* Read all rows into w->rows. */
void pack_read_rows(struct pack_walk *w);

/* The file of objects, if there is one, must be the one that its row tells of. */
void pack_check_objects(struct pack_walk *w);

/* The open payload file of a row; NULL when it is missing. Some are open at once; the one not used for
 * longest is closed for another. */
struct input *pack_data(struct pack_walk *w, uint32_t number);
