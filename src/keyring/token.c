#include "keyring/token.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"

#include "keyring/keyring.h"

#define SLOTS_MAX   64
#define MODULUS_MIN 256 /* bytes */
#define OBJECTS_MAX 2   /* one more than may match */

OWN_BY(uri, P11KitUri, p11_kit_uri_free)

/* What the child sends back. */
struct answer {
    uint32_t kind; /* enum error_kind; ERROR_NONE: it worked */
    uint32_t len;

    union {
        uint8_t bytes[TOKEN_WRAPPED_MAX];
        char text[ERROR_TEXT_MAX];
    };
};

struct question {
    P11KitUri *uri;
    const struct secret *pin;
    struct slice key; /* to be wrapped, or SLICE_NONE */
    struct slice wrapped;
};

/* One session with the right token. */
struct session {
    CK_FUNCTION_LIST *module;
    CK_SESSION_HANDLE handle;
};

/* -- in the child -- */

static bool failed(struct error *e, CK_RV rv, const char *doing)
{
    if (rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_INVALID) {
        return error_set(e, ERROR_DENIED, "the token's PIN is wrong");
    }
    if (rv == CKR_PIN_LOCKED) {
        return error_set(e, ERROR_DENIED, "the token's PIN is locked after too many wrong ones");
    }
    return error_set(e, ERROR_BUSY, "token: %s: %s", doing, p11_kit_strerror(rv));
}

/* The slot of this module whose token the URI names. */
static bool find_slot(CK_FUNCTION_LIST *module, P11KitUri *uri, CK_SLOT_ID *slot)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;

    if (module->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK) {
        return false;
    }
    for (CK_ULONG i = 0; i < count && i < SLOTS_MAX; i++) {
        CK_TOKEN_INFO about;
        if (module->C_GetTokenInfo(slots[i], &about) == CKR_OK &&
            p11_kit_uri_match_token_info(uri, &about)) {
            *slot = slots[i];
            return true;
        }
    }
    return false;
}

static CK_FUNCTION_LIST **load_modules(P11KitUri *uri, CK_FUNCTION_LIST *one[static 2],
                                       struct error *e)
{
    const char *path = p11_kit_uri_get_module_path(uri);

    if (path) {
        one[0] = p11_kit_module_load(path, 0);
        if (!one[0] || p11_kit_module_initialize(one[0]) != CKR_OK) {
            (void)error_set(e, ERROR_CONFIG, "the token's library cannot be used: %s",
                            p11_kit_message() ? p11_kit_message() : path);
            return NULL;
        }
        return one;
    }
    CK_FUNCTION_LIST **all = p11_kit_modules_load_and_initialize(0);
    if (!all) {
        (void)error_set(e, ERROR_CONFIG, "p11-kit: %s", p11_kit_message());
    }
    return all;
}

static bool log_in(const struct question *q, CK_FUNCTION_LIST *one[static 2], struct session *s,
                   struct error *e)
{
    CK_SLOT_ID slot = 0;
    CK_FUNCTION_LIST **modules = load_modules(q->uri, one, e);

    if (!modules) {
        return false;
    }
    while (*modules && !find_slot(*modules, q->uri, &slot)) {
        modules++;
    }
    if (!*modules) {
        (void)error_set(e, ERROR_CONFIG, "no token that its URI names is plugged in");
        return false;
    }
    s->module = *modules;
    CK_RV rv = s->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &s->handle);
    if (rv != CKR_OK) {
        return failed(e, rv, "open a session");
    }
    rv = s->module->C_Login(s->handle, CKU_USER, (CK_UTF8CHAR *)q->pin->ptr, q->pin->len);
    return rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN || failed(e, rv, "log in");
}

/* The one object of that class which the URI names. */
static bool find_object(const struct session *s, P11KitUri *uri, CK_OBJECT_CLASS class,
                        CK_OBJECT_HANDLE *object, struct error *e)
{
    CK_ATTRIBUTE wanted[3] = {
        {CKA_CLASS, &class, sizeof(class)}
    };
    CK_OBJECT_HANDLE found[OBJECTS_MAX];
    CK_ULONG n = 1;
    CK_ULONG count = 0;
    CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri, CKA_LABEL);
    CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(uri, CKA_ID);

    if (label) {
        wanted[n++] = *label;
    }
    if (id) {
        wanted[n++] = *id;
    }
    CK_RV rv = s->module->C_FindObjectsInit(s->handle, wanted, n);
    if (rv == CKR_OK) {
        rv = s->module->C_FindObjects(s->handle, found, OBJECTS_MAX, &count);
        (void)s->module->C_FindObjectsFinal(s->handle);
    }
    if (rv != CKR_OK) {
        return failed(e, rv, "look for the key");
    }
    if (count != 1) {
        return error_set(e, ERROR_CONFIG, "the token holds %s key that its URI names",
                         count ? "more than one" : "no");
    }
    *object = found[0];
    return true;
}

