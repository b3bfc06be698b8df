/* formats/dsn - delivery status notifications, written (RFC 3464, 6522; RFC 6533 for SMTPUTF8).
 *
 * One multipart/report: sentences for a person first, then the same for programs, then the
 * original's header (or, when asked for, all of it). What the remote server said is untrusted:
 * it is cut, cleaned and never leaves its line. Pure. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

#define DSN_RANDOM_LEN     16
#define DSN_DIAGNOSTIC_MAX 1000 /* bytes of a remote reply that are shown */

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_RELAYED, DSN_DELIVERED };

struct dsn_recipient {
    enum dsn_action action;
    struct slice address;    /* final recipient, local@domain */
    struct slice original;   /* ORCPT as given, "rfc822;joe+2Bx@example.com"; empty when none */
    struct slice status;     /* RFC 3463, "5.1.1" */
    struct slice remote_mta; /* host name of the server that answered; empty when none did */
    struct slice diagnostic; /* its reply as received, several lines or one; empty when none */
    struct slice reason;     /* our own words, one sentence in UTF-8, when no server answered */
    int64_t last_attempt_ms; /* wall clock; 0 when there was none */
    int64_t retry_until_ms;  /* for DSN_DELAYED */
};

struct dsn_report {
    struct slice reporting_mta; /* our host name */
    struct slice from;          /* address that the report comes from, postmaster@... */
    struct slice to;            /* the original's reverse-path; never empty */
    struct slice envelope_id;   /* ENVID without xtext; empty when none */
    struct slice subject;       /* of the original, UTF-8, for the sentences; may be empty */
    int64_t arrived_ms;         /* when the original came in */
    int64_t now_ms;
    uint8_t random[DSN_RANDOM_LEN]; /* fresh; for boundary and Message-ID */
    const struct dsn_recipient *recipients;
    size_t n_recipients;
    struct slice original; /* what is returned: the header as sent, or the whole letter */
    bool original_whole;   /* it is the whole letter (RET=FULL) */
};

/* Append the report as a letter, header to last line, CRLF line ends, lines below 998 octets but
 * for the original's own. Check out->full afterwards. */
void dsn_write(struct buf *out, const struct dsn_report *report);

/* Whether the report holds anything beyond ASCII in addresses or original header, so that its
 * delivery needs SMTPUTF8 (RFC 6533 section 4). */
bool dsn_needs_utf8(const struct dsn_report *report);

/* One sentence for a status code, for people; never NULL. */
const char *dsn_status_sentence(struct slice status);
