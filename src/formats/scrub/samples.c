#include "formats/scrub/samples.h"

#include "formats/scrub/internal.h"

#define FULL 4 /* version and flags of a full box */

bool samples_take(struct samples *t, const struct box *box)
{
    struct box_reader r = {.rest = slice_from(box->body, FULL)};

    if (box_is_one_of(box->type, "stszstz2")) {
        bool small = slice_equal(box->type, SLICE("stz2"));
        t->size = box_take(&r, 4);
        t->size_bits = small ? (size_t)(t->size & 0xff) : 32;
        t->size = small ? 0 : t->size;
        t->count = box_take(&r, 4);
        t->sizes = r;
    } else if (slice_equal(box->type, SLICE("stsc"))) {
        t->n_runs = box_take(&r, 4);
        t->runs = r.rest;
    } else if (box_is_one_of(box->type, "stcoco64")) {
        t->n_chunks = box_take(&r, 4);
        t->offset_bytes = slice_equal(box->type, SLICE("co64")) ? 8 : 4;
        t->chunks = r;
    }
    return !r.missing;
}

uint64_t samples_in(const struct samples *t, uint64_t i, size_t *run)
{
    while (*run + 1 < t->n_runs && 12 * (*run + 1) < t->runs.len &&
           scrub_number(t->runs, 12 * (*run + 1), 4, true) <= i + 1) {
        (*run)++;
    }
    return scrub_number(t->runs, 12 * *run + 4, 4, true);
}

uint64_t samples_bytes(struct samples *t, uint64_t n)
{
    uint64_t sum = 0;

    n = n < t->count ? n : t->count;
    t->count -= n;
    if (t->size) {
        return t->size * n;
    }
    for (; n && !t->sizes.missing; n--) {
        sum += box_take(&t->sizes, t->size_bits / 8);
    }
    return sum;
}