static EVP_PKEY *public_key(struct slice modulus, struct slice exponent)
{
    EVP_PKEY *key = NULL;
    BIGNUM *n = BN_bin2bn(modulus.ptr, (int)modulus.len, NULL);
    BIGNUM *e = BN_bin2bn(exponent.ptr, (int)exponent.len, NULL);
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    OSSL_PARAM *parameters = NULL;

    if (n && e && b && c && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e) &&
        (parameters = OSSL_PARAM_BLD_to_param(b)) && EVP_PKEY_fromdata_init(c) == 1) {
        (void)EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, parameters);
    }
    OSSL_PARAM_free(parameters);
    EVP_PKEY_CTX_free(c);
    OSSL_PARAM_BLD_free(b);
    BN_free(e);
    BN_free(n);
    return key;
}

static bool encrypt(EVP_PKEY *key, struct slice plain, struct answer *a)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    size_t len = sizeof(a->bytes);

    bool ok = c && EVP_PKEY_encrypt_init(c) == 1 &&
              EVP_PKEY_CTX_set_rsa_padding(c, RSA_PKCS1_OAEP_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_oaep_md(c, EVP_sha1()) == 1 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(c, EVP_sha1()) == 1 &&
              EVP_PKEY_encrypt(c, a->bytes, &len, plain.ptr, plain.len) == 1;
    EVP_PKEY_CTX_free(c);
    a->len = ok ? (uint32_t)len : 0;
    return ok;
}

static bool wrap(const struct session *s, const struct question *q, struct answer *a,
                 struct error *e)
{
    uint8_t modulus[TOKEN_WRAPPED_MAX];
    uint8_t exponent[16];
    CK_ATTRIBUTE wanted[] = {
        {CKA_MODULUS,         modulus,  sizeof(modulus) },
        {CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent)}
    };
    CK_OBJECT_HANDLE object = 0;

    if (!find_object(s, q->uri, CKO_PUBLIC_KEY, &object, e)) {
        return false;
    }
    CK_RV rv = s->module->C_GetAttributeValue(s->handle, object, wanted, 2);
    if (rv != CKR_OK) {
        return failed(e, rv, "read the public key");
    }
    if (wanted[0].ulValueLen < MODULUS_MIN) {
        return error_set(e, ERROR_CONFIG, "the token's key is no RSA key of 2048 bits or more");
    }
    EVP_PKEY *key = public_key(slice_of(modulus, wanted[0].ulValueLen),
                               slice_of(exponent, wanted[1].ulValueLen));
    bool ok = key && encrypt(key, q->key, a);
    EVP_PKEY_free(key);
    return ok || error_set(e, ERROR_CONFIG, "the token's public key cannot be used");
}

static bool unwrap(const struct session *s, const struct question *q, struct answer *a,
                   struct error *e)
{
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_OAEP, &oaep, sizeof(oaep)};
    CK_OBJECT_HANDLE object = 0;
    CK_ULONG len = sizeof(a->bytes);

    if (!find_object(s, q->uri, CKO_PRIVATE_KEY, &object, e)) {
        return false;
    }
    CK_RV rv = s->module->C_DecryptInit(s->handle, &mechanism, object);
    if (rv != CKR_OK) {
        return failed(e, rv, "begin to unwrap (the key must be allowed to decrypt)");
    }
    rv = s->module->C_Decrypt(s->handle, (CK_BYTE *)(uintptr_t)q->wrapped.ptr, q->wrapped.len,
                              a->bytes, &len);
    if (rv == CKR_ENCRYPTED_DATA_INVALID || rv == CKR_ENCRYPTED_DATA_LEN_RANGE) {
        return error_set(e, ERROR_CORRUPT, "it was not wrapped for this key of the token");
    }
    if (rv != CKR_OK) {
        return failed(e, rv, "unwrap");
    }
    a->len = (uint32_t)len;
    return len == KEYRING_KEY_LEN ||
           error_set(e, ERROR_CORRUPT, "what the token unwrapped is no key");
}

