#include "keyring/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <pthread.h>

#include "base/arena.h"

#include "keyring/internal.h"

static struct keyring_algorithms algorithms;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

_Noreturn void keyring_broken(const char *what)
{
    arena_panic(what);
}

static void fetch(void)
{
    algorithms.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    algorithms.hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    algorithms.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (!algorithms.sha256 || !algorithms.hmac || !algorithms.gcm) {
        keyring_broken("the cryptographic library lacks an algorithm");
    }
}

const struct keyring_algorithms *keyring_algorithms(void)
{
    (void)pthread_once(&fetched, fetch);
    return &algorithms;
}

/* A struct digest is OpenSSL's context under a name of ours: one allocation, no indirection. */
static EVP_MD_CTX *context_of(struct digest *d)
{
    return (EVP_MD_CTX *)(void *)d;
}

struct digest *digest_new(void)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (!c) {
        keyring_broken("out of memory");
    }
    digest_reset((struct digest *)(void *)c);
    return (struct digest *)(void *)c;
}

void digest_free(struct digest *d)
{
    EVP_MD_CTX_free(context_of(d));
}

void digest_reset(struct digest *d)
{
    if (EVP_DigestInit_ex2(context_of(d), keyring_algorithms()->sha256, NULL) != 1) {
        keyring_broken("SHA-256 cannot start");
    }
}

void digest_add(struct digest *d, struct slice s)
{
    if (EVP_DigestUpdate(context_of(d), s.ptr, s.len) != 1) {
        keyring_broken("SHA-256 failed");
    }
}

void digest_end(struct digest *d, uint8_t out[static DIGEST_LEN])
{
    unsigned len = 0;
    if (EVP_DigestFinal_ex(context_of(d), out, &len) != 1 || len != DIGEST_LEN) {
        keyring_broken("SHA-256 failed");
    }
    digest_reset(d);
}

void digest_of(struct slice a, struct slice b, uint8_t out[static DIGEST_LEN])
{
    OWN(digest) struct digest *d = digest_new();
    digest_add(d, a);
    digest_add(d, b);
    digest_end(d, out);
}

void digest_hmac(struct slice key, struct slice s, uint8_t out[static DIGEST_LEN])
{
    char name[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
        OSSL_PARAM_construct_end(),
    };
    size_t len = 0;

    EVP_MAC_CTX *c = EVP_MAC_CTX_new(keyring_algorithms()->hmac);
    if (!c || EVP_MAC_init(c, key.ptr, key.len, params) != 1 ||
        EVP_MAC_update(c, s.ptr, s.len) != 1 || EVP_MAC_final(c, out, &len, DIGEST_LEN) != 1) {
        keyring_broken("HMAC failed");
    }
    EVP_MAC_CTX_free(c);
}
