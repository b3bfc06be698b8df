#include "formats/lock/agile.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "formats/lock/cfb.h"
#include "formats/lock/lock.h"

#define SALT_LEN     16
#define KEY_LEN      32
#define HASH_LEN     64
#define BLOCK_LEN    16
#define SEGMENT      4096
#define PREFIX_LEN   8 /* the document's size stands before it */
#define BASE64_OF(n) (4 * (((n) + 2) / 3) + 1)
#define INFO_MAX     4096
#define STREAM_MAX   512

/* What a key derived from the password, or an IV, is for (MS-OFFCRYPTO 2.3.4.11 to 2.3.4.14). */
static const uint8_t for_verifier[8] = {0xfe, 0xa7, 0xd2, 0x76, 0x3b, 0x4b, 0x9e, 0x79};
static const uint8_t for_verifier_hash[8] = {0xd7, 0xaa, 0x0f, 0x6d, 0x30, 0x61, 0x34, 0x4e};
static const uint8_t for_key[8] = {0x14, 0x6e, 0x0b, 0xe7, 0xab, 0xac, 0xd0, 0xd6};
static const uint8_t for_hmac_key[8] = {0x5f, 0xb2, 0xad, 0x01, 0x0c, 0xb9, 0xe1, 0xf6};
static const uint8_t for_hmac[8] = {0xa0, 0x67, 0x7f, 0x02, 0xb2, 0x2c, 0x84, 0x33};

