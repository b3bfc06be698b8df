#include "processes/auth_factor.h"

#include <string.h>

#include "keyring/digest.h"
#include "keyring/former.h"
#include "keyring/keyring.h"

#define CONTEXT_MAX 1024
#define VERSION     1
#define PLAIN_LEN   (1 + KEYRING_KEY_LEN + DIGEST_LEN) /* of an app password: version, key, hash */
#define GROUP       4
#define SEALED_MAX  (PLAIN_LEN + AUTH_APP_FORMS * (1 + SCRAM_KEYS_TEXT_MAX))

/* Without l and o, which are typed as 1 and 0. */
static const char letters[] = "abcdefghijkmnpqrstuvwxyz";
#define N_LETTERS (sizeof(letters) - 1)

/* ── sealing ── */

static void context_of(struct slice account, struct slice label, struct buf *out)
{
    buf_add_text(out, "auth/factor/");
    buf_add(out, label);
    buf_add_byte(out, '/');
    buf_add(out, account);
}

/* Open it under the present key or a former one; the caller wipes `plain`. */
static bool open_sealed(const struct secret *seal, struct slice context, struct slice sealed,
                        struct buf *plain, bool *present)
{
    const struct secret *key = seal;
    struct error e;
    bool opened = false;

    for (size_t n = 0; key && !opened; n++) {
        opened = keyring_open(key, context, sealed, plain, &e);
        *present = opened && n == 0;
        key = keyring_former(seal, n);
    }
    return opened;
}

void auth_factor_wipe(struct buf *b)
{
    if (b->ptr) {
        explicit_bzero(b->ptr, b->capacity);
    }
}

void auth_factor_seal(const struct secret *seal, struct slice account, struct slice label,
                      struct slice plain, struct buf *sealed)
{
    OWN(buf) struct buf context = {.max = CONTEXT_MAX};

    context_of(account, label, &context);
    keyring_seal(seal, buf_slice(&context), plain, sealed);
}

bool auth_factor_open(const struct secret *seal, struct slice account, struct slice label,
                      struct slice sealed, struct buf *plain)
{
    OWN(buf) struct buf context = {.max = CONTEXT_MAX};
    bool present = false;

    context_of(account, label, &context);
    return sealed.len && open_sealed(seal, buf_slice(&context), sealed, plain, &present);
}

bool auth_factor_reseal(const struct secret *seal, struct slice account, struct slice label,
                        struct slice sealed, struct buf *renewed, struct error *e)
{
    OWN(buf) struct buf context = {.max = CONTEXT_MAX};
    OWN(buf) struct buf plain = {.max = AUTH_SEALED_MAX};
    bool present = false;

    context_of(account, label, &context);
    if (!open_sealed(seal, buf_slice(&context), sealed, &plain, &present)) {
        return error_set(e, ERROR_CORRUPT, "what is kept of %.*s opens under no key",
                         SLICE_ARG(label));
    }
    if (!present) {
        keyring_seal(seal, buf_slice(&context), buf_slice(&plain), renewed);
    }
    auth_factor_wipe(&plain);
    return !renewed->full || error_set(e, ERROR_LIMIT, "what is sealed does not fit");
}

/* ── app passwords ── */

static void app_label(struct slice id, struct buf *out)
{
    buf_add_text(out, "app/");
    buf_add(out, id);
}

void auth_letters_draw(size_t count, struct buf *out)
{
    uint8_t byte = 0;

    for (size_t n = 0; n < count;) {
        keyring_random_bytes(&byte, 1);
        if (byte < 256 / N_LETTERS * N_LETTERS) {
            buf_add_text(out, n && n % GROUP == 0 ? "-" : "");
            buf_add_byte(out, (uint8_t)letters[byte % N_LETTERS]);
            n++;
        }
    }
    explicit_bzero(&byte, 1);
}

static uint8_t letter_of(uint8_t c)
{
    switch (c) {
    case '1':
    case 'l':
    case 'L':
        return 'i';
    default:
        return ascii_lower(c);
    }
}

bool auth_letters_read(struct slice typed, size_t count, uint8_t *out)
{
    size_t n = 0;

    for (size_t i = 0; i < typed.len; i++) {
        uint8_t c = letter_of(typed.ptr[i]);
        if (c == '-' || c == ' ' || c == '\t') {
            continue;
        }
        if (n == count || c == 0 || !strchr(letters, c)) {
            return false;
        }
        out[n++] = c;
    }
    return n == count;
}

static bool canonical(struct slice typed, uint8_t out[static APP_PASSWORD_LETTERS])
{
    return auth_letters_read(typed, APP_PASSWORD_LETTERS, out);
}

bool auth_app_is_one(struct slice typed)
{
    uint8_t word[APP_PASSWORD_LETTERS];
    bool is = canonical(typed, word);

    explicit_bzero(word, sizeof(word));
    return is;
}

