/* formats/webauthn - what a browser or security key says about a passkey (WebAuthn Level 3 section 6, CTAP 2.1 section 6).
 *
 * Client data, authenticator data, the attestation object, and the JSON in which a browser hands them over. Bytes in, values
 * out: nothing is verified here but form and bounds; who verifies gets the key in the shape of libfido2. JSON and CBOR are
 * read strictly: nothing behind the end, no key twice that counts, no length longer than it must be. Pure: no I/O, no
 * clock. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#define WEBAUTHN_CHALLENGE_LEN   32
#define WEBAUTHN_HASH_LEN        32
#define WEBAUTHN_CREDENTIAL_MAX  1023 /* bytes of a credential's id: WebAuthn section 4 */
#define WEBAUTHN_CLIENT_DATA_MAX 4096
#define WEBAUTHN_DATA_MAX        4096 /* of authenticator data */
#define WEBAUTHN_ATTESTATION_MAX 16384
#define WEBAUTHN_SIGNATURE_MAX   512
#define WEBAUTHN_ORIGIN_MAX      300
#define WEBAUTHN_KEY_MAX         259   /* an RSA key of 2048 bits */
#define WEBAUTHN_REPLY_MAX       49152 /* the JSON of a browser: the above in base64url, and more */

/* ── client data ── */

enum webauthn_type {
    WEBAUTHN_CREATE = 1, /* "webauthn.create" */
    WEBAUTHN_GET = 2,    /* "webauthn.get" */
};

struct webauthn_client {
    enum webauthn_type type;
    uint8_t challenge[WEBAUTHN_CHALLENGE_LEN];
    struct slice origin; /* in the arena */
    bool crossed;        /* from within a page of another origin */
};

/* Read clientDataJSON. False with ERROR_INPUT and a sentence. */
bool webauthn_client_read(struct slice text, struct arena *arena, struct webauthn_client *out,
                          struct error *e) MUST_CHECK;

/* Append clientDataJSON as a client that is no browser says it (section 5.8.1.1). `origin` has no character that JSON
 * escapes. */
struct slice webauthn_client_write(enum webauthn_type type,
                                   const uint8_t challenge[static WEBAUTHN_CHALLENGE_LEN],
                                   struct slice origin, struct arena *arena);

/* ── authenticator data ── */

/* COSE algorithms (RFC 9053, RFC 8812). */
enum webauthn_algorithm {
    WEBAUTHN_ES256 = -7,
    WEBAUTHN_EDDSA = -8,
    WEBAUTHN_RS256 = -257,
};

struct webauthn_data {
    struct slice rp_hash; /* WEBAUTHN_HASH_LEN bytes */
    bool present;         /* somebody touched it */
    bool verified;        /* by a PIN, a finger or a face */
    uint32_t counter;
    struct slice credential; /* its id; empty: there is no key with it */
    enum webauthn_algorithm algorithm;
    uint8_t key[WEBAUTHN_KEY_MAX]; /* x and y; x; n and e */
    size_t key_len;
};

/* Read authenticator data; its slices look into `bytes`. `creates`: a new key must be with it, otherwise none may be. */
bool webauthn_data_read(struct slice bytes, bool creates, struct webauthn_data *out,
                        struct error *e) MUST_CHECK;

/* ── attestation ── */

struct webauthn_attestation {
    bool packed;              /* otherwise "none" */
    struct slice data;        /* authenticator data */
    int64_t algorithm;        /* of the signature, if `packed` */
    struct slice signature;   /* likewise */
    struct slice certificate; /* DER; empty: the new key itself has signed */
};

/* Read an attestation object of the format "none" or "packed"; its slices look into `bytes`. */
bool webauthn_attestation_read(struct slice bytes, struct webauthn_attestation *out,
                               struct error *e) MUST_CHECK;

/* Make one without attestation, of authenticator data. */
struct slice webauthn_attestation_write(struct slice data, struct arena *arena);

/* ── what a browser hands over: RegistrationResponseJSON, AuthenticationResponseJSON (section 5.1.8) ── */

struct webauthn_reply {
    struct slice credential; /* its id, in the arena as all that follows */
    struct slice client_data;
    struct slice attestation; /* of a registration alone */
    struct slice data;        /* of a sign-in alone, as `signature` */
    struct slice signature;
};

/* Read it: of a registration if `creates`, otherwise of a sign-in. */
bool webauthn_reply_read(struct slice text, bool creates, struct arena *arena,
                         struct webauthn_reply *out, struct error *e) MUST_CHECK;

/* The base64url of some bytes (RFC 4648 section 5, without padding), in the arena. */
struct slice webauthn_base64(struct slice bytes, struct arena *arena);
