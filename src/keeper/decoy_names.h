/* keeper/decoy_names - the data that decoys' names are made of. */
#pragma once

#include <stddef.h>

struct decoy_names {
    const char *domains; /* top-level domains where they are usual, blanks between them; the first
                            row is for all others */
    const char *const *first;
    size_t n_first;
    const char *const *last;
    size_t n_last;
};

extern const struct decoy_names decoy_names[];
extern const size_t decoy_names_count;
