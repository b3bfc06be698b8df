/* keeper/scanning - what the malware scanner and the spam filter say of a letter, and what follows from it.
 *
 * After 250, before the decision: a letter that should be looked at and was not is not decided, and comes again (`scanner-away =
 * wait`). What was said stands in its findings, what follows in the guard of its rulings, both in the commit of
 * the decision. Letters of accounts alone are looked at: what Postern writes itself quotes what was. */
#pragma once

#include "keeper/own_letters.h"
#include "letter/findings.h"
#include "letter/records.h"

struct keeper;
struct parcel;

/* Why a ruling is held by it: its reason begins with one of these, or has it behind what else holds it. */
#define SCANNING_WHY_MALWARE  "malware was found in it"
#define SCANNING_WHY_PART     "the malware scanner did not look at all of it"
#define SCANNING_WHY_LARGE    "it is larger than the malware scanner takes"
#define SCANNING_WHY_AWAY     "the malware scanner gives no verdict of it"
#define SCANNING_WHY_UNSCORED "the spam filter gives no points for it"
#define SCANNING_WHY_SCORED   "the spam filter gives it"

/**
 * Have a letter looked at by whatever is set.
 *
 * @param scans  set to a list of struct scan, in the arena; empty when nothing is set
 * @return       false with ERROR_BUSY, and an alarm: nobody looked who should, and it must wait. A letter that has no verdict
 *               while others have theirs waits a few times only: then it is decided, and held
 */
bool scanning_ask(struct keeper *k, struct parcel *p, const struct facts *f, int content_fd,
                  struct arena *arena, struct cbor_list *scans, struct error *e) MUST_CHECK;

/* What scanners said of a letter that was decided: they are not asked again for the index. */
void scanning_recall(struct keeper *k, const struct parcel *p, struct arena *arena,
                     struct cbor_list *scans);

/* What the scans come to: why it is held, or empty, and who lets it go. */
struct scanning_verdict {
    struct slice why;
    uint64_t guard; /* enum ruling_guard */
};

/* Have the rulings hold it where the scans say so. */
struct scanning_verdict scanning_hold(struct keeper *k, const struct findings *findings,
                                      struct arena *arena, struct decision *d) MUST_CHECK;

/* Write the notice to the sender of what is held, which is recorded in the commit of the decision: how many letters *notice is,
 * 0 or 1. Its bytes are in `text`. False with ERROR_LIMIT. */
bool scanning_notice(struct keeper *k, const struct facts *f,
                     const struct scanning_verdict *verdict, struct arena *arena, struct buf *text,
                     struct own_letter *notice, size_t *n, struct error *e) MUST_CHECK;

/* It is recorded and in the queue as that verdict says: raise the alarm, or send it back. */
void scanning_follow(struct keeper *k, const struct parcel *p, const struct facts *f,
                     const struct findings *findings, const struct scanning_verdict *verdict);

/* Send a ruling back to the sender whose guard says so, which counts from 1; 0: all of the letter's. What cannot be now is
 * tried again. */
void scanning_send_back(struct keeper *k, const struct letter_id *id, uint64_t ruling);

/* Say once more what waits for the officer, and have sent back what a crash kept from it; when the queue is there again. */
void scanning_restore(struct keeper *k);

/* Send back what could not be: the disk was full, perhaps. From time to time, by one thread. */
void scanning_again(struct keeper *k);

/* Who may let a ruling go. A letter that is not in the queue yet is nobody's to let go: an order about it would be obeyed by the
 * next start alone, which looks at no guard. */
enum scanning_leave {
    SCANNING_NOTHING, /* it is not in the queue */
    SCANNING_ANYBODY, /* who may give orders */
    SCANNING_OFFICER,
    SCANNING_NOBODY, /* it goes back to its sender */
};

/* Of one that is in the queue; `guard` is an enum ruling_guard. */
enum scanning_leave scanning_leave_of(uint64_t guard);
