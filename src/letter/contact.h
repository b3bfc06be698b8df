/* letter/contact - a contact: whom one writes to. A book is an account's own or the company's.
 *
 * Rows of the keeper's state, not records: the rules for texts of letter/records.h hold here too. */
#pragma once

#include "formats/cbor/cbor.h"

#define CONTACT_ADDRESS_MAX 320
#define CONTACT_TEXT_MAX    256
#define CONTACT_NOTE_MAX    1000
#define CONTACT_SOURCE_MAX  32 /* the name of a [directory] */

struct contact {
    struct slice address; /* names it within its book, whatever the case of its letters */
    struct slice name;
    struct slice organisation;
    struct slice title;
    struct slice phone;
    struct slice note;
    bool favourite;
};

extern const struct cbor_schema contact_schema;

/* What an entry of a book is; the numbers stand in the state. */
enum contact_kind {
    CONTACT_REAL = 0,
    CONTACT_DECOY = 1,   /* nobody: it stands in lists, and who writes to it is a thief  */
    CONTACT_RETIRED = 2, /* was a decoy: stands in no list, and is watched all the same */
};

struct contact_row {
    struct slice owner; /* an account; empty: the company */
    struct contact contact;
    uint64_t kind;          /* enum contact_kind */
    uint64_t until;         /* when a decoy has served its time */
    struct slice directory; /* the [directory] that says what it is; empty: a person does */
};

extern const struct cbor_schema contact_row_schema;

/* The first text of a contact that is too long, or "address" when it has none; NULL: it can be kept. */
const char *contact_flaw(const struct contact *c);
