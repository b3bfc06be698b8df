/* letter/records - what the ledger remembers of letters and of those who handle them; more of it in what this includes.
 *
 * One struct and one schema a record type; docs/ledger-format.md repeats the schemas in CDDL, and a key once used keeps its meaning for ever. Slices of a record that was read look into its bytes; lists live in the reader's
 * arena. Texts are UTF-8: what came from outside goes through letter_text() first. Times are milliseconds since 1970 in UTC. */
#pragma once

#include "formats/cbor/cbor.h"
#include "letter/anchors.h"
#include "letter/consent.h"
#include "letter/id.h"
#include "letter/import.h"
#include "letter/outcomes.h"
#include "letter/policy.h"
#include "letter/record_type.h"
#include "letter/ruling.h"

#define LETTER_BYTES_MAX      (64u << 20) /* the hard ceiling behind the setting size-limit */
#define LETTER_RECIPIENTS_MAX 1000
#define LETTER_ADDRESS_MAX    320 /* local part 64, "@", domain 255 (RFC 5321 section 4.5.3.1) */
#define LETTER_REPLY_MAX      1000
#define LETTER_EDITS_MAX      1000
#define SEALED_TEXTS_MAX      600 /* sentences about a copy: of each recipient's key, of each file */
#define LETTER_HEADER_TEXT    65536

enum letter_kind {
    LETTER_SUBMITTED = 1, /* by a person or device with an account */
    LETTER_NOTICE = 2,    /* made by Postern itself: RFC 3464      */
    LETTER_REPEAT = 3,    /* sent again: facts alone, see repeat_of */
    LETTER_IMPORTED = 4,  /* came from elsewhere, see source: kept, never delivered */
};

/* RFC 3461 section 4.1, as bits. */
enum notify {
    NOTIFY_NEVER = 1,
    NOTIFY_SUCCESS = 2,
    NOTIFY_FAILURE = 4,
    NOTIFY_DELAY = 8,
};

enum dsn_return { RETURN_UNSET = 0, RETURN_HEADERS = 1, RETURN_FULL = 2 };

struct recipient {
    struct slice address; /* as given in RCPT, without angle brackets */
    uint64_t notify;      /* enum notify bits; 0 when the client gave none */
    struct slice orcpt;   /* "rfc822;..." or empty */
};

extern const struct cbor_schema recipient_schema;

/* By which delegation a letter shows another's address: letter/delegation.h. */
struct behalf {
    struct slice from; /* the address that it was sent for, or the group by which that was one */
    struct slice by;   /* who granted it */
    struct slice approved_by;
    uint64_t since; /* when */
    uint64_t until; /* until when it was to hold then; 0: no end */
};

extern const struct cbor_schema behalf_schema;

/* RECORD_FACTS: everything about a letter that is not its bytes. */
struct facts {
    struct slice id;
    uint64_t kind;
    uint64_t received_at;
    struct slice account;   /* who proved to send it; empty for notices */
    struct slice mechanism; /* how: PLAIN, LOGIN, ...; or letter/asserted.h */
    struct slice client;    /* address of the client */
    struct slice helo;
    struct slice tls_version;
    struct slice tls_cipher;
    struct slice reverse_path; /* empty is the null path */
    struct cbor_list recipients;
    struct slice envelope_id; /* RFC 3461 ENVID, decoded */
    uint64_t dsn_return;
    bool smtputf8, body_8bit;
    uint64_t size;       /* of the content */
    struct slice digest; /* SHA-256 of the content */
    struct slice from;   /* header facts, decoded for reading */
    struct slice sender;
    struct slice to;
    struct slice cc;
    struct slice bcc;
    struct slice subject;
    struct slice date;
    struct slice message_id;
    struct slice about;         /* a notice: the letter it reports on */
    struct slice repeat_of;     /* the same letter submitted again within a day: not sent twice */
    uint64_t dated_at;          /* imported: when it was sent or received there; 0: not known */
    struct source source;       /* imported: where it came from */
    struct cbor_list groups;    /* of its account when it was recorded: letter/group.h */
    struct slice app, app_name; /* app password that its sender signed in with; empty: none */
    struct behalf behalf;       /* of a submitted one whose From is not the account's own */
    bool drill;                 /* of a played attack: it never leaves */
    struct slice country;       /* of the client: two capital letters; empty: not known */
    bool require_tls;           /* the sender's wish, RFC 8689: REQUIRETLS */
    bool tls_optional;          /* likewise: TLS-Required: No */
    bool
        tls_report; /* a report on TLS: it leaves whatever proves the servers of its domain fails */
};

