/* stages/attachments - a letter whose files a password opens, made of one whose files anybody reads.
 *
 * Documents that have an encrypted form of their own (formats/lock) are replaced in their place, under their names and types. What has
 * none goes into one archive, which is added as the last part and whose names nobody reads; the letter's text goes there as well unless
 * it is to stay, and a short text stands in its place that says how to open it all. What is encrypted already stays. All else is byte
 * for byte what it was, in its order. Parts that are signed, and letters within the letter when its text is not to stay, go into
 * the archive whole, as files, so that they come out as they went in; so does whatever could be read in two ways.
 *
 * Runs in the inspector, on a letter that nobody vouches for. The password is in what comes out nowhere. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include "formats/cbor/cbor.h"

#define ATTACHMENTS_TEXTS_MAX 590
#define ATTACHMENTS_TEXT_MAX  400
#define ATTACHMENTS_ARENA_MAX                                                                      \
    (8u << 20) /* for texts, names and headers, as the caller sets up the arena */
#define ATTACHMENTS_ARCHIVE "secure.zip"

enum attachments_language { ATTACHMENTS_ENGLISH, ATTACHMENTS_GERMAN, ATTACHMENTS_FRENCH };

struct attachments_wish {
    struct slice password;              /* as lock_password_sound() wants it */
    bool scrub;                         /* take out what files say of who made them */
    bool text_stays;                    /* the letter's text and headers of letters within it */
    enum attachments_language language; /* of the text that says how to open it */
    struct slice cover; /* a text of the company's own instead, UTF-8; empty: ours */
};

/* Load what can be loaded only before a sandbox closes. */
void attachments_init(void);

/**
 * Protect a letter.
 *
 * @param letter  CRLF line ends
 * @param arena   ATTACHMENTS_ARENA_MAX is always enough
 * @param out     empty; the protected letter
 * @param texts   struct slice: what became of each file, for the record
 * @return        false with ERROR_INPUT when nothing of it can be protected so, the sentence says why; ERROR_LIMIT
 *                when it does not fit; ERROR_BUSY when a library fails
 */
bool attachments_protect(struct slice letter, const struct attachments_wish *wish,
                         struct arena *arena, struct buf *out, struct cbor_list *texts,
                         struct error *e) MUST_CHECK;
