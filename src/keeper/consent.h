/* keeper/consent - letters that a second person must let go ([approval] in the settings).
 *
 * The need is a member of the letter's decision, in one commit with it. While it stands, the letter's queue entries are marked: the
 * queue hands out none of them, whatever else is ordered. What ends the waiting is a record (RECORD_CONSENT): approved, then
 * the entries go where their state says, with the copy that was held; refused or timed out, then the record, the notice to
 * the sender and the end of the queue rows are one commit. Who may approve is what the decision says, and what the
 * account is in the moment in which it does.
 *
 * | decision needs it | last record | the letter |
 * |---|---|---|
 * | no  | -                    | is sent                                                     |
 * | yes | none                 | waits; sender and approvers are to be told                  |
 * | yes | told                 | waits until somebody says something, or its time is over    |
 * | yes | approved             | is sent, unless something else holds it                     |
 * | yes | refused or timed out | went back: nothing is due                                   |
 *
 * `consent_lock` is held while one of them is ended, disk and all: so one person wins. It is taken before any other. */
#pragma once

#include "formats/mail/header.h"
#include "keeper/queue.h"
#include "letter/findings.h"
#include "letter/records.h"

#define CONSENT_LISTED_MAX 1000

struct keeper;
struct account;

/* One that waits, with what is recorded of it; lives as long as the arena, and the parcel until consent_letter_done(). */
struct consent_letter {
    struct parcel *parcel; /* a reference */
    struct facts facts;
    struct decision decision;
};

/* Fill the decision's need, when the settings in force say so. */
void consent_judge(struct keeper *k, const struct facts *f, const struct mail_header *header,
                   const struct findings *findings, struct arena *arena, struct decision *d);

/* How long it waits from now on, in ms: the wall clock may have been set, so never longer than its section said, and at least
 * a quarter of an hour, or an eighth of that. From then on the steady clock counts. */
int64_t consent_left(uint64_t received_at, uint64_t until, int64_t wall);

/* Mark an entry that is not yet in the queue, if the decision says so. When all of the letter's are there, set keeper.consents. */
void consent_mark(struct queue_entry *entry, const struct decision *d, bool told);

/* After a start: mark it, if it still waits. `over` is set when the letter went back: it belongs into no queue. */
bool consent_recall(struct keeper *k, struct queue_entry *entry, const struct decision *d,
                    struct arena *arena, bool *over, struct error *e) MUST_CHECK;

/* Whether the letter was refused, or its time was over: who sends it again means to. */
bool consent_went_back(struct keeper *k, const struct letter_id *id, struct arena *arena,
                       bool *back, struct error *e) MUST_CHECK;

/* Whether a letter waits. */
bool consent_waits(struct keeper *k, const struct letter_id *id);

/* Take and give the lock. */
void consent_hold(struct keeper *k);
void consent_let_go(struct keeper *k);

/* Find one that waits and read what is recorded of it; *found says whether there is one. */
bool consent_find(struct keeper *k, const struct letter_id *id, struct arena *arena,
                  struct consent_letter *out, bool *found, struct error *e) MUST_CHECK;

/* The same of one whose parcel is at hand. */
bool consent_read(struct keeper *k, struct parcel *p, struct arena *arena,
                  struct consent_letter *out, struct error *e) MUST_CHECK;
void consent_letter_done(struct consent_letter *l);

/* What stands for the copies that are held: see parcel_digest(). */
bool consent_copy(struct keeper *k, const struct consent_letter *l, struct arena *arena,
                  struct slice *digest, struct error *e) MUST_CHECK;

/* Whether the account may approve the letter as it is now. Never whose letter it is, or in whose name it was sent. */
bool consent_may(const struct account *a, const struct consent_letter *l);
bool consent_is_sender(const struct account *a, const struct facts *f);

/* Send it back to its sender: the record, with why; the notice; and it is out of the queue. With the lock. */
bool consent_return(struct keeper *k, const struct consent_letter *l,
                    const struct consent_record *record, struct slice reason, struct arena *arena,
                    struct error *e) MUST_CHECK;

/* notices.c: record `first` and, in the same commit, tell its sender why the letter comes back from those recipients of whom
 * nothing was reported yet. */
bool keeper_return_letter(struct keeper *k, const struct consent_letter *l, struct slice reason,
                          struct ledger_record first, struct arena *arena,
                          struct error *e) MUST_CHECK;

/* Tell its sender and who may approve that it waits; once. With the lock. */
bool consent_tell(struct keeper *k, const struct consent_letter *l, struct arena *arena,
                  struct error *e) MUST_CHECK;

/* The CONSENT_LISTED_MAX oldest letters that wait, each once: their number, and in the arena references, which the caller drops. */
size_t consent_list(struct keeper *k, struct arena *arena, struct parcel ***out);

/* The thread that tells, and sends back what nobody approved in time. */
void keeper_consents(void *keeper);

OWN_VALUE(consent_letter, struct consent_letter, consent_letter_done)
