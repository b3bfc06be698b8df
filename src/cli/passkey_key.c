#include "cli/passkey_key.h"

#include <fido.h>
#include <stdio.h>

#include "base/own.h"

#include "cli/terminal.h"
#include "formats/webauthn/webauthn.h"
#include "keyring/digest.h"

#define KEYS_MAX 8
#define PIN_MAX  63 /* bytes: CTAP 2.1 section 6.5.1 */
#define HEAD_MAX 3

struct key {
    fido_dev_t *dev;
    char pin[PIN_MAX + 1];
};

static void close_key(struct key *k)
{
    if (k->dev) {
        (void)fido_dev_close(k->dev);
        fido_dev_free(&k->dev);
    }
    explicit_bzero(k->pin, sizeof(k->pin));
}

static void free_cred(fido_cred_t *c)
{
    fido_cred_free(&c);
}

static void free_assert(fido_assert_t *a)
{
    fido_assert_free(&a);
}

OWN_VALUE(key, struct key, close_key)
OWN_BY(fido_cred, fido_cred_t, free_cred)
OWN_BY(fido_assertion, fido_assert_t, free_assert)

/* The path of the first key; empty when there is none. */
static void find(char path[static 256])
{
    fido_dev_info_t *list = NULL;
    size_t n = 0;

    fido_init(0);
    path[0] = '\0';
    list = fido_dev_info_new(KEYS_MAX);
    if (list && fido_dev_info_manifest(list, KEYS_MAX, &n) == FIDO_OK && n > 0) {
        (void)snprintf(path, 256, "%s", fido_dev_info_path(fido_dev_info_ptr(list, 0)));
    }
    fido_dev_info_free(&list, KEYS_MAX);
}

bool key_is_there(void)
{
    char path[256];

    find(path);
    return path[0] != '\0';
}

static bool open_key(struct key *k, struct error *e)
{
    char path[256];

    find(path);
    if (!path[0]) {
        return error_set(e, ERROR_INPUT,
                         "no security key is at this machine, or you may not open /dev/hidraw*: "
                         "with --json a browser is asked");
    }
    k->dev = fido_dev_new();
    if (!k->dev || fido_dev_open(k->dev, path) != FIDO_OK) {
        return error_set(e, ERROR_BUSY, "the security key at %s does not open", path);
    }
    return true;
}

static bool ask_pin(struct key *k, struct error *e)
{
    OWN(secret) struct secret *pin = NULL;

    if (!fido_dev_has_pin(k->dev)) {
        return true;
    }
    if (!terminal_has_person()) {
        return error_set(e, ERROR_INPUT, "the security key has a PIN, and nobody is there to ask");
    }
    if (!terminal_ask_secret("PIN of the security key", PIN_MAX, &pin, e)) {
        return false;
    }
    (void)snprintf(k->pin, sizeof(k->pin), "%.*s", SLICE_ARG(secret_slice(pin)));
    return true;
}

static const char *pin_of(const struct key *k)
{
    return k->pin[0] ? k->pin : NULL;
}

static bool failed(int code, struct error *e)
{
    switch (code) {
    case FIDO_ERR_PIN_INVALID:
    case FIDO_ERR_PIN_AUTH_BLOCKED:
    case FIDO_ERR_PIN_BLOCKED:
        return error_set(e, ERROR_DENIED, "the security key says: %s", fido_strerr(code));
    case FIDO_ERR_CREDENTIAL_EXCLUDED:
        return error_set(e, ERROR_INPUT, "this security key has a passkey of the account already");
    case FIDO_ERR_NO_CREDENTIALS:
        return error_set(e, ERROR_INPUT, "this security key has no passkey of the account");
    default:
        return error_set(e, ERROR_BUSY, "the security key says: %s", fido_strerr(code));
    }
}

static void hash_of(struct slice bytes, uint8_t hash[static DIGEST_LEN])
{
    digest_of(bytes, SLICE_NONE, hash);
}

static void say_touch(void)
{
    (void)fprintf(stderr, "Touch the security key.\n");
}

/* ── making ── */

static bool set_up(fido_cred_t *cred, struct cli *c, const struct passkey_asked *asked,
                   struct slice account, struct slice client_data, bool knows)
{
    const struct passkey_known *known = asked->known.items;
    const char *name = arena_text(&c->arena, account);
    uint8_t hash[DIGEST_LEN];

    hash_of(client_data, hash);
    bool good =
        cred && fido_cred_set_type(cred, COSE_ES256) == FIDO_OK &&
        fido_cred_set_clientdata_hash(cred, hash, sizeof(hash)) == FIDO_OK &&
        fido_cred_set_rp(cred, arena_text(&c->arena, asked->site), "Postern") == FIDO_OK &&
        fido_cred_set_user(cred, asked->user.ptr, asked->user.len, name, name, NULL) == FIDO_OK &&
        (!knows || fido_cred_set_rk(cred, FIDO_OPT_TRUE) == FIDO_OK);
    for (size_t i = 0; good && i < asked->known.count; i++) {
        struct slice id = known[i].credential;
        good = fido_cred_exclude(cred, id.ptr, id.len) == FIDO_OK;
    }
    return good;
}

