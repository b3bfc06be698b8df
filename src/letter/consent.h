/* letter/consent - records of letters that a second person must let go: that one waits, and what became of that.
 * docs/ledger-format.md has their bytes. The rules of letter/records.h hold here too; which includes this. */
#pragma once

#include "formats/cbor/cbor.h"

#define CONSENT_APPROVERS_MAX 100
#define CONSENT_TEXT_MAX      4096
#define CONSENT_NOTICES_MAX   2

/* In a decision: the letter leaves when somebody approved it, and goes back when nobody did. It says all that is needed
 * for that, whatever the settings become meanwhile. */
struct consent_need {
    struct slice rule;          /* name of the [approval] section; empty: nobody is needed */
    struct slice digest;        /* SHA-256 of the section's text */
    struct slice text;          /* that text; empty when it is longer than CONSENT_TEXT_MAX */
    struct slice why;           /* which conditions it met */
    struct cbor_list approvers; /* texts: "role officer", "group sales-leads", "account anna@..." */
    uint64_t until;             /* then it goes back */
};

extern const struct cbor_schema consent_need_schema;

enum consent_state {
    CONSENT_TOLD = 1,      /* the sender and who may approve were told that it waits */
    CONSENT_APPROVED = 2,  /* it goes into the queue as it was held                  */
    CONSENT_REFUSED = 3,   /* it went back to its sender                             */
    CONSENT_TIMED_OUT = 4, /* likewise, because nobody said anything                 */
};

/* RECORD_CONSENT */
struct consent_record {
    struct slice id;
    uint64_t state;
    struct slice rule;   /* as in the decision */
    struct slice digest; /* SHA-256 of the copy that was held: as in `sealed` */
    struct slice by;     /* as in an act; nobody when TOLD or TIMED_OUT */
    struct slice at;
    uint64_t role;
    struct slice reason;
    struct cbor_list told; /* texts: the accounts that may approve, when TOLD */
    struct slice notices;  /* ids of the letters that told them, one behind the other, when TOLD */
};

extern const struct cbor_schema consent_record_schema;

/* "approved" */
const char *consent_state_name(uint64_t state);
