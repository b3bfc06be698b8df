/* formats/smime/certificate - certificates that letters are encrypted for and signed with (RFC 5280, RFC 8550).
 *
 * Whoever reads one reads what a stranger made, with OpenSSL's ASN.1: only in a process that holds nothing. Pure: no
 * I/O, no clock; texts come from the arena. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#define SMIME_FILE_MAX         ((size_t)256 << 10) /* bytes of a file with certificates */
#define SMIME_CHAIN_MAX        ((size_t)15 << 10) /* of a holder's certificate and those that issued it */
#define SMIME_CERTIFICATES_MAX 16                 /* in one file or chain */
#define SMIME_FINGERPRINT_LEN  64                 /* characters: SHA-256 */
#define SMIME_NAMES_MAX        32
#define SMIME_QUESTION_MAX     256               /* bytes of a question to a responder */
#define SMIME_ANCHORS_MAX      ((size_t)1 << 20) /* bytes of PEM */

/* What the holder's programs can read, as the certificate says (RFC 4262). */
#define SMIME_READS_GCM  1u
#define SMIME_READS_OAEP 2u

struct smime_certificate {
    struct slice bytes; /* DER: the holder's, then those that issued it */
    struct slice fingerprint;
    struct slice subject;   /* UTF-8, RFC 2253 */
    struct slice algorithm; /* "RSA 3072", "EC P-256" */
    int64_t not_before_ms;
    int64_t not_after_ms;
    struct slice *names; /* addresses, lower case */
    size_t n_names;
    unsigned reads;
};

/* Load what OpenSSL loads once: before the sandbox. */
void smime_init(void);

/**
 * Read a file with somebody's certificate: PEM, DER, or the certificates of a PKCS #7 in either form.
 *
 * @return  false with ERROR_INPUT when none in it is a person's or a gateway's, or several are
 */
bool smime_certificate_read(struct slice file, struct arena *arena, struct smime_certificate *out,
                            struct error *e) MUST_CHECK;

/* Why a letter cannot be encrypted with a certificate. */
enum smime_worth {
    SMIME_GOOD,
    SMIME_UNREADABLE,
    SMIME_WEAK, /* key or signature of less than 112 bits, or a key that no letter is encrypted with here */
    SMIME_NOT_NOW,       /* expired, or not yet valid */
    SMIME_WRONG_USE,     /* not for mail, or not for encrypting */
    SMIME_WRONG_ADDRESS, /* it names another address */
    SMIME_UNTRUSTED,     /* nobody whom we trust issued it */
    SMIME_REVOKED,
    SMIME_UNKNOWN, /* whether it is revoked cannot be found out, and must be */
};

struct smime_wish {
    struct slice anchors; /* PEM of who may have issued it */
    bool vouched;         /* nobody need have issued it */
    struct slice address; /* that it must name; empty: whoever put it in said whose it is */
    int64_t now_s;
    const struct slice *crls; /* DER, one each; what is none counts as missing */
    size_t n_crls;
    const struct slice *answers; /* of responders (OCSP), DER; as with lists */
    size_t n_answers;
    bool
        must_know; /* of every certificate of the path, but the anchor, a CRL or an answer must speak */
    bool signing; /* it is to sign with, not to encrypt */
};

/* What a responder (OCSP, RFC 6960) is asked, by HTTP. */
struct smime_question {
    struct slice url;
    struct slice request; /* DER, up to SMIME_QUESTION_MAX */
};

/* Where it is said whether the certificates were revoked: URLs (HTTP) of the lists in which they would stand, and questions. */
struct smime_places {
    struct arena *arena; /* for the texts */
    struct slice *urls;
    size_t n, max;
    struct smime_question *questions;
    size_t n_questions, max_questions;
    int64_t *until_s; /* one for each of the wish's answers: when it ends; 0: it is of no use */
};

/* Judge a holder's certificate; the chain may lack the anchor. Revoked is what a list or an answer says is. `places`, which may be NULL, is filled
 * when it is good: of the certificates of the path that was verified, and no other; `until_s` also when it was revoked. */
enum smime_worth smime_judge(struct slice chain, const struct smime_wish *wish,
                             struct smime_places *places) MUST_CHECK;

/* "it has expired or is not valid yet" */
const char *smime_worth_text(enum smime_worth worth);

/* Whether a name in a certificate is that address, whatever the case of its letters. */
bool smime_names(const struct smime_certificate *c, struct slice address);
