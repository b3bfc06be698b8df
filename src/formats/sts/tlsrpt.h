/* formats/sts/tlsrpt - where a domain wants reports on TLS to go (RFC 8460 section 3), and such a report (section 4).
 *
 * Pure: bytes in, values out. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define TLSRPT_RECORD_NAME "_smtp._tls." /* in front of the domain: where the TXT record stands */
#define TLSRPT_PLACES_MAX  8             /* of one domain; others are passed over */
#define TLSRPT_REPORT_MAX  ((size_t)1 << 20) /* octets of a report's JSON */

/* One address of `rua`. */
struct tlsrpt_place {
    bool mail;          /* otherwise https */
    struct slice where; /* a mailbox as text, decoded; or the URL as it stands */
};

/**
 * Read the texts at _smtp._tls.DOMAIN (RFC 8460 section 3).
 *
 * @param places  room for TLSRPT_PLACES_MAX; of other schemes none is listed
 * @return        how many there are: 0 when not exactly one text begins with "v=TLSRPTv1;", it is malformed, or names no
 *                place that can be used
 */
size_t tlsrpt_places_read(const struct slice *texts, size_t n, struct arena *arena,
                          struct tlsrpt_place places[static TLSRPT_PLACES_MAX]);

/* Sessions that failed alike. Empty texts are left out of the report. */
struct tlsrpt_failure {
    struct slice type; /* a result type of RFC 8460 section 4.3: "certificate-expired" */
    struct slice sending_ip;
    struct slice mx_host; /* receiving-mx-hostname */
    struct slice receiving_ip;
    uint64_t count;
};

/* What was seen under one policy of the domain. */
struct tlsrpt_policy {
    struct slice type;           /* "sts", "tlsa" or "no-policy-found" */
    const struct slice *strings; /* the policy as it stood, a line or a record each */
    size_t n_strings;
    const struct slice *mx; /* mx-host patterns of an "sts" policy */
    size_t n_mx;
    uint64_t successes;
    uint64_t failed;
    const struct tlsrpt_failure *failures;
    size_t n_failures;
};

struct tlsrpt_report {
    struct slice organisation;
    struct slice contact;
    struct slice id;
    struct slice domain;
    int64_t from_s; /* seconds since 1970, UTC; the day's first */
    int64_t to_s;   /* and its last */
    const struct tlsrpt_policy *policies;
    size_t n_policies;
};

/* Write the report as JSON. False with ERROR_LIMIT when it does not fit into the buffer, ERROR_INPUT for a text that is no UTF-8. */
bool tlsrpt_report_write(const struct tlsrpt_report *report, struct buf *out,
                         struct error *e) MUST_CHECK;

/* "2026-11-29T00:00:00Z" */
#define TLSRPT_TIME_MAX 32
void tlsrpt_time_write(int64_t seconds, char out[static TLSRPT_TIME_MAX]);

/* Append the bytes in the gzip format (RFC 1952), with no name and no time in it. */
bool tlsrpt_gzip(struct slice bytes, struct buf *out, struct error *e) MUST_CHECK;
