/* host/resolver - questions to the DNS, validated in this process (libunbound, RFC 4035).
 *
 * It asks configured forwarders, or the authoritative servers from the root down, follows CNAMEs
 * and says how far the answer may be trusted. Whatever leaves doubt (SERVFAIL, time-out, a broken
 * signature) is DNS_FAILED or DNS_BOGUS and never looks like "there is nothing": a caller treats
 * both as "try again later". Answers are kept for their TTL in a small cache of our own in front
 * of libunbound's, both bounded.
 *
 * One resolver serves all threads of a process. It owns two threads: libunbound's, which speaks to
 * the network, and one that hands the answers to those who wait. It opens no file. Servers on
 * loopback are asked only when the settings name one. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/own.h"
#include "base/slice.h"

#define DNS_NAME_MAX    253  /* octets of a domain name in text, without a final dot    */
#define DNS_RECORDS_MAX 64   /* records of one answer that are looked at                */
#define DNS_ANSWERS_MAX 1024 /* answers kept in the cache                               */
#define DNS_TTL_MAX_S   3600 /* a longer TTL is cut, so that a changed MX is seen today */
#define DNS_WAITING_MAX 512  /* questions under way at once                             */

enum dns_type {
    DNS_A = 1,
    DNS_CNAME = 5,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_TLSA = 52,
    DNS_SMIMEA = 53,
};

enum dns_status {
    DNS_FOUND,   /* there are records                                            */
    DNS_NO_DATA, /* the name exists and has none of this type                    */
    DNS_NO_NAME, /* the name does not exist (NXDOMAIN)                           */
    DNS_FAILED,  /* no usable answer: time-out, SERVFAIL, too many questions     */
    DNS_BOGUS,   /* an answer whose signatures are broken: an attack or a mishap */
};

struct dns_answer {
    enum dns_status status;
    bool secure;           /* proven by DNSSEC, the denials too */
    uint32_t ttl_s;        /* at most DNS_TTL_MAX_S */
    struct slice *records; /* RDATA in wire form, names uncompressed; n_records of them */
    size_t n_records;
    struct slice
        canonical; /* the name that the asked one is an alias of, in lower case; empty: it is none, or its
                               target is no name that a host may have */
    struct slice why; /* a sentence for a person when FAILED or BOGUS */
};

/* A zone that is asked at a server of its own. */
struct dns_stub {
    struct slice zone;
    struct slice server; /* "192.0.2.1" or "192.0.2.1@5353" */
};

struct resolver_settings {
    const struct slice *forwarders; /* as stub servers; none: ask from the root down */
    size_t n_forwarders;
    const struct dns_stub *stubs;
    size_t n_stubs;
    struct slice root_hints;    /* the root's servers in zone-file form; empty: the built-in ones */
    struct slice trust_anchors; /* DS or DNSKEY records in zone-file form, a line each, with
                                   comments; empty: every answer is insecure */
    const struct slice *insecure; /* domains below which nothing is validated */
    size_t n_insecure;
};

struct resolver;

/* Make a resolver and begin its threads: call it behind the sandbox. The settings may go
 * afterwards. NULL with ERROR_CONFIG when libunbound refuses one of them. */
struct resolver *resolver_new(const struct resolver_settings *settings, struct error *e) MUST_CHECK;

/* Stop the threads and free; nobody may be waiting. NULL is fine. */
void resolver_free(struct resolver *r);

OWN_BY(resolver, struct resolver, resolver_free)

/**
 * Ask for the records of `type` at `name` and wait for the answer. Thread-safe.
 *
 * @param name         host or domain in ASCII (A-labels), with or without the final dot
 * @param deadline_ms  by clock_steady_ms(); an answer that is not there by then is DNS_FAILED
 * @param arena        owns the answer's records and sentence
 */
void resolver_ask(struct resolver *r, struct slice name, enum dns_type type, int64_t deadline_ms,
                  struct arena *arena, struct dns_answer *answer);

/**
 * Read the RDATA of an MX record (RFC 1035 section 3.3.9).
 *
 * @param host  set to the exchange in lower case, from the arena; empty for the null MX's root
 * @return      false when the bytes are no MX record or a label holds anything but letters,
 *              digits, '-' and '_'
 */
bool dns_mx_read(struct slice rdata, struct arena *arena, uint16_t *preference,
                 struct slice *host) MUST_CHECK;

/* The text of a TXT record: its strings, one behind the other, from the arena (RFC 1035 section 3.3.14;
 * RFC 7208 section 3.3). False when the RDATA is none. */
bool dns_txt_read(struct slice rdata, struct arena *arena, struct slice *text) MUST_CHECK;
