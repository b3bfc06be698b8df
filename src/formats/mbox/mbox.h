/* formats/mbox - one letter after the other out of a mailbox file.
 *
 * There is no standard (RFC 4155 describes what is common): a line "From sender date" begins a letter,
 * an empty line ends it, and lines of a letter that look like such a line are protected with ">" in
 * one of several ways, or not at all where Content-Length says how long the body is. So:
 *
 *   - the first line of the file, and where a letter is to begin, need only start with "From ";
 *   - within a letter, a line begins the next one when it starts with "From " and holds a time and a
 *     year, behind an empty line; without one it must hold the names of a day and a month as well;
 *   - Content-Length is believed when behind so many bytes the file ends or such a line stands;
 *   - line ends are LF or CRLF, and are left as they are.
 *
 * Works on a window of the file, which the caller makes larger when it is asked to. Pure. */
#pragma once

#include <stdint.h>

#include "base/buf.h"

enum mbox_result {
    MBOX_LETTER,
    MBOX_MORE,   /* the window ends within the letter: show more from the same place on */
    MBOX_END,    /* nothing but empty lines is left */
    MBOX_NO_BOX, /* no "From " where a letter should begin */
};

enum mbox_reach { MBOX_GROWS, MBOX_FULL, MBOX_LAST };

struct mbox_letter {
    size_t start;           /* of its "From " line in the window */
    struct slice from_line; /* behind "From ", without the line end */
    struct slice bytes;     /* the letter as it stands there, still with its ">"; may be empty */
    size_t next;            /* where in the window to go on */
    bool by_length;         /* Content-Length told where it ends */
};

/**
 * Find the first letter of a window, which begins where one should begin.
 *
 * @param reach  whether the window reaches to the end of the file, or cannot become larger: then a
 *               Content-Length that points beyond it is not believed
 * @param out    filled for MBOX_LETTER; looks into the window
 */
enum mbox_result mbox_next(struct slice window, enum mbox_reach reach, struct mbox_letter *out);

/**
 * Skip a letter that is longer than any window may be: find the line that begins the next one.
 *
 * @param window  somewhere in the letter, at the beginning of a line, which begins no other one
 * @param next    MBOX_LETTER: where the next letter begins; MBOX_MORE: go on there
 * @return        MBOX_LETTER, MBOX_MORE or MBOX_END
 */
enum mbox_result mbox_skip(struct slice window, bool last, size_t *next);

/**
 * Append the letter without its protection, which only its body has; nothing when it has none.
 *
 * @param all  take one ">" from every line of ">" and "From " (mboxrd); otherwise only from ">From "
 * @return     from how many lines one was taken; 0: the letter is as it was
 */
size_t mbox_unquote(struct slice bytes, bool all, struct buf *out);

/* The time that a line names, in milliseconds since 1970 in UTC, which is assumed where the line names no
 * zone; false, *wall_ms untouched, when it cannot be read. */
bool mbox_from_date(struct slice from_line, int64_t *wall_ms) __attribute__((warn_unused_result));
