/* formats/jose/jwt - a signed token (RFC 7519 in the compact form of RFC 7515): taken apart, its claims read. Nothing here
 * is proved: that is formats/jose/keys; what the claims are good for is judged by whoever reads them.
 *
 * Read more strictly than it stands: three parts, JOSE_TOKEN_MAX letters, an algorithm of enum jose_algorithm and no other
 * (never `none`, never one with a shared secret), no `crit`, no `b64`, no `zip`. Keys that the header itself brings
 * (`jwk`, `jku`, `x5c`, `x5u`) are not looked at. Thread-safe. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#define JOSE_TOKEN_MAX     8192
#define JOSE_SIGNATURE_MAX 1024
#define JOSE_NAME_MAX      255 /* octets of a claim that names somebody or something */

/* Bits, for a list of those that are allowed. */
enum jose_algorithm {
    JOSE_NO_ALGORITHM = 0,
    JOSE_RS256 = 1 << 0, /* RFC 7518 section 3.3 */
    JOSE_PS256 = 1 << 1, /* section 3.5 */
    JOSE_ES256 = 1 << 2, /* section 3.4 */
    JOSE_EDDSA = 1 << 3, /* RFC 8037, with Ed25519 alone */
};

struct jose_texts {
    struct slice *items;
    size_t count;
};

/* What a token says of itself. What it does not say is empty, zero or false. */
struct jose_claims {
    struct slice issuer;
    struct slice subject;
    struct jose_texts audience;
    struct slice authorized; /* azp */
    struct slice client;     /* client_id */
    struct slice nonce;
    struct slice kind;       /* the claim `typ` that some providers write */
    struct slice use;        /* token_use, likewise */
    struct slice token_type; /* as introspection has it (RFC 7662) */
    struct slice account;    /* the claim that names the account */
    bool email_verified;     /* said so, and not denied */
    bool bound;              /* has `cnf` (RFC 7800): good together with a key alone */
    bool of_sign_in;         /* has nonce, at_hash, c_hash or s_hash, which an ID token alone has */
    struct jose_texts scopes; /* of `scope` (RFC 8693) or `scp`, by itself each */
    struct slice acr;
    struct jose_texts amr;
    int64_t expires; /* seconds since 1970, as the next */
    int64_t not_before;
    int64_t issued;
    bool active; /* RFC 7662 */
};

struct jwt {
    enum jose_algorithm algorithm;
    struct slice kid;
    struct slice type;    /* typ, without "application/" (RFC 7515 section 4.1.9) */
    struct slice covered; /* what is signed; looks into the token */
    uint8_t signature[JOSE_SIGNATURE_MAX];
    size_t signature_len;
    struct jose_claims claims;
};

/* The algorithm of that name, or JOSE_NO_ALGORITHM. Letter case counts. */
enum jose_algorithm jose_algorithm_by_name(struct slice name);

/* Whether a text of a list is that one. */
bool jose_texts_have(const struct jose_texts *texts, struct slice text);

/* Whether it has the form of a token that is taken apart here: three parts, of which any may be empty. Others are for the provider to judge. */
bool jwt_is_one(struct slice token);

/**
 * Take a token apart.
 *
 * @param account  name of the claim that names the account
 * @param arena    for the texts; some ten times the token's size
 * @return         false when it is none; `out` is then as it was
 */
bool jwt_read(struct slice token, const char *account, struct arena *arena, struct jwt *out)
    __attribute__((warn_unused_result));

/* Read claims from an object, such as the answer to an introspection (RFC 7662). False when it is none, or when a claim that
 * says for whom or what the token is (iss, aud, azp, client_id, nonce, typ, token_type, token_use) is there and cannot be
 * read: too long, too many, no text. */
bool jose_claims_read(struct slice text, const char *account, struct arena *arena,
                      struct jose_claims *out) __attribute__((warn_unused_result));
