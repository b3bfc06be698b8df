/* keeper/sessions - who is logged in: unguessable handles that lead to accounts.
 *
 * auth opens a session after it has checked the password; every submit names one. A session of the
 * desk is a person's at the command line: it sends nothing, and one that sends opens no desk. Ending
 * an account's sessions takes effect with the next request. A handle is known by its SHA-256 alone, so that
 * what is remembered opens nothing; those of the desk outlive the process (keeper/desks). Thread-safe. */
#pragma once

#include "base/arena.h"

#include "keyring/digest.h"
#include "letter/app_password.h"
#include "requests/auth.h"
#include "requests/sessions.h"
#include "state/state.h"

#define SESSIONS_MAX 65536

struct sessions;

struct session {
    struct slice account;
    const struct slice
        *addresses; /* the account's name first; of an app password, what it may send as */
    size_t n_addresses;
    struct slice mechanism;
    bool desk;
    bool drill;              /* its letters never leave: keeper/drills */
    struct cbor_list groups; /* texts: that the account is in */
    struct cbor_list
        wildcards;    /* texts: domains as whose every address that nobody has it may send */
    struct slice app; /* id of the app password that opened it; empty: the main password did */
    struct slice app_name;
    uint64_t app_most[APP_LIMIT_WINDOWS][APP_LIMIT_MEASURES]; /* what may be sent with it; 0: as the
                                                                 account may */
    bool app_addresses; /* it sends as `addresses` and as nobody else, whatever the account may */
    struct cbor_list domains; /* texts: recipients are in these; none: anywhere */
    struct slice
        client;     /* IP address, or the machine's user at the desk; empty: not known any more */
    uint64_t since; /* wall clock; 0: before the keeper was started */
    struct slice device; /* what the client's machine calls itself, or of the desk the passkey */
};

/* What a session begins with. */
struct session_start {
    const struct account *account;
    const struct app_password *app; /* that was shown, or NULL */
    struct slice mechanism;
    struct slice client;
    struct slice device; /* as in struct session */
    bool desk;
    int64_t ends_at_ms; /* of the steady clock */
};

/* No sessions; free accepts NULL. */
struct sessions *sessions_new(void) __attribute__((returns_nonnull));
void sessions_free(struct sessions *s);

/* Begin a session and write its handle. It ends at its time whatever else happens: nobody may be left to say that the
 * client has gone. ERROR_LIMIT when there are too many. */
bool sessions_begin(struct sessions *s, const struct session_start *start,
                    uint8_t handle[static AUTH_SESSION_LEN], struct error *e) MUST_CHECK;

/* Copy what the handle stands for into the arena; false when it stands for nothing. */
bool sessions_find(struct sessions *s, struct slice handle, struct arena *arena,
                   struct session *out) MUST_CHECK;

/* Forget a handle. One that stands for nothing is no error. */
void sessions_end(struct sessions *s, struct slice handle);

/* End all sessions of an account, so that what changed about it is seen at its next login. */
void sessions_end_account(struct sessions *s, struct slice account);

/* End those that an app password of the account opened. */
void sessions_end_app(struct sessions *s, struct slice account, struct slice app);

/* A session of the desk as it is remembered. */
struct desk_session {
    struct slice account;
    uint8_t hash[DIGEST_LEN]; /* SHA-256 of the handle */
    int64_t ends_at_ms;       /* of the steady clock */
    uint64_t since;           /* wall clock; 0: not known */
    struct slice mechanism;
};

/* Begin one again that was remembered; ERROR_LIMIT as above. */
bool sessions_resume(struct sessions *s, const struct account *account, struct slice mechanism,
                     const struct desk_session *desk, struct error *e) MUST_CHECK;

/* The open ones of the desk, at most `max`, in no order; what they name lives in the arena. Returns how many. */
size_t sessions_desks(struct sessions *s, struct arena *arena, struct desk_session *out,
                      size_t max);

/* How many of an account's that send are open. */
size_t sessions_count_of(struct sessions *s, struct slice account);

/* A session as people see it. */
struct session_seen {
    struct session session;
    struct slice id; /* SESSION_ID_LEN letters, which open nothing */
    int64_t ends_at_ms;
};

/**
 * The open ones, in no order; what they name lives in the arena.
 *
 * @param account  empty: everybody's
 * @return         how many there are, of which `max` are written
 */
size_t sessions_list(struct sessions *s, struct slice account, struct arena *arena,
                     struct session_seen *out, size_t max);

/* End the one of an account that has this id. False when there is none. */
bool sessions_end_id(struct sessions *s, struct slice account, struct slice id);

/* How many sessions are open. */
size_t sessions_count(struct sessions *s);
