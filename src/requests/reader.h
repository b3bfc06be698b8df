/* requests/reader - what the command line may ask of the process that reads the archive. */
#pragma once

#include "ipc/ipc.h"
#include "letter/hold.h"
#include "letter/records.h"

#define READER_HITS_MAX    1000
#define READER_FAULTS_MAX  1000
#define READER_RECORDS_MAX 100000
#define READER_REASON_MAX  1000
#define READER_PLACE_MAX   100 /* of `next` */

/* reader_search */
struct reader_search_ask {
    struct slice query;
    uint64_t limit;         /* hits wanted, at most READER_HITS_MAX */
    struct slice after;     /* `next` of the page before; empty: the first page */
    struct slice reason;    /* why it is asked: stands in the record of the reading */
    uint64_t order;         /* enum search_order */
    struct slice case_name; /* only letters of this case, whose reason counts */
};

struct reader_hit {
    uint64_t seq; /* of the facts record */
    struct slice id;
    uint64_t received_at;
    struct slice from, to; /* `to`: of the envelope or, without one, of the header; cut */
    struct slice subject;
    uint64_t size;
};

struct reader_search_answer {
    struct cbor_list hits;
    bool more;         /* ask again with `after` = `next`, even when there are no hits here */
    uint64_t indexed;  /* coverage: letters in the index ... */
    uint64_t archived; /* ... of letters in the ledger */
    uint64_t unread;   /* of those in the index: with content that could not be read */
    struct slice next; /* where the next page begins: the same as long as the archive stands */
};

extern const struct ipc_message reader_search;

/* reader_show: every record about a letter, in the order of the ledger, without content and without edits beyond 64 KiB. */
struct reader_letter_ask {
    struct slice id;
    bool as_sent;  /* reader_export: the sealed copy instead of what was submitted */
    uint64_t from; /* reader_show: records from this seq on, see `more` */
    struct slice reason, case_name; /* the latter: that it must be in */
    uint64_t copy;                  /* with as_sent: which, from 1 on; 0: the only one */
};

struct reader_record {
    uint64_t seq;
    uint64_t type; /* enum record_type */
    uint64_t time;
    struct slice body; /* CBOR of that type's schema */
};

extern const struct cbor_schema reader_record_schema;

#define READER_RULES_MAX 100

struct reader_show_answer {
    struct cbor_list records;
    bool more;              /* too long for one answer: ask again from behind the last seq */
    struct slice held;      /* names of the holds that it is under, for who reads others' letters */
    struct cbor_list rules; /* reader_record: rules that its last classes name, for the same */
};

extern const struct ipc_message reader_show;

/* reader_export: the letter's bytes as a sealed memfd, their number as the answer's `size`. */
extern const struct ipc_message reader_export;

/* reader_verify: check the whole ledger. */
struct reader_verify_ask {
    struct slice since; /* a signed checkpoint somebody kept, or empty */
    struct slice reason;
};

struct reader_fault {
    uint64_t segment;
    uint64_t offset;
    uint64_t seq;
    struct slice what;
};

struct reader_verify_answer {
    uint64_t records;
    uint64_t segments;
    struct slice root;
    bool since_checked;
    struct cbor_list faults; /* the first READER_FAULTS_MAX */
    uint64_t faults_found;   /* in all; 0: the ledger is whole */
};

extern const struct ipc_message reader_verify;

/* reader_prove: that a letter's content is in the tree of a checkpoint. reader_growth: that the tree of an
 * earlier checkpoint is its beginning. The answer is the file of docs/ledger-format.md section 13. */
#define READER_PROOF_MAX ((size_t)16 << 10)

struct reader_prove_ask {
    struct slice note;  /* the checkpoint, which must not be older than what is proved */
    struct slice id;    /* reader_prove: of the letter */
    struct slice since; /* reader_growth: the earlier checkpoint */
    struct slice reason;
};

struct reader_prove_answer {
    struct slice proof;
};

extern const struct ipc_message reader_prove, reader_growth;

/* reader_anchors: the records of checkpoints that went somewhere, from a position on; all zero is the
 * beginning. `more`: ask again from the position answered. */
#define READER_ANCHORS_MAX 40 /* of the largest kind they fit into one answer */
#define READER_ANCHOR_MAX  ((size_t)96 << 10)

struct reader_anchors_ask {
    uint64_t seq;
    uint64_t segment;
    uint64_t offset;
};

struct reader_anchor {
    uint64_t seq;
    uint64_t time;
    struct slice body; /* CBOR of a checkpoint_record */
};

struct reader_anchors_answer {
    struct cbor_list anchors;
    uint64_t seq;
    uint64_t segment;
    uint64_t offset;
    bool more;
};

extern const struct ipc_message reader_anchors;

/* reader_imports: of each import the first and the last record, the newest import first; those that
 * began before the record `from`, 0: from the newest on. reader_import: every record of one. Both are
 * asked like reader_show and answered like it. */
extern const struct ipc_message reader_imports, reader_import;

/* reader_pull: letters for an export, as many of those asked for as fit; the rest is to be asked again.
 * Their bytes come one behind the other in a sealed memfd. */
#define READER_PULL_MAX       200
#define READER_PULL_BYTES_MAX ((size_t)LETTER_BYTES_MAX + (8U << 20))

struct reader_pull_ask {
    struct cbor_list ids; /* as text */
    struct slice reason;
    struct slice case_name; /* that they must be in; its reason counts */
};

struct reader_pulled {
    struct slice id; /* as text */
    uint64_t seq;
    struct slice facts;    /* CBOR */
    struct slice findings; /* CBOR; empty: not inspected yet */
    uint64_t start;        /* of its bytes */
    uint64_t len;
    struct slice failure; /* why there are none, a sentence; empty: there are */
};

struct reader_pull_answer {
    struct cbor_list letters; /* struct reader_pulled */
};

extern const struct ipc_message reader_pull;

/* reader_exported: record that an export is whole. */
struct reader_exported_ask {
    struct slice query;
    struct slice digest; /* SHA-256 of its manifest, hexadecimal */
    uint64_t count;
    struct slice reason, case_name;
};

extern const struct ipc_message reader_exported;
