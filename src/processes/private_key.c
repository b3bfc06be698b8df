#include "processes/private_key.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include "keyring/digest.h"

#define LOCKED_BYTES ((size_t)4 << 20) /* for SIGNER_KEYS_MAX keys of RSA-4096 and work on them */
#define LOCKED_LEAST 64
#define SHA384_LEN   48
#define SHA512_LEN   64

struct private_key {
    atomic_uint references;
    EVP_PKEY *key;
    enum private_key_type type;
    uint8_t *public;
    size_t public_len;
    uint8_t id[PRIVATE_KEY_ID_LEN];
};

OWN_BY(evp_pkey, EVP_PKEY, EVP_PKEY_free)
OWN_BY(evp_pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
OWN_BY(evp_md_ctx, EVP_MD_CTX, EVP_MD_CTX_free)
OWN_BY(bio, BIO, BIO_free_all)

void private_key_protect_memory(void)
{
    (void)CRYPTO_secure_malloc_init(LOCKED_BYTES, LOCKED_LEAST);
}

/* As error_set(), and forget what OpenSSL queued: it may quote what it read. */
static bool fail(struct error *e, enum error_kind kind, const char *sentence)
{
    ERR_clear_error();
    return error_set(e, kind, "%s", sentence);
}

static bool find_type(const EVP_PKEY *key, enum private_key_type *type)
{
    int bits = EVP_PKEY_get_bits(key);

    if (EVP_PKEY_is_a(key, "RSA")) {
        *type = PRIVATE_KEY_RSA;
        return bits >= PRIVATE_KEY_RSA_MIN && bits <= PRIVATE_KEY_RSA_MAX;
    }
    if (EVP_PKEY_is_a(key, "EC")) {
        char group[16] = "";
        *type = PRIVATE_KEY_EC;
        return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
               (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0);
    }
    *type = PRIVATE_KEY_ED25519;
    return EVP_PKEY_is_a(key, "ED25519");
}

/* Take over `key`; it may be NULL after a failure. */
static struct private_key *wrap(EVP_PKEY *made, enum error_kind kind, struct error *e)
{
    OWN(evp_pkey) EVP_PKEY *key = made;
    enum private_key_type type = PRIVATE_KEY_EC;

    if (!key || !find_type(key, &type)) {
        (void)fail(e, kind,
                   "a private key must be EC P-256 or P-384, Ed25519, or RSA of 2048 to 4096 bits");
        return NULL;
    }
    struct private_key *k = calloc(1, sizeof(*k));
    int len = k ? i2d_PUBKEY(key, &k->public) : -1;
    if (len <= 0) {
        arena_panic("no memory for a key's public half");
    }
    atomic_init(&k->references, 1);
    k->key = TAKE(key, NULL);
    k->type = type;
    k->public_len = (size_t)len;
    digest_of(slice_of(k->public, k->public_len), SLICE_NONE, k->id);
    return k;
}

struct private_key *private_key_new(enum key_kind kind, uint64_t bits, struct error *e)
{
    if (kind == KEY_DKIM_ED25519 || kind == KEY_CHECKPOINT || kind == KEY_OPENPGP) {
        return wrap(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), ERROR_BUSY, e);
    }
    if (kind == KEY_SMIME || kind == KEY_SMIME_AUTHORITY) {
        return wrap(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"), ERROR_BUSY, e);
    }
    bits = bits ? bits : PRIVATE_KEY_RSA_MIN;
    if (kind != KEY_DKIM_RSA || bits < PRIVATE_KEY_RSA_MIN || bits > PRIVATE_KEY_RSA_MAX) {
        (void)fail(e, ERROR_INPUT, "an RSA key has 2048 to 4096 bits");
        return NULL;
    }
    return wrap(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits), ERROR_BUSY, e);
}

struct private_key *private_key_from_der(struct slice der, struct error *e)
{
    const unsigned char *at = der.ptr;
    EVP_PKEY *key = der.len <= PRIVATE_KEY_DER_MAX
                        ? d2i_AutoPrivateKey(NULL, &at, (long)der.len) /* PKCS #8 as well */
                        : NULL;

    if (key && at != der.ptr + der.len) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return wrap(key, ERROR_CORRUPT, e);
}

/* An encrypted key has nobody here to type its password. */
static int no_password(char *password, int size, int writing, void *argument)
{
    (void)password;
    (void)size;
    (void)writing;
    (void)argument;
    return -1;
}

/* Private keys in the text, encrypted ones included. */
static size_t count_keys(struct slice pem)
{
    static const char begin[] = "-----BEGIN ";
    static const char end[] = "PRIVATE KEY-----";
    size_t n = 0;

    while (pem.len) {
        struct slice line = slice_cut(pem, '\n', &pem);
        n += slice_starts(line, slice_text(begin)) &&
                     memmem(line.ptr, line.len, end, sizeof(end) - 1)
                 ? 1
                 : 0;
    }
    return n;
}

