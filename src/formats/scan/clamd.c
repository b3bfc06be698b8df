#include "formats/scan/clamd.h"

#define STREAM    "stream: "
#define FOUND     " FOUND"
#define TOO_LARGE "INSTREAM size limit exceeded. ERROR"
#define BEYOND                                                                                     \
    "Heuristics.Limits.Exceeded" /* with AlertExceedsMax: no malware, but not all was looked at */

void clamd_chunk(uint32_t len, uint8_t head[static CLAMD_HEAD_LEN])
{
    for (unsigned i = 0; i < CLAMD_HEAD_LEN; i++) {
        head[i] = (uint8_t)(len >> (24 - 8 * i));
    }
}

/* Names of signatures are words: "Win.Test.EICAR_HDB-1", "Heuristics.Phishing(...)". */
static bool is_name(struct slice s)
{
    bool ok = s.len > 0 && s.len <= CLAMD_NAME_MAX;

    for (size_t i = 0; i < s.len && ok; i++) {
        ok = s.ptr[i] > ' ' && s.ptr[i] < 0x7f;
    }
    return ok;
}

static bool ends(struct slice s, struct slice end)
{
    return s.len >= end.len && slice_equal(slice_from(s, s.len - end.len), end);
}

bool clamd_read(struct slice bytes, struct clamd_answer *out, struct error *e)
{
    struct slice line = slice_head(bytes, bytes.len ? bytes.len - 1 : 0);

    if (bytes.len == 0 || bytes.len > CLAMD_ANSWER_MAX || bytes.ptr[bytes.len - 1] != '\0') {
        return error_set(e, ERROR_INPUT, "the malware scanner broke off its answer");
    }
    if (slice_equal(line, SLICE(TOO_LARGE))) {
        *out = (struct clamd_answer){.verdict = CLAMD_TOO_LARGE};
        return true;
    }
    if (slice_equal(line, SLICE(STREAM "OK"))) {
        *out = (struct clamd_answer){.verdict = CLAMD_CLEAN};
        return true;
    }
    if (slice_starts(line, SLICE(STREAM)) && ends(line, SLICE(FOUND)) &&
        line.len > sizeof(STREAM FOUND) - 1) {
        size_t before = sizeof(STREAM) - 1;
        struct slice name =
            slice_head(slice_from(line, before), line.len - before - (sizeof(FOUND) - 1));
        if (is_name(name)) {
            bool beyond = slice_starts(name, SLICE(BEYOND));
            *out = (struct clamd_answer){beyond ? CLAMD_TOO_LARGE : CLAMD_FOUND, name};
            return true;
        }
    }
    return error_set(e, ERROR_INPUT, "the malware scanner answers what is no verdict");
}
