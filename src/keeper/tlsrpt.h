/* keeper/tlsrpt - what became of TLS with the servers of recipient domains, counted for each day of UTC, and the reports
 * about it that domains ask for (RFC 8460).
 *
 * Delivery says of each session what it came to; the counts are kept in the state. When a day is over, each domain of which
 * something was counted is asked whether it wants a report; the first of its places that takes one gets it, by mail as a
 * letter of our own or by HTTPS. Thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "requests/sts.h"

struct keeper;
struct tlsrpt;

/* Read what the state holds. Before the threads run. */
bool tlsrpt_open(struct keeper *k, struct error *e) MUST_CHECK;

/* Nobody may count any more. */
void tlsrpt_close(struct keeper *k);

/* Count what became of sessions for letters to a domain, or of fetching its policy. */
void tlsrpt_count(struct keeper *k, struct slice domain, const struct tls_result *results,
                  size_t n);

/* A thread: writes the counts down, sends reports when a day is over, keeps MTA-STS policies fresh. */
void keeper_tls_reports(void *keeper);
