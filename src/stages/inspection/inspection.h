/* stages/inspection - reads one letter: which parts it has and which words they hold.
 *
 * The tree of parts is found by a bounded scanner of our own over the raw bytes (RFC 2046); GMime
 * decodes what the scanner cut out: parameters (RFC 2231), encoded words (RFC 2047), addresses,
 * transfer encodings. Nothing that nests or repeats reaches it without a limit. Runs in the
 * inspector, on a letter that nobody vouches for. One letter at a time in a process. */
#pragma once

#include "base/arena.h"

#include "formats/text/terms.h"
#include "letter/findings.h"

#define INSPECTION_DEPTH_MAX    50    /* parts within parts */
#define INSPECTION_FIELD_MAX    65536 /* bytes of one header field */
#define INSPECTION_HEADER_MAX   (1u << 20)
#define INSPECTION_TEXT_MAX     (32u << 20)  /* decoded text of one part */
#define INSPECTION_FILE_MAX     (64u << 20)  /* a document, or a file within an archive */
#define INSPECTION_HELD_MAX     (160u << 20) /* of these in memory at once */
#define INSPECTION_UNPACKED_MAX (512u << 20) /* bytes taken out of a letter's archives */
#define INSPECTION_DOCUMENTS_MS 8000         /* processor time for a letter's documents */
#define INSPECTION_ARENA_MAX    (64u << 20)  /* for findings, as the caller sets up the arena */

/* Load the library and the character sets, which cannot be loaded from within a sandbox. Once, at
 * the start of the process. */
void inspection_init(void);

/**
 * Read a letter.
 *
 * @param letter    its bytes as submitted, with CRLF or LF line ends
 * @param shallow   list documents and archives without opening them: for a letter over which a
 *                  reader ended before
 * @param arena     for the findings; INSPECTION_ARENA_MAX is always enough
 * @param findings  filled; texts live in the arena. A letter that breaks every rule still gives
 *                  findings: at least one part, and the reasons why others were not read
 * @param terms     appended to: the words of subject, text parts, attachment names, From, Sender
 *                  and Reply-To, To, Cc and Bcc
 */
void inspection_read(struct slice letter, bool shallow, struct arena *arena,
                     struct findings *findings, struct text_list *terms);
