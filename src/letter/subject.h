/* letter/subject - the record of what became of a person's request that letters of or about him are erased.
 * Each batch that is erased is a RECORD_REMOVAL that names the request, in one commit with the record that says what
 * of the batch was kept, and why. The rules of letter/records.h hold here too. */
#pragma once

#include "letter/approval.h"

#define RECORD_SUBJECT 56 /* enum record_type has the others */

#define SUBJECT_ADDRESSES_MAX 16
#define SUBJECT_WORDS_MAX     16
#define SUBJECT_WORD_MAX      200  /* bytes of one of the texts that are looked for */
#define SUBJECT_KEPT_MAX      1000 /* letters with their grounds, in one record */
#define SUBJECT_GROUNDS_MAX   200  /* different ones, in one record */

enum subject_state {
    SUBJECT_BEGUN = 1,
    SUBJECT_GOES_ON = 2, /* a batch of letters was looked at */
    SUBJECT_ENDED = 3,
};

enum subject_why {
    SUBJECT_HELD = 1,   /* by the holds that are named                                       */
    SUBJECT_DUTY = 2,   /* a rule of retention still runs                                    */
    SUBJECT_QUEUE = 3,  /* it, or a report about it, is still to be delivered                */
    SUBJECT_UNTOLD = 4, /* it could not be read again: nobody can tell what it is or holds it */
    SUBJECT_OTHER = 5,  /* the index names it, and the letter itself says nothing of it      */
    SUBJECT_MUCH = 6,   /* more belongs to it than is erased at once                         */
};

/* Why letters are kept. */
struct subject_ground {
    uint64_t why;
    struct slice name;     /* HELD: of the holds; DUTY: the class */
    struct slice citation; /* DUTY: of the law, as the rule says; empty: it names none */
};

/* One letter and one ground; a letter with several has as many, one behind the other. */
struct subject_kept {
    struct slice id;
    uint64_t ground; /* its place in the record's list */
    uint64_t until;  /* DUTY: wall milliseconds; 0: never, or it is not known */
};

/* RECORD_SUBJECT. The counts are of all letters until then. */
struct subject_record {
    struct slice request; /* that was approved */
    uint64_t number;      /* by which people call it; a later run has the same */
    uint64_t state;
    struct cbor_list addresses; /* texts; BEGUN, with what follows up to `reason` */
    struct cbor_list words;
    uint64_t head; /* letters whose facts stand before this record are looked at */
    struct slice by;
    struct slice reason;
    uint64_t next;            /* GOES_ON: those before this one are still to be looked at */
    uint64_t erased;          /* letters that were found */
    uint64_t along;           /* that went with them: reports about them, repetitions */
    uint64_t kept;            /* letters that were found and stay */
    uint64_t unread;          /* ENDED: that could not be read whole, and were not found */
    uint64_t due;             /* when the first rule ends that keeps one; 0: none does */
    uint64_t backups;         /* ENDED: until when a backup can hold the keys; 0: none is made */
    struct cbor_list grounds; /* struct subject_ground */
    struct cbor_list letters; /* struct subject_kept: of this batch */
};

extern const struct cbor_schema subject_record_schema;
extern const struct cbor_schema subject_ground_schema;
extern const struct cbor_schema subject_kept_schema;

/* Arguments of REQUEST_SUBJECT. */
struct request_subject {
    struct cbor_list addresses; /* texts: sender, or recipient in envelope or header */
    struct cbor_list words;     /* texts that stand anywhere in a letter */
    uint64_t head;              /* letters whose facts stand before this record */
    uint64_t found;             /* how many those were when that was asked */
    uint64_t number;            /* of the request that is run again; 0: a new one */
};

extern const struct cbor_schema request_subject_schema;