extern const struct cbor_schema facts_schema;

/* RECORD_CONTENT: the bytes as submitted. */
struct content {
    struct slice id;
    struct slice bytes;
};

extern const struct cbor_schema content_schema;

/* RECORD_DECISION */
struct decision {
    struct slice id;
    struct cbor_list rulings;
    struct consent_need need; /* a second person must let it go; no rule: none need */
    bool drill;               /* of a played attack: there are no rulings, and it never leaves */
    struct slice
        told; /* ids of the notices to its sender: a scanner or a policy holds it, a password was made */
    struct cbor_list labels; /* texts: what its sender put on it, as [label] names them */
    uint64_t policy_version; /* of the RECORD_POLICY in force; 0: there were no [policy] sections */
    struct slice policy_digest;
};

extern const struct cbor_schema decision_schema;

/* Whether the content is hidden for one recipient at least: rung_hides(). */
bool decision_hides(const struct decision *d);

/* A piece of a sealed copy: literal bytes, or `len` bytes of the content from `offset`. */
struct sealed_edit {
    struct slice literal; /* empty: take the range */
    uint64_t offset;
    uint64_t len;
};

/* RECORD_SEALED: how a copy that leaves is made from the content, and its digest. Of one whose content is protected nothing
 * of the content is taken: it is literal, all of it. */
struct sealed {
    struct slice id;
    uint64_t copy; /* counts from 1 within a letter */
    struct slice digest;
    uint64_t size;
    struct cbor_list edits;
    struct cbor_list signatures; /* texts: "rsa-sha256 selector._domainkey.domain" */
    uint64_t method;             /* enum rung of what protects its content; 0: nothing does */
    struct cbor_list protection; /* texts: certificates or keys, algorithms, what stayed outside */
    struct cbor_list metadata;   /* texts: what was taken out of its files, and what stayed */
};

extern const struct cbor_schema sealed_schema;

enum order_kind { ORDER_HOLD = 1, ORDER_RELEASE = 2, ORDER_RETRY = 3, ORDER_CANCEL = 4 };

/* RECORD_ORDER */
struct order {
    struct slice id;
    uint64_t kind;
    uint64_t ruling;     /* counts from 1 here; 0: all of the letter's */
    struct slice domain; /* of that ruling; empty: all */
    struct slice by;
    struct slice reason;
};

extern const struct cbor_schema order_schema;

/* RECORD_SIGN_IN */
struct sign_in {
    struct slice account; /* only when it exists: a mistyped user name may be a password */
    struct slice client;
    struct slice mechanism;
    bool accepted;
    struct slice reason;            /* of a refusal */
    struct slice app;               /* id of the app password that was used; empty: none */
    struct slice app_name, passkey; /* what its holder called either; empty: none was used */
    struct slice device, country;   /* the machine's name: letter/device.h; two letters, or empty */
};

extern const struct cbor_schema sign_in_schema;

/* RECORD_ADMIN and RECORD_READING */
struct act {
    struct slice by; /* an account, or "uid 0" of who did not sign in */
    struct slice verb;
    struct slice object;
    struct slice reason;
    uint64_t count;      /* of results, letters, bytes, as the verb says */
    struct slice detail; /* what it became: "role auditor" */
    uint64_t role;       /* enum account_role in which it was done; 0: in none */
    struct slice at;     /* "uid 0": the machine's user who asked */
    bool refused;        /* it was asked for and not done */
};

extern const struct cbor_schema act_schema;

/* A copy of s that is valid UTF-8, at most `max` bytes: every byte that is none becomes U+FFFD. */
struct slice letter_text(struct arena *a, struct slice s, size_t max);

/* The part behind the last "@", or the empty slice. */
struct slice letter_domain(struct slice address);
