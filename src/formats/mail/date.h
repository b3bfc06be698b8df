/* formats/mail/date - the times and names that a submission server adds (RFC 5322 section 3.3,
 * 3.6.4; RFC 6409 section 8). Pure: clock and random bytes are the caller's. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

#define MAIL_DATE_MAX      40 /* with the NUL */
#define MAIL_ID_RANDOM_LEN 16

/* Write wall_ms as "Tue, 24 Nov 2026 07:30:00 +0000": always UTC, which tells nobody where the
 * sender sits. */
void mail_date_write(int64_t wall_ms, char text[static MAIL_DATE_MAX]);

/**
 * Read a Date field's value, obsolete zone names included.
 *
 * @param wall_ms  milliseconds since 1970 in UTC; a leap second reads as the second before it
 * @return         false, *wall_ms untouched, when it is no date of the years 1900 to 9999
 */
bool mail_date_read(struct slice value, int64_t *wall_ms) __attribute__((warn_unused_result));

/* A new Message-ID with its angle brackets, "<4rz2...@host>", from fresh random bytes. */
struct slice mail_id_make(const uint8_t random[static MAIL_ID_RANDOM_LEN], struct slice host,
                          struct arena *arena);
