#include "requests/signer.h"
#include "stages/submission/internal.h"

#define ANSWER_MAX ((size_t)64 << 10)

static const char *hash_of(size_t digest_len)
{
    return digest_len == 32 ? "SHA256" : digest_len == 48 ? "SHA384" : "SHA512";
}

/* A key is called by its id, so that during a reload the old certificate still finds its own. */
static struct slice name_of(const uint8_t id[static TLS_DIGEST_LEN], struct arena *arena)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *name = arena_array(arena, TLS_DIGEST_LEN, 2);

    for (size_t i = 0; i < TLS_DIGEST_LEN; i++) {
        name[2 * i] = (uint8_t)digits[id[i] >> 4];
        name[2 * i + 1] = (uint8_t)digits[id[i] & 15];
    }
    return slice_of(name, (size_t)2 * TLS_DIGEST_LEN);
}

bool signing_ask(void *signer, const struct tls_sign_request *r, struct buf *signature,
                 struct error *e)
{
    static const uint64_t schemes[] = {
        [TLS_ECDSA] = SCHEME_ECDSA,
        [TLS_RSA_PKCS1] = SCHEME_RSA_PKCS1,
        [TLS_RSA_PSS] = SCHEME_RSA_PSS,
    };
    OWN(arena) struct arena arena = {.max = ANSWER_MAX};
    struct signer_tls_ask ask = {
        .key = name_of(r->key_id, &arena),
        .scheme = schemes[r->scheme],
        .hash = slice_text(hash_of(r->digest.len)),
        .data = r->digest,
    };
    struct signer_signature answer;

    if (!ipc_call(signer, &signer_tls, &ask, -1, &answer, NULL, &arena, SIGN_WITHIN_MS, e)) {
        return false;
    }
    buf_add(signature, answer.signature);
    return !signature->full || error_set(e, ERROR_CORRUPT, "the signer gave a signature too long");
}
