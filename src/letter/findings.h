/* letter/findings - what inspection found in a letter, for policy and for the archive.
 *
 * Made by the inspector, which a hostile letter may have taken over: it serves search and policy,
 * never identity. Nothing is left out in silence: a part that was not read is listed with the
 * reason, and what a limit cut off is said in `gaps`. */
#pragma once

#include "formats/cbor/cbor.h"

#define FINDINGS_PARTS_MAX 10000
#define FINDINGS_GAPS_MAX  32
#define FINDINGS_TEXT_MAX  1024 /* bytes of a name, a type, a reason */
#define FINDINGS_CBOR_MAX  (4u << 20)

enum part_reading {
    PART_TEXT = 1,       /* its words are in the index                             */
    PART_HTML = 2,       /* the same, by way of its text                           */
    PART_CONTAINER = 3,  /* a multipart, a letter, an archive: its parts are listed */
    PART_SKIPPED = 4,    /* of a kind that is not read (an image, a program)       */
    PART_UNREADABLE = 5, /* should have been read and was not: see reason          */
    PART_DOCUMENT = 6,   /* its words are in the index, by way of its text         */
};

enum part_disposition { PART_UNSPECIFIED = 0, PART_INLINE = 1, PART_ATTACHMENT = 2 };

/* One part of the MIME tree, in the order of the letter. */
struct part {
    uint64_t depth;       /* 0: the letter itself */
    struct slice type;    /* "text/plain", lower case */
    struct slice name;    /* file name, decoded; may be empty */
    struct slice charset; /* as declared, lower case; may be empty */
    uint64_t disposition;
    uint64_t size; /* bytes of the body in the letter, still encoded */
    uint64_t reading;
    struct slice reason; /* a sentence, for PART_SKIPPED and PART_UNREADABLE */
    struct slice note;   /* what is odd about it: it is something else than it says */
};

extern const struct cbor_schema part_schema;

/* Whether nobody can read it without a key, or it is something else than it says. */
bool part_is_encrypted(const struct part *p);
bool part_is_mismatch(const struct part *p);

enum detected_kind {
    DETECTED_CARD = 1, /* payment card numbers */
    DETECTED_IBAN = 2, /* bank account numbers */
};

#define DETECTED_KINDS_MAX 16
#define DETECTED_COUNT_MAX 100 /* that many or more */

/* What was recognised in the texts of a letter and its files, and how many different ones. */
struct detected {
    uint64_t kind;
    uint64_t count;
};

extern const struct cbor_schema detected_schema;

enum scan_by {
    SCAN_CLAMD = 1,  /* a malware scanner */
    SCAN_RSPAMD = 2, /* a spam filter */
};

enum scan_verdict {
    SCAN_CLEAN = 1,
    SCAN_MALWARE = 2, /* `name` says which */
    SCAN_SCORED = 3,  /* `score`, and `name` what the filter would do */
    SCAN_TOO_LARGE =
        4, /* it is larger than the scanner takes; with a `name`: not all of it was looked at */
    SCAN_AWAY = 5, /* nobody looked: `name` says why */
};

/* What follows from it, in a ruling that holds. */
enum ruling_guard {
    GUARD_NONE = 0,
    GUARD_OFFICER = 1, /* the officer alone lets it go, with a reason */
    GUARD_BACK = 2,    /* it goes back to its sender, and never leaves */
    GUARD_POLICY =
        3, /* no method of its policy works, or its recipient's password stands in it: the
                       * officer alone lets it go, with a reason */
    GUARD_RETURN = 4, /* the same, and it goes back to its sender */
};

/* Whether a scanner keeps it back: then nothing hands its text on. */
bool guard_is_scanner(uint64_t guard);

/* Whether it goes back to its sender: then no order lets it go. */
bool guard_goes_back(uint64_t guard);

#define SCANS_MAX     4
#define SCAN_NAME_MAX 300

/* What another program says of the whole letter. The keeper has it from the process `scanner`, never from the inspector. */
struct scan {
    uint64_t by;
    uint64_t verdict;
    uint64_t score; /* hundredths of a point */
    struct slice name;
};

extern const struct cbor_schema scan_schema;

#define FINDINGS_LINKS_MAX 64 /* different hosts; what is beyond is not listed */
#define FINDINGS_HOST_MAX  1024

/* RECORD_FINDINGS */
struct findings {
    struct slice id;           /* of the letter; the inspector leaves it empty */
    struct cbor_list parts;    /* struct part */
    struct cbor_list gaps;     /* texts: what a limit left out of parts or terms */
    uint64_t terms;            /* number of terms handed to the index */
    bool unread;               /* inspection failed: there are no parts, `gaps` says why */
    struct cbor_list detected; /* struct detected */
    struct cbor_list scans;    /* struct scan; none: no scanner was set */
    struct cbor_list links;    /* texts: hosts to which it links */
    struct slice
        account; /* of a letter with links, whose they are; the inspector leaves it empty */
};

extern const struct cbor_schema findings_schema;