/* Each part is hashed with its length before it, so that no two triples read the same. */
static void hash_of(struct slice key, struct slice account, struct slice id,
                    const uint8_t word[static APP_PASSWORD_LETTERS],
                    uint8_t hash[static DIGEST_LEN])
{
    OWN(buf) struct buf text = {.max = CONTEXT_MAX};

    buf_printf(&text, "%zu %zu ", account.len, id.len);
    buf_add(&text, account);
    buf_add(&text, id);
    buf_add(&text, slice_of(word, APP_PASSWORD_LETTERS));
    digest_hmac(key, buf_slice(&text), hash);
    auth_factor_wipe(&text);
}

/* The keys of each form, a blank before each. */
static void add_keys(struct slice shown, struct slice word, const struct scram_wish *wish,
                     struct buf *plain)
{
    const struct slice forms[AUTH_APP_FORMS] = {shown, word};
    struct scram_keys keys;

    for (size_t i = 0; i < AUTH_APP_FORMS; i++) { /* letters and dashes: nothing to prepare */
        scram_keys_make(forms[i], wish->salt.ptr, wish->iterations, &keys);
        buf_add_byte(plain, ' ');
        scram_keys_write(&keys, plain);
    }
    explicit_bzero(&keys, sizeof(keys));
}

bool auth_app_make(const struct secret *seal, struct slice account, struct slice id,
                   const struct scram_wish *wish, struct buf *password, struct buf *verifier,
                   struct error *e)
{
    OWN(buf) struct buf label = {.max = AUTH_LABEL_MAX};
    OWN(buf) struct buf all = {.max = SEALED_MAX};
    uint8_t plain[PLAIN_LEN] = {VERSION};
    uint8_t word[APP_PASSWORD_LETTERS];
    size_t start = password->len;

    auth_letters_draw(APP_PASSWORD_LETTERS, password);
    if (!canonical(slice_from(buf_slice(password), start), word)) {
        return error_set(e, ERROR_LIMIT, "an app password does not fit");
    }
    keyring_random_bytes(plain + 1, KEYRING_KEY_LEN);
    hash_of(slice_of(plain + 1, KEYRING_KEY_LEN), account, id, word, plain + 1 + KEYRING_KEY_LEN);
    app_label(id, &label);
    buf_add(&all, SLICE_ARRAY(plain));
    if (wish) {
        add_keys(slice_from(buf_slice(password), start), SLICE_ARRAY(word), wish, &all);
    }
    auth_factor_seal(seal, account, buf_slice(&label), buf_slice(&all), verifier);
    auth_factor_wipe(&all);
    explicit_bzero(plain, sizeof(plain));
    explicit_bzero(word, sizeof(word));
    return !verifier->full || error_set(e, ERROR_LIMIT, "a verifier does not fit");
}

bool auth_app_scram(const struct secret *seal, struct slice account, struct slice id,
                    struct slice verifier, size_t form, struct scram_keys *keys)
{
    OWN(buf) struct buf label = {.max = AUTH_LABEL_MAX};
    OWN(buf) struct buf context = {.max = CONTEXT_MAX};
    OWN(buf) struct buf plain = {.max = APP_PASSWORD_VERIFIER_MAX};
    bool read = false;
    bool present = false;

    app_label(id, &label);
    context_of(account, buf_slice(&label), &context);
    if (open_sealed(seal, buf_slice(&context), verifier, &plain, &present)) {
        struct slice rest = slice_from(buf_slice(&plain), PLAIN_LEN);
        (void)slice_cut(rest, ' ', &rest);
        for (size_t i = 0; i < form; i++) {
            (void)slice_cut(rest, ' ', &rest);
        }
        read = scram_keys_read(slice_cut(rest, ' ', &rest), keys);
    }
    auth_factor_wipe(&plain);
    return read;
}

bool auth_app_check(const struct secret *seal, struct slice account, struct slice id,
                    struct slice verifier, struct slice typed)
{
    OWN(buf) struct buf label = {.max = AUTH_LABEL_MAX};
    OWN(buf) struct buf plain = {.max = APP_PASSWORD_VERIFIER_MAX};
    uint8_t word[APP_PASSWORD_LETTERS];
    uint8_t hash[DIGEST_LEN];
    bool right = false;

    app_label(id, &label);
    if (canonical(typed, word) &&
        auth_factor_open(seal, account, buf_slice(&label), verifier, &plain) &&
        plain.len >= PLAIN_LEN && plain.ptr[0] == VERSION) {
        hash_of(slice_of(plain.ptr + 1, KEYRING_KEY_LEN), account, id, word, hash);
        right =
            secret_equal(SLICE_ARRAY(hash), slice_of(plain.ptr + 1 + KEYRING_KEY_LEN, DIGEST_LEN));
    }
    auth_factor_wipe(&plain);
    explicit_bzero(word, sizeof(word));
    explicit_bzero(hash, sizeof(hash));
    return right;
}
