/* requests/directory - what may be asked of the process that speaks with directory servers, and what people may ask of the
 * keeper about them. */
#pragma once

#include "ipc/ipc.h"
#include "letter/account_role.h"
#include "letter/contact.h"

#define DIRECTORY_NAME_MAX      32
#define DIRECTORY_KEY_MAX       64
#define DIRECTORY_PAGE          500   /* people in one answer */
#define DIRECTORY_PEOPLE_MAX    20000 /* of one directory */
#define DIRECTORY_ADDRESSES_MAX 50    /* of one person; those behind are left out */
#define DIRECTORY_LINES_MAX     500   /* of a report */

/* directory_prove: from auth. Is this the password of that person? */
enum directory_verdict {
    DIRECTORY_RIGHT = 1,
    DIRECTORY_WRONG = 2,  /* or nobody has that key */
    DIRECTORY_CLOSED = 3, /* right, and locked there */
    DIRECTORY_AWAY = 4,   /* no server says yes or no */
};

struct directory_prove_ask {
    struct slice directory;
    struct slice key; /* empty: of nobody, at the same cost */
    struct slice password;
};

struct directory_prove_answer {
    uint64_t verdict;
};

extern const struct ipc_message directory_prove;

/* directory_people: from keeper. Who has an account, in pages: the first question has the servers asked, the others are
 * answered from what they said then. ERROR_BUSY and others, with a sentence, when it cannot be told; ERROR_INPUT when
 * what was read then is gone: begin again. */
struct directory_people_ask {
    struct slice directory;
    uint64_t reading; /* of the first answer; 0: ask the servers */
    uint64_t from;    /* the first person of the page */
};

struct directory_person {
    struct slice key;
    struct slice name;
    struct cbor_list addresses; /* texts, the account's name first */
    uint64_t role;              /* enum account_role, by the groups; 0: the directory says none */
    struct cbor_list groups;    /* texts: ours, by those of the directory */
    bool closed;                /* locked there */
};

struct directory_people_answer {
    struct cbor_list people; /* struct directory_person */
    uint64_t reading;
    uint64_t total;
    struct slice server; /* that answered */
};

extern const struct ipc_message directory_people;

/* directory_contacts: from keeper. Which entries are contacts of the company's; in pages, as directory_people. */
#define DIRECTORY_CONTACTS_PAGE 500   /* in one answer */
#define DIRECTORY_CONTACTS_MAX  20000 /* of one directory */

struct directory_contacts_answer {
    struct cbor_list contacts; /* struct contact */
    uint64_t reading;
    uint64_t total;
};

extern const struct ipc_message directory_contacts; /* asked with a struct directory_people_ask */

/* directory_certificates: from keeper. Which certificates stand in the directory of a [certificates] section beside an address? They are
 * bytes that nobody has looked at. ERROR_CONFIG: the settings have no such section. */
#define DIRECTORY_CERTIFICATES_MAX       32 /* of one address; those behind are left out */
#define DIRECTORY_CERTIFICATES_BYTES_MAX ((size_t)256 << 10) /* of all together, likewise */
#define DIRECTORY_CERTIFICATE_MAX        ((size_t)15 << 10)  /* of one; a longer one is left out */
#define DIRECTORY_CERTIFICATES_MS_MAX    10000

enum directory_told {
    DIRECTORY_TOLD = 1,
    DIRECTORY_SILENT = 2,   /* no server says yes or no */
    DIRECTORY_OVERFULL = 3, /* what it says is too much to be read */
    DIRECTORY_LIMITED = 4,  /* of this address it does not say all, by a limit of its own */
};

struct directory_certificates_ask {
    struct slice section;
    struct slice address;
    uint64_t within_ms;
};

struct directory_certificate {
    struct slice bytes;
};

struct directory_certificates_answer {
    uint64_t told;
    struct cbor_list certificates; /* struct directory_certificate */
    bool more;                     /* some were left out */
};

extern const struct ipc_message directory_certificates;

/* admin_directory_run: synchronise a [directory] now, or look what that would do. */
struct admin_directory_run_ask {
    struct slice directory;
    bool test;      /* change nothing */
    uint64_t close; /* accounts that may be closed though they are many */
    uint64_t drop;  /* likewise, contacts that may go */
};

struct directory_report {
    struct slice directory;
    uint64_t people; /* who have an account there */
    uint64_t added;
    uint64_t changed;
    uint64_t closed;
    uint64_t opened;
    uint64_t left_out;      /* people or addresses that could not be taken; `lines` says why */
    struct cbor_list lines; /* texts, one for each change and each that was left out */
    uint64_t more;          /* lines that are not there */
    struct slice failure;   /* empty: it came to its end */
    struct slice server;
    uint64_t ended_at; /* wall milliseconds; 0: none since the start */
    uint64_t next_at;
    bool running;
    uint64_t accounts; /* that are this directory's */
    bool
        fills_book; /* it has contacts for the company's address book, or had: the next are of those */
    uint64_t contacts; /* there */
    uint64_t contacts_added, contacts_changed, contacts_removed;
    uint64_t contacts_left_out; /* no good address, or somebody added or changed them here */
};

extern const struct ipc_message admin_directory_run;

/* admin_directories: what the last ones did. */
struct admin_directories_answer {
    struct cbor_list directories; /* struct directory_report, without lines of changes */
};

extern const struct ipc_message admin_directories;
