/* letter/redecision - the record that some recipients' part of a letter was decided once more, because their policy held it.
 *
 * The rulings of a letter are those of its decision and, behind them, those of its redecisions in the order of their records; all
 * other records name them by that index. What a redecision replaces was held and never tried, and nothing is due of it any more. Its
 * copies are numbered on as well. The rules of letter/records.h hold here too. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

#include "letter/records.h"

#define REDECISIONS_MAX 50 /* of one letter */

/* RECORD_REDECISION */
struct redecision {
    struct slice id;
    uint64_t first;           /* index of its first ruling: how many there were before */
    struct slice replaced;    /* indexes of rulings: two bytes each, big-endian */
    struct cbor_list rulings; /* struct ruling, for the recipients of those */
    struct slice by, at;      /* as in an act; empty: nobody ordered it, */
    uint64_t role;            /* likewise */
    struct slice reason;      /* what it was done for */
    struct slice told;        /* id of the notice to its sender: a password was made */
    uint64_t policy_version;  /* as in a decision, of today */
    struct slice policy_digest;
};

extern const struct cbor_schema redecision_schema;

/**
 * Have a decision be what it is with one redecision more: its rulings behind the others, and `replaced` set in those in whose place they
 * stand.
 *
 * @param d  with all redecisions before; its rulings are copied into the arena, its policy is that of the redecision then
 * @return   false with ERROR_CORRUPT when the record does not fit to what was before
 */
bool redecision_apply(const struct redecision *r, struct arena *arena, struct decision *d,
                      struct error *e) __attribute__((warn_unused_result));
