/* formats/zone - what our own domains should say in the DNS, and whether they do.
 *
 * Wanted are SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 9989), TLS reporting (RFC 8460), MTA-STS (RFC 8461), and for mail clients SRV
 * (RFC 8314 section 5.1) and TLSA (RFC 6698). What is found is judged by what receivers make of it, not by
 * being equal to what we would write. Pure; what comes from the DNS is hostile. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

#include "formats/dkim/dkim.h"
#include "formats/zone/lookup.h"

#define ZONE_RECORDS_MAX 64 /* of one domain */
#define ZONE_DIGEST_LEN  32

enum zone_kind {
    ZONE_KIND_SPF = 1,
    ZONE_KIND_DKIM,
    ZONE_KIND_DMARC,
    ZONE_KIND_TLSRPT,
    ZONE_KIND_STS,
    ZONE_KIND_SERVICE,
    ZONE_KIND_DANE,
};

/* A DKIM key that we have. */
struct zone_key {
    struct slice selector;
    enum dkim_algorithm algorithm;
    struct slice public; /* as dkim_dns_text() wants it */
    bool used;           /* letters are signed with it */
};

/* What is known of one of our domains. */
struct zone_facts {
    struct slice domain;   /* A-labels */
    struct slice hostname; /* of this server */
    const struct slice *mx;
    size_t n_mx; /* hosts that take its mail now; 0: not known */
    const struct zone_key *keys;
    size_t n_keys;
    const struct slice
        *tls; /* digests (SHA-256 of SubjectPublicKeyInfo) of the submission service's keys */
    size_t n_tls;
    const struct slice *addresses; /* from which we send: 4 or 16 bytes; none: not known */
    size_t n_addresses;
    bool smarthost;                        /* what leaves, leaves from somebody else's addresses */
    uint16_t implicit_port, starttls_port; /* of submission; 0: not offered */
};

/* A record to publish. */
struct zone_record {
    enum zone_kind kind;
    struct slice name; /* without the last dot */
    struct slice type; /* "TXT" */
    struct slice data; /* TXT: the text; otherwise as it stands in a zone file */
    struct slice note; /* what else a person must know or do */
    bool optional;
    const struct zone_key *key; /* of a DKIM record */
};

/**
 * List what should be published.
 *
 * @param out  an array from the arena that looks into `facts`
 * @return     how many; at most ZONE_RECORDS_MAX
 */
size_t zone_wanted(const struct zone_facts *facts, struct arena *arena, struct zone_record **out);

/* The file that belongs to MTA-STS, with CRLF (RFC 8461 section 3.2); its mode is the cautious one, `testing`. Empty when
 * no MX is known. */
struct slice zone_sts_file(const struct zone_facts *facts, struct arena *arena);

/* A TXT record as a line of a zone file: in strings of at most 255 bytes (RFC 1035 section 3.3.14), quotes and backslashes
 * escaped. */
void zone_txt(struct buf *out, struct slice name, struct slice text);

/* Append a record's RDATA in wire form, names uncompressed. False when it is none: nothing here makes such a one. */
bool zone_rdata(const struct zone_record *record, struct buf *out, enum zone_type *type)
    __attribute__((warn_unused_result));

/* Any record as a line of a zone file. */
void zone_line(struct buf *out, const struct zone_record *record);

enum zone_mark {
    ZONE_GOOD = 1,
    ZONE_ADVICE,  /* it works, and could be better */
    ZONE_MISSING, /* nothing is published */
    ZONE_WRONG,   /* what is published does harm, or nothing */
    ZONE_UNKNOWN, /* the DNS does not answer, or it cannot be judged */
};

struct zone_verdict {
    enum zone_mark mark;
    struct slice what; /* what was found */
    struct slice mend; /* what to do; may be empty */
};

/* Look a record up and judge what is there. Texts are in the arena and may hold bytes that are no UTF-8. */
void zone_judge(const struct zone_record *record, const struct zone_facts *facts,
                const struct zone_lookup *lookup, struct arena *arena, struct zone_verdict *out);

/* "missing" */
const char *zone_mark_name(uint64_t mark);
