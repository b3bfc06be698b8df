/* letter/dkim_rotation - how far the change of a domain's DKIM keys is: a value of the state, one for each domain.
 *
 * Selectors that the settings name sign until the first change; from then on those here do, and whichever the settings name
 * newly. */
#pragma once

#include "formats/cbor/cbor.h"

#define ROTATION_SELECTORS_MAX 8
#define ROTATION_STATE         "dkim-rotation/" /* name of the value, before the domain in lower case */

enum rotation_phase {
    ROTATION_QUIET = 0,
    ROTATION_PUBLISH =
        1, /* new keys are made; they sign when the DNS has shown them for a while          */
    ROTATION_RETIRE =
        2, /* they sign; the former ones' records stay until nothing signed by them waits   */
};

struct dkim_rotation {
    uint64_t phase;
    uint64_t since;          /* when the phase began, wall milliseconds */
    uint64_t seen_since;     /* PUBLISH: since when the DNS shows all of them; 0: it does not */
    uint64_t told_at;        /* when a person was last told */
    struct slice based_on;   /* dkim-selector then, commas between */
    struct cbor_list active; /* texts: selectors that sign; none: those of the settings */
    struct cbor_list next;   /* PUBLISH: the new ones; RETIRE: the former ones */
};

extern const struct cbor_schema dkim_rotation_schema;

/* "publish" */
const char *rotation_phase_name(uint64_t phase);
