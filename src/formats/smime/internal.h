/* formats/smime/internal - what the files of this module share: OpenSSL's types, and chains of certificates. */
#pragma once

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/own.h"

#include "formats/smime/certificate.h"

#define SMIME_SECURITY_MIN 112 /* bits */
#define SMIME_AUTH_LEVEL   2   /* of OpenSSL: the same */

static inline void smime_free_chain(STACK_OF(X509) * chain)
{
    sk_X509_pop_free(chain, X509_free);
}

static inline void smime_free_crls(STACK_OF(X509_CRL) * crls)
{
    sk_X509_CRL_pop_free(crls, X509_CRL_free);
}

OWN_BY(store, X509_STORE, X509_STORE_free)
OWN_BY(certificate, X509, X509_free)
OWN_BY(certificates, STACK_OF(X509), smime_free_chain)
OWN_BY(crls, STACK_OF(X509_CRL), smime_free_crls)
OWN_BY(cms, CMS_ContentInfo, CMS_ContentInfo_free)
OWN_BY(bio, BIO, BIO_free_all)
OWN_BY(digest, EVP_MD_CTX, EVP_MD_CTX_free)

/* Certificates in DER, one behind the other; NULL when they are none, too many or too long. */
STACK_OF(X509) * smime_chain(struct slice der);

/* Whether a key is of a kind and size that letters are encrypted with here, or signed. */
bool smime_key_is_good(const X509 *c);

/* Whether a certificate names that address. */
bool smime_holds_address(X509 *c, struct slice address);

/* A name that is a URL which may be asked, HTTP in visible ASCII: a view. False for another. */
bool smime_url(const GENERAL_NAME *name, struct slice *url);

/* What SMIMECapabilities say: SMIME_READS_... */
unsigned smime_capabilities(const unsigned char *der, long len);
