/* letter/anchors - the record of checkpoints, and of what came of them: part of letter/records. */
#pragma once

#include "formats/cbor/cbor.h"

/* How a checkpoint came to somebody else. */
enum anchor_kind {
    ANCHOR_FILE = 1,      /* written to a file or folder */
    ANCHOR_MAIL = 2,      /* mailed as a letter of ours */
    ANCHOR_TIMESTAMP = 3, /* stamped by an authority (RFC 3161) */
};

/* RECORD_CHECKPOINT: a signed note (C2SP) over the tree before this record; or that such a note went
 * somewhere. */
struct checkpoint_record {
    struct slice note;
    struct slice anchored_to; /* path, mailboxes or URL; this and what follows only of an anchor */
    uint64_t kind;            /* enum anchor_kind */
    struct slice token;       /* TimeStampToken over the SHA-256 of the note, DER */
    uint64_t token_at;        /* the time in it */
    struct slice letter;      /* id of the letter that carried it */
};

#define ANCHOR_TOKEN_MAX ((size_t)64 << 10)

extern const struct cbor_schema checkpoint_schema;
