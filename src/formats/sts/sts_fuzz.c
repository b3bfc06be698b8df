#include <stdlib.h>

#include "formats/sts/sts.h"
#include "formats/sts/tlsrpt.h"

/* What a stranger's DNS and web server say. A policy that was read names good patterns alone, and a pattern with a star
 * never means a host of another depth. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_policy(struct slice bytes, struct arena *arena)
{
    struct sts_policy p;
    struct error e;

    if (!sts_policy_read(bytes, arena, &p, &e)) {
        return;
    }
    if (p.mode < STS_NONE || p.mode > STS_ENFORCE || p.max_age_s > STS_MAX_AGE_MAX ||
        (p.n_mx == 0 && p.mode != STS_NONE)) {
        abort();
    }
    for (size_t i = 0; i < p.n_mx; i++) {
        struct slice pattern = p.mx[i];
        bool star = slice_starts(pattern, SLICE("*."));
        struct slice bare = star ? slice_from(pattern, 2) : pattern;
        if (!sts_pattern_is_good(pattern) || sts_pattern_matches(pattern, bare) == star) {
            abort();
        }
    }
}

static void check_texts(struct slice bytes, struct arena *arena)
{
    struct tlsrpt_place places[TLSRPT_PLACES_MAX];
    struct slice texts[4];
    struct slice id = SLICE_NONE;
    size_t n = 0;

    while (n < 4 && bytes.len > 0) {
        texts[n++] = slice_cut(bytes, '\n', &bytes);
    }
    if (sts_id_read(texts, n, &id) && (id.len == 0 || id.len > STS_ID_MAX)) {
        abort();
    }
    size_t found = tlsrpt_places_read(texts, n, arena, places);
    for (size_t i = 0; i < found; i++) {
        for (size_t c = 0; c < places[i].where.len; c++) {
            if (places[i].where.ptr[c] <= ' ') {
                abort();
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice bytes = slice_of(data, size);
    struct slice text;

    check_policy(bytes, &arena);
    check_texts(bytes, &arena);
    if (sts_text_join(bytes, &arena, &text) && text.len >= size && size > 0) {
        abort();
    }
    return 0;
}
