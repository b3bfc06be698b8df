/* verify/note - checkpoints: C2SP signed notes over a tlog-checkpoint, and the key that signs them.
 *
 * docs/ledger-format.md section 8. Pure: no I/O. */
#pragma once

#include "verify/hash.h"

#define NOTE_NAME_MAX 200  /* bytes of an origin or a key's name */
#define NOTE_MAX      4096 /* bytes of a note */

struct note_key {
    uint8_t name[NOTE_NAME_MAX];
    size_t name_len;
    uint8_t public_key[32]; /* Ed25519 */
    uint8_t id[4];
};

struct note {
    uint64_t size;
    uint8_t root[HASH_LEN];
    struct view origin; /* in the note's text */
};

enum note_result { NOTE_SIGNED, NOTE_UNSIGNED, NOTE_MALFORMED };

/* Read a key's line, `name+hash+base64`, with or without its line end. */
bool note_key_read(struct view line, struct hash *h, struct note_key *out)
    __attribute__((warn_unused_result));

/* Read a note. NOTE_UNSIGNED: it is one, but not signed by the key. */
enum note_result note_read(struct view text, const struct note_key *key, struct note *out)
    __attribute__((warn_unused_result));

/* Cut the first note off a file that holds several, one behind the other with empty lines between. False
 * when nothing but empty lines is left. */
bool note_next(struct view *rest, struct view *note) __attribute__((warn_unused_result));
