/* formats/sasl/scram - the messages of SCRAM (RFC 5802, RFC 7677), read and written by the server's half.
 *
 * Text in, values out: no keys, no clock, no allocation. What the messages prove is judged in
 * processes/auth_scram. Read more strictly than it stands: a message has at most
 * SCRAM_MESSAGE_MAX octets, a nonce at most SCRAM_NONCE_MAX, `m=` is refused (as section 5.1
 * says), and so is an attribute that comes twice among those that we know. Slices look into the
 * message. Thread-safe. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#define SCRAM_MESSAGE_MAX 900 /* octets: the base64 of more is no line of RFC 4954 */
#define SCRAM_NONCE_MAX   128 /* octets of the client's part */
#define SCRAM_KEY_LEN     32  /* SHA-256 */
#define SCRAM_SALT_LEN    16
#define SCRAM_NAME_MAX    255

/* What the client says of channel binding (section 7, gs2-cbind-flag). */
enum scram_flag {
    SCRAM_UNABLE, /* "n": it cannot */
    SCRAM_UNSEEN, /* "y": it could, and thinks that the server cannot */
    SCRAM_BOUND,  /* "p": it does */
};

struct scram_client_first {
    enum scram_flag flag;
    struct slice binding;   /* SCRAM_BOUND: the name of its type, "tls-exporter" */
    struct slice authorize; /* as sent: see scram_name() */
    struct slice user;      /* likewise; never empty */
    struct slice nonce;
    struct slice header; /* gs2-header, which the client repeats in its last message */
    struct slice bare;   /* what stands behind it */
};

struct scram_client_final {
    struct slice binding; /* base64 of gs2-header and channel binding */
    struct slice nonce;   /* both parts */
    struct slice proven;  /* the message without its proof */
    uint8_t proof[SCRAM_KEY_LEN];
};

/* Read the client's first message; false when it is none. */
bool scram_read_first(struct slice message, struct scram_client_first *out)
    __attribute__((warn_unused_result));

/* Read the client's last message; false when it is none. */
bool scram_read_final(struct slice message, struct scram_client_final *out)
    __attribute__((warn_unused_result));

/* Undo `=2C` and `=3D` in a name; false for another `=`, or a name longer than SCRAM_NAME_MAX. */
bool scram_name(struct slice encoded, uint8_t out[static SCRAM_NAME_MAX], size_t *len)
    __attribute__((warn_unused_result));

/* Append r=NONCE,s=SALT,i=ITERATIONS; the nonce is printable and without a comma. */
void scram_write_first(struct buf *out, struct slice nonce, struct slice salt, uint64_t iterations);

/* Append v=SIGNATURE. */
void scram_write_final(struct buf *out, const uint8_t signature[static SCRAM_KEY_LEN]);

/* Append the base64 of `bytes`, at most SCRAM_MESSAGE_MAX of them. */
void scram_write_base64(struct buf *out, struct slice bytes);
