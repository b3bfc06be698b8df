#include "verify/hash.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

struct hash {
    EVP_MD_CTX *context;
    EVP_MD *sha256;
};

static void need(bool ok)
{
    if (!ok) {
        (void)fputs("postern-verify: no memory, or an OpenSSL without SHA-256\n", stderr);
        exit(2);
    }
}

struct hash *hash_new(void)
{
    struct hash *h = calloc(1, sizeof(*h));

    need(h);
    h->context = EVP_MD_CTX_new();
    h->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL); /* once: fetching costs more than a leaf */
    need(h->context && h->sha256 && EVP_DigestInit_ex2(h->context, h->sha256, NULL) == 1);
    return h;
}

void hash_free(struct hash *h)
{
    if (h) {
        EVP_MD_CTX_free(h->context);
        EVP_MD_free(h->sha256);
        free(h);
    }
}

void hash_begin(struct hash *h)
{
    need(EVP_DigestInit_ex2(h->context, NULL, NULL) == 1);
}

void hash_add(struct hash *h, const void *bytes, size_t len)
{
    need(EVP_DigestUpdate(h->context, bytes, len) == 1);
}

void hash_end(struct hash *h, uint8_t out[static HASH_LEN])
{
    need(EVP_DigestFinal_ex(h->context, out, NULL) == 1);
    hash_begin(h);
}
