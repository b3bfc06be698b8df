/* keeper/guard - how much each account sends, before 250.
 *
 * Counts are kept in memory, for each account that sent something within a day. A letter's own record is the truth: after a start the letters of the last day are read from
 * the ledger and counted again, so nothing is written for the sake of a count. To whom the company has written is known company-wide,
 * as keyed hashes of which the catalog holds the durable form (catalog/known): whoever stands in for a colleague, or takes a customer over, writes to people whom the company knows, while
 * who has got hold of an account and of a list of strangers does not. It also needs one set and not one for each account. Beyond
 * GUARD_KNOWN_MAX addresses further ones stay unknown, and an alarm says so. Imported letters count nowhere; whom they were sent to is known by them.
 *
 * An app password or device with limits of its own is counted beside its account, in the same way: the facts of a letter say by which it came.
 *
 * Thread-safe by a lock of its own, under which nothing is read or written. */
#pragma once

#include "catalog/catalog.h"
#include "keeper/sessions.h"
#include "letter/findings.h"
#include "letter/outcomes.h"
#include "requests/guard.h"
#include "stages/limits/signs.h"

#define GUARD_KNOWN_MAX 4000000
#define GUARD_LINKS_MAX 4000000 /* hosts, of all accounts: beyond, none counts as new */
#define GUARD_RECENT    256     /* letters of an account whose ids are remembered: the newest */

struct keeper;
struct guard;
struct suspension_end;

/* Knows nothing yet; free accepts NULL. */
struct guard *guard_new(void) __attribute__((returns_nonnull));
void guard_free(struct guard *g);

/* Read who is known, and what was sent within the last day; before the keeper answers anybody. */
bool guard_restore(struct keeper *k, struct error *e) MUST_CHECK;

/* A letter that was counted, to take it back; or why it was not. */
struct guard_letter {
    struct letter_id id;
    uint64_t account;
    uint64_t app; /* with limits of its own, by which it came; 0: none */
    struct limits_letter letter;
    const uint64_t *known; /* numbers that it made known, `n_known` of them */
    size_t n_known;
    int64_t at_ms;
    unsigned code; /* of the refusal */
    const char *enhanced;
    struct slice sentence;
};

/* Whether the account may send this letter now, which came by that session. It is counted then; otherwise the refusal is filled in, and once a window recorded and told
 * to the person responsible. Lives in the arena. */
bool guard_admit(struct keeper *k, const struct facts *f, const struct session *session,
                 struct slice bytes, struct arena *arena, struct guard_letter *out) MUST_CHECK;

/* A sign-in to send. */
struct guard_sign_in {
    struct slice account;
    struct slice
        app; /* id of the app password or device; empty: by the account's password, or a token */
    bool app_unused;     /* nobody signed in with it before */
    struct slice device; /* what the machine calls itself: letter/device.h */
    struct slice client;
};

/* What its holder is to be told of: bits. */
#define GUARD_NEW_NETWORK 1U
#define GUARD_NEW_DEVICE  2U

/* Somebody signed in to send: what is new about it, because the account was used before, and not from there or with that; three networks and three devices a day at most.
 * Somebody failed to; recipients outside of a letter did not exist. The first and the last suspend the account at once when
 * they are the sign that was missing: whoever has it need not send again. Who fails is not in: it counts with what comes next. */
unsigned guard_signed_in(struct keeper *k, const struct guard_sign_in *in, struct arena *arena);
void guard_sign_in_failed(struct keeper *k, struct slice account);
void guard_bounced(struct keeper *k, const struct facts *f, uint64_t recipients,
                   struct arena *arena);

/* How many recipients did not exist. */
uint64_t guard_bounces_of(const struct outcome *outcome);

/* The country of a client by the database that is set, or empty: not known. In the arena. */
struct slice guard_locate(struct keeper *k, struct slice client, struct arena *arena);

/* The country of the client from which the account signed in lately, or empty; in the arena. */
struct slice guard_country(struct keeper *k, struct slice account, struct slice client,
                           struct arena *arena);

/* What was found in a letter: by filters, and the hosts to which it links. Before it is decided, so that a letter that is the last sign is
 * held with the others; once or again counts the same. */
void guard_found(struct keeper *k, const struct facts *f, const struct findings *findings,
                 struct arena *arena);

/* What is said to who sends from an account that sends nothing. */
#define GUARD_CLOSED_SENTENCE                                                                      \
    "Not sent, and nothing is lost: sending from your account is suspended, because it looks as "  \
    "if somebody else uses it. Call your mail administrator"

/* From now on the account sends nothing, until guard_open(). Returns the ids of what it sent within the hour before, one behind the
 * other, the newest GUARD_RECENT at most; in the arena. */
struct slice guard_close(struct keeper *k, struct slice account, struct arena *arena);

/* A letter of the account's goes on its way now, though it was sent before: a suspension within the hour holds it with the others.
 * Returns whether the account is suspended already. */
bool guard_remember(struct keeper *k, struct slice account, const struct letter_id *id,
                    struct arena *arena);

/* It sends again since that end, and what it did before counts no more. */
void guard_open(struct keeper *k, struct slice account, const struct suspension_end *end);

/* What became of the letters that were held when it was opened last: `letters` of account_release. Of a letter with that number: 0 as well
 * when it came later. */
uint64_t guard_opened(struct keeper *k, struct slice account, uint64_t seq);

/* Whether it was opened behind that letter, and what was held then did not go on its way: keeper/suspension_end.h. Behind guard_is_closed(). */
bool guard_opened_behind(struct keeper *k, struct slice account, uint64_t seq, uint64_t received_at,
                         uint64_t *letters);

/* Whether it sends nothing. What cannot be told is yes: then what it sent waits for a person. */
bool guard_is_closed(struct keeper *k, struct slice account, struct arena *arena);

/* The letter was not recorded after all. */
void guard_take_back(struct keeper *k, const struct guard_letter *l);

/* How many recipients and hosts are known, and, once each since the start, the log line and the alarm when there is no room for
 * further ones; from time to time. */
void guard_known(struct keeper *k, uint64_t *recipients, uint64_t *links);
void guard_watch(struct keeper *k);

/* A letter was imported: whom its sender wrote to is known. */
void guard_learn(struct keeper *k, const struct facts *f);

/* Read an account's own limits from the state; an `until` of 0: it has none, or they are over. */
bool guard_own_limits(struct keeper *k, struct slice account, struct arena *arena,
                      struct account_limits *out, struct error *e) MUST_CHECK;

/* They changed: what was remembered of them is read again. */
void guard_forget_limits(struct keeper *k, struct slice account);

/* Fill in `allowed`, `sent`, `points` and `signs`, as of now; in the arena. */
void guard_look(struct keeper *k, const struct account_limits *own, struct arena *arena,
                struct account_show_answer *answer);
