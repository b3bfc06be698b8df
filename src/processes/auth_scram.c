#include "processes/auth_scram.h"

#include <openssl/evp.h>

#include "base/arena.h"
#include "base/secret.h"

#include "formats/smtp/base64.h"
#include "keyring/digest.h"

#define NAME           "SCRAM-SHA-256$"
#define ITERATIONS_MAX 100000000

_Static_assert(SCRAM_KEY_LEN == DIGEST_LEN, "SHA-256");

void scram_keys_make(struct slice prepared, const uint8_t salt[static SCRAM_SALT_LEN],
                     uint64_t iterations, struct scram_keys *out)
{
    uint8_t salted[SCRAM_KEY_LEN];
    uint8_t client[SCRAM_KEY_LEN];

    if (!PKCS5_PBKDF2_HMAC((const char *)prepared.ptr, (int)prepared.len, salt, SCRAM_SALT_LEN,
                           (int)iterations, EVP_sha256(), sizeof(salted), salted)) {
        arena_panic("PBKDF2 cannot be used");
    }
    digest_hmac(SLICE_ARRAY(salted), SLICE("Client Key"), client);
    digest_of(SLICE_ARRAY(client), SLICE_NONE, out->stored);
    digest_hmac(SLICE_ARRAY(salted), SLICE("Server Key"), out->server);
    out->iterations = iterations;
    (void)memcpy(out->salt, salt, SCRAM_SALT_LEN);
    explicit_bzero(salted, sizeof(salted));
    explicit_bzero(client, sizeof(client));
}

void scram_keys_write(const struct scram_keys *keys, struct buf *out)
{
    buf_printf(out, NAME "%llu:", (unsigned long long)keys->iterations);
    scram_write_base64(out, SLICE_ARRAY(keys->salt));
    buf_add_byte(out, '$');
    scram_write_base64(out, SLICE_ARRAY(keys->stored));
    buf_add_byte(out, ':');
    scram_write_base64(out, SLICE_ARRAY(keys->server));
}

static bool decode(struct slice text, uint8_t *out, size_t len)
{
    size_t got = 0;

    return smtp_base64_decode(text, out, len, &got) && got == len;
}

bool scram_keys_read(struct slice text, struct scram_keys *out)
{
    struct slice rest = text;

    if (!slice_starts(text, SLICE(NAME))) {
        return false;
    }
    (void)slice_cut(rest, '$', &rest);
    return slice_decimal(slice_cut(rest, ':', &rest), ITERATIONS_MAX, &out->iterations) &&
           decode(slice_cut(rest, '$', &rest), out->salt, sizeof(out->salt)) &&
           decode(slice_cut(rest, ':', &rest), out->stored, sizeof(out->stored)) &&
           decode(rest, out->server, sizeof(out->server));
}

bool scram_proves(const struct scram_keys *keys, struct slice message,
                  const uint8_t proof[static SCRAM_KEY_LEN])
{
    uint8_t key[SCRAM_KEY_LEN];
    uint8_t stored[SCRAM_KEY_LEN];

    digest_hmac(SLICE_ARRAY(keys->stored), message, key); /* ClientSignature */
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] ^= proof[i]; /* ClientKey, if the proof is right */
    }
    digest_of(SLICE_ARRAY(key), SLICE_NONE, stored);
    explicit_bzero(key, sizeof(key));
    return secret_equal(SLICE_ARRAY(stored), SLICE_ARRAY(keys->stored));
}

void scram_signature(const struct scram_keys *keys, struct slice message,
                     uint8_t out[static SCRAM_KEY_LEN])
{
    digest_hmac(SLICE_ARRAY(keys->server), message, out);
}
