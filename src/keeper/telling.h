/* keeper/telling - a recipient is told the password that was made for a letter by the operator's program, which the supervisor runs.
 *
 * A letter's copy for him is made only when that is over: meanwhile the letter is kept here and holds up nobody. Each letter and
 * recipient has one run whose end is known, or one whose end is not: see the invariants in telling.c. Thread-safe. */
#pragma once

#include "keeper/parcel.h"
#include "letter/records.h"
#include "letter/secret.h"

#define TELLING_THREADS 4

struct keeper;
struct tellings;

/* None yet. */
struct tellings *tellings_new(void);

/* No thread of telling_work() runs any more. NULL is fine. */
void tellings_free(struct tellings *t);

/* Have the threads end. NULL is fine. */
void tellings_close(struct tellings *t);

/* Whom the program tells, under what circumstances: a recipient of a letter. */
struct telling_ask {
    const struct facts *facts;
    struct slice address;
    struct slice telephone;
};

/* What is known of telling this recipient this letter's password, from memory and state; a run of which nobody knows the end is
 * recorded as such. SECRET_NOT_BEGUN, SECRET_BEGUN (under way here), SECRET_TOLD, SECRET_NEVER, SECRET_UNSURE. */
bool telling_look(struct keeper *k, const struct telling_ask *ask, struct arena *arena,
                  enum secret_told *told, struct error *e) MUST_CHECK;

/* Begin to tell it, or go on with it: telling_park() gives the letter back when it is over. The password is marked first. */
bool telling_begin_job(struct keeper *k, const struct telling_ask *ask, struct slice password,
                       struct arena *arena, struct error *e) MUST_CHECK;

/* Take a letter that waits until its recipients were told; it goes into the backlog then. Takes the reference. */
void telling_park(struct keeper *k, struct parcel *p);

/* The letter is decided: what was kept in order to tell nobody twice is needed no more. */
void telling_forget(struct keeper *k, const struct facts *f, struct arena *arena);

/* A thread. */
void telling_work(void *keeper);
