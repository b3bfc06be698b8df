/* formats/sasl/bearer - the messages by which a mail client shows a token: OAUTHBEARER (RFC 7628) and XOAUTH2, what Google's
 * and Microsoft's clients speak.
 *
 * Text in, values out: what the token is worth is judged in processes/auth_bearer. Read more strictly than it stands: a
 * message has at most BEARER_MESSAGE_MAX octets, every key comes once, no channel binding. Thread-safe. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#define BEARER_MESSAGE_MAX 9000 /* octets: their base64 is a line of RFC 4954 */
#define BEARER_NAME_MAX    255

struct bearer_message {
    struct slice
        token; /* looks into the message; empty: the client asks what it would need (RFC 7628 section 4.3) */
    size_t user_len; /* 0: the client names nobody */
    uint8_t user[BEARER_NAME_MAX];
};

/* Read a client's message of OAUTHBEARER (section 3.1); false when it is none. */
bool bearer_read(struct slice message, struct bearer_message *out)
    __attribute__((warn_unused_result));

/* Read one of XOAUTH2: user=USER ^A auth=Bearer TOKEN ^A ^A. */
bool bearer_read_xoauth2(struct slice message, struct bearer_message *out)
    __attribute__((warn_unused_result));

struct bearer_error {
    struct slice status;   /* "invalid_token", "insufficient_scope"; XOAUTH2: "400" */
    struct slice scope;    /* that would do; may be empty */
    struct slice document; /* URL of the provider's; may be empty */
    bool schemes;          /* name the scheme as well, as XOAUTH2 does */
};

/* Append the error as JSON (section 3.2.2). Nothing of it may need quoting: what does is left out. */
void bearer_write_error(const struct bearer_error *error, struct buf *out);
