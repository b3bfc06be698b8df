/* requests/contacts - contacts and decoys, over the control socket of the keeper. */
#pragma once

#include "letter/contact.h"
#include "requests/approvals.h"

#define CONTACTS_GIVEN_MAX  200  /* in one question */
#define CONTACTS_LISTED_MAX 1000 /* in one answer */
#define CONTACT_WORDS_MAX   256

enum contact_mode {
    CONTACT_ADD = 1,    /* there must be none of that address */
    CONTACT_CHANGE = 2, /* there must be one */
    CONTACT_IMPORT = 3, /* what is given counts, what is there and not given stays */
};

enum contact_part {
    CONTACT_NAME = 1,
    CONTACT_ORGANISATION = 2,
    CONTACT_TITLE = 4,
    CONTACT_PHONE = 8,
    CONTACT_NOTE = 16,
    CONTACT_FAVOURITE = 32,
};

/* contact_put: into the caller's own book, or the company's. */
struct contact_put_ask {
    struct cbor_list contacts; /* struct contact */
    uint64_t mode;
    uint64_t parts; /* CHANGE: enum contact_part of what is to change */
    bool company;
};

struct contact_put_answer {
    uint64_t added, changed, unchanged;
};

extern const struct ipc_message contact_put;

/* contact_remove */
struct contact_remove_ask {
    struct slice address;
    bool company;
};

extern const struct ipc_message contact_remove;

struct contact_found {
    struct contact contact;
    bool company;
};

/* contact_find: by what somebody types, a few; or the one of this address. */
struct contact_find_ask {
    struct slice words;   /* neither: favourites */
    struct slice address; /* whole */
    uint64_t max;         /* 0: as many as are shown at most */
};

struct contact_find_answer {
    struct cbor_list found; /* struct contact_found */
};

extern const struct ipc_message contact_find;

/* contact_list: a page of a book, which is a record and counts. */
struct contact_list_ask {
    bool company;
    uint64_t skip; /* contacts, by name */
};

struct contact_list_answer {
    struct cbor_list contacts; /* struct contact */
    uint64_t total;
};

extern const struct ipc_message contact_list;

/* contact_export: all of a book, when another person approved it: then the answer is a file in the answer's
 * descriptor. Otherwise it is asked for. */
enum contact_format { CONTACT_VCARD = 1, CONTACT_CSV = 2 };

struct contact_export_ask {
    bool company;
    uint64_t format;
    struct slice reason;
};

struct contact_export_answer {
    struct admin_asked asked;
    uint64_t count; /* contacts in the file */
};

extern const struct ipc_message contact_export;

/* decoys_order: put them in or take them out of the books, forget one, or say how it is. */
enum decoys_order_kind { DECOYS_STATUS = 0, DECOYS_ON = 1, DECOYS_OFF = 2, DECOYS_FORGET = 3 };

struct decoys_order_ask {
    uint64_t order;
    struct slice address; /* to forget */
    struct slice reason;
};

struct decoys_order_answer {
    bool on;
    uint64_t company;  /* in the company's book */
    uint64_t accounts; /* in all accounts' books */
    uint64_t retired;
    uint64_t hits; /* since the start */
    bool waiting;  /* some are due and could not be made yet: the log says why */
};

extern const struct ipc_message decoys_order;

/* keeper_recipient: from submission. May this session write to somebody in a domain of ours, or in one of decoys? */
struct keeper_recipient_ask {
    struct slice session;
    struct slice address;
    struct slice client;
};

struct keeper_recipient_answer {
    uint64_t code; /* SMTP reply code: 250 when so */
    struct slice text;
    uint64_t delay_ms; /* before that is said */
};

extern const struct ipc_message keeper_recipient;
