#include "keyring/otp.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "keyring/internal.h"

#define SHA1_LEN 20
#define MILLION  1000000U

/* RFC 4226 section 5.3. */
uint32_t otp_code(struct slice secret, uint64_t counter, unsigned digits)
{
    uint8_t text[8];
    uint8_t mac[SHA1_LEN];
    unsigned len = 0;
    uint32_t modulus = MILLION;

    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (uint8_t)(counter >> (56 - 8 * i));
    }
    if (!HMAC(EVP_sha1(), secret.ptr, (int)secret.len, text, sizeof(text), mac, &len) ||
        len != SHA1_LEN) {
        keyring_broken("HMAC-SHA-1 failed");
    }
    size_t at = mac[SHA1_LEN - 1] & 15;
    uint32_t code = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 |
                    (uint32_t)mac[at + 2] << 8 | mac[at + 3];
    explicit_bzero(mac, sizeof(mac));
    for (unsigned i = OTP_DIGITS; i < digits; i++) {
        modulus *= 10;
    }
    return code % modulus;
}

/* The number that six digits are; false when something else was typed. */
static bool read_code(struct slice typed, uint32_t *code)
{
    uint32_t value = 0;
    unsigned digits = 0;

    for (size_t i = 0; i < typed.len; i++) {
        uint8_t c = typed.ptr[i];
        if (c == ' ') {
            continue;
        }
        if (c < '0' || c > '9' || ++digits > OTP_DIGITS) {
            return false;
        }
        value = value * 10 + (uint32_t)(c - '0');
    }
    *code = value;
    return digits == OTP_DIGITS;
}

bool otp_is_code(struct slice typed)
{
    uint32_t code = 0;

    return read_code(typed, &code);
}

bool otp_find(struct slice secret, struct slice code, int64_t now_s, uint64_t used, uint64_t *step)
{
    uint64_t now = now_s > OTP_STEP_S ? (uint64_t)now_s / OTP_STEP_S : 1;
    uint32_t typed = 0;
    bool found = false;

    if (!read_code(code, &typed)) {
        return false;
    }
    for (uint64_t s = now - 1; s <= now + 1; s++) {
        uint32_t right = otp_code(secret, s, OTP_DIGITS);
        bool is = (right ^ typed) == 0;
        if (is & (s > used) & !found) {
            *step = s;
            found = true;
        }
    }
    return found;
}

void otp_base32(struct slice bytes, struct buf *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    unsigned bits = 0;
    unsigned n = 0;

    for (size_t i = 0; i < bytes.len; i++) {
        bits = (bits << 8 | bytes.ptr[i]) & 0xfff;
        for (n += 8; n >= 5; n -= 5) {
            buf_add_byte(out, (uint8_t)alphabet[bits >> (n - 5) & 31]);
        }
    }
    if (n) {
        buf_add_byte(out, (uint8_t)alphabet[bits << (5 - n) & 31]);
    }
}
