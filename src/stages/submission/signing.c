#include "requests/signer.h"
#include "stages/submission/internal.h"

#define KEY_NAME   "tls-key" /* as the supervisor calls the file when it hands it to the signer */
#define ANSWER_MAX ((size_t)64 << 10)

static const char *hash_of(size_t digest_len)
{
    return digest_len == 32 ? "SHA256" : digest_len == 48 ? "SHA384" : "SHA512";
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
        .key = SLICE(KEY_NAME),
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