static bool read_pem(BIO *from, size_t wanted, struct private_key **keys, size_t *n,
                     struct error *e)
{
    while (*n < wanted) {
        EVP_PKEY *key = PEM_read_bio_PrivateKey(from, NULL, no_password, NULL);
        if (!key) {
            return fail(e, ERROR_CONFIG, "no unencrypted private key in PEM format");
        }
        keys[*n] = wrap(key, ERROR_CONFIG, e);
        if (!keys[*n]) {
            return false;
        }
        *n += 1;
        if (private_key_type(keys[*n - 1]) == PRIVATE_KEY_ED25519) {
            return fail(e, ERROR_CONFIG, "a TLS key must be EC P-256 or P-384, or RSA");
        }
    }
    ERR_clear_error();
    return true;
}

bool private_keys_from_pem(struct slice pem, size_t max, struct private_key **keys, size_t *n,
                           struct error *e)
{
    OWN(bio) BIO *from = BIO_new_mem_buf(pem.ptr, pem.len > INT_MAX ? 0 : (int)pem.len);

    size_t wanted = count_keys(pem);

    *n = 0;
    if (!from || wanted == 0 || wanted > max) {
        return fail(e, ERROR_CONFIG,
                    wanted > max ? "too many private keys in one file"
                                 : "no private key in PEM format");
    }
    if (read_pem(from, wanted, keys, n, e)) {
        return true;
    }
    for (; *n > 0; *n -= 1) {
        private_key_free(keys[*n - 1]);
    }
    return false;
}

struct private_key *private_key_ref(struct private_key *k)
{
    (void)atomic_fetch_add(&k->references, 1);
    return k;
}

void private_key_free(struct private_key *k)
{
    if (k && atomic_fetch_sub(&k->references, 1) == 1) {
        EVP_PKEY_free(k->key);
        OPENSSL_free(k->public);
        free(k);
    }
}

enum private_key_type private_key_type(const struct private_key *k)
{
    return k->type;
}

struct evp_pkey_st *private_key_handle(const struct private_key *k)
{
    return k->key;
}

struct slice private_key_public(const struct private_key *k)
{
    return slice_of(k->public, k->public_len);
}

struct slice private_key_id(const struct private_key *k)
{
    return SLICE_ARRAY(k->id);
}

void private_key_write(const struct private_key *k, struct buf *out)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(k->key);
    unsigned char *der = NULL;
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : -1;

    PKCS8_PRIV_KEY_INFO_free(info);
    if (len <= 0) {
        arena_panic("a private key cannot be written");
    }
    buf_add(out, slice_of(der, (size_t)len));
    OPENSSL_clear_free(der, (size_t)len);
}

static const EVP_MD *hash_of(struct slice digest)
{
    switch (digest.len) {
    case DIGEST_LEN:
        return EVP_sha256();
    case SHA384_LEN:
        return EVP_sha384();
    case SHA512_LEN:
        return EVP_sha512();
    default:
        return NULL;
    }
}

static bool sign_digest(const struct private_key *k, int padding, struct slice digest,
                        struct buf *out)
{
    OWN(evp_pkey_ctx) EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(k->key, NULL);
    const EVP_MD *hash = hash_of(digest);
    size_t len = SIGNER_SIGNATURE_MAX;
    uint8_t *room = buf_room(out, len);

    if (!c || !hash || !room || EVP_PKEY_sign_init(c) <= 0 ||
        EVP_PKEY_CTX_set_signature_md(c, hash) <= 0 ||
        (padding && EVP_PKEY_CTX_set_rsa_padding(c, padding) <= 0) ||
        (padding == RSA_PKCS1_PSS_PADDING &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(c, RSA_PSS_SALTLEN_DIGEST) <= 0) ||
        EVP_PKEY_sign(c, room, &len, digest.ptr, digest.len) <= 0) {
        return false;
    }
    out->len += len;
    return true;
}

static bool sign_data(const struct private_key *k, struct slice data, struct buf *out)
{
    OWN(evp_md_ctx) EVP_MD_CTX *c = EVP_MD_CTX_new();
    size_t len = SIGNER_SIGNATURE_MAX;
    uint8_t *room = buf_room(out, len);

    if (!c || !room || EVP_DigestSignInit(c, NULL, NULL, NULL, k->key) <= 0 ||
        EVP_DigestSign(c, room, &len, data.ptr, data.len) <= 0) {
        return false;
    }
    out->len += len;
    return true;
}

bool private_key_sign(const struct private_key *k, enum signature_scheme scheme, struct slice data,
                      struct buf *out, struct error *e)
{
    bool ok = false;

    switch (scheme) {
    case SCHEME_ECDSA:
        ok = k->type == PRIVATE_KEY_EC && sign_digest(k, 0, data, out);
        break;
    case SCHEME_RSA_PKCS1:
        ok = k->type == PRIVATE_KEY_RSA && sign_digest(k, RSA_PKCS1_PADDING, data, out);
        break;
    case SCHEME_RSA_PSS:
        ok = k->type == PRIVATE_KEY_RSA && sign_digest(k, RSA_PKCS1_PSS_PADDING, data, out);
        break;
    case SCHEME_ED25519:
        ok = k->type == PRIVATE_KEY_ED25519 && data.len <= SIGNER_DATA_MAX &&
             sign_data(k, data, out);
        break;
    }
    return ok || fail(e, ERROR_INPUT, "key, scheme and digest do not fit together");
}
