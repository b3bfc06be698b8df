/* keeper/factors - the rows of app passwords and second factors, passkeys among them: what one is good for, and every change of them. For the
 * keeper's own files. Thread-safe. */
#pragma once

#include "requests/auth_factors.h"
#include "state/factors.h"

struct keeper;
struct keeper_admin;

#define FACTOR_REFUSAL_MAX 200
#define FACTORS_ASKED_MS   (UINT64_C(15) * 60 * 1000)
#define FACTORS_LOCKS      64 /* a change holds one of them: accounts seldom wait for each other */

/* The one of this id, or of this name; NULL: there is none. */
struct app_password *app_password_find(const struct factors *f, struct slice which);

/**
 * Why an app password does not open a session that sends; NULL: it does.
 *
 * @param client  IP address as text; what is none is in no network
 * @param now_ms  wall clock
 */
const char *app_password_refusal(const struct app_password *p, struct slice client,
                                 uint64_t now_ms);

/* When a session that it opens now ends, of the steady clock: at its own time, or with the app password, whichever comes first. */
int64_t app_password_until(const struct app_password *p, uint64_t now_ms, int64_t steady_ms,
                           int64_t ends_at_ms);

/* Whether a recipient is one that it, or the session that it opened, may send to. Without domains all are. */
bool app_password_reaches(const struct cbor_list *domains, struct slice recipient);

/* What a change does: false with *e when it cannot be done, and then nothing is written. */
typedef bool factors_change(struct factors *f, void *context, struct error *e);

/* Read an account's row, have it changed and write it, with nobody else in between. Durable on return. */
bool factors_put(struct keeper *k, struct slice account, struct arena *arena,
                 factors_change *change, void *context, struct error *e) MUST_CHECK;

/* Note when and from where an app password was used: seldom, for each note is written to the disk. */
void factors_note_use(struct keeper *k, struct slice account, const struct app_password *p,
                      struct slice client, struct arena *arena);

/* Whether the account has a second factor: then its main password sends nothing, and it is asked for at the desk. */
bool factors_has_second(struct keeper *k, struct slice account, struct arena *arena, bool *has,
                        struct error *e) MUST_CHECK;

/* What auth is told of it; in the arena. */
struct auth_second factors_second(const struct factors *f, struct arena *arena);

/* Whether an authenticator app was begun to be set up within FACTORS_ASKED_MS, and waits for its first code. */
bool factors_is_asked(const struct factors *f, uint64_t now_ms);

/* Forget one that waits: whoever began it knew a password that is no more. (second_factor.c) */
bool factors_forget_asked(struct keeper *k, struct slice account, struct arena *arena,
                          struct error *e) MUST_CHECK;

/* Whether there is a second factor. */
bool factors_are_on(const struct factors *f);

/* The one of this id, or of this name; NULL: there is none. */
struct passkey *passkey_find(const struct factors *f, struct slice which);

/* Whether it is the only second factor: the passkey of this id, or with an empty one the authenticator app. */
bool factors_is_last(const struct factors *f, struct slice passkey);

/**
 * Whether the account's password may stand without it: one that was set beside a factor may be too short to be alone.
 * `approvals.changing` is held, so that none is set meanwhile.
 *
 * @param passkey  id of the one that goes; empty: the authenticator app does
 * @return         false with ERROR_INPUT and a sentence
 */
bool factors_stand_without(struct keeper *k, struct slice account, struct slice passkey,
                           struct arena *arena, struct error *e) MUST_CHECK;

/* Whether taking the last factor off takes two persons: the account has an office, and there is an officer. `changing` is
 * held. */
bool factors_wants_two(struct keeper *k, struct slice account, struct arena *arena, bool *two,
                       struct error *e) MUST_CHECK;

/* Give the alarm, when *e is that a passkey's counter went backwards; then *e is ERROR_DENIED. */
void factors_alarm(struct keeper *k, struct error *e);

/* Whoever sits at the caller's desk proves anew that he is the account's holder; by the password only if `password`. False
 * with ERROR_DENIED. (anew.c) */
struct desk_proof;
bool factors_prove_anew(struct keeper_admin *admin, const struct desk_proof *proof, bool password,
                        struct arena *arena, struct error *e) MUST_CHECK;

/* The same, also by the password; without any proof nothing is proven and asked->wants_proof is set, for it to be asked for.
 * (anew.c) */
struct admin_asked;
bool factors_prove_or_ask(struct keeper_admin *admin, const struct desk_proof *proof,
                          struct arena *arena, struct admin_asked *asked,
                          struct error *e) MUST_CHECK;

/* Take one out of a row. (passkeys.c) */
void passkeys_cut(struct factors *f, struct passkey *p);

/* Fill in what a browser or security key is asked with; `f` NULL: it names none. (passkeys.c) */
struct passkey_asked;
void passkeys_ask(struct keeper *k, struct slice account, const struct factors *f,
                  struct slice challenge, struct arena *arena, struct passkey_asked *asked);

/* Note that a code or passkey was used, so that it is never good again; false with ERROR_DENIED when it was used already, or
 * is of another second factor than there is now, and with ERROR_CORRUPT when a passkey's counter went backwards. */
bool factors_spend(struct factors *f, const struct auth_proof *proof, struct error *e) MUST_CHECK;

/* The account that is meant: the caller's own when none is named, another one for who has a role for that. False with a
 * sentence. (app_passwords.c) */
bool factors_account(struct keeper_admin *admin, struct slice named, struct arena *arena,
                     struct slice *account, struct error *e) MUST_CHECK;

/* Have auth seal what it sealed for an account under its present key; *did counts what became new. */
bool factors_renew(struct keeper *k, struct slice account, struct arena *arena, uint64_t *did,
                   struct error *e) MUST_CHECK;

/* Only look whether something of it is under a former one. */
bool factors_are_former(struct keeper *k, struct slice account, struct arena *arena, bool *former,
                        struct error *e) MUST_CHECK;
