/* requests/keeper - what other processes may ask of the one that writes the ledger. */
#pragma once

#include "ipc/ipc.h"
#include "letter/records.h"
#include "requests/auth_factors.h"

/* keeper_submit: from submission. Record a letter; its bytes travel as a sealed memfd. The
 * answer comes when the letter is durable, or says why it is refused. */
struct keeper_submit_ask {
    struct slice session; /* from auth_login; empty of a provider's */
    struct slice reverse_path;
    struct cbor_list recipients; /* struct recipient */
    struct slice envelope_id;
    uint64_t dsn_return;
    bool smtputf8, body_8bit, require_tls; /* REQUIRETLS: RFC 8689 */
    struct slice client, helo;
    struct slice tls_version, tls_cipher;
    struct cbor_list connectors; /* texts: providers that hand it on, or may; none from a client */
};

struct keeper_submit_answer {
    uint64_t code;       /* SMTP reply code: 250 when recorded */
    struct slice text;   /* enhanced code and a sentence for the sender */
    struct slice letter; /* id when recorded */
};

#define SUBMIT_CONNECTORS_MAX 64
#define KEEPER_ENDINGS_MAX    128 /* sessions in one keeper_session_end */

extern const struct ipc_message keeper_submit;

/* keeper_assert: from connector. The same for a letter that a provider hands on; nobody signed in, so `session` is empty
 * and `connectors` is not: several can come from one network, and the letter says which it is. */
extern const struct ipc_message keeper_assert;

/* keeper_import: from intake. Record letters of an import that somebody began, whose ticket whoever
 * reads the mail was given: an import's id, which stands in lists, lets nobody add to it. The letters'
 * bytes come one behind the other in one sealed memfd. One commit holds them and how
 * far the import came, so nothing is taken twice after a crash. */
#define IMPORT_LETTERS_MAX 500
#define IMPORT_TICKET_LEN  32
#define IMPORT_BYTES_MAX   ((size_t)LETTER_BYTES_MAX + (8U << 20))

struct import_letter {
    uint64_t start; /* in the memfd */
    uint64_t len;
    struct source source;        /* what the import itself says is left out */
    struct slice reverse_path;   /* of an envelope that is known */
    struct cbor_list recipients; /* struct recipient; likewise */
};

struct keeper_import_ask {
    struct slice ticket;
    struct cbor_list letters;  /* struct import_letter */
    struct cbor_list failures; /* struct import_failure */
    uint64_t next;             /* see struct import_record */
};

struct import_counts { /* of the whole import until now */
    uint64_t taken;
    uint64_t known;
    uint64_t failed;
};

extern const struct cbor_schema import_letter_schema;
extern const struct cbor_schema import_counts_schema;
extern const struct ipc_message keeper_import;

/* keeper_account: from auth. Look up who logs in. */
struct keeper_account_ask {
    struct slice user;
    struct slice pin; /* not empty: whose device has this key, whatever `user` says */
};

struct keeper_account_answer {
    bool found;
    bool disabled;
    struct slice account;
    struct slice verifier;
    struct cbor_list apps; /* struct keeper_app: of its app passwords */
    struct slice salt; /* for SCRAM: AUTH_SALT_LEN bytes, whether there is such an account or not */
    struct slice like; /* an account, for each name one: what nobody's name would be told */
    struct slice like_verifier;
    struct auth_second second;
    struct slice directory; /* which says whether the password is right; empty: the verifier does */
    struct slice directory_key;
};

struct keeper_app {
    struct slice id;
    struct slice verifier; /* empty of a device */
    struct slice pin;      /* of a device: as in struct app_password */
};

extern const struct ipc_message keeper_account;

/* keeper_verifier: from auth. The account's password was right, and its verifier is complete now: it takes the place of
 * the one that was looked at, if that is still there. */
struct keeper_verifier_ask {
    struct slice account;
    struct slice was;
    struct slice now;
};

extern const struct ipc_message keeper_verifier;

/* keeper_session: from auth. Open a session for an account that proved itself; records it. What an app password is good
 * for the keeper judges. */
struct keeper_session_ask {
    struct slice account;
    struct slice client;
    struct slice mechanism;
    bool desk;        /* of a person at the command line, not of a client that sends */
    struct slice app; /* id of the app password that was right; empty: it was the main password */
    struct auth_proof proof; /* of a second factor: it is spent before the answer */
    struct slice provider;   /* name of the [oidc] whose token it was; empty: it was none */
    uint64_t until; /* wall milliseconds: when the token ends; 0: it does not end the session */
    bool factor;    /* the provider asked for a second factor, and its word counts */
    struct slice device; /* what the client's machine calls itself: letter/device.h */
};

struct keeper_session_answer {
    struct slice session; /* empty: it was refused */
    struct slice refused; /* why, for the record and not for the client */
};

extern const struct ipc_message keeper_session;

/* keeper_session_end: from submission. The clients left. */
struct keeper_session_end_ask {
    struct slice sessions; /* handles, AUTH_SESSION_LEN bytes each, one behind the other */
};

extern const struct ipc_message keeper_session_end;

/* keeper_sign_in_failed: from auth. Record a failure (struct sign_in). */
extern const struct ipc_message keeper_sign_in_failed;

/* keeper_job_next: from delivery. Wait for something to deliver. */
struct keeper_job_ask {
    struct slice route; /* key of a connection that is held open, or empty */
    uint64_t wait_ms;   /* how long to wait for a job; with a route, only for one of that route */
};

/* A job: one copy (a sealed memfd) of one letter for some recipients of one domain. `job` 0: nothing to do in time. */
struct keeper_job {
    uint64_t job;
    struct slice letter;
    uint64_t attempt;
    struct slice domain;
    struct slice route; /* "host:port" fixed, or empty: by MX of the domain */
    bool smarthost;     /* route is the smart host: log in, and "relayed" is all one knows */
    uint64_t level;     /* never below */
    struct slice reverse_path;
    struct cbor_list recipients; /* struct recipient */
    bool smtputf8;
    bool has_8bit; /* the copy holds bytes above 127 */
    struct slice envelope_id;
    uint64_t dsn_return;
    uint64_t size;
    bool require_tls; /* only to servers that pass that on (RFC 8689) */
    bool unproven;    /* what the domain publishes of its servers is not asked for */
    bool unpinned;    /* nor what is pinned here */
};

extern const struct ipc_message keeper_job_next;

/* keeper_job_begin: from delivery. Recorded durably before MAIL FROM. */
struct keeper_begin_ask {
    uint64_t job;
    struct slice host;
    struct slice address;
};

extern const struct ipc_message keeper_job_begin;

/* keeper_job_done: from delivery. Every recipient of the job has one outcome. */
struct keeper_done_ask {
    uint64_t job;
    struct evidence evidence;
    struct cbor_list recipients; /* struct recipient_outcome */
    bool busy;            /* no server was asked: all connections that there may be are in use */
    bool tls_broken;      /* a server was asked for TLS, and the handshake came to nothing */
    struct cbor_list tls; /* struct tls_result */
};

extern const struct ipc_message keeper_job_done;

/* keeper_reading: from reader. Record durably that somebody searched, read or exported (struct act). */
extern const struct ipc_message keeper_reading;

/* keeper_settle: from reader. Have the catalog hold what was recorded before this question, so that
 * who sent or ordered something sees it at once. The answer comes after a second at the latest, the
 * catalog being as it is. */
extern const struct ipc_message keeper_settle;

/* keeper_index_suspect: from reader. The search index is damaged or gone: have it looked at, and made
 * anew if that is so. Answered at once. */
extern const struct ipc_message keeper_index_suspect;
