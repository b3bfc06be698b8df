/* keeper/suspension_end - how the suspensions of an account ended, for letters that were taken in before and are decided behind it.
 *
 * A row of the state. Whether a letter is older than an end say their numbers in the ledger, and no clock: one that was ahead and is set back
 * would have every letter of the meantime cancelled. Beside the last end stands the last one that did not send on what was held: that
 * a later one sends on what is held then is no word about the letters of the earlier one.
 *
 * Pure but for the row. */
#pragma once

#include "letter/guard.h"

struct keeper;

struct suspension_end {
    struct slice account;
    uint64_t state;  /* as in the record, as the next two */
    uint64_t at;     /* wall milliseconds; 0: none ended yet */
    struct slice by; /* in older rows alone, as reason and role */
    struct slice reason;
    uint64_t role;
    uint64_t released;
    uint64_t seq; /* number of its record; 0: an older row, which does not say it */
    uint64_t
        kept_seq; /* the same of the last one that did not send on; 0: unknown, or there is none */
    uint64_t kept_at; /* its time; 0: there is none */
    uint64_t kept;    /* what became of its letters, as `released` */
};

/* Reads the record itself as well, which stood there before. */
extern const struct cbor_schema suspension_end_schema;

/* What was read, in a ledger of so many records: of an older row, and of one that names a record which this ledger has not, the time is what
 * is known, and that cancels nothing. */
void suspension_end_settle(struct suspension_end *end, uint64_t records);

/* Another suspension ended, by the record of that number. */
void suspension_end_next(struct suspension_end *end, const struct suspension_record *ended,
                         uint64_t seq);

/* Whether a letter with that number, received then, was there before the last end that did not send on; *letters is what becomes of it, as
 * `released`. */
bool suspension_end_is_behind(const struct suspension_end *end, uint64_t seq, uint64_t received_at,
                              uint64_t *letters);

/* Read the row; all zero when there is none. */
bool suspension_end_of(struct keeper *k, struct slice account, struct arena *arena,
                       struct suspension_end *out, struct error *e) MUST_CHECK;

/* Record the end of a suspension, and write the row; *out is what it says now. */
bool suspension_end_record(struct keeper *k, const struct suspension_record *ended,
                           struct arena *arena, struct suspension_end *out,
                           struct error *e) MUST_CHECK;
