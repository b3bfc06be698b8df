#include "keyring/digest.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "base/arena.h"

#include "keyring/internal.h"

#define BLOCK_LEN 64 /* of SHA-256 */
#define CHUNK_LEN ((size_t)16 << 10)

static struct keyring_algorithms algorithms;
static pthread_once_t fetched = PTHREAD_ONCE_INIT;

_Noreturn void keyring_broken(const char *what)
{
    arena_panic(what);
}

static void fetch(void)
{
    algorithms.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    algorithms.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    if (!algorithms.sha256 || !algorithms.gcm) {
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

/* Chunk by chunk, so that the second finds the bytes in the nearest cache. */
void digest_both(struct slice front, struct slice bytes, uint8_t alone[static DIGEST_LEN],
                 uint8_t behind[static DIGEST_LEN])
{
    OWN(digest) struct digest *first = digest_new();
    OWN(digest) struct digest *second = digest_new();

    digest_add(second, front);
    while (bytes.len) {
        struct slice chunk = slice_head(bytes, CHUNK_LEN);
        digest_add(first, chunk);
        digest_add(second, chunk);
        bytes = slice_from(bytes, chunk.len);
    }
    digest_end(first, alone);
    digest_end(second, behind);
}

void keyring_hmac(EVP_MD_CTX *c, struct slice key, struct slice a, struct slice b,
                  uint8_t out[static DIGEST_LEN])
{
    const EVP_MD *sha256 = keyring_algorithms()->sha256;
    uint8_t inner[BLOCK_LEN];
    uint8_t outer[BLOCK_LEN];
    uint8_t hashed[DIGEST_LEN];

    if (key.len > BLOCK_LEN) {
        digest_of(key, SLICE_NONE, hashed);
        key = SLICE_ARRAY(hashed);
    }
    for (size_t i = 0; i < BLOCK_LEN; i++) {
        uint8_t byte = i < key.len ? key.ptr[i] : 0;
        inner[i] = byte ^ 0x36;
        outer[i] = byte ^ 0x5c;
    }
    bool ok = EVP_DigestInit_ex2(c, sha256, NULL) == 1 &&
              EVP_DigestUpdate(c, inner, sizeof(inner)) == 1 &&
              EVP_DigestUpdate(c, a.ptr, a.len) == 1 && EVP_DigestUpdate(c, b.ptr, b.len) == 1 &&
              EVP_DigestFinal_ex(c, out, NULL) == 1 && EVP_DigestInit_ex2(c, sha256, NULL) == 1 &&
              EVP_DigestUpdate(c, outer, sizeof(outer)) == 1 &&
              EVP_DigestUpdate(c, out, DIGEST_LEN) == 1 && EVP_DigestFinal_ex(c, out, NULL) == 1;
    explicit_bzero(inner, sizeof(inner));
    explicit_bzero(outer, sizeof(outer));
    explicit_bzero(hashed, sizeof(hashed));
    if (!ok) {
        keyring_broken("HMAC failed");
    }
}

void digest_hmac(struct slice key, struct slice s, uint8_t out[static DIGEST_LEN])
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    if (!c) {
        keyring_broken("out of memory");
    }
    keyring_hmac(c, key, s, SLICE_NONE, out);
    EVP_MD_CTX_free(c); /* and wipes what it held */
}
