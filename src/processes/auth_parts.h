/* processes/auth_parts - what the files of the auth process share: one sign-in on its way (auth_login), whatever mechanism
 * it comes by (auth_sasl). */
#pragma once

#include <stdatomic.h>

#include "keyring/digest.h"
#include "processes/auth_attempts.h"
#include "processes/auth_challenge.h"
#include "processes/auth_end_point.h"
#include "processes/auth_exchange.h"
#include "processes/auth_login.h"
#include "processes/auth_memory.h"
#include "processes/auth_oidc.h"
#include "processes/auth_slots.h"
#include "processes/auth_span.h"
#include "processes/auth_throttle.h"
#include "processes/auth_verifier.h"
#include "requests/keeper.h"

#define AUTH_KEEPER_MS        10000 /* patience with the keeper */
#define AUTH_VERIFIER_WAIT_MS 20000 /* what is new is made for somebody who is waiting */

struct auth {
    struct auth_options options;
    struct verifiers *verifiers;
    struct auth_memory *memory;
    struct auth_throttle *throttle;
    struct exchanges *exchanges;
    struct end_points *end_points;
    struct challenges *challenges;
    struct providers *providers;
    struct auth_tokens *tokens;
    struct attempts *attempts;
    struct auth_slots slots;
    struct auth_slots directory_slots; /* questions to directories under way */
    atomic_llong directory_away
        [SETTINGS_DIRECTORIES_MAX]; /* by section: until then, of the steady clock, nobody is asked; 0: none */
    uint8_t directory_of[DIGEST_LEN]; /* a key of this process: which of them is asked for nobody */
};

/* A sign-in on its way. */
struct login {
    const struct auth_login_ask *ask;
    struct slice user;     /* in lower case */
    struct slice password; /* in its normal form; of PLAIN and LOGIN */
    struct keeper_account_answer account;
    const char *reason; /* of a refusal; for the record, not for the client */
    int64_t now_ms;
    bool desk; /* at the command line */
    const struct timespec
        *span;        /* a refusal is counted and recorded when it is over; NULL: there is none */
    struct slice app; /* id of the app password that was right; empty: none was */
    struct auth_proof proof; /* of the second factor */
    uint8_t proof_of[DIGEST_LEN];
    struct token_identity identity; /* of a token; without a provider there was none */
};

/* Those in force now. */
const struct auth_settings *auth_settings_of(const struct auth *a);

/* Accounts are kept in lower case: people do not remember the case of their login. */
struct slice auth_lower(struct slice name, struct arena *arena);

enum admitted {
    ADMITTED_NOT,
    ADMITTED_APP, /* others tried his account: with an app password alone, which nobody guesses */
    ADMITTED,
};

/* Whether somebody may try now, and with what. */
enum admitted auth_admitted(struct auth *a, const struct login *l);

/* Whether somebody may try now, whatever with. When not, the answer says so. */
bool auth_admits(struct auth *a, const struct login *l, struct auth_login_answer *answer);

/* Answer that he may not, and count it. */
void auth_turn_away(struct auth *a, const struct login *l, struct auth_login_answer *answer);

/* Compare the password with the account's, which was looked up. */
enum login_verdict auth_check_password(struct auth *a, struct login *l, struct arena *arena);

/* Ask the keeper who it is. */
bool auth_look_up(struct auth *a, struct login *l, struct arena *arena, struct error *e) MUST_CHECK;

/* Have the keeper open a session, and answer with it; or refuse, when it gives none. */
bool auth_accept(struct auth *a, struct login *l, struct ipc_request *r,
                 struct error *e) MUST_CHECK;

/* Count and record a failure, and answer with it. */
void auth_refuse(struct auth *a, const struct login *l, struct ipc_request *r);

/* SCRAM keys as they are to be made now for an account; false when none are. A client is told one number of iterations for all of
 * an account's keys, so new ones are made with that of the app passwords there are, and those of an app password with that of
 * the main password; the setting is for who has none. */
bool auth_wants_keys(const struct auth *a, const struct keeper_account_answer *account, bool app,
                     struct scram_wish *wish);

/* The same for an account of which only the name and the salt are known. */
bool auth_wishes_of(struct auth *a, struct slice name, struct slice salt, bool app,
                    struct arena *arena, struct scram_wish *wish, bool *wants,
                    struct error *e) MUST_CHECK;

/* The iterations of the keys of an account's app passwords; 0: they have none. */
uint64_t auth_app_iterations(const struct auth *a, const struct keeper_account_answer *account);

/* auth_directory.c */

/* Whether a directory says if the password is right: of its accounts, and of names that nobody has where there is one. */
bool auth_is_of_directory(const struct auth *a, const struct login *l);

/* Nothing is away, and nothing is asked. */
void auth_begin_directories(struct auth *a);

/* Ask it. LOGIN_ACCEPTED, LOGIN_REFUSED with a reason, or LOGIN_BUSY when it is away. `remembers`: what was right a moment
 * ago may be remembered. */
enum login_verdict auth_ask_directory(struct auth *a, struct login *l, bool remembers,
                                      struct arena *arena);

/* How much of the delay is left: where there is a directory it counts from the beginning of the sign-in, so that nobody sees
 * how long which kind of account took. */
uint64_t auth_rest_of(const struct auth *a, const struct login *l, int64_t delay_ms);

/* auth_second.c */

/* Which of the account's app passwords it is, if any: l->app. They open no desk. All are looked at, whichever is right; one
 * costs microseconds, and of an account that cannot be used there is none. */
bool auth_is_app(struct auth *a, struct login *l);

/* The password is right: is the code or passkey, where one is wanted? LOGIN_ACCEPTED, LOGIN_REFUSED with a reason, or LOGIN_CODE. */
enum login_verdict auth_prove(struct auth *a, struct login *l, struct arena *arena);

/* What the keeper asks: requests/auth_factors.h. */
bool auth_on_app_new(void *auth, struct ipc_request *r, struct error *e);
bool auth_on_factor_renew(void *auth, struct ipc_request *r, struct error *e);
bool auth_on_totp_new(void *auth, struct ipc_request *r, struct error *e);
bool auth_on_recovery_new(void *auth, struct ipc_request *r, struct error *e);
bool auth_on_code(void *auth, struct ipc_request *r, struct error *e);

/* Whether the keeper speaks of the key that is present here. */
bool auth_is_present(const struct auth *a, uint64_t generation, struct error *e) MUST_CHECK;

/* auth_external.c */
bool auth_on_external(void *auth, struct ipc_request *r, struct error *e);

/* auth_oidc_desk.c: auth_oidc_begin, auth_oidc_finish and auth_providers. */
bool auth_on_oidc_begin(void *auth, struct ipc_request *r, struct error *e);
bool auth_on_oidc_finish(void *auth, struct ipc_request *r, struct error *e);
bool auth_on_providers(void *auth, struct ipc_request *r, struct error *e);

/* auth_sasl.c: auth_sasl_begin and auth_sasl_next. */
bool auth_on_sasl_begin(void *auth, struct ipc_request *r, struct error *e);
bool auth_on_sasl_next(void *auth, struct ipc_request *r, struct error *e);
