/* letter/approval - records of what takes two persons: that somebody asked for it, and what became of that.
 * docs/ledger-format.md has their bytes. The rules of letter/records.h hold here too. */
#pragma once

#include "letter/records.h"

#define APPROVAL_ARGUMENTS_MAX 65536

/* Types of records that keeper/docket folds; enum record_type has the others. */
enum docket_record_type {
    RECORD_HOLD = 50,     /* letters are held, or a hold ended: letter/hold.h    */
    RECORD_REQUEST = 52,  /* something is to be done that takes two persons      */
    RECORD_VERDICT = 53,  /* what another person said to it, and what came of it */
    RECORD_DISPOSAL = 54, /* letters whose time is over are destroyed: letter/disposal.h */
};

enum request_kind {
    REQUEST_ERASE = 1,      /* a letter: struct request_erase                   */
    REQUEST_ACCOUNT = 2,    /* an account gets a role: struct request_account   */
    REQUEST_RELEASE = 3,    /* a hold ends: struct request_release              */
    REQUEST_DISPOSAL = 4,   /* letters whose time is over: struct request_disposal */
    REQUEST_SUBJECT = 5,    /* letters of or about a person: struct request_subject */
    REQUEST_DELEGATION = 6, /* an account may send as another's address: struct delegation */
    REQUEST_FACTOR = 7,     /* an account has no second factor any more: struct request_factor */
    REQUEST_CONTACTS = 8,   /* a book of contacts leaves: struct request_contacts */
};

/* RECORD_REQUEST: this is to be done when somebody else approves it. */
struct request_record {
    struct slice id;
    uint64_t kind;
    struct slice arguments; /* CBOR of the kind's struct: what is approved is what is done */
    struct slice object;    /* the same for people, one line */
    struct slice by;        /* as in an act */
    struct slice at;
    uint64_t role;
    struct slice reason;
    uint64_t expires_at; /* from then on nobody can approve it */
};

extern const struct cbor_schema request_record_schema;

enum request_verdict {
    VERDICT_APPROVED = 1,
    VERDICT_REFUSED = 2,
    VERDICT_WITHDRAWN = 3, /* by who had asked                                      */
    VERDICT_DONE = 4,      /* approved before, and carried out                      */
    VERDICT_FAILED = 5,    /* approved before, and it cannot be carried out any more */
};

/* RECORD_VERDICT */
struct verdict_record {
    struct slice id; /* of the request */
    uint64_t verdict;
    struct slice by; /* as in an act; nobody when DONE or FAILED */
    struct slice at;
    uint64_t role;
    struct slice reason;
};

extern const struct cbor_schema verdict_record_schema;

/* What a kind's arguments are. */
struct request_erase {
    struct slice id;
    struct slice
        letters; /* facts' numbers of all letters that belong to it: 8 bytes each, ascending */
};

struct request_account {
    struct slice account;
    struct slice before; /* SHA-256 of what the state holds of it now; empty: there is none */
    struct slice
        after; /* and of what it will hold, which waits in the state: a verifier is no record's business */
    bool gives; /* and not only takes away: its holder cannot approve it */
};

struct request_factor {
    struct slice account;
    uint64_t since; /* of the second factor that is taken off, and of none that it gets later */
    struct slice passkey; /* id of the passkey that is it; empty: the authenticator app is */
};

struct request_contacts {
    struct slice owner; /* whose book; empty: the company's */
};

extern const struct cbor_schema request_contacts_schema;
extern const struct cbor_schema request_erase_schema;
extern const struct cbor_schema request_account_schema;
extern const struct cbor_schema request_factor_schema;

/* "erase"; "unknown" for a number that is none. */
const char *request_kind_name(uint64_t kind);

/* "approved" */
const char *request_verdict_name(uint64_t verdict);
