/* processes/dossier - what the ledger says of a suspension, for who takes it away: the suspension with its signs, what the account did
 * around it, its letters and what became of them. docs/ledger-format.md section 15 has the file that is made of it.
 *
 * Who was suspended and who signed in is read from the ledger; where letters stand, the catalog says, and each record is the ledger's.
 * What is gathered lives in its arena; one thread. */
#pragma once

#include "letter/guard.h"
#include "processes/certificate.h"

#define DOSSIER_LETTERS_MAX 8192
#define DOSSIER_RECENT_MIN                                                                         \
    2048 /* of these places, those that letters of the hour before alone take */
#define DOSSIER_RECORDS_MAX 65536 /* of all: with their hashes no more than EVIDENCE_PROOF_MAX */
#define DOSSIER_BEFORE_MAX  10000 /* sign-ins, limits and acts of the day before: the last */
#define DOSSIER_AFTER_MAX   1000  /* and of the day behind it: the first */
#define DOSSIER_DAY_MS      (24 * 60 * 60 * INT64_C(1000))
#define DOSSIER_HOUR_MS     (60 * 60 * INT64_C(1000))

struct dossier {
    struct certificate
        file; /* its list: suspensions, then what the account did, then letters, each with what is about it */
    size_t n_suspensions;
    size_t n_acts;
    struct slice account;
    uint64_t suspension; /* number of its record */
    uint64_t
        in_force; /* while that is looked for: of the record that began the one that is in force there */
    int64_t begun_ms;
    uint64_t ended; /* number of the record that ended it; 0: none until then */
    uint64_t size;  /* records of the ledger that were looked at */
    size_t n_letters;
    size_t named,
        missing; /* letters that the suspension names; those that are not in the archive any more, or not its own */
    size_t letters_left_out, acts_left_out;
};

/* All zero before; dossier_done() ends it, also after a failure. */
void dossier_done(struct dossier *x);
OWN_VALUE(dossier, struct dossier, dossier_done)

/**
 * Gather everything about a suspension.
 *
 * @param account  whatever the case of its letters
 * @param number   of the record; 0: that of the last one
 * @param size     of how many records; 0: of all that the catalog knows
 * @return         false with ERROR_INPUT when there is no such suspension, ERROR_BUSY when the catalog does not know as many records
 */
bool dossier_gather(struct dossier *x, struct desk *d, struct slice account, uint64_t number,
                    uint64_t size, struct error *e) MUST_CHECK;

/* Append the part that people read; before the list is sorted. Where `out` is full the letters that do not fit are counted, and not told. */
bool dossier_text(const struct dossier *x, struct buf *out, struct error *e) MUST_CHECK;
