/* verify/proof - that a letter is in a ledger, or that a ledger goes on from an earlier checkpoint, by a small
 * file instead of the ledger: docs/ledger-format.md section 13.
 *
 * Pure: no I/O. */
#pragma once

#include "verify/note.h"

#define PROOF_MAX       ((size_t)32 << 10) /* bytes of a proof */
#define PROOF_NODES_MAX 64
#define LETTER_ID_LEN   10

enum proof_kind { PROOF_LETTER, PROOF_GROWTH };

struct proof {
    enum proof_kind kind;
    struct note note;          /* the newer checkpoint */
    struct note from;          /* of growth: the older one */
    uint64_t number;           /* of a letter: its record's */
    int64_t time;              /* and when that was sealed, ms since 1970 */
    uint8_t id[LETTER_ID_LEN]; /* and the letter's id */
    uint8_t blind[32];
    uint8_t nodes[PROOF_NODES_MAX][HASH_LEN];
    size_t n_nodes;
};

/* Read a proof. What is returned is what is wrong with it, NULL when nothing: it is well-formed, and its
 * checkpoints are signed by the key. */
const char *proof_read(struct view text, const struct note_key *key, struct proof *out);

/* Whether a letter's bytes are what the proof is about, and in the tree of its checkpoint. */
bool proof_letter_holds(const struct proof *p, struct view letter, struct hash *h)
    __attribute__((warn_unused_result));

/* Whether the tree of the older checkpoint is the beginning of that of the newer. */
bool proof_growth_holds(const struct proof *p, struct hash *h) __attribute__((warn_unused_result));
