#include "keyring/keyring.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>

#include "keyring/digest.h"
#include "keyring/internal.h"

#define INFO_MAX  128
#define FORMAT    1
#define SALT_LEN  32
#define TAG_LEN   16
#define NONCE_LEN 12

OWN_BY(cipher, EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

/* RFC 5869, of which one block of output is wanted. OpenSSL's EVP_KDF does the same four hashes, and takes
 * longer to set itself up than for opening a record. */
void keyring_derive_salted(struct slice from, struct slice salt, const char *label,
                           uint8_t out[static KEYRING_KEY_LEN])
{
    static_assert(KEYRING_KEY_LEN == DIGEST_LEN, "one block of HKDF's output");
    static const uint8_t first[1] = {1};
    char info[INFO_MAX];
    uint8_t extracted[DIGEST_LEN];

    int info_len = snprintf(info, sizeof(info), "postern/v1/%s", label);
    if (info_len < 0 || (size_t)info_len >= sizeof(info)) {
        keyring_broken("a key's label is too long");
    }
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    if (!c) {
        keyring_broken("out of memory");
    }
    keyring_hmac(c, salt, from, SLICE_NONE, extracted);
    keyring_hmac(c, SLICE_ARRAY(extracted), slice_of(info, (size_t)info_len), SLICE_ARRAY(first),
                 out);
    explicit_bzero(extracted, sizeof(extracted));
    EVP_MD_CTX_free(c); /* and wipes what it held */
}

struct secret *keyring_derive(const struct secret *from, const char *label)
{
    struct secret *key = secret_new(KEYRING_KEY_LEN);
    keyring_derive_salted(secret_slice(from), SLICE_NONE, label, key->ptr);
    return key;
}

struct secret *keyring_random(void)
{
    struct secret *key = secret_new(KEYRING_KEY_LEN);
    if (RAND_priv_bytes(key->ptr, KEYRING_KEY_LEN) != 1) {
        keyring_broken("no randomness");
    }
    return key;
}

void keyring_random_bytes(uint8_t *out, size_t len)
{
    if (len > INT32_MAX || RAND_bytes(out, (int)len) != 1) {
        keyring_broken("no randomness");
    }
}

void keyring_id(const struct secret *key, uint8_t id[static KEYRING_ID_LEN])
{
    uint8_t derived[KEYRING_KEY_LEN];
    keyring_derive_salted(secret_slice(key), SLICE_NONE, "id", derived);
    (void)memcpy(id, derived, KEYRING_ID_LEN);
}

/* A context ready for one value: every value has its own key, so the nonce is always zero. */
static EVP_CIPHER_CTX *start(const struct secret *key, struct slice salt, struct slice context,
                             bool sealing)
{
    static const uint8_t nonce[NONCE_LEN];
    uint8_t derived[KEYRING_KEY_LEN];
    int n = 0;

    if (context.len > INT32_MAX) {
        keyring_broken("a sealing context is too long");
    }
    keyring_derive_salted(secret_slice(key), salt, "seal", derived);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    bool ok = c && EVP_CipherInit_ex2(c, keyring_algorithms()->gcm, derived, nonce, sealing, NULL);
    explicit_bzero(derived, sizeof(derived));
    if (!ok || EVP_CipherUpdate(c, NULL, &n, context.ptr, (int)context.len) != 1) {
        keyring_broken("AES-GCM cannot start");
    }
    return c;
}

void keyring_seal(const struct secret *key, struct slice context, struct slice plain,
                  struct buf *out)
{
    int n = 0;

    if (plain.len > KEYRING_SEAL_MAX) {
        out->full = true;
        return;
    }
    uint8_t *room = buf_room(out, plain.len + KEYRING_SEAL_OVERHEAD);
    if (!room) {
        return;
    }
    uint8_t *salt = room + 1;
    uint8_t *body = salt + SALT_LEN;
    room[0] = FORMAT;
    keyring_random_bytes(salt, SALT_LEN);
    OWN(cipher) EVP_CIPHER_CTX *c = start(key, slice_of(salt, SALT_LEN), context, true);
    if (EVP_CipherUpdate(c, body, &n, plain.ptr, (int)plain.len) != 1 ||
        EVP_CipherFinal_ex(c, body + plain.len, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, body + plain.len) != 1) {
        keyring_broken("AES-GCM failed");
    }
    out->len += plain.len + KEYRING_SEAL_OVERHEAD;
}

static bool check_form(struct slice sealed, struct error *e)
{
    if (sealed.len && sealed.ptr[0] > FORMAT) {
        return error_set(e, ERROR_CONFIG, "sealed by a newer version of Postern (format %u)",
                         sealed.ptr[0]);
    }
    if (sealed.len < KEYRING_SEAL_OVERHEAD || sealed.ptr[0] != FORMAT ||
        sealed.len - KEYRING_SEAL_OVERHEAD > KEYRING_SEAL_MAX) {
        return error_set(e, ERROR_CORRUPT, "not a sealed value");
    }
    return true;
}

/* Decrypt a well-formed value into `to`; wiped again when the tag does not fit. */
static bool open_into(const struct secret *key, struct slice context, struct slice sealed,
                      uint8_t *to, struct error *e)
{
    uint8_t tag[TAG_LEN];
    uint8_t end[16];
    int n = 0;

    size_t len = sealed.len - KEYRING_SEAL_OVERHEAD;
    const uint8_t *body = sealed.ptr + 1 + SALT_LEN;
    (void)memcpy(tag, body + len, TAG_LEN);
    OWN(cipher)
    EVP_CIPHER_CTX *c = start(key, slice_of(sealed.ptr + 1, SALT_LEN), context, false);
    if (EVP_CipherUpdate(c, to, &n, body, (int)len) != 1 ||
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) != 1 ||
        EVP_CipherFinal_ex(c, end, &n) != 1) {
        explicit_bzero(to, len);
        return error_set(e, ERROR_CORRUPT, "sealed under another key, or altered");
    }
    return true;
}

bool keyring_open(const struct secret *key, struct slice context, struct slice sealed,
                  struct buf *out, struct error *e)
{
    if (!check_form(sealed, e)) {
        return false;
    }
    size_t len = sealed.len - KEYRING_SEAL_OVERHEAD;
    if (len > out->max - out->len) {
        return error_set(e, ERROR_LIMIT, "a sealed value is larger than expected");
    }
    uint8_t *room = buf_room(out, len);
    if (!room || !open_into(key, context, sealed, room, e)) {
        return false;
    }
    out->len += len;
    return true;
}

bool keyring_open_secret(const struct secret *key, struct slice context, struct slice sealed,
                         struct secret **out, struct error *e)
{
    if (!check_form(sealed, e)) {
        return false;
    }
    size_t len = sealed.len - KEYRING_SEAL_OVERHEAD;
    if (len == 0 || len > SECRET_MAX) {
        return error_set(e, ERROR_CORRUPT, "a sealed key has an impossible length");
    }
    OWN(secret) struct secret *opened = secret_new(len);
    if (!open_into(key, context, sealed, opened->ptr, e)) {
        return false;
    }
    *out = TAKE(opened, NULL);
    return true;
}
