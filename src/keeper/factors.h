/* keeper/factors - the rows of app passwords and second factors: what one is good for, and every change of them. For the
 * keeper's own files. Thread-safe. */
#pragma once

#include "requests/auth_factors.h"
#include "state/factors.h"

struct keeper;
struct keeper_admin;

#define FACTOR_REFUSAL_MAX 200
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

/* Whether the account has a second factor: then its main password sends nothing, and a code is asked for at the desk. */
bool factors_has_second(struct keeper *k, struct slice account, struct arena *arena, bool *has,
                        struct error *e) MUST_CHECK;

/* What auth is told of it. */
struct auth_second factors_second(const struct factors *f);

/* Note that a code was used, so that it is never good again; false with ERROR_DENIED when it was used already, or is of
 * another second factor than there is now. */
bool factors_spend(struct factors *f, const struct auth_proof *proof, struct error *e) MUST_CHECK;

/* The account that is meant: the caller's own when none is named, another one for who has a role for that. False with a
 * sentence. (app_passwords.c) */
bool factors_account(struct keeper_admin *admin, struct slice named, struct arena *arena,
                     struct slice *account, struct error *e) MUST_CHECK;

/* Have auth seal what it sealed for an account under its present key; *did counts what became new. */
bool factors_renew(struct keeper *k, struct slice account, struct arena *arena, uint64_t *did,
                   struct error *e) MUST_CHECK;
