/* keeper/smime_finds - what the places have in common in which keeper/smime_find looks for certificates: what was asked of late and what
 * came of it, how much may be asked, and how what was found is read and kept. For smime_find*.c alone. Thread-safe. */
#pragma once

#include "base/arena.h"

#include "keeper/smime_find.h"
#include "letter/recipient_key.h"

#define SMIME_AGAIN_MIN_S                                                                          \
    600 /* a letter to many is asked for over several minutes: all must still be known at the end */
#define SMIME_AGAIN_MAX_S     3600
#define SMIME_AFTER_SILENCE_S 60   /* before somebody who gave no answer is asked again */
#define SMIME_FINDS_MAX       4    /* certificates of one address */
#define SMIME_ASK_CHANNEL_MS  5000 /* more than the answer may take, for a channel to who asks */

enum smime_place { SMIME_PLACE_DNS, SMIME_PLACE_DIRECTORY, SMIME_PLACES };

struct settings;

/* Whether a [policy] section names smime: without one nobody is encrypted to with a certificate, so nobody need hear of him. */
bool smime_find_matters(const struct settings *s);

/* What stands for that in the memory. */
uint64_t smime_asked_hash(struct slice kind, struct slice what);

/* Likewise, for an address that is asked for in a place, `where` of it: another one after smime_asked_anew(). */
uint64_t smime_asked_of(enum smime_place place, struct slice where, struct slice address,
                        struct arena *arena);

/* Have that place asked again for that address, in lower case. */
void smime_asked_anew(enum smime_place place, struct slice address);

/* Whether that was asked of late, and what came of it. */
bool smime_asked_recall(uint64_t hash, struct smime_found *out);

/* For so many seconds. */
void smime_asked_remember(uint64_t hash, struct smime_found found, int64_t for_s);

/* Whether to ask a place now; when true, patience_give() follows. */
bool smime_may_ask(enum smime_place place);

struct smime_finds {
    struct recipient_key keys[SMIME_FINDS_MAX];
    size_t n;
    const char *note; /* these as in struct smime_found */
    bool gone;
};

/* Read a certificate by an inspector; false when that cannot be done now. *out is of no kind when it is none. */
bool smime_finds_read(struct keeper *k, struct slice address, struct slice certificate,
                      struct arena *arena, struct recipient_key *out);

/* Have the address have these of that place and no others of it; false when that cannot be done now, which is logged. Where one went
 * the other place is asked again: it may have the same, which was left out there. */
bool smime_finds_keep(struct keeper *k, struct slice address, enum smime_place place,
                      struct smime_finds *finds, struct arena *arena);
