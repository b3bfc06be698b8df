/* stages/metadata - a letter whose files do not say who made them, where and with what, made of one whose files may.
 *
 * Each file of a kind that formats/scrub knows is replaced in its place by a cleaned one; all else is byte for byte what it was, in
 * its order. What its sender or a server has signed (multipart/signed, S/MIME, DKIM-Signature, ARC) stays as it is, and so does what is encrypted,
 * damaged, or could be read in two ways; that is said. The files of ZIP archives are replaced in them; other archives are not opened, and that is said.
 *
 * Runs in the inspector, on a letter that nobody vouches for. Pure; bounded by the size of the letter. One thread. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include "formats/cbor/cbor.h"

#define METADATA_TEXTS_MAX 590
#define METADATA_TEXT_MAX  400
#define METADATA_ARENA_MAX (4u << 20) /* for texts and names, as the caller sets up the arena */

struct metadata_cleaned {
    struct cbor_list
        texts;         /* struct slice: what was taken out of each file, and what stays and why */
    struct slice left; /* the first that stays, or may, and why; empty: nothing does */
    bool changed;      /* otherwise the letter is as it was */
};

/**
 * Clean a letter.
 *
 * @param letter  CRLF line ends
 * @param arena   METADATA_ARENA_MAX is always enough
 * @param letter_out  empty; the cleaned letter, unless it did not change
 * @return        false with ERROR_LIMIT when it does not fit
 */
bool metadata_clean(struct slice letter, struct arena *arena, struct buf *letter_out,
                    struct metadata_cleaned *out, struct error *e) MUST_CHECK;
