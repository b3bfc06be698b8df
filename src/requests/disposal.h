/* requests/disposal - letters whose time is over, over the control socket of the keeper. */
#pragma once

#include "letter/disposal.h"
#include "requests/approvals.h"

#define DISPOSAL_CLASSES_MAX 200

/* disposal_preview: what a disposal would destroy now, as far as catalog and index say. */
struct disposal_preview_ask {
    uint64_t before; /* wall milliseconds; 0: now */
};

struct disposal_class {
    struct slice name;
    uint64_t letters; /* over: a letter of two classes counts for both */
};

struct disposal_preview_answer {
    uint64_t before;
    uint64_t over; /* of which ... */
    uint64_t held;
    uint64_t busy;            /* not in the index yet: looked at again when the time comes */
    uint64_t left;            /* letters that the rules in force still are to be applied to */
    bool doubted;             /* nobody knows what time it is */
    uint64_t believed;        /* the time that is believed */
    struct cbor_list classes; /* struct disposal_class */
    struct cbor_list holds;   /* struct disposal_class: by which letters are held */
};

extern const struct ipc_message disposal_preview;

/* disposal_ask: takes two persons; answered with struct admin_asked. */
struct disposal_ask_ask {
    uint64_t before;
    struct slice reason;
};

extern const struct ipc_message disposal_ask;

/* disposal_clock: say that the clock is right, where it is doubted. */
struct disposal_clock_ask {
    struct slice reason;
};

extern const struct ipc_message disposal_clock;

/* Over the reader's socket. disposal_list: disposals and erasures that were asked for, the oldest first; of very many
 * the last ones. */
#define DISPOSALS_LISTED_MAX 1000

struct disposal_list_ask {
    struct slice reason;
};

struct disposal_row {
    uint64_t number; /* counts from 1, in the order in which they were asked for */
    struct slice id; /* of the request */
    uint64_t kind;   /* enum request_kind */
    uint64_t state;  /* enum request_verdict; 0: none yet */
    struct slice by;
    struct slice reason;
    uint64_t asked_at;
    uint64_t expires_at;
    struct slice approved_by;
    uint64_t approved_at;
    uint64_t ended_at;  /* done, refused, withdrawn or given up */
    uint64_t letters;   /* of an erasure: that were to go */
    uint64_t destroyed; /* letters, with what belonged to them */
    uint64_t held;
    uint64_t left; /* kept by rules, or not to be decided about */
};

struct disposal_list_answer {
    struct cbor_list rows;
    uint64_t now; /* wall milliseconds, by which what waits has expired */
};

extern const struct ipc_message disposal_list;

/* disposal_certificate: without a checkpoint the part that people read, as a sealed memfd; a record holds its digest
 * then. With a checkpoint that was signed afterwards what proves it: both together are the file of
 * docs/ledger-format.md section 14. */
#define CERTIFICATE_PROOF     "---- proof"
#define CERTIFICATE_BYTES_MAX ((size_t)512 << 20) /* of each part */

struct disposal_certificate_ask {
    struct slice id; /* of the request */
    struct slice note;
    struct slice reason;
};

extern const struct ipc_message disposal_certificate;
