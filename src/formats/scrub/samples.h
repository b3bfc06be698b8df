/* formats/scrub/samples - the tables by which the samples of a film's track are found (ISO/IEC 14496-12 section 8.7). For this module alone.
 * Pure. */
#pragma once

#include "formats/scrub/boxes.h"

struct samples {
    struct box_reader sizes;
    uint64_t size; /* of each; 0: `sizes` has them */
    uint64_t count;
    size_t size_bits;
    struct slice runs; /* how many each piece has */
    uint64_t n_runs;
    struct box_reader chunks;
    uint64_t n_chunks;
    size_t offset_bytes;
};

/* Note a box of stbl, if it is one of these tables; false when it is not whole. */
bool samples_take(struct samples *t, const struct box *box);

/* How many samples piece i has, counted from 0; *run: where in the list it was found the last time. */
uint64_t samples_in(const struct samples *t, uint64_t i, size_t *run);

/* The bytes of the next samples of the track, as many as there are. */
uint64_t samples_bytes(struct samples *t, uint64_t n);
