/* tests/senders/variants - letters that try to show a sender who is none: From and Sender in all the ways that
 * programs are known to read differently, and some that nobody thought of.
 *
 * The forms are those of RFC 5322 with its obsolete ones, of the attacks in "Composition Kills" (Chen, Paxson, Jiang,
 * USENIX Security 2020), and random bytes put into both. Equal seeds make equal letters. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

#define VARIANT_MAX 16384 /* bytes of one letter */

struct variant {
    struct buf letter;
    struct buf reverse_path;
    bool utf8; /* MAIL had SMTPUTF8 */
};

/* The letter of that number; `out` has buffers, which are filled anew. */
void variant_make(uint64_t seed, struct variant *out);
