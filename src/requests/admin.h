/* requests/admin - what the command line may ask of the keeper, over its control socket. */
#pragma once

#include "ipc/ipc.h"
#include "letter/account_role.h"
#include "letter/group.h"
#include "letter/records.h"
#include "requests/keeper.h"
#include "requests/passkeys.h"

#define ADMIN_LIST_MAX 100000

/* admin_user_add, admin_user_set: create or change an account. Answered with struct admin_asked
 * (requests/approvals.h): what gives a role takes two persons. */
struct admin_user_ask {
    struct slice account;
    struct cbor_list addresses; /* texts it may send as, besides its own name */
    struct slice display;
    struct slice password; /* empty in admin_user_set: unchanged */
    bool disabled;
    struct slice reason;
    uint64_t role;           /* enum account_role; 0 in admin_user_set: unchanged */
    bool no_addresses;       /* in admin_user_set, where an empty list changes nothing */
    struct cbor_list groups; /* texts: that it is in */
    bool no_groups;          /* likewise */
    struct slice notify;     /* a further address for notices; "none": no more; empty: unchanged */
    struct desk_proof proof; /* in admin_user_set, for a password of one's own */
};

struct admin_user {
    struct slice account;
    struct cbor_list addresses;
    struct slice display;
    bool disabled;
    uint64_t created_at;
    uint64_t role;
    struct cbor_list groups;
    uint64_t second_since;  /* that it has a second factor; 0: it has none */
    uint64_t app_passwords; /* how many */
    uint64_t passkeys;      /* likewise */
    struct slice directory; /* that it is from; empty: it is ours alone */
    bool
        suspended; /* it sends nothing; without a role: an address that has no account, whose letters a provider hands on */
};

struct admin_users {
    struct cbor_list users;
};

extern const struct ipc_message admin_user_add;
extern const struct ipc_message admin_user_set;
extern const struct ipc_message admin_user_list;

/* admin_sign_in: prove to be an account's holder. What comes back is shown (permits: caller_pass) on
 * this and on the reader's socket until it ends. ERROR_DENIED when the password is wrong. */
struct admin_sign_in_ask {
    struct slice account;
    struct slice password;
    struct slice code; /* of the second factor; empty: it is asked for if there is one */
    struct auth_assertion passkey; /* likewise; without a password it stands alone */
};

struct admin_sign_in_answer {
    struct slice pass; /* AUTH_SESSION_LEN bytes */
    struct slice account;
    uint64_t role;
    uint64_t ends_at; /* wall milliseconds */
    bool wants_code;  /* the password is right: ask again with a code, ... */
    struct passkey_asked
        asked;        /* ... or a passkey, if it has a challenge; the rest is empty then */
    uint64_t wait_ms; /* not 0: nobody has signed in at the provider yet, ask again after so long */
};

extern const struct cbor_schema admin_signed_in_schema; /* struct admin_sign_in_answer */
extern const struct ipc_message admin_sign_in;

/* admin_sign_out: end the session whose pass was shown. */
extern const struct ipc_message admin_sign_out;

/* admin_dkim_new, admin_dkim_list: asked of the signer on the caller's behalf and recorded; the
 * structs are signer_new_ask, signer_key and signer_keys. */
extern const struct ipc_message admin_dkim_new;
extern const struct ipc_message admin_dkim_list;

/* admin_queue_list. What is being delivered just now has no order to wait for; of one whose outcome
 * is being recorded, recipients, attempt and reason are left out. */
#define ADMIN_SENDING        3
#define ADMIN_NEEDS_APPROVAL 4

struct admin_queue_row {
    struct slice id;
    struct slice domain;
    uint64_t recipients;
    uint64_t state;   /* enum queue_state of catalog, or of the above */
    uint64_t attempt; /* made so far */
    uint64_t queued_at;
    uint64_t next_at;
    struct slice reason; /* of the last deferral, or of the hold */
};

struct admin_queue {
    struct cbor_list rows;
    uint64_t total;
};

extern const struct ipc_message admin_queue_list;

/* admin_order: hold, release, retry or cancel (struct order; `by` is filled in by the keeper). */
struct admin_done {
    uint64_t count; /* of queue rows changed */
    uint64_t later; /* of those in hand, that will be when their attempt ends */
};

extern const struct ipc_message admin_order;

/* admin_pause: deliver nothing, also after a restart, or go on. */
struct admin_pause_ask {
    bool paused;
    struct slice reason;
};

extern const struct ipc_message admin_pause;

/* admin_domain_forget: forget the level of TLS that the next hop of a domain has shown. */
struct admin_domain_ask {
    struct slice domain;
    struct slice reason;
};

struct admin_domain_answer {
    struct slice where; /* whose it was: the domain, or the fixed next hop that its letters go to */
    uint64_t level;     /* that was forgotten; 0: it had shown none */
};

extern const struct ipc_message admin_domain_forget;

/* admin_erase: destroy what is recorded about a letter. Takes two persons: answered with struct
 * admin_asked. */
struct admin_erase_ask {
    struct slice id;
    struct slice reason;
};

extern const struct ipc_message admin_erase;

/* admin_status: one line a fact, for people and for monitoring. */
struct admin_fact {
    struct slice name; /* "queue.ready" */
    struct slice value;
};

struct admin_status_answer {
    struct cbor_list facts;
};

extern const struct ipc_message admin_status;

/* admin_checkpoint: sign the tree head now; answers the note. */
extern const struct ipc_message admin_checkpoint;

/* admin_anchored: a checkpoint was written to a file; a checkpoint_record of that kind. */
extern const struct ipc_message admin_anchored;

/* admin_rebuild: make catalog and search index again from the ledger alone. */
extern const struct ipc_message admin_rebuild;

/* admin_backup: freeze a consistent view; answers what to copy. */
struct admin_backup_answer {
    uint64_t ledger_size;   /* records up to which segments are to be copied */
    struct slice state;     /* path of a consistent copy of the state store, to be moved away */
    struct slice note;      /* checkpoint over a beginning of that */
    uint64_t segment;       /* the last segment with records of that view ... */
    uint64_t segment_bytes; /* ... and how much of its file belongs to it */
};

extern const struct ipc_message admin_backup;

/* admin_import_begin: take mail in from now on, or go on with an import of the same kind, name, owner
 * and path that did not end. A struct import_record, of which the keeper fills in the rest. */
struct admin_import_begun {
    struct import_record record; /* its last one */
    struct slice ticket;         /* with which letters are added until somebody begins it again */
};

extern const struct ipc_message admin_import_begin;

/* admin_import_end: no more comes. Only the id counts; answered with the last record. */
extern const struct ipc_message admin_import_end;
