/* A private key that lives in another process, as OpenSSL wants to see it: a provider with key
 * management for "EC" and "RSA" keys that hold a public half only, and signatures that hash here
 * and have the digest signed by a callback. Nothing else is offered, so all other work (key
 * agreement, verification) stays with the default provider. */

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <pthread.h>

#include "base/arena.h"

#include "host/internal.h"

#define PROVIDER         "postern-remote"
#define PARAM_SIGNER     "postern-signer"
#define PUBLIC_MAX       512 /* an RSA-4096 modulus */
#define ECDSA_P256_MAX   72
#define ECDSA_P384_MAX   104
#define GROUP_NAME_MAX   32
#define DIGEST_NAME      "SHA256"
#define RSA_BITS_MIN     2048
#define RSA_BITS_MAX     4096
#define P256_BITS        256
#define P384_BITS        384
#define SECURITY_OF_3072 128
#define SECURITY_OF_2048 112
#define SECURITY_OF_P384 192

struct key {
    bool is_rsa;
    int bits;
    char group[GROUP_NAME_MAX]; /* EC only */
    uint8_t public[PUBLIC_MAX]; /* modulus in native order, or the point */
    size_t public_len;
    struct remote_signer signer; /* sign is NULL in copies made for comparing */
};

struct signing {
    const struct key *key; /* kept by the EVP_PKEY of the context */
    EVP_MD *digest;
    bool pss;
};

/* Key management */

static struct key *key_new(bool is_rsa)
{
    struct key *k = calloc(1, sizeof(*k));
    if (k) {
        k->is_rsa = is_rsa;
    }
    return k;
}

static void *rsa_key_new(void *provider)
{
    (void)provider;
    return key_new(true);
}

static void *ec_key_new(void *provider)
{
    (void)provider;
    return key_new(false);
}

static void key_free(void *key)
{
    free(key);
}

static int key_has(const void *key, int selection)
{
    (void)selection;
    return key != NULL;
}

static int key_match(const void *left, const void *right, int selection)
{
    const struct key *a = left;
    const struct key *b = right;
    (void)selection;
    return a->is_rsa == b->is_rsa && a->bits == b->bits && a->public_len == b->public_len &&
           memcmp(a->public, b->public, a->public_len) == 0;
}

/* Copy an octet string or an unsigned integer as it stands. */
static bool copy_public(struct key *k, const OSSL_PARAM *p)
{
    if (!p || p->data_size == 0 || p->data_size > sizeof(k->public)) {
        return false;
    }
    memcpy(k->public, p->data, p->data_size);
    k->public_len = p->data_size;
    return true;
}

static bool import_rsa(struct key *k, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_N);
    BIGNUM *n = NULL;
    if (!p || !OSSL_PARAM_get_BN(p, &n)) {
        return false;
    }
    k->bits = BN_num_bits(n);
    BN_free(n);
    return k->bits >= RSA_BITS_MIN && k->bits <= RSA_BITS_MAX && copy_public(k, p);
}

static bool import_ec(struct key *k, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
    char *group = k->group;
    if (!p || !OSSL_PARAM_get_utf8_string(p, &group, sizeof(k->group))) {
        return false;
    }
    int nid = EC_curve_nist2nid(group);
    nid = nid == NID_undef ? OBJ_sn2nid(group) : nid;
    if (nid != NID_X9_62_prime256v1 && nid != NID_secp384r1) {
        return false;
    }
    k->bits = nid == NID_secp384r1 ? P384_BITS : P256_BITS;
    return copy_public(k, OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY));
}

static int key_import(void *key, int selection, const OSSL_PARAM params[])
{
    struct key *k = key;
    (void)selection;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, PARAM_SIGNER);
    const void *signer = NULL;
    size_t len = 0;
    if (p) {
        if (!OSSL_PARAM_get_octet_ptr(p, &signer, &len) || !signer) {
            return 0;
        }
        memcpy(&k->signer, signer, sizeof(k->signer));
    }
    return k->is_rsa ? import_rsa(k, params) : import_ec(k, params);
}

static const OSSL_PARAM *key_import_types(int selection)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_octet_ptr(PARAM_SIGNER, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)selection;
    return types;
}

static size_t signature_size(const struct key *k)
{
    if (k->is_rsa) {
        return ((size_t)k->bits + 7) / 8;
    }
    return k->bits == P384_BITS ? ECDSA_P384_MAX : ECDSA_P256_MAX;
}

static int security_bits(const struct key *k)
{
    if (k->is_rsa) {
        return k->bits >= 3072 ? SECURITY_OF_3072 : SECURITY_OF_2048;
    }
    return k->bits == P384_BITS ? SECURITY_OF_P384 : SECURITY_OF_3072;
}

