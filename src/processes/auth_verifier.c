#include "processes/auth_verifier.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include "formats/sasl/prepare.h"
#include "keyring/former.h"
#include "keyring/keyring.h"

#define PASSES       2
#define MEMORY_BYTES ((size_t)19 << 20)
#define CONTEXT_MAX  1024
#define FAKE_LEN     32
#define PREPARED_MAX ((size_t)8192)

/* What is sealed: argon2's text, and behind a blank the SCRAM keys if there are any. */
#define TEXT_MAX (crypto_pwhash_STRBYTES + SCRAM_KEYS_TEXT_MAX)
_Static_assert(TEXT_MAX + KEYRING_SEAL_OVERHEAD <= AUTH_VERIFIER_MAX, "it fits");

struct verifiers {
    const struct secret *seal;
    char fake[TEXT_MAX]; /* of a password that nobody knows */
    uint8_t fake_sealed[AUTH_VERIFIER_MAX];
    size_t fake_sealed_len;
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

static void context_of(struct slice account, struct buf *out)
{
    buf_init(out, CONTEXT_MAX);
    buf_add_text(out, "auth/verifier/");
    buf_add(out, account);
}

/* Random keys behind the verifier that nobody's password opens. */
static void seal_fake(struct verifiers *v)
{
    OWN(buf) struct buf context = {.max = CONTEXT_MAX};
    OWN(buf) struct buf sealed = {.max = AUTH_VERIFIER_MAX};
    OWN(buf) struct buf text = {.max = TEXT_MAX - 1};
    struct scram_keys keys = {.iterations = 1};

    keyring_random_bytes(keys.salt, sizeof(keys.salt));
    keyring_random_bytes(keys.stored, sizeof(keys.stored));
    keyring_random_bytes(keys.server, sizeof(keys.server));
    buf_add_text(&text, v->fake);
    buf_add_byte(&text, ' ');
    scram_keys_write(&keys, &text);
    (void)memcpy(v->fake, text.ptr, text.len); /* zeroed behind it */
    context_of(SLICE_NONE, &context);
    keyring_seal(v->seal, buf_slice(&context), buf_slice(&text), &sealed);
    (void)memcpy(v->fake_sealed, sealed.ptr, sealed.len);
    v->fake_sealed_len = sealed.len;
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
    seal_fake(v);
    return made ? TAKE(v, NULL) : NULL;
}

void verifiers_free(struct verifiers *v)
{
    free(v);
}

/* Append the SCRAM keys of a password, unless it cannot have any. */
static bool add_keys(struct slice password, const struct scram_wish *wish, struct buf *text)
{
    OWN(buf) struct buf prepared = {.max = PREPARED_MAX};
    struct scram_keys keys;

    if (!sasl_prepare(password, &prepared)) {
        return false;
    }
    scram_keys_make(buf_slice(&prepared), wish->salt.ptr, wish->iterations, &keys);
    explicit_bzero(prepared.ptr, prepared.capacity);
    buf_add_byte(text, ' ');
    scram_keys_write(&keys, text);
    explicit_bzero(&keys, sizeof(keys));
    return true;
}

static void seal_text(const struct verifiers *v, struct slice account, struct buf *text,
                      struct buf *sealed)
{
    OWN(buf) struct buf context = {.max = CONTEXT_MAX};

    context_of(account, &context);
    keyring_seal(v->seal, buf_slice(&context), buf_slice(text), sealed);
    explicit_bzero(text->ptr, text->capacity);
}

bool verifier_make(struct verifiers *v, struct slice account, struct slice password,
                   const struct scram_wish *wish, struct buf *sealed, struct error *e)
{
    OWN(buf) struct buf all = {.max = TEXT_MAX - 1};
    char text[crypto_pwhash_STRBYTES];

    if (password.len == 0 || password.len > AUTH_PASSWORD_MAX) {
        return error_set(e, ERROR_INPUT, "a password has 1 to %d bytes", AUTH_PASSWORD_MAX);
    }
    if (!hash(password, text, e)) {
        return false;
    }
    buf_add_text(&all, text);
    explicit_bzero(text, sizeof(text));
    if (wish) {
        (void)!add_keys(password, wish, &all);
    }
    seal_text(v, account, &all, sealed);
    return !sealed->full || error_set(e, ERROR_LIMIT, "a verifier does not fit");
}

static bool open_under(const struct secret *key, struct slice account, struct slice sealed,
                       char text[static TEXT_MAX])
{
    OWN(buf) struct buf context = {.max = CONTEXT_MAX};
    OWN(buf) struct buf plain = {.max = TEXT_MAX - 1};
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
                      char text[static TEXT_MAX])
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
    char text[TEXT_MAX] = "";

