/* APPNOTE.TXT 6.3.10, and "AES Encryption Information: Encryption Specification AE-1 and AE-2". */
#include "formats/lock/zip.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <zlib.h>

#define VERSION_STORED 20
#define VERSION_AES    51
#define FLAG_ENCRYPTED 1
#define FLAG_UTF8      0x800
#define METHOD_AES     99
#define DATE           0x21 /* 1 January 1980, the first that there is */
#define MADE_ON_UNIX   0x300
#define FILE_MODE      (0100644u << 16)

#define SALT_LEN    16
#define KEY_LEN     32
#define VERIFY_LEN  2
#define MAC_LEN     10 /* of HMAC-SHA1's 20 */
#define ROUNDS      1000
#define BLOCK       16
#define STREAM      ((size_t)64 << 10) /* bytes of key stream at a time */
#define OVERHEAD    (SALT_LEN + VERIFY_LEN + MAC_LEN)
#define LOCAL_SIZES 18 /* where they stand in a local header */
#define EXTRA_LEN   11
#define ENTRY_ROOM  ((size_t)2 * LOCK_NAME_MAX + 256) /* names, headers and what encryption adds */

/* ---- numbers ---- */

static void add16(struct buf *out, size_t n)
{
    buf_add_byte(out, (uint8_t)n);
    buf_add_byte(out, (uint8_t)(n >> 8));
}

static void add32(struct buf *out, size_t n)
{
    add16(out, n & 0xffff);
    add16(out, n >> 16);
}

static void put32(uint8_t *to, size_t n)
{
    for (size_t i = 0; i < 4; i++) {
        to[i] = (uint8_t)(n >> 8 * i);
    }
}

/* What a local header and the directory have in common: from the needed version to the length of the name. */
static void add_common(struct buf *out, const struct zip_entry *e)
{
    add16(out, e->encrypted ? VERSION_AES : VERSION_STORED);
    add16(out, e->encrypted ? FLAG_UTF8 | FLAG_ENCRYPTED : FLAG_UTF8);
    add16(out, e->encrypted ? METHOD_AES : 0);
    add16(out, 0);
    add16(out, DATE);
    add32(out, e->crc);
    add32(out, e->size);
    add32(out, e->plain);
    add16(out, strlen(e->name));
    add16(out, e->encrypted ? EXTRA_LEN : 0);
}

static void add_extra(struct buf *out, const struct zip_entry *e)
{
    static const uint8_t aes[EXTRA_LEN] = {
        0x01, 0x99, 7, 0, 2 /* AE-2 */, 0, 'A', 'E', 3 /* 256 bits */, 0, 0};

    if (e->encrypted) {
        buf_add(out, SLICE_ARRAY(aes));
    }
}

/* Write the local header of a new entry, whose sizes and CRC are those of bytes. */
static bool begin(struct zip_writer *w, const char *name, struct slice bytes, bool encrypted)
{
    struct zip_entry *e = &w->entries[w->n];

    if (w->n == LOCK_FILES_MAX) {
        return false;
    }
    w->n++;
    *e = (struct zip_entry){.name = name,
                            .at = w->out->len,
                            .size = bytes.len,
                            .plain = bytes.len,
                            .encrypted = encrypted};
    if (bytes.len) {
        e->crc = (uint32_t)crc32_z(0, bytes.ptr, bytes.len);
    }
    buf_add_text(w->out, "PK\3\4");
    add_common(w->out, e);
    buf_add_text(w->out, name);
    add_extra(w->out, e);
    return true;
}

size_t zip_room(size_t bytes)
{
    return bytes + ENTRY_ROOM;
}

bool zip_add(struct zip_writer *w, const char *name, struct slice bytes)
{
    if (!begin(w, name, bytes, false)) {
        return false;
    }
    buf_add(w->out, bytes);
    return true;
}

/* ---- AES ---- */

static void free_cipher(EVP_CIPHER_CTX **c)
{
    EVP_CIPHER_CTX_free(*c);
}

static void free_mac(EVP_MAC_CTX **c)
{
    EVP_MAC_CTX_free(*c);
}

OWN_VALUE(cipher, EVP_CIPHER_CTX *, free_cipher)
OWN_VALUE(mac, EVP_MAC_CTX *, free_mac)

/* What one password and salt open. */
struct aes {
    uint8_t keys[2 * KEY_LEN + VERIFY_LEN]; /* cipher, MAC, verifier */
    uint8_t blocks[STREAM];
    uint64_t counter;
};