static void serve(const struct question *q, int to)
{
    CK_FUNCTION_LIST *one[2] = {NULL, NULL};
    struct session s = {0};
    struct answer a = {0};
    struct error e = {0};
    struct rlimit no_core = {0, 0};

    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &no_core);
    bool ok = log_in(q, one, &s, &e) && (q->key.len ? wrap(&s, q, &a, &e) : unwrap(&s, q, &a, &e));
    if (!ok) {
        a.kind = (uint32_t)e.kind;
        (void)memcpy(a.text, e.text, sizeof(a.text));
    }
    ssize_t n = write(to, &a, sizeof(a));
    explicit_bzero(&a, sizeof(a));
    _exit(n == (ssize_t)sizeof(a) ? 0 : 1); /* the library's own endings are left out */
}

/* -- in this process -- */

/* Exactly one answer, in time. */
static bool receive(int from, struct answer *a, struct error *e)
{
    int64_t until = clock_steady_ms() + TOKEN_WAIT_MS;
    size_t len = 0;

    while (len < sizeof(*a)) {
        struct pollfd p = {.fd = from, .events = POLLIN};
        int64_t left = until - clock_steady_ms();
        if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR)) {
            return error_set(e, ERROR_BUSY, "the token did not answer in time");
        }
        ssize_t n = p.revents ? read(from, (uint8_t *)a + len, sizeof(*a) - len) : 0;
        if (p.revents && n <= 0) {
            return error_set(e, ERROR_BUSY, "the token's library ended without an answer");
        }
        len += (size_t)n;
    }
    return true;
}

static bool check_answer(struct answer *a, struct error *e)
{
    if (a->kind != ERROR_NONE) {
        a->text[sizeof(a->text) - 1] = 0;
        bool known = a->kind <= ERROR_DENIED;
        return error_set(e, known ? (enum error_kind)a->kind : ERROR_BUSY, "%s", a->text);
    }
    return a->len <= sizeof(a->bytes) || error_set(e, ERROR_BUSY, "the token's answer is none");
}

static bool ask_child(const struct question *q, struct answer *a, struct error *e)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_errno(e, ERROR_BUSY, "pipe");
    }
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        serve(q, ends[1]);
    }
    OWN(fd) int from = ends[0];
    (void)close(ends[1]);
    if (child < 0) {
        return error_errno(e, ERROR_BUSY, "fork");
    }
    bool got = receive(from, a, e);
    (void)kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    return got && check_answer(a, e);
}

static bool parse(const char *text, P11KitUri **out, struct error *e)
{
    OWN(uri) P11KitUri *uri = p11_kit_uri_new();

    if (!uri ||
        p11_kit_uri_parse(text, P11_KIT_URI_FOR_OBJECT_ON_TOKEN_AND_MODULE, uri) !=
            P11_KIT_URI_OK ||
        p11_kit_uri_any_unrecognized(uri)) {
        return error_set(e, ERROR_INPUT,
                         "this is no PKCS#11 URI of a key: pkcs11:token=NAME;object=NAME, perhaps "
                         "with ?module-path=/FILE");
    }
    *out = TAKE(uri, NULL);
    return true;
}

bool token_wrap(const char *text, const struct secret *pin, const struct secret *key,
                uint8_t wrapped[static TOKEN_WRAPPED_MAX], size_t *len, struct error *e)
{
    OWN(uri) P11KitUri *uri = NULL;
    struct answer a;

    if (!parse(text, &uri, e)) {
        return false;
    }
    const struct question q = {.uri = uri, .pin = pin, .key = secret_slice(key)};
    if (!ask_child(&q, &a, e)) {
        return false;
    }
    (void)memcpy(wrapped, a.bytes, a.len);
    *len = a.len;
    return true;
}

bool token_unwrap(const char *text, const struct secret *pin, struct slice wrapped,
                  struct secret **key, struct error *e)
{
    OWN(uri) P11KitUri *uri = NULL;
    struct answer a;

    if (!parse(text, &uri, e)) {
        return false;
    }
    const struct question q = {.uri = uri, .pin = pin, .wrapped = wrapped};
    bool ok = ask_child(&q, &a, e) &&
              (a.len == KEYRING_KEY_LEN || error_set(e, ERROR_CORRUPT, "the token gave no key"));
    if (ok) {
        *key = secret_copy(slice_of(a.bytes, a.len));
    }
    explicit_bzero(&a, sizeof(a));
    return ok;
}