OWN_BY(digest, EVP_MD_CTX, EVP_MD_CTX_free)
OWN_BY(cipher, EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
OWN_BY(method, EVP_MD, EVP_MD_free)

/* What is made once for each document. */
struct agile {
    EVP_MD_CTX *digest;
    EVP_MD *sha512;
    EVP_CIPHER_CTX *cipher;
    uint8_t password_salt[SALT_LEN];
    uint8_t key_salt[SALT_LEN];
    uint8_t key[KEY_LEN];
    uint8_t verifier[SALT_LEN];
    uint8_t hmac_key[HASH_LEN];
    uint8_t hash[HASH_LEN]; /* of the password, after its rounds */
    /* as they are written */
    uint8_t sealed_verifier[SALT_LEN];
    uint8_t sealed_verifier_hash[HASH_LEN];
    uint8_t sealed_key[KEY_LEN];
    uint8_t sealed_hmac_key[HASH_LEN];
    uint8_t sealed_hmac[HASH_LEN];
};

static void put32(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

static bool hash(struct agile *a, struct slice first, struct slice second,
                 uint8_t out[static HASH_LEN])
{
    return EVP_DigestInit_ex2(a->digest, a->sha512, NULL) == 1 &&
           EVP_DigestUpdate(a->digest, first.ptr, first.len) == 1 &&
           EVP_DigestUpdate(a->digest, second.ptr, second.len) == 1 &&
           EVP_DigestFinal_ex(a->digest, out, NULL) == 1;
}

/* Whole blocks, without padding. */
static bool encrypt(struct agile *a, const uint8_t key[static KEY_LEN],
                    const uint8_t iv[static BLOCK_LEN], struct slice in, uint8_t *out)
{
    int len = 0;

    return EVP_EncryptInit_ex(a->cipher, EVP_aes_256_cbc(), NULL, key, iv) == 1 &&
           EVP_CIPHER_CTX_set_padding(a->cipher, 0) == 1 &&
           EVP_EncryptUpdate(a->cipher, out, &len, in.ptr, (int)in.len) == 1 &&
           (size_t)len == in.len;
}

/* ---- keys ---- */

static bool hash_password(struct agile *a, struct slice password)
{
    uint8_t wide[2 * LOCK_PASSWORD_MAX];
    uint8_t round[4];

    for (size_t i = 0; i < password.len; i++) { /* ASCII as UTF-16 */
        wide[2 * i] = password.ptr[i];
        wide[2 * i + 1] = 0;
    }
    bool good =
        hash(a, slice_of(a->password_salt, SALT_LEN), slice_of(wide, 2 * password.len), a->hash);
    OPENSSL_cleanse(wide, sizeof(wide));
    for (uint32_t i = 0; good && i < AGILE_ROUNDS; i++) {
        put32(round, i);
        good = hash(a, SLICE_ARRAY(round), slice_of(a->hash, HASH_LEN), a->hash);
    }
    return good;
}

/* Encrypt under a key that follows from the password, for one purpose. */
static bool seal(struct agile *a, const uint8_t purpose[static 8], struct slice in, uint8_t *out)
{
    uint8_t key[HASH_LEN];
    bool good = hash(a, slice_of(a->hash, HASH_LEN), slice_of(purpose, 8), key) &&
                encrypt(a, key, a->password_salt, in, out);

    OPENSSL_cleanse(key, sizeof(key));
    return good;
}

static bool seal_keys(struct agile *a)
{
    uint8_t digest[HASH_LEN];

    return seal(a, for_verifier, SLICE_ARRAY(a->verifier), a->sealed_verifier) &&
           hash(a, SLICE_ARRAY(a->verifier), SLICE_NONE, digest) &&
           seal(a, for_verifier_hash, SLICE_ARRAY(digest), a->sealed_verifier_hash) &&
           seal(a, for_key, SLICE_ARRAY(a->key), a->sealed_key);
}

/* ---- the document ---- */

static bool encrypt_segment(struct agile *a, uint32_t number, struct slice piece, uint8_t *out)
{
    uint8_t segment[SEGMENT] = {0};
    uint8_t iv[HASH_LEN];
    uint8_t count[4];

    (void)memcpy(segment, piece.ptr, piece.len);
    put32(count, number);
    size_t blocks = (piece.len + BLOCK_LEN - 1) / BLOCK_LEN;
    return hash(a, SLICE_ARRAY(a->key_salt), SLICE_ARRAY(count), iv) &&
           encrypt(a, a->key, iv, slice_of(segment, blocks * BLOCK_LEN), out);
}

static bool encrypt_package(struct agile *a, struct slice document, struct buf *package)
{
    size_t len = PREFIX_LEN + (document.len + BLOCK_LEN - 1) / BLOCK_LEN * BLOCK_LEN;
    uint8_t *room = buf_room(package, len);

    if (!room) {
        return false;
    }
    put32(room, document.len);
    put32(room + 4, (uint64_t)document.len >> 32);
    for (size_t at = 0; at < document.len; at += SEGMENT) {
        if (!encrypt_segment(a, (uint32_t)(at / SEGMENT),
                             slice_head(slice_from(document, at), SEGMENT),
                             room + PREFIX_LEN + at)) {
            return false;
        }
    }
    package->len += len;
    return true;
}

static bool seal_integrity(struct agile *a, struct slice package)
{
    uint8_t mac[HASH_LEN];
    uint8_t iv[HASH_LEN];
    unsigned len = 0;

    return HMAC(EVP_sha512(), a->hmac_key, HASH_LEN, package.ptr, package.len, mac, &len) &&
           hash(a, SLICE_ARRAY(a->key_salt), slice_of(for_hmac_key, 8), iv) &&
           encrypt(a, a->key, iv, SLICE_ARRAY(a->hmac_key), a->sealed_hmac_key) &&
           hash(a, SLICE_ARRAY(a->key_salt), slice_of(for_hmac, 8), iv) &&
           encrypt(a, a->key, iv, SLICE_ARRAY(mac), a->sealed_hmac);
}

/* ---- what stands beside it ---- */

static void add_attribute(struct buf *b, const char *name, struct slice value)
{
    uint8_t text[BASE64_OF(HASH_LEN)];

    int len = EVP_EncodeBlock(text, value.ptr, (int)value.len);
    buf_printf(b, " %s=\"%.*s\"", name, len, (const char *)text);
}

#define METHOD                                                                                     \
    "saltSize=\"16\" blockSize=\"16\" keyBits=\"256\" hashSize=\"64\" cipherAlgorithm=\"AES\" "    \
    "cipherChaining=\"ChainingModeCBC\" hashAlgorithm=\"SHA512\""

/* EncryptionInfo: a version, and how to come to the key, in XML. */
static void describe(const struct agile *a, struct buf *b)
{
    static const uint8_t version[8] = {4, 0, 4, 0, 0x40, 0, 0, 0};

    buf_add(b, SLICE_ARRAY(version));
    buf_add_text(b, "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\r\n"
                    "<encryption xmlns=\"http://schemas.microsoft.com/office/2006/encryption\" "
                    "xmlns:p=\"http://schemas.microsoft.com/office/2006/keyEncryptor/password\">"
                    "<keyData " METHOD);
    add_attribute(b, "saltValue", SLICE_ARRAY(a->key_salt));
    buf_add_text(b, "/><dataIntegrity");
    add_attribute(b, "encryptedHmacKey", SLICE_ARRAY(a->sealed_hmac_key));
    add_attribute(b, "encryptedHmacValue", SLICE_ARRAY(a->sealed_hmac));
    buf_add_text(b, "/><keyEncryptors><keyEncryptor "
                    "uri=\"http://schemas.microsoft.com/office/2006/keyEncryptor/password\">"
                    "<p:encryptedKey");
    buf_printf(b, " spinCount=\"%d\" " METHOD, AGILE_ROUNDS);
    add_attribute(b, "saltValue", SLICE_ARRAY(a->password_salt));
    add_attribute(b, "encryptedVerifierHashInput", SLICE_ARRAY(a->sealed_verifier));
    add_attribute(b, "encryptedVerifierHashValue", SLICE_ARRAY(a->sealed_verifier_hash));
    add_attribute(b, "encryptedKeyValue", SLICE_ARRAY(a->sealed_key));
    buf_add_text(b, "/></keyEncryptor></keyEncryptors></encryption>");
}

static void add32(struct buf *b, uint32_t value)
{
    uint8_t bytes[4];

    put32(bytes, value);
    buf_add(b, SLICE_ARRAY(bytes));
}

/* UNICODE-LP-P4 (MS-OFFCRYPTO 2.1.2): its length, UTF-16, and zeros up to four bytes. */
static void add_name(struct buf *b, const char *name)
{
    size_t len = 2 * strlen(name);

    add32(b, (uint32_t)len);
    for (const char *c = name; *c; c++) {
        buf_add_byte(b, (uint8_t)*c);
        buf_add_byte(b, 0);
    }
    if (len % 4) {
        buf_add_byte(b, 0);
        buf_add_byte(b, 0);
    }
}

static void add_versions(struct buf *b)
{
    add32(b, 1); /* reader, updater, writer: each 1.0 */
    add32(b, 1);
    add32(b, 1);
}

/* DataSpaceMap: the one stream that is transformed, and its space. */
static void map_spaces(struct buf *b)
{
    OWN(buf) struct buf entry = {.max = STREAM_MAX};

    add32(&entry, 1); /* it has one reference, */
    add32(&entry, 0); /* to a stream */
    add_name(&entry, "EncryptedPackage");
    add_name(&entry, "StrongEncryptionDataSpace");
    add32(b, 8); /* bytes of this head */
    add32(b, 1);
    add32(b, (uint32_t)entry.len + 4);
    buf_add(b, buf_slice(&entry));
}

static void describe_space(struct buf *b)
{
    add32(b, 8);
    add32(b, 1);
    add_name(b, "StrongEncryptionTransform");
}

/* "\6Primary" (MS-OFFCRYPTO 2.2.6): which transform it is; how follows from EncryptionInfo. */
static void describe_transform(struct buf *b)
{
    OWN(buf) struct buf id = {.max = STREAM_MAX};

    add_name(&id, "{FF9A3F03-56EF-4613-BDD5-5A41C1D07246}");
    add32(b, (uint32_t)id.len + 8);
    add32(b, 1);
    buf_add(b, buf_slice(&id));
    add_name(b, "Microsoft.Container.EncryptionTransform");
    add_versions(b);
    add32(b, 0);
    add32(b, 0);
    add32(b, 0);
    add32(b, 4);
}

static bool assemble(const struct agile *a, struct slice package, struct buf *out)
{
    OWN(buf) struct buf version = {.max = STREAM_MAX};
    OWN(buf) struct buf map = {.max = STREAM_MAX};
    OWN(buf) struct buf space = {.max = STREAM_MAX};
    OWN(buf) struct buf transform = {.max = STREAM_MAX};
    OWN(buf) struct buf info = {.max = INFO_MAX};

    add_name(&version, "Microsoft.Container.DataSpaces");
    add_versions(&version);
    map_spaces(&map);
    describe_space(&space);
    describe_transform(&transform);
    describe(a, &info);
    const struct cfb_entry entries[] = {
        {"Root Entry",                -1, CFB_ROOT,    SLICE_NONE           },
        {"\6DataSpaces",              0,  CFB_STORAGE, SLICE_NONE           },
        {"Version",                   1,  CFB_STREAM,  buf_slice(&version)  },
        {"DataSpaceMap",              1,  CFB_STREAM,  buf_slice(&map)      },
        {"DataSpaceInfo",             1,  CFB_STORAGE, SLICE_NONE           },
        {"StrongEncryptionDataSpace", 4,  CFB_STREAM,  buf_slice(&space)    },
        {"TransformInfo",             1,  CFB_STORAGE, SLICE_NONE           },
        {"StrongEncryptionTransform", 6,  CFB_STORAGE, SLICE_NONE           },
        {"\6Primary",                 7,  CFB_STREAM,  buf_slice(&transform)},
        {"EncryptionInfo",            0,  CFB_STREAM,  buf_slice(&info)     },
        {"EncryptedPackage",          0,  CFB_STREAM,  package              },
    };
    cfb_write(entries, sizeof(entries) / sizeof(entries[0]), out);
    return !out->full && !info.full && !map.full && !transform.full && !space.full && !version.full;
}

static bool draw(struct agile *a)
{
    return RAND_bytes(a->password_salt, SALT_LEN) == 1 && RAND_bytes(a->key_salt, SALT_LEN) == 1 &&
           RAND_priv_bytes(a->key, KEY_LEN) == 1 && RAND_bytes(a->verifier, SALT_LEN) == 1 &&
           RAND_priv_bytes(a->hmac_key, HASH_LEN) == 1;
}

bool agile_encrypt(struct slice document, struct slice password, struct buf *out, struct error *e)
{
    OWN(digest) EVP_MD_CTX *digest = EVP_MD_CTX_new();
    OWN(cipher) EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    OWN(method) EVP_MD *sha512 = EVP_MD_fetch(NULL, "SHA512", NULL);
    OWN(buf) struct buf package = {.max = CFB_BYTES_MAX};
    struct agile a = {.digest = digest, .sha512 = sha512, .cipher = cipher};

    if (!lock_password_sound(password)) {
        return error_set(e, ERROR_INPUT, "a password that documents cannot have");
    }
    bool good = digest && cipher && sha512 && draw(&a) && hash_password(&a, password) &&
                seal_keys(&a) && encrypt_package(&a, document, &package) &&
                seal_integrity(&a, buf_slice(&package));
    bool fits = !package.full && (!good || assemble(&a, buf_slice(&package), out));
    OPENSSL_cleanse(a.key, sizeof(a.key));
    OPENSSL_cleanse(a.hash, sizeof(a.hash));
    OPENSSL_cleanse(a.hmac_key, sizeof(a.hmac_key));
    OPENSSL_cleanse(a.verifier, sizeof(a.verifier));
    if (!fits) {
        return error_set(e, ERROR_LIMIT, "the encrypted document does not fit");
    }
    return good || error_set(e, ERROR_BUSY, "OpenSSL does not encrypt a document");
}
