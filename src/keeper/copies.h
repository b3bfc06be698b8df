/* keeper/copies - the table of what can protect a letter's content: one row a rung of the ladder.
 *
 * A method makes of a letter a protected one for some of its recipients. What it gives back is whole: Received and DKIM come
 * after it and over it, and the result is recorded byte for byte in the commit of the decision, since it cannot be made a second
 * time (keys and nonces are random). Every attempt sends those bytes.
 *
 * Methods are called by the threads of keeper/work, several at once, and may wait for other processes: what is heavy or reads the
 * letter's inside is the inspector's, private keys are the signer's. They keep nothing. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

#include "letter/records.h"

#define COPY_TEXTS_MAX SEALED_TEXTS_MAX /* that a method says about a copy */
#define COPY_TEXT_MAX  400

struct keeper;

/* What is to be protected, and for whom. The letter is as it would leave unprotected: Bcc, Resent-Bcc and Return-Path are out, Date,
 * Message-ID and Sender in; no Received, no signature. CRLF line ends; in its header is no defect. */
struct copy_ask {
    struct slice letter;
    int letter_fd; /* the same as a sealed memory file; stays the caller's */
    const struct facts *facts;
    struct slice sender; /* the mailbox of From, for whom it is signed; empty: none is readable */
    const struct slice *recipients; /* addresses as in the envelope: all who get this copy */
    size_t n_recipients;            /* at least one */
};

/* What a method made: the protected letter, whose header leaves (CRLF line ends, no Bcc), and what is to be said about it in the record and
 * by `postern show`: certificates or keys, algorithms, what stayed outside. */
struct copy_made {
    int fd; /* a sealed memory file; the caller's to close */
    struct slice *texts;
    size_t n_texts; /* up to COPY_TEXTS_MAX, each up to COPY_TEXT_MAX bytes of UTF-8 */
    bool generated; /* a password that was made for the letter opens it, */
    bool told;      /* which its recipient was told */
    bool waits;     /* with COPY_LATER: keeper/telling says when it is time to come again */
};

/* COPY_LATER: not now, *e says why; the whole letter comes again in a moment. COPY_CANNOT: not for these recipients, *e says why; the
 * next step of their policy is taken. Of several who share a copy each is then asked for alone, so that only who cannot have it goes
 * without. The sentence stands in the record: plain, without a full stop, of this recipient alone. */
enum copy_end { COPY_MADE, COPY_LATER, COPY_CANNOT };

/**
 * Make a copy.
 *
 * @param arena  of the letter: for texts, and whatever else is needed
 * @param out    fd is -1 before; filled when COPY_MADE
 */
typedef enum copy_end copy_make_fn(struct keeper *k, const struct copy_ask *ask,
                                   struct arena *arena, struct copy_made *out, struct error *e);

/* What the letter or a key is to blame for will be so again: COPY_CANNOT. All else, such as a row that cannot be read, is ours and may
 * mend: COPY_LATER. */
enum copy_end copy_end_of(const struct error *e);

/* A row. `alone`: one copy for each recipient, such as when each has a secret of his own; `same`: one for all, since nobody of them is
 * named in it; otherwise those whom the header names share one, and each Bcc has his own. */
struct copy_method {
    uint64_t rung; /* enum rung from RUNG_SMIME on; 0 ends the table */
    bool alone;
    copy_make_fn *make;
    bool same;
};

/* The table in force, ended by rung 0. */
extern const struct copy_method copy_methods[];

/* The row of a rung in a table, or NULL: nothing here can protect so. */
const struct copy_method *copy_method_of(const struct copy_method *table, uint64_t rung);