/* Encipher where it stands. The counter begins with 1 and its first byte is the lowest, which OpenSSL's own mode does not do. */
static bool encipher(struct aes *a, EVP_CIPHER_CTX *cipher, uint8_t *bytes, size_t len)
{
    int n = 0;

    for (size_t at = 0; at < len; at += STREAM) {
        size_t piece = len - at < STREAM ? len - at : STREAM;
        size_t blocks = (piece + BLOCK - 1) / BLOCK * BLOCK;
        (void)memset(a->blocks, 0, blocks);
        for (size_t i = 0; i < blocks; i += BLOCK) {
            uint64_t number = ++a->counter;
            for (size_t k = 0; k < sizeof(number); k++) {
                a->blocks[i + k] = (uint8_t)(number >> 8 * k);
            }
        }
        if (EVP_EncryptUpdate(cipher, a->blocks, &n, a->blocks, (int)blocks) != 1) {
            return false;
        }
        for (size_t i = 0; i < piece; i++) {
            bytes[at + i] ^= a->blocks[i];
        }
    }
    return true;
}

static bool authenticate(const struct aes *a, const uint8_t *bytes, size_t len,
                         uint8_t out[static 20])
{
    char digest[] = "SHA1";
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OWN(mac) EVP_MAC_CTX *ctx = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    size_t n = 0;

    EVP_MAC_free(hmac);
    return ctx && EVP_MAC_init(ctx, a->keys + KEY_LEN, KEY_LEN, params) == 1 &&
           EVP_MAC_update(ctx, bytes, len) == 1 && EVP_MAC_final(ctx, out, &n, 20) == 1;
}

/* Salt and verifier before what is enciphered where it stands, its MAC behind it. */
static bool seal(struct aes *a, struct buf *out, size_t at, struct slice password)
{
    OWN(cipher) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    uint8_t *salt = out->ptr + at;
    uint8_t *bytes = salt + SALT_LEN + VERIFY_LEN;
    size_t len = out->len - at - SALT_LEN - VERIFY_LEN;
    uint8_t mac[20];

    if (!cipher || RAND_bytes(salt, SALT_LEN) != 1 ||
        PKCS5_PBKDF2_HMAC((const char *)password.ptr, (int)password.len, salt, SALT_LEN, ROUNDS,
                          EVP_sha1(), sizeof(a->keys), a->keys) != 1 ||
        EVP_EncryptInit_ex(cipher, EVP_aes_256_ecb(), NULL, a->keys, NULL) != 1 ||
        !encipher(a, cipher, bytes, len) || !authenticate(a, bytes, len, mac)) {
        return false;
    }
    (void)memcpy(salt + SALT_LEN, a->keys + 2 * KEY_LEN, VERIFY_LEN);
    buf_add(out, slice_of(mac, MAC_LEN));
    return true;
}

bool zip_begin_encrypted(struct zip_writer *w, const char *name)
{
    static const uint8_t later[SALT_LEN + VERIFY_LEN];

    if (!begin(w, name, SLICE_NONE, true)) {
        return false;
    }
    w->sealed_at = w->out->len;
    buf_add(w->out, SLICE_ARRAY(later));
    return true;
}

bool zip_seal(struct zip_writer *w, struct slice password)
{
    struct zip_entry *e = &w->entries[w->n - 1];
    struct aes a = {.counter = 0};

    bool done = !w->out->full && seal(&a, w->out, w->sealed_at, password);
    explicit_bzero(&a, sizeof(a));
    if (!done || w->out->full) {
        return false;
    }
    e->size = w->out->len - w->sealed_at;
    e->plain = e->size - OVERHEAD;
    put32(w->out->ptr + e->at + LOCAL_SIZES, e->size);
    put32(w->out->ptr + e->at + LOCAL_SIZES + 4, e->plain);
    return true;
}

/* ---- the directory ---- */

void zip_finish(struct zip_writer *w)
{
    size_t directory = w->out->len;

    for (size_t i = 0; i < w->n; i++) {
        const struct zip_entry *e = &w->entries[i];
        buf_add_text(w->out, "PK\1\2");
        add16(w->out, MADE_ON_UNIX | (e->encrypted ? VERSION_AES : VERSION_STORED));
        add_common(w->out, e);
        add16(w->out, 0); /* no comment, on the first disk, no text */
        add32(w->out, 0);
        add32(w->out, FILE_MODE);
        add32(w->out, e->at - w->begins);
        buf_add_text(w->out, e->name);
        add_extra(w->out, e);
    }
    size_t size = w->out->len - directory;
    buf_add_text(w->out, "PK\5\6");
    add32(w->out, 0);
    add16(w->out, w->n);
    add16(w->out, w->n);
    add32(w->out, size);
    add32(w->out, directory - w->begins);
    add16(w->out, 0);
}