static int key_get_params(void *key, OSSL_PARAM params[])
{
    const struct key *k = key;
    OSSL_PARAM *p;
    if ((p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_BITS)) && !OSSL_PARAM_set_int(p, k->bits)) {
        return 0;
    }
    if ((p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_SECURITY_BITS)) &&
        !OSSL_PARAM_set_int(p, security_bits(k))) {
        return 0;
    }
    if ((p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_MAX_SIZE)) &&
        !OSSL_PARAM_set_size_t(p, signature_size(k))) {
        return 0;
    }
    if ((p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_DEFAULT_DIGEST)) &&
        !OSSL_PARAM_set_utf8_string(p, DIGEST_NAME)) {
        return 0;
    }
    p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_GROUP_NAME);
    return !p || (!k->is_rsa && OSSL_PARAM_set_utf8_string(p, k->group));
}

static const OSSL_PARAM *key_gettable_params(void *provider)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_size_t(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)provider;
    return gettable;
}

static const char *ec_operation_name(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

/* Signatures */

static void *signing_new(void *provider, const char *properties)
{
    (void)provider;
    (void)properties;
    return calloc(1, sizeof(struct signing));
}

static void signing_free(void *signing)
{
    struct signing *s = signing;
    if (s) {
        EVP_MD_free(s->digest);
        free(s);
    }
}

static bool set_padding(struct signing *s, const OSSL_PARAM *p)
{
    int number = 0;
    if (p->data_type == OSSL_PARAM_UTF8_STRING) {
        s->pss = strcmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
        return s->pss || strcmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0;
    }
    if (!OSSL_PARAM_get_int(p, &number)) {
        return false;
    }
    s->pss = number == RSA_PKCS1_PSS_PADDING;
    return s->pss || number == RSA_PKCS1_PADDING;
}

/* The salt of RSASSA-PSS is always as long as the digest (RFC 8446 section 4.2.3), so what TLS
 * says about it changes nothing. */
static int signing_set_params(void *signing, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p =
        params ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE) : NULL;
    return !p || set_padding(signing, p);
}

static const OSSL_PARAM *signing_settable_params(void *signing, void *provider)
{
    static const OSSL_PARAM settable[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_END,
    };
    (void)signing;
    (void)provider;
    return settable;
}

static int signing_init(void *signing, const char *digest, void *key, const OSSL_PARAM params[])
{
    struct signing *s = signing;
    const struct key *k = key;
    if (!k || !k->signer.sign) {
        return 0;
    }
    EVP_MD_free(s->digest);
    s->digest =
        EVP_MD_fetch(remote_key_library(), digest ? digest : DIGEST_NAME, REMOTE_KEY_ELSEWHERE);
    s->key = k;
    s->pss = false;
    return s->digest && signing_set_params(s, params);
}

static int sign_digest(const struct signing *s, struct slice digest, uint8_t *out, size_t *len,
                       size_t room)
{
    struct tls_sign_request r = {.digest = digest};
    struct error e;
    OWN(buf) struct buf signature;
    buf_init(&signature, TLS_SIGNATURE_MAX);
    memcpy(r.key_id, s->key->signer.key_id, sizeof(r.key_id));
    r.scheme = !s->key->is_rsa ? TLS_ECDSA : s->pss ? TLS_RSA_PSS : TLS_RSA_PKCS1;
    if (!s->key->signer.sign(s->key->signer.context, &r, &signature, &e)) {
        ERR_raise_data(ERR_LIB_USER, ERR_R_OPERATION_FAIL, "private key: %s", e.text);
        return 0;
    }
    if (signature.len == 0 || signature.len > room) {
        ERR_raise_data(ERR_LIB_USER, ERR_R_OPERATION_FAIL, "private key: signature too long");
        return 0;
    }
    memcpy(out, signature.ptr, signature.len);
    *len = signature.len;
    return 1;
}

static int signing_sign(void *signing, unsigned char *out, size_t *len, size_t room,
                        const unsigned char *tbs, size_t tbs_len)
{
    const struct signing *s = signing;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    if (!out) {
        *len = signature_size(s->key);
        return 1;
    }
    if (!EVP_Digest(tbs, tbs_len, digest, &digest_len, s->digest, NULL)) {
        return 0;
    }
    return sign_digest(s, slice_of(digest, digest_len), out, len, room);
}

/* Tables */

#define FUNCTION(id, function)                                                                     \
    {                                                                                              \
        id, (void (*)(void))(function)                                                             \
    }