bool key_make(struct cli *c, const struct passkey_asked *asked, struct slice account,
              struct slice client_data, struct slice *attestation, struct error *e)
{
    OWN(key) struct key k = {.dev = NULL};
    OWN(fido_cred) fido_cred_t *cred = fido_cred_new();

    if (!open_key(&k, e) || !ask_pin(&k, e)) {
        return false;
    }
    bool built_in = fido_dev_has_uv(k.dev);
    if (!set_up(cred, c, asked, account, client_data, built_in || k.pin[0]) ||
        (built_in && !k.pin[0] && fido_cred_set_uv(cred, FIDO_OPT_TRUE) != FIDO_OK)) {
        return error_set(e, ERROR_INPUT, "the security key cannot be asked for that");
    }
    say_touch();
    int code = fido_dev_make_cred(k.dev, cred, pin_of(&k));
    if (code != FIDO_OK) {
        return failed(code, e);
    }
    const struct slice data = {fido_cred_authdata_raw_ptr(cred), fido_cred_authdata_raw_len(cred)};
    *attestation = webauthn_attestation_write(data, &c->arena);
    return true;
}

/* ── signing ── */

/* libfido2 gives authenticator data as a CBOR byte string. */
static struct slice unwrap(struct slice s)
{
    size_t head = s.len == 0 ? 0 : s.ptr[0] < 0x58 ? 1 : s.ptr[0] == 0x58 ? 2 : HEAD_MAX;

    return slice_from(s, head);
}

/* Which of those the key found is the account's. */
static size_t choose(const fido_assert_t *a, struct slice user)
{
    for (size_t i = 0; i < fido_assert_count(a); i++) {
        if (slice_equal(user,
                        slice_of(fido_assert_user_id_ptr(a, i), fido_assert_user_id_len(a, i)))) {
            return i;
        }
    }
    return 0;
}

static bool set_up_assertion(fido_assert_t *a, struct cli *c, const struct passkey_asked *asked,
                             struct slice client_data, bool built_in)
{
    const struct passkey_known *known = asked->known.items;
    uint8_t hash[DIGEST_LEN];

    hash_of(client_data, hash);
    bool good = a && fido_assert_set_clientdata_hash(a, hash, sizeof(hash)) == FIDO_OK &&
                fido_assert_set_rp(a, arena_text(&c->arena, asked->site)) == FIDO_OK &&
                fido_assert_set_up(a, FIDO_OPT_TRUE) == FIDO_OK &&
                (!built_in || fido_assert_set_uv(a, FIDO_OPT_TRUE) == FIDO_OK);
    for (size_t i = 0; good && i < asked->known.count; i++) {
        struct slice id = known[i].credential;
        good = fido_assert_allow_cred(a, id.ptr, id.len) == FIDO_OK;
    }
    return good;
}

bool key_sign(struct cli *c, const struct passkey_asked *asked, struct slice client_data,
              bool alone, struct auth_assertion *out, struct error *e)
{
    OWN(key) struct key k = {.dev = NULL};
    OWN(fido_assertion) fido_assert_t *a = fido_assert_new();

    if (!open_key(&k, e) || (alone && !ask_pin(&k, e))) {
        return false;
    }
    if (!set_up_assertion(a, c, asked, client_data, alone && !k.pin[0] && fido_dev_has_uv(k.dev))) {
        return error_set(e, ERROR_INPUT, "the security key cannot be asked for that");
    }
    say_touch();
    int code = fido_dev_get_assert(k.dev, a, pin_of(&k));
    if (code != FIDO_OK || fido_assert_count(a) == 0) {
        return failed(code == FIDO_OK ? FIDO_ERR_NO_CREDENTIALS : code, e);
    }
    size_t i = choose(a, asked->user);
    struct slice id = slice_of(fido_assert_id_ptr(a, i), fido_assert_id_len(a, i));
    if (id.len == 0 && asked->known.count == 1) { /* left out where only one was asked for */
        id = ((const struct passkey_known *)asked->known.items)->credential;
    }
    *out = (struct auth_assertion){
        .credential = arena_copy(&c->arena, id),
        .client_data = client_data,
        .data = arena_copy(&c->arena, unwrap(slice_of(fido_assert_authdata_ptr(a, i),
                                                      fido_assert_authdata_len(a, i)))),
        .signature =
            arena_copy(&c->arena, slice_of(fido_assert_sig_ptr(a, i), fido_assert_sig_len(a, i)))};
    return true;
}