    bool present = open_under(v->seal, account, sealed, text);
    bool known = present || open_text(v, account, sealed, text);
    if (known && !present) {
        context_of(account, &context);
        keyring_seal(v->seal, buf_slice(&context), slice_text(text), renewed);
    }
    explicit_bzero(text, sizeof(text));
    return known || error_set(e, ERROR_CORRUPT, "a verifier opens under no key");
}

/* The keys behind the blank; *argon2 is what stands before it. */
static bool split(struct slice text, struct slice *argon2, struct scram_keys *keys)
{
    struct slice behind;

    *argon2 = slice_cut(text, ' ', &behind);
    return scram_keys_read(behind, keys);
}

bool verifier_complete(struct verifiers *v, struct slice account, struct slice sealed,
                       struct slice password, const struct scram_wish *wish, struct buf *completed)
{
    OWN(buf) struct buf anew = {.max = TEXT_MAX - 1};
    char text[TEXT_MAX] = "";
    struct scram_keys keys;
    struct slice argon2;

    bool known = open_text(v, account, sealed, text);
    bool has = split(slice_text(text), &argon2, &keys) && keys.iterations == wish->iterations &&
               slice_equal(SLICE_ARRAY(keys.salt), wish->salt);
    buf_add(&anew, argon2);
    bool made = known && !has && add_keys(password, wish, &anew);
    if (made) {
        seal_text(v, account, &anew, completed);
    }
    explicit_bzero(text, sizeof(text));
    explicit_bzero(&keys, sizeof(keys));
    return made && !completed->full;
}

bool verifier_scram(struct verifiers *v, struct slice account, struct slice sealed,
                    struct scram_keys *keys)
{
    struct slice fake = slice_of(v->fake_sealed, v->fake_sealed_len);
    char text[TEXT_MAX] = "";
    struct slice argon2;

    bool known = open_text(v, sealed.len ? account : SLICE_NONE, sealed.len ? sealed : fake, text);
    bool has = split(slice_text(text), &argon2, keys);
    explicit_bzero(text, sizeof(text));
    if (!has) {
        (void)split(slice_text(v->fake), &argon2, keys);
    }
    return known && has && sealed.len;
}

enum verifier_match verifier_check(struct verifiers *v, struct slice account, struct slice sealed,
                                   struct slice password)
{
    char text[TEXT_MAX] = "";
    bool known = sealed.len && open_text(v, account, sealed, text);

    const char *bytes = password.len ? (const char *)password.ptr : "";
    char argon2[crypto_pwhash_STRBYTES] = "";
    struct slice front = slice_text(known ? text : v->fake);
    front = slice_head(front, slice_find(front, ' '));
    front = slice_head(front, sizeof(argon2) - 1);
    if (front.len) {
        (void)memcpy(argon2, front.ptr, front.len);
    }
    errno = 0;
    int rc = crypto_pwhash_str_verify(argon2, bytes, password.len);
    int why = errno;
    explicit_bzero(text, sizeof(text));
    explicit_bzero(argon2, sizeof(argon2));
    if (rc != 0 && why == ENOMEM) {
        return VERIFIER_BUSY;
    }
    if (sealed.len && !known) {
        return VERIFIER_UNREADABLE;
    }
    return known && rc == 0 ? VERIFIER_RIGHT : VERIFIER_WRONG;
}
