/* formats/nsupdate - messages that ask about and change a zone (RFC 2136), proven by a shared key (TSIG, RFC 8945).
 *
 * No I/O, no clock. An answer is hostile until its TSIG is verified, and what it says counts only then. Read more strictly than RFC
 * 8945 allows: a MAC is whole, the algorithm is the one that we used, and nobody's clock may differ by more than five
 * minutes. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define NSUPDATE_MESSAGE_MAX 65535 /* over TCP, without its two bytes of length */
#define NSUPDATE_NAME_MAX    253   /* in text, without the last dot */
#define NSUPDATE_MAC_MAX     64
#define NSUPDATE_RECORDS_MAX 64   /* of one name and type */
#define NSUPDATE_RDATA_MAX   4096 /* of one record */
#define NSUPDATE_FUDGE_S     300  /* RFC 8945 section 10 */
#define NSUPDATE_SECRET_MIN  16
#define NSUPDATE_SECRET_MAX  256

enum nsupdate_algorithm { NSUPDATE_HMAC_SHA256, NSUPDATE_HMAC_SHA512 };

struct nsupdate_key {
    struct slice name;
    enum nsupdate_algorithm algorithm;
    struct slice secret; /* octets, not base64 */
};

/* What becomes of the records of one name and type. */
struct nsupdate_change {
    struct slice zone;
    struct slice name;
    uint16_t type;
    uint32_t ttl_s; /* of what is added */
    const struct slice *was;
    size_t
        n_was; /* RDATA of all that must be there, or the server does nothing; none: nothing may be there */
    const struct slice *remove;
    size_t n_remove;
    const struct slice *add;
    size_t n_add;
};

/* A signed question, for its answer. */
struct nsupdate_asked {
    uint16_t id;
    bool update;
    struct slice name; /* of a question that is no update */
    uint16_t type;
    uint8_t mac[NSUPDATE_MAC_MAX];
    size_t mac_len;
};

enum nsupdate_verdict {
    NSUPDATE_PROVEN,    /* whoever has the key says so */
    NSUPDATE_UNPROVEN,  /* anybody may: rcode and tsig_error are good for a sentence alone */
    NSUPDATE_MALFORMED, /* no answer to this question */
};

enum {
    NSUPDATE_REFUSED = 5,
    NSUPDATE_YXRRSET = 7,
    NSUPDATE_NXRRSET = 8,
    NSUPDATE_NOTAUTH = 9,
    NSUPDATE_NOTZONE = 10,
    NSUPDATE_BADSIG = 16,
    NSUPDATE_BADKEY = 17,
    NSUPDATE_BADTIME = 18,
};

struct nsupdate_answer {
    unsigned rcode;
    unsigned tsig_error;
    bool authoritative;
    bool alias;            /* a CNAME stands at the name */
    bool crowded;          /* there is more than is read, so `records` is not all */
    struct slice *records; /* RDATA as it stands there, so names in it may be compressed */
    size_t n_records;
};

/**
 * Write a question about one name and type, and sign it.
 *
 * @param out    empty, with room for NSUPDATE_MESSAGE_MAX
 * @param now_s  wall seconds
 * @return       false with ERROR_INPUT: a name that is none
 */
bool nsupdate_ask(uint16_t id, struct slice name, uint16_t type, const struct nsupdate_key *key,
                  uint64_t now_s, struct buf *out, struct nsupdate_asked *asked,
                  struct error *e) MUST_CHECK;

/* Write a change, and sign it. Its prerequisites are that the name is no alias and that exactly `was` is there (RFC 2136
 * sections 2.4.2 and 2.4.3). As nsupdate_ask(); ERROR_LIMIT when it does not fit. */
bool nsupdate_write(uint16_t id, const struct nsupdate_change *change,
                    const struct nsupdate_key *key, uint64_t now_s, struct buf *out,
                    struct nsupdate_asked *asked, struct error *e) MUST_CHECK;

/* Read the answer to what was asked. `out` is in the arena and filled unless it is MALFORMED; without a proof it has no
 * records. */
enum nsupdate_verdict nsupdate_read(struct slice message, const struct nsupdate_asked *asked,
                                    const struct nsupdate_key *key, uint64_t now_s,
                                    struct arena *arena, struct nsupdate_answer *out);

/* Whether a name is one: labels of letters, digits, `-` and `_`. */
bool nsupdate_is_name(struct slice name);

/* Whether `name` is `zone` or below it. */
bool nsupdate_is_below(struct slice name, struct slice zone);

/* "the server does not know the key"; NULL when rcode and tsig_error are both 0. */
const char *nsupdate_why(const struct nsupdate_answer *answer);
