/* letter/retention - the records that say how long letters are kept: rules, the dates that some of them
 * run from, and what each letter was found to be. The rules of letter/records.h hold here too. */
#pragma once

#include "formats/cbor/cbor.h"

#define RULE_CLASS_MAX 64  /* bytes of a class's name */
#define RULE_TEXT_MAX  400 /* bytes of a condition */
#define RULE_LIST_MAX  100 /* conditions of one kind */
#define RULE_NOTE_MAX  1000
#define RULE_KEY_MAX   320 /* bytes: an account's name, or a case's */
#define STAMP_MAX      1000
#define STAMP_WHY_MAX  200

/* RECORD_RULE: how long letters of a class are kept. The newest record of a class holds. Conditions of one
 * kind are alternatives, those of different kinds must all hold; a rule without any is about all letters. */
struct rule {
    struct slice class;
    bool removed;      /* there is no such class any more; only who and why is said */
    struct slice term; /* "7y", as stages/retention/term.h says */
    uint64_t start;    /* enum retention_start */
    uint64_t fiscal_month;
    struct slice date_key;    /* start by date: whose; empty: the letter's account's */
    struct cbor_list senders; /* texts, from here to groups */
    struct cbor_list accounts;
    struct cbor_list domains; /* of recipients */
    struct cbor_list words;   /* phrases */
    struct cbor_list findings;
    struct cbor_list labels;
    struct cbor_list groups; /* of accounts: letter/group.h */
    struct slice title;      /* what the class is about */
    struct slice citation;   /* of the law */
    struct slice source;     /* where that can be read */
    struct slice review;     /* when it is to be looked at again, 2027-01-31 */
    struct slice advice;     /* on whose advice it was set */
    struct slice signed_off_by;
    struct slice pack; /* it was taken from */
    struct slice by;
    uint64_t role; /* as in an act */
    struct slice at;
    struct slice reason;
};

extern const struct cbor_schema rule_schema;

/* One class of a letter. */
struct class_stamp {
    struct slice class;
    uint64_t rule; /* seq of its record */
    uint64_t ends; /* wall milliseconds; 0: never */
    struct slice why;
};

extern const struct cbor_schema class_stamp_schema;

/* RECORD_CLASSES: what a letter was found to be. The newest record of a letter holds. */
struct classes {
    struct slice id;          /* of the letter */
    struct cbor_list classes; /* struct class_stamp; empty: under no rule any more */
    uint64_t until;           /* when the longest ends; 0: never, or under no rule */
    uint64_t rules;           /* seq of the newest record of a rule or date that was known */
};

extern const struct cbor_schema classes_schema;

/* RECORD_DATE: the day on which something ended, from which terms run. The newest record of a key holds. */
struct rule_date {
    struct slice key; /* an account's name, or a case's, in lower case */
    uint64_t date;    /* wall milliseconds of midnight UTC */
    bool removed;
    struct slice by;
    uint64_t role;
    struct slice at;
    struct slice reason;
};

extern const struct cbor_schema rule_date_schema;
