#include "processes/auth_verifier.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include "keyring/former.h"
#include "keyring/keyring.h"

#define PASSES       2
#define MEMORY_BYTES ((size_t)19 << 20)
#define CONTEXT_MAX  1024
#define FAKE_LEN     32

struct verifiers {
    const struct secret *seal;
    char fake[crypto_pwhash_STRBYTES]; /* of a password that nobody knows */
};

static bool hash(struct slice password, char out[static crypto_pwhash_STRBYTES], struct error *e)
{
    (void)memset(out, 0, crypto_pwhash_STRBYTES);
    if (crypto_pwhash_str_alg(out, (const char *)password.ptr, password.len, PASSES, MEMORY_BYTES,
                              crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return error_set(e, ERROR_BUSY, "no memory to make a verifier");
    }
    return true;
}

struct verifiers *verifiers_new(const struct secret *seal, struct error *e)
{
    OWN(verifiers) struct verifiers *v = calloc(1, sizeof(*v));
    uint8_t nobodys[FAKE_LEN];

    /* -fanalyzer: it takes the end of the process for a leak */
    if (!v || sodium_init() < 0) {
        arena_panic("libsodium cannot be used");
    }
    v->seal = seal;
    keyring_random_bytes(nobodys, sizeof(nobodys));
    bool made = hash(SLICE_ARRAY(nobodys), v->fake, e);
    explicit_bzero(nobodys, sizeof(nobodys));
    return made ? TAKE(v, NULL) : NULL;
}

void verifiers_free(struct verifiers *v)
{
    free(v);
}

static void context_of(struct slice account, struct buf *out)
{
    buf_init(out, CONTEXT_MAX);
    buf_add_text(out, "auth/verifier/");
    buf_add(out, account);
}

bool verifier_make(struct verifiers *v, struct slice account, struct slice password,
                   struct buf *sealed, struct error *e)
{
    OWN(buf) struct buf context = {.max = CONTEXT_MAX};
    char text[crypto_pwhash_STRBYTES];

    if (password.len == 0 || password.len > AUTH_PASSWORD_MAX) {
        return error_set(e, ERROR_INPUT, "a password has 1 to %d bytes", AUTH_PASSWORD_MAX);
    }
    if (!hash(password, text, e)) {
        return false;
    }
    context_of(account, &context);
    keyring_seal(v->seal, buf_slice(&context), slice_text(text), sealed);
    explicit_bzero(text, sizeof(text));
    return !sealed->full || error_set(e, ERROR_LIMIT, "a verifier does not fit");
}

static bool open_under(const struct secret *key, struct slice account, struct slice sealed,
                       char text[static crypto_pwhash_STRBYTES])
{
    OWN(buf) struct buf context = {.max = CONTEXT_MAX};
    OWN(buf) struct buf plain = {.max = crypto_pwhash_STRBYTES - 1};
    struct error e;

    context_of(account, &context);
    if (sealed.len > AUTH_VERIFIER_MAX ||
        !keyring_open(key, buf_slice(&context), sealed, &plain, &e)) {
        return false;
    }
    (void)memcpy(text, plain.ptr, plain.len); /* zeroed by the caller */
    explicit_bzero(plain.ptr, plain.capacity);
    return true;
}

/* Open what is sealed into text, also under a former key; false when it is none of ours. */
static bool open_text(const struct verifiers *v, struct slice account, struct slice sealed,
                      char text[static crypto_pwhash_STRBYTES])
{
    const struct secret *key = v->seal;

    for (size_t n = 0; key && !open_under(key, account, sealed, text); n++) {
        key = keyring_former(v->seal, n);
    }
    return key != NULL;
}

bool verifier_renew(struct verifiers *v, struct slice account, struct slice sealed,
                    struct buf *renewed, struct error *e)
{
    OWN(buf) struct buf context = {.max = CONTEXT_MAX};
    char text[crypto_pwhash_STRBYTES] = "";

    bool present = open_under(v->seal, account, sealed, text);
    bool known = present || open_text(v, account, sealed, text);
    if (known && !present) {
        context_of(account, &context);
        keyring_seal(v->seal, buf_slice(&context), slice_text(text), renewed);
    }
    explicit_bzero(text, sizeof(text));
    return known || error_set(e, ERROR_CORRUPT, "a verifier opens under no key");
}

enum verifier_match verifier_check(struct verifiers *v, struct slice account, struct slice sealed,
                                   struct slice password)
{
    char text[crypto_pwhash_STRBYTES] = "";
    bool known = sealed.len && open_text(v, account, sealed, text);

    const char *bytes = password.len ? (const char *)password.ptr : "";
    errno = 0;
    int rc = crypto_pwhash_str_verify(known ? text : v->fake, bytes, password.len);
    int why = errno;
    explicit_bzero(text, sizeof(text));
    if (rc != 0 && why == ENOMEM) {
        return VERIFIER_BUSY;
    }
    if (sealed.len && !known) {
        return VERIFIER_UNREADABLE;
    }
    return known && rc == 0 ? VERIFIER_RIGHT : VERIFIER_WRONG;
}
