/* verify/opened - a file that opens records of a ledger, proves them by one signed checkpoint, and says to people what is in
 * them: what certificates and evidence have in common, docs/ledger-format.md section 14.
 *
 * What it says to people is not believed; its digest is for the record that binds it. Pure: no I/O. */
#pragma once

#include "verify/note.h"

#define OPENED_MAX     ((size_t)640 << 20) /* bytes of such a file */
#define OPENED_IS_NONE "this is no certificate or evidence"

/* A record that is opened, or of one that was destroyed its commitment alone. */
struct opened_record {
    uint64_t number;
    uint16_t type;
    int64_t time;
    bool opened;
    bool
        named; /* of the destroyed: an erasure names it; of an erasure: a removal follows it; of a rule: a removal
                   names it */
    bool done; /* of an erasure: an erased record names it */
    uint8_t leaf[HASH_LEN];
    struct view body; /* in the file's memory */
};

struct opened_file {
    struct note note;
    bool is_signed;
    struct opened_record *list; /* ascending by number */
    size_t n;
    uint8_t *bodies; /* of all that are opened */
    struct view nodes_text;
    uint8_t text[HASH_LEN]; /* digest of what people read */
};

/* Read a file: its records, each with its leaf, the nodes, the checkpoint. `first_line` with its line end. What is returned is
 * what is wrong with the form. Whether it is signed is set; nothing is judged. opened_done() ends it in any case. */
const char *opened_read(struct view file, const char *first_line, const struct note_key *key,
                        struct opened_file *f, struct hash *h);
void opened_done(struct opened_file *f);

/* Whether all its records are in the tree of its checkpoint. */
bool opened_in_tree(const struct opened_file *f, struct hash *h)
    __attribute__((warn_unused_result));

/* What is wrong with a file, NULL when it holds: all is judged in any case, and what matters most is said. `what` is what is wrong with its
 * records. */
const char *opened_verdict(const struct opened_file *f, const char *what, struct hash *h);

/* The record of that number, or NULL. */
struct opened_record *opened_find(const struct opened_file *f, uint64_t number);

/* The digest of what people read, as digits. */
void opened_text_hex(const struct opened_file *f, char out[static 2 * HASH_LEN]);
