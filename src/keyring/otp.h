/* keyring/otp - one-time codes of authenticator apps: HOTP (RFC 4226) and TOTP (RFC 6238).
 *
 * SHA-1, six digits and steps of thirty seconds, which is what every such app does; HMAC-SHA-1 is not touched by what is
 * known against SHA-1. Pure, thread-safe. Who remembers which step was used last is the caller's business. */
#pragma once

#include "base/buf.h"

#define OTP_SECRET_LEN 20 /* bytes: as many as RFC 4226 section 4 recommends */
#define OTP_DIGITS     6
#define OTP_STEP_S     30

/**
 * The code of a counter (RFC 4226 section 5.3).
 *
 * @param digits  6 to 8
 */
uint32_t otp_code(struct slice secret, uint64_t counter, unsigned digits);

/**
 * Find the step of which somebody has the code: the present one, the one before or the one behind (RFC 6238 section 5.2).
 *
 * @param code     what was typed; blanks are passed over
 * @param now_s    seconds since 1970
 * @param used     the last step that was used: that one and all before are good no more
 * @param step     set to the step
 * @return         false when it is the code of none; the time it takes tells nothing
 */
bool otp_find(struct slice secret, struct slice code, int64_t now_s, uint64_t used, uint64_t *step);

/* Whether what somebody typed can be a code: six digits, with blanks or without. */
bool otp_is_code(struct slice typed);

/* Append bytes in base32 (RFC 4648 section 6), without padding. */
void otp_base32(struct slice bytes, struct buf *out);
