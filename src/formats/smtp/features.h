/* formats/smtp/features - the service extensions both halves of a dialogue know by name.
 *
 * One bit each, so that a server says what it offers, a client remembers what was offered to it,
 * and both use the same spelling. The names stand in the IANA registry of SMTP service
 * extensions. */
#pragma once

#include "base/slice.h"

enum smtp_feature {
    SMTP_NO_FEATURE = 0,
    SMTP_PIPELINING = 1 << 0,          /* RFC 2920 */
    SMTP_SIZE = 1 << 1,                /* RFC 1870 */
    SMTP_STARTTLS = 1 << 2,            /* RFC 3207 */
    SMTP_AUTH = 1 << 3,                /* RFC 4954, its mechanisms as smtp_mechanism bits */
    SMTP_8BITMIME = 1 << 4,            /* RFC 6152 */
    SMTP_SMTPUTF8 = 1 << 5,            /* RFC 6531 */
    SMTP_CHUNKING = 1 << 6,            /* RFC 3030 */
    SMTP_DSN = 1 << 7,                 /* RFC 3461 */
    SMTP_ENHANCEDSTATUSCODES = 1 << 8, /* RFC 2034 */
    SMTP_REQUIRETLS = 1 << 9,          /* RFC 8689 */
};

/* SASL mechanisms that we speak, as a server all of them, as a client PLAIN and LOGIN. */
enum smtp_mechanism {
    SMTP_NO_MECHANISM = 0,
    SMTP_PLAIN = 1 << 0, /* RFC 4616 */
    SMTP_LOGIN = 1 << 1, /* draft-murchison-sasl-login: what many devices and Outlook speak */
    SMTP_SCRAM_SHA_256 = 1 << 2, /* RFC 7677 */
    SMTP_SCRAM_SHA_256_PLUS = 1 << 3,
    SMTP_OAUTHBEARER = 1 << 4, /* RFC 7628 */
    SMTP_XOAUTH2 = 1 << 5,     /* what the clients of Google and Microsoft speak instead */
    SMTP_EXTERNAL = 1 << 6,    /* RFC 4422 appendix A */
};

/* What the sender asks to get back (RFC 3461 section 4.3). */
enum smtp_ret { SMTP_RET_UNSAID, SMTP_RET_FULL, SMTP_RET_HDRS };

/* When the sender asks for a notification (RFC 3461 section 4.1); none of them: unsaid. */
enum smtp_notify {
    SMTP_NOTIFY_NEVER = 1 << 0, /* alone */
    SMTP_NOTIFY_SUCCESS = 1 << 1,
    SMTP_NOTIFY_FAILURE = 1 << 2,
    SMTP_NOTIFY_DELAY = 1 << 3,
};

/* A status of RFC 3463, e.g. 5.1.1. klass 0: none was given. */
struct smtp_status {
    uint16_t klass; /* 2, 4 or 5 */
    uint16_t subject;
    uint16_t detail;
};

/* The extension called `keyword`, in any case; SMTP_NO_FEATURE when it is none of ours. */
enum smtp_feature smtp_feature_by_name(struct slice keyword);

/* The mechanism called `name`, in any case; SMTP_NO_MECHANISM when it is none of ours. */
enum smtp_mechanism smtp_mechanism_by_name(struct slice name);

/* The n-th mechanism, best first, and its name; SMTP_NO_MECHANISM when there are no more. */
enum smtp_mechanism smtp_mechanism_at(size_t n, struct slice *name);
