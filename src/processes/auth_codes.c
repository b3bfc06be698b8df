#include "processes/auth_codes.h"

#include <string.h>

#include "keyring/digest.h"
#include "keyring/keyring.h"
#include "keyring/otp.h"
#include "processes/auth_factor.h"

#define VERSION      1
#define TOTP_LEN     (1 + OTP_SECRET_LEN)
#define RECOVERY_LEN (1 + KEYRING_KEY_LEN + AUTH_RECOVERY_CODES * DIGEST_LEN)
#define CONTEXT_MAX  1024

bool auth_totp_make(const struct secret *seal, struct slice account, struct buf *shown,
                    struct buf *sealed, struct error *e)
{
    uint8_t plain[TOTP_LEN] = {VERSION};

    keyring_random_bytes(plain + 1, OTP_SECRET_LEN);
    otp_base32(slice_of(plain + 1, OTP_SECRET_LEN), shown);
    auth_factor_seal(seal, account, SLICE("totp"), SLICE_ARRAY(plain), sealed);
    explicit_bzero(plain, sizeof(plain));
    return !(shown->full || sealed->full) || error_set(e, ERROR_LIMIT, "a secret does not fit");
}

/* Each part is hashed with its length before it. */
static void hash_of(struct slice key, struct slice account, size_t number,
                    const uint8_t word[static RECOVERY_CODE_LETTERS],
                    uint8_t hash[static DIGEST_LEN])
{
    OWN(buf) struct buf text = {.max = CONTEXT_MAX};

    buf_printf(&text, "%zu %zu ", account.len, number);
    buf_add(&text, account);
    buf_add(&text, slice_of(word, RECOVERY_CODE_LETTERS));
    digest_hmac(key, buf_slice(&text), hash);
    auth_factor_wipe(&text);
}

bool auth_recovery_make(const struct secret *seal, struct slice account, struct buf *shown,
                        struct buf *sealed, struct error *e)
{
    uint8_t plain[RECOVERY_LEN] = {VERSION};
    uint8_t word[RECOVERY_CODE_LETTERS];
    const struct slice key = slice_of(plain + 1, KEYRING_KEY_LEN);
    bool fits = true;

    keyring_random_bytes(plain + 1, KEYRING_KEY_LEN);
    for (size_t i = 0; i < AUTH_RECOVERY_CODES; i++) {
        size_t start = shown->len;
        auth_letters_draw(RECOVERY_CODE_LETTERS, shown);
        fits = auth_letters_read(slice_from(buf_slice(shown), start), sizeof(word), word) && fits;
        hash_of(key, account, i, word, plain + 1 + KEYRING_KEY_LEN + i * DIGEST_LEN);
        buf_add_byte(shown, '\n');
    }
    auth_factor_seal(seal, account, SLICE("recovery"), SLICE_ARRAY(plain), sealed);
    explicit_bzero(plain, sizeof(plain));
    explicit_bzero(word, sizeof(word));
    return (fits && !shown->full && !sealed->full) ||
           error_set(e, ERROR_LIMIT, "recovery codes do not fit");
}

static bool check_totp(const struct secret *seal, struct slice account,
                       const struct auth_second *second, struct slice typed, int64_t now_s,
                       struct auth_proof *proof)
{
    OWN(buf) struct buf plain = {.max = AUTH_SEALED_MAX};
    uint64_t step = 0;

    bool right =
        auth_factor_open(seal, account, SLICE("totp"), second->totp, &plain) &&
        plain.len == TOTP_LEN && plain.ptr[0] == VERSION &&
        otp_find(slice_of(plain.ptr + 1, OTP_SECRET_LEN), typed, now_s, second->step, &step);
    auth_factor_wipe(&plain);
    if (right) {
        *proof = (struct auth_proof){.step = step};
    }
    return right;
}

/* All are looked at, whichever is right. */
static bool check_recovery(const struct secret *seal, struct slice account,
                           const struct auth_second *second,
                           const uint8_t word[static RECOVERY_CODE_LETTERS],
                           struct auth_proof *proof)
{
    OWN(buf) struct buf plain = {.max = AUTH_SEALED_MAX};
    uint8_t hash[DIGEST_LEN];
    size_t found = 0;

    bool open = auth_factor_open(seal, account, SLICE("recovery"), second->recovery, &plain) &&
                plain.len == RECOVERY_LEN && plain.ptr[0] == VERSION;
    for (size_t i = 0; open && i < AUTH_RECOVERY_CODES; i++) {
        const uint8_t *kept = plain.ptr + 1 + KEYRING_KEY_LEN + i * DIGEST_LEN;
        hash_of(slice_of(plain.ptr + 1, KEYRING_KEY_LEN), account, i, word, hash);
        if (secret_equal(SLICE_ARRAY(hash), slice_of(kept, DIGEST_LEN)) &&
            !(second->recovery_spent >> i & 1)) {
            found = i + 1;
        }
    }
    auth_factor_wipe(&plain);
    explicit_bzero(hash, sizeof(hash));
    if (found) {
        *proof = (struct auth_proof){.recovery = found};
    }
    return found > 0;
}

bool auth_code_check(const struct secret *seal, struct slice account,
                     const struct auth_second *second, struct slice typed, int64_t now_s,
                     struct auth_proof *proof, uint8_t of[static DIGEST_LEN])
{
    uint8_t word[RECOVERY_CODE_LETTERS];
    bool totp = otp_is_code(typed);
    bool right = false;

    if (totp) {
        right = check_totp(seal, account, second, typed, now_s, proof);
    } else if (auth_letters_read(typed, sizeof(word), word)) {
        right = check_recovery(seal, account, second, word, proof);
    }
    explicit_bzero(word, sizeof(word));
    if (right) {
        digest_of(totp ? second->totp : second->recovery, SLICE_NONE, of);
        proof->of = slice_of(of, DIGEST_LEN);
    }
    return right;
}
