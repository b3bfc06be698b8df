/* formats/smime/made_test - keys, certificates and signatures for the tests of this module, made on the spot. Failures end the test. */
#pragma once

#include "formats/cms/signing.h"
#include "formats/smime/internal.h"
#include "formats/smime/seal.h"
#include "tests/test.h"

#define NOW INT64_C(1796000000)

struct made {
    EVP_PKEY *key;
    X509 *c;
};

/* A key of that kind with a certificate, from a day before NOW; `san` NULL: an authority. */
struct made made_new(const struct made *issuer, const char *kind, const char *san,
                     const char *usage, long days);
void made_done(struct made *m);

/* Certificates as PEM and DER, in the arena. */
struct slice made_pem_of(const struct made *const *all, size_t n, struct arena *arena);
struct slice made_one_pem(const struct made *m, struct arena *arena);
struct slice made_der_of(const struct made *m, struct arena *arena);

/* What the signer does elsewhere. */
struct slice made_sign(const struct made *m, const struct cms_draft *draft, struct arena *arena);

/* Read a letter's header, which must be sound. */
void made_letter(struct slice letter, struct arena *arena, struct mail_header *h);