#define KEY_FUNCTIONS                                                                              \
    FUNCTION(OSSL_FUNC_KEYMGMT_FREE, key_free), FUNCTION(OSSL_FUNC_KEYMGMT_HAS, key_has),          \
        FUNCTION(OSSL_FUNC_KEYMGMT_MATCH, key_match),                                              \
        FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT, key_import),                                            \
        FUNCTION(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, key_import_types),                                \
        FUNCTION(OSSL_FUNC_KEYMGMT_GET_PARAMS, key_get_params),                                    \
        FUNCTION(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, key_gettable_params)

static const OSSL_DISPATCH rsa_key_functions[] = {
    FUNCTION(OSSL_FUNC_KEYMGMT_NEW, rsa_key_new),
    KEY_FUNCTIONS,
    {0, NULL},
};

static const OSSL_DISPATCH ec_key_functions[] = {
    FUNCTION(OSSL_FUNC_KEYMGMT_NEW, ec_key_new),
    KEY_FUNCTIONS,
    FUNCTION(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, ec_operation_name),
    {0, NULL},
};

static const OSSL_DISPATCH signature_functions[] = {
    FUNCTION(OSSL_FUNC_SIGNATURE_NEWCTX, signing_new),
    FUNCTION(OSSL_FUNC_SIGNATURE_FREECTX, signing_free),
    FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, signing_init),
    FUNCTION(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, signing_sign),
    FUNCTION(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, signing_set_params),
    FUNCTION(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, signing_settable_params),
    {0, NULL},
};

#define PROPERTIES "provider=" PROVIDER

static const OSSL_ALGORITHM key_algorithms[] = {
    {"RSA:rsaEncryption", PROPERTIES, rsa_key_functions, "RSA key in another process"},
    {"EC:id-ecPublicKey", PROPERTIES, ec_key_functions,  "EC key in another process" },
    {NULL,                NULL,       NULL,              NULL                        },
};

static const OSSL_ALGORITHM signature_algorithms[] = {
    {"RSA:rsaEncryption", PROPERTIES, signature_functions, "RSA by another process"  },
    {"ECDSA",             PROPERTIES, signature_functions, "ECDSA by another process"},
    {NULL,                NULL,       NULL,                NULL                      },
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
    (void)provider;
    *no_cache = 0;
    return operation == OSSL_OP_KEYMGMT     ? key_algorithms
           : operation == OSSL_OP_SIGNATURE ? signature_algorithms
                                            : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **provider)
{
    static const OSSL_DISPATCH functions[] = {
        FUNCTION(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
        {0, NULL},
    };
    static int nothing; /* OpenSSL wants a context that is not NULL */
    (void)handle;
    (void)in;
    *out = functions;
    *provider = &nothing;
    return 1;
}

static OSSL_LIB_CTX *library;

static void library_open(void)
{
    library = OSSL_LIB_CTX_new();
    if (!library || !OSSL_PROVIDER_add_builtin(library, PROVIDER, provider_init) ||
        !OSSL_PROVIDER_load(library, "default") || !OSSL_PROVIDER_load(library, PROVIDER)) {
        arena_panic("OpenSSL refuses the provider of remote keys");
    }
}

OSSL_LIB_CTX *remote_key_library(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, library_open);
    return library;
}

EVP_PKEY *remote_key_new(EVP_PKEY *public, const struct remote_signer *signer, struct error *e)
{
    OWN(params) OSSL_PARAM *public_params = NULL;
    OWN(params) OSSL_PARAM *params = NULL;
    EVP_PKEY *made = NULL;
    const char *kind = EVP_PKEY_is_a(public, "RSA") ? "RSA" : "EC";
    OWN(pkey_ctx)
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(remote_key_library(), kind, PROPERTIES);
    void *pointer = NULL;
    memcpy(&pointer, &signer, sizeof(pointer));
    OSSL_PARAM own[] = {
        OSSL_PARAM_construct_octet_ptr(PARAM_SIGNER, &pointer, sizeof(*signer)),
        OSSL_PARAM_construct_end(),
    };
    if (!context || !EVP_PKEY_todata(public, EVP_PKEY_PUBLIC_KEY, &public_params) ||
        !(params = OSSL_PARAM_merge(public_params, own)) || EVP_PKEY_fromdata_init(context) <= 0 ||
        EVP_PKEY_fromdata(context, &made, EVP_PKEY_KEYPAIR, params) <= 0) {
        tls_error(e, ERROR_CONFIG,
                  "a certificate's key must be EC P-256 or P-384, or RSA of 2048 to 4096 bits");
        return NULL;
    }
    return made;
}
