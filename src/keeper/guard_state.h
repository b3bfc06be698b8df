/* keeper/guard_state - what the guard knows, for its own files. Everything is under its lock but what says otherwise. */
#pragma once

#include <pthread.h>

#include "catalog/known.h"
#include "keeper/guard.h"
#include "keeper/suspension_end.h"
#include "letter/id.h"

#define GUARD_BUCKETS 1024
#define GUARD_APPS    256 /* buckets */
#define GUARD_DEVICES 8

/* How often somebody was told of something. */
struct guard_notices {
    int64_t day;   /* last ... */
    unsigned told; /* ... and how often on it */
};

/* One account. */
struct guarded {
    struct guarded *next;
    uint64_t account; /* its number */
    struct limits_count count;
    struct limits own; /* higher limits; 0: as the settings say */
    uint64_t own_until;
    bool own_known;
    struct limits lately; /* own ones of the last day: what they allowed is no sign */
    uint64_t lately_until;
    bool closed;               /* it is suspended */
    struct suspension_end end; /* when it was released; without what points elsewhere */
    struct signs signs;

    struct {
        int64_t at_ms;
        struct letter_id id;
    } letters[GUARD_RECENT]; /* that it sent last */

    size_t n_letters;
    uint64_t devices
        [GUARD_DEVICES]; /* from which it was used since the start, and with no letter yet: numbers */
    size_t n_devices;
    struct guard_notices networks; /* new ones of which its holder was told */
    struct guard_notices
        machines; /* and devices: they use up nothing of what is told of networks */
    int64_t told_at[LIMITS_WINDOWS]; /* when the person responsible was told last */
};

/* One app password or device that has limits of its own. */
struct guarded_app {
    struct guarded_app *next;
    uint64_t number;
    struct limits_count count;
    int64_t told_at[LIMITS_WINDOWS];
};

struct guard {
    pthread_mutex_t lock; /* guards what follows */
    struct guarded *buckets[GUARD_BUCKETS];
    struct guarded_app *apps[GUARD_APPS];
    struct set known;
    struct set links;
    bool known_told, links_told; /* that one of them is full */
    uint64_t changes;            /* of accounts' own limits */
};

/* The account of that number, or NULL; and one that is made when there is none. */
struct guarded *guard_find(struct guard *g, uint64_t account);
struct guarded *guard_account(struct guard *g, uint64_t account) __attribute__((returns_nonnull));

/* The same of app passwords and devices. */
struct guarded_app *guard_app_find(struct guard *g, uint64_t number);
struct guarded_app *guard_app(struct guard *g, uint64_t number) __attribute__((returns_nonnull));

/* What an app password or device may send by limits of its own. */
struct app_limits {
    uint64_t number; /* 0: it has none, or the letter came by none */
    struct limits limits;
    struct slice id;
    struct slice name; /* as its holder calls it */
};

/* Those of the one by which a letter came, of which the session knows them. Without the lock. */
void guard_app_limits(const struct keeper *k, const struct facts *f, const struct session *session,
                      struct app_limits *out);

/* The same of a letter of before: the state is read. */
bool guard_app_limits_now(struct keeper *k, const struct facts *f, struct arena *arena,
                          struct app_limits *out, struct error *e) MUST_CHECK;

/* The number of an account. Without the lock. */
uint64_t guard_number(struct keeper *k, struct slice account);

/* Have the account's own limits, and whether it is suspended, in memory. Without the lock: the state is read. */
bool guard_know_own(struct keeper *k, struct slice account, uint64_t number, struct arena *arena,
                    struct error *e) MUST_CHECK;

/* What an account may send. */
struct limits guard_limits(struct keeper *k, const struct limits *own, uint64_t until,
                           int64_t now_ms);

/* The number of a network for an account; of an empty address: that it was used at all. Without the lock. */
uint64_t guard_network(const struct catalog *c, struct slice account, struct slice client);

/* Among the newest letters of the account. With the lock. */
void guard_note_letter(struct guarded *x, const struct letter_id *id, int64_t at_ms);

/* The same; what fails is logged, and the account is judged by its next letter. */
bool guard_know(struct keeper *k, struct slice account, uint64_t number,
                struct arena *arena) MUST_CHECK;

/* Add up what was seen of the account. With the lock. */
void guard_judge(struct keeper *k, struct guarded *x, int64_t now_ms,
                 struct signs_verdict *verdict);

/* The same. Whether it looks stolen and was not closed: it is from now on, and the caller suspends it when he has
 * let go of the lock. With the lock. */
bool guard_tips(struct keeper *k, struct guarded *x, int64_t now_ms,
                struct signs_verdict *verdict) MUST_CHECK;

/* Whether a set became full since this was asked last. Takes the lock. */
void guard_became_full(struct guard *g, bool *known, bool *links);

/* What scanners said of a letter of the account's, at that time. */
void guard_note_scans(struct guarded *x, const struct findings *findings, int64_t at_ms);

/* Put a number into the set of what is known, as catalog_known_of() and _each() tell them: links have one of their own. */
void guard_make_known(void *guard, uint64_t number);
