#include <stdlib.h>

#include "stages/retention/term.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A term that is read is written as it was, and ends after it began, at noon. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(buf) struct buf out = {.max = 100};
    struct slice text = slice_of(data, size);
    struct retention_rule rule = {.start = RETENTION_FROM_SENT};
    struct retention_rule again = {.start = RETENTION_FROM_SENT};
    int64_t sent_ms = INT64_C(1700000000000);

    if (!retention_term_read(text, &rule)) {
        return 0;
    }
    retention_term_write(&rule, &out);
    int64_t ends = retention_ends(&rule, sent_ms);
    if (!retention_term_read(buf_slice(&out), &again) || again.count != rule.count ||
        again.unit != rule.unit || ends <= sent_ms ||
        (ends != RETENTION_NEVER && ends % 86400000 != 43200000)) {
        abort();
    }
    return 0;
}
