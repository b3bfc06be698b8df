/* stages/receipts - which delivery status notifications are due, and the letter that brings them.
 *
 * The rules of RFC 3461 section 4 and 5.2 as one pure function over recipients' states; the caller
 * records what was reported, queues the letter, and calls again when states change. Never
 * anything for the null reverse-path: a report about a report would go on for ever. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

#include "formats/dsn/dsn.h"

/* NOTIFY= of RCPT (RFC 3461 section 4.1); 0 when the client gave none. */
enum receipt_notify {
    RECEIPT_NEVER = 1 << 0,
    RECEIPT_SUCCESS = 1 << 1,
    RECEIPT_FAILURE = 1 << 2,
    RECEIPT_DELAY = 1 << 3,
};

enum receipt_state {
    RECEIPT_WAITING,    /* to be tried, or tried again, and not yet late */
    RECEIPT_LATE,       /* to be tried again, waiting longer than the warning time */
    RECEIPT_SENT,       /* the next hop has it and takes care of notifications (DSN) */
    RECEIPT_SENT_PLAIN, /* the next hop has it and knows no DSN */
    RECEIPT_FAILED,     /* refused for good, expired, or cancelled */
};

struct receipt_recipient {
    enum receipt_state state;
    unsigned notify;            /* of enum receipt_notify */
    bool delay_reported;        /* a warning went out before */
    bool final_reported;        /* success or failure was reported */
    struct dsn_recipient about; /* its action is set by receipts_due() */
};

/**
 * Set `about.action` of every recipient that must be reported now.
 *
 * @param reverse_path  of the original; empty: nothing is ever due
 * @param due           set to the indices of those recipients; room for n
 * @return              how many; 0: no letter is to be sent
 */
size_t receipts_due(struct slice reverse_path, struct receipt_recipient *recipients, size_t n,
                    size_t *due);

/* What the notification needs beside the recipients. */
struct receipt_letter {
    struct slice reverse_path;
    struct slice envelope_id; /* ENVID without xtext */
    bool return_full;         /* RET=FULL; honoured for failures only (RFC 3461 section 4.3) */
    struct slice copy;        /* the letter as it was sent */
    size_t header_len;        /* of that: bytes before the empty line */
    struct slice subject;     /* decoded */
    struct slice host;
    struct slice from; /* postmaster@... */
    int64_t arrived_ms;
    int64_t now_ms;
    uint8_t random[DSN_RANDOM_LEN];
};

/* Append the notification for the recipients named by due[0..n_due). Check out->full; set
 * *needs_utf8 when it may only go to a server with SMTPUTF8. A letter that would pass out's
 * maximum with RET=FULL is to be built again with return_full false. */
void receipts_write(struct buf *out, const struct receipt_letter *letter,
                    const struct receipt_recipient *recipients, const size_t *due, size_t n_due,
                    struct arena *arena, bool *needs_utf8);
