/* stages/delivery/dane - what a domain's TLSA records say of one of its mail servers (RFC 7672).
 *
 * It asks the DNS and judges; what a certificate is worth shows in the handshake (host/tls). Thread-safe; what it
 * returns lives in the caller's arena. */
#pragma once

#include "host/tlsa.h"
#include "stages/delivery/lookup.h"

enum dane_state {
    DANE_NONE,     /* no secure TLSA records: DANE says nothing of this host                     */
    DANE_USABLE,   /* the certificate must match one of `records`                                */
    DANE_UNUSABLE, /* there are records and none can be used: TLS, whoever it is (section 2.2)   */
    DANE_UNKNOWN,  /* the DNS gave no answer that can be trusted: not this host, not now         */
};

struct dane {
    enum dane_state state;
    struct slice base;     /* the TLSA base domain: SNI, and the first name that counts */
    struct slice *records; /* usable RDATA; n_records of them, at most TLSA_RECORDS_MAX */
    size_t n_records;
    struct slice
        note; /* for the record: what is published; when UNKNOWN a sentence that says why */
};

/**
 * Look up the TLSA records of a host (RFC 7672 section 2.2): at the name that it is an alias of, then at its own,
 * each only where DNSSEC proves it. An alias whose target is not secure has records at its own name, if that is.
 *
 * @param host   whose name came from secure MX records or from the settings; anything else has no DANE
 * @param found  its addresses, as lookup_addresses() gave them
 */
void dane_look_up(const struct lookup *l, const struct route_host *host,
                  const struct lookup_addresses *found, struct arena *arena, struct dane *out);

/* Sort the TLSA records of one answer into `out`: USABLE, UNUSABLE, or UNKNOWN when there are more than are read. */
void dane_judge(const struct slice *records, size_t n_records, struct slice base, uint16_t port,
                struct arena *arena, struct dane *out);
