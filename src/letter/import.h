/* letter/import - where a letter came from that was not sent through Postern, and what an import
 * did. Conventions as in letter/records.h, which includes this. */
#pragma once

#include "formats/cbor/cbor.h"

#define IMPORT_TEXT_MAX     1024 /* of names, paths and the line that parts letters of an mbox */
#define IMPORT_FLAGS_MAX    255
#define IMPORT_FAILURES_MAX 500

enum source_kind {
    SOURCE_MBOX = 1,
    SOURCE_EML = 2, /* files, one letter each */
    SOURCE_MAILDIR = 3,
    SOURCE_IMAP = 4,
    SOURCE_JOURNAL = 5, /* a provider's journal report, by SMTP */
    SOURCE_PST = 6,     /* Outlook's file, as readpst writes its letters down */
};

/* How an mbox protects lines of a letter that look like the beginning of the next one. */
enum mbox_quoting {
    QUOTING_MBOXRD = 1, /* one ">" more before every ">*From " */
    QUOTING_MBOXO = 2,  /* ">" before "From " alone */
    QUOTING_NONE = 3,   /* nothing is: Content-Length tells (mboxcl2) */
};

/* Part of the facts of an imported letter; all of it as the source said. */
struct source {
    struct slice import; /* id of the import */
    uint64_t kind;       /* enum source_kind; 0: the letter was not imported */
    struct slice name;   /* of the source, given by who imported it */
    struct slice owner;  /* address of whose mail it is, if that was said */
    struct slice path;   /* file below what was imported, or folder */
    uint64_t offset;     /* mbox: where its "From " line begins in the file */
    uint64_t uid;        /* IMAP */
    uint64_t uid_validity;
    struct slice flags;     /* "\Seen \Flagged", or a Maildir's letters */
    uint64_t received_at;   /* when it came to that mailbox, or here; 0: not known */
    struct slice from_line; /* mbox: the line before the letter, without its "From " */
    uint64_t unquoted;      /* mbox: lines from which a ">" was taken */
    uint64_t quoting;       /* enum mbox_quoting */
    bool envelope;          /* reverse-path and recipients are those it was sent with */
};

extern const struct cbor_schema source_schema;

struct facts;

/* When a letter was sent, for search and for people: an imported one long before it came here. */
uint64_t facts_dated(const struct facts *f);

/* Whose letter it is: the account's, or of an imported one its owner's; may be empty. */
struct slice facts_owner(const struct facts *f);

/* What could not be taken, and why. */
struct import_failure {
    struct slice path;
    uint64_t offset; /* mbox: where it begins */
    uint64_t uid;    /* IMAP */
    struct slice reason;
    bool taken; /* it was taken all the same, as it is: a remark */
};

extern const struct cbor_schema import_failure_schema;

enum import_state {
    IMPORT_BEGUN = 1,
    IMPORT_CONTINUED = 2, /* after it had been interrupted */
    IMPORT_TAKING = 3,    /* stands behind the letters that it counts, in one commit */
    IMPORT_ENDED = 4,
};

/* RECORD_IMPORT. The counts are those of the whole import until now. */
struct import_record {
    struct slice id; /* of the import */
    uint64_t state;
    uint64_t kind;
    struct slice name;
    struct slice owner;
    struct slice path; /* as it was named on the command line */
    struct slice by;
    uint64_t taken;
    uint64_t known;            /* were in the archive already, from the same source */
    uint64_t failed;           /* could not be taken */
    uint64_t next;             /* mbox: where in the file it goes on */
    struct cbor_list failures; /* struct import_failure: those that are new */
    struct slice reason;       /* why it was done */
};

extern const struct cbor_schema import_record_schema;
