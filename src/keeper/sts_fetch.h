/* keeper/sts_fetch - the part of keeper/sts that asks outside: the TXT record and the policy file of one domain, by courier.
 * For sts.c and tlsrpt.c. */
#pragma once

#include "base/arena.h"

#include "formats/sts/sts.h"

#define STS_TEXTS_MAX 64

/* Instead of such a type: courier could not be asked. */
#define STS_PROBLEM_UNASKED ""

struct keeper;

enum sts_text {
    STS_TEXT_UNASKED, /* courier could not be asked */
    STS_TEXT_UNKNOWN, /* the DNS gave no answer that can be trusted */
    STS_TEXT_ABSENT,  /* no TXT record, not exactly one, or a malformed one */
    STS_TEXT_PRESENT,
};

enum sts_asked {
    STS_UNASKED,  /* courier could not be asked: nothing is known of the outside */
    STS_FAILED,   /* there was no answer that can be trusted */
    STS_ANSWERED, /* there was */
};

/* Ask for the TXT records of a name. Without an answer *why is a sentence. */
enum sts_asked sts_texts(struct keeper *k, struct slice name, struct arena *arena,
                         struct slice texts[static STS_TEXTS_MAX], size_t *n, struct slice *why);

/* Ask for the id of a domain's policy. */
enum sts_text sts_fetch_id(struct keeper *k, struct slice domain, struct arena *arena,
                           struct slice *id, struct slice *why);

/**
 * Fetch a domain's policy file (RFC 8461 section 3.3).
 *
 * @param why  a sentence when it fails
 * @return     NULL, or the result type of RFC 8460 section 4.3.2.2 that says what failed, or STS_PROBLEM_UNASKED
 */
const char *sts_fetch_policy(struct keeper *k, struct slice domain, struct arena *arena,
                             struct sts_policy *out, struct slice *why);
