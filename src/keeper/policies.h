/* keeper/policies - the policy in force, and what becomes of letters for which none of its steps works.
 *
 * Its version is a record (RECORD_POLICY), written before the first letter is decided by it; a decision names it. What a policy holds is
 * held by the guard of its ruling: the officer alone lets it go, and the sender is told in the commit of the decision. What it
 * returns goes back at once, or after a crash, with the reason; no order lets that go. */
#pragma once

#include <pthread.h>

#include "formats/mail/header.h"
#include "keeper/own_letters.h"
#include "letter/findings.h"
#include "letter/records.h"

struct keeper;
struct parcel;

#define POLICIES_DIGEST_LEN 32

/* What was recorded last. The lock is held while it is recorded anew, disk and all: nobody decides by what is not recorded yet. It
 * is taken before any other. */
struct policies {
    pthread_mutex_t lock;
    const struct settings *seen; /* those of the last look; NULL: none yet */
    uint64_t version;            /* 0: there never was one */
    uint64_t since;
    uint8_t digest[POLICIES_DIGEST_LEN];
};

/* The version in force, as it is recorded. */
struct policies_state {
    uint64_t version; /* 0: there never was one */
    uint64_t since;
    struct slice digest;
};

/* Look, and record it when it is not what was recorded last. */
bool policies_look(struct keeper *k, const struct settings *s, struct arena *arena,
                   struct policies_state *out, struct error *e) MUST_CHECK;

/* Have a decision name the policy by which it was made. False when that cannot be recorded now. */
bool policies_stamp(struct keeper *k, const struct settings *s, struct arena *arena,
                    struct decision *d, struct error *e) MUST_CHECK;

/* Decide a letter by the policy in force and by what is known of its recipients; no copy is made. */
bool policies_decide(struct keeper *k, const struct facts *f, const struct mail_header *header,
                     const struct findings *findings, const struct settings *s, struct arena *arena,
                     struct decision *out, struct error *e) MUST_CHECK;

/* Write the notice to the sender of what the policy holds: how many letters *notice is, 0 or 1. Its bytes are in `text`. False with
 * ERROR_LIMIT. */
bool policies_notice(struct keeper *k, const struct facts *f, const struct decision *d,
                     struct arena *arena, struct buf *text, struct own_letter *notice, size_t *n,
                     struct error *e) MUST_CHECK;

/* It is recorded and in the queue: raise the alarm, send back what is to go back. */
void policies_follow(struct keeper *k, const struct parcel *p, const struct decision *d);

/* Record the policy when it changed: at a start, after a reload. From time to time. */
void policies_watch(struct keeper *k);
