/* processes/certify - certificates that the signer makes for our own people: a small authority (RFC 5280, RFC 8550).
 *
 * It parses nothing: what is in a certificate comes from settings and orders, and the issuer is known by its name and key. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

#include "processes/private_key.h"

struct certify_wish {
    const struct private_key *subject;
    const struct private_key *issuer; /* the subject's own: an authority */
    struct slice name;                /* of the subject: the address or the authority's name */
    struct slice issuer_name;
    bool authority;
    uint64_t not_before_s;
    uint64_t not_after_s;
};

/* Append a certificate in DER. ERROR_INPUT when a name or the time will not do. */
bool certify(const struct certify_wish *wish, struct buf *out, struct error *e) MUST_CHECK;

/* Whether an authority may be called so: letters, digits, blanks and `.,&-'`; the name stands in each certificate. */
bool certify_name_is_good(struct slice name);
