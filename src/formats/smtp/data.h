/* formats/smtp/data - the octets of a letter on the wire: the strict reader and the writer of the
 * transparency procedure (RFC 5321 section 4.5.2), the same checks for chunks (RFC 3030).
 *
 * The end of a letter is CRLF.CRLF and nothing else (section 4.1.1.4); a CR or LF that stands
 * alone, and NUL, are never part of a letter. What other systems make of them is how one letter is
 * smuggled inside another, so a reader that met one is finished for good: its connection must be
 * closed and never be read as commands again. Works on whole runs, any split of the input gives
 * the same octets. Allocates nothing. */
#pragma once

#include "base/error.h"
#include "base/slice.h"

enum smtp_data_result {
    SMTP_DATA_MORE,    /* the input is used up */
    SMTP_DATA_RUN,     /* *run holds octets of the letter */
    SMTP_DATA_END,     /* the end mark was read; what follows in the input is commands */
    SMTP_DATA_BARE_CR, /* smuggling or a broken client: refuse and close */
    SMTP_DATA_BARE_LF,
    SMTP_DATA_NUL,
};

struct smtp_data_reader {
    bool dots;       /* undo dot-stuffing and watch for the end mark: DATA, not BDAT */
    uint8_t place;   /* where in a line the next octet stands; data.c */
    uint8_t broken;  /* the smtp_data_result that finished it, or 0 */
    uint64_t octets; /* of the letter so far */
    size_t line;     /* octets of the unfinished line, without CR */
    size_t longest;  /* longest line so far, without CRLF */
};

/* Start a letter. `dots` is true for DATA and false for BDAT. */
void smtp_data_reader_init(struct smtp_data_reader *r, bool dots);

/**
 * Take the next run of a letter's octets from the front of *in.
 *
 * @param in   advanced past what was read; a reader of chunks is given just the chunk's octets
 * @param run  with SMTP_DATA_RUN: a view into the input, dot-stuffing undone by leaving the dot
 *             out between two runs
 */
enum smtp_data_result smtp_data_read(struct smtp_data_reader *r, struct slice *in,
                                     struct slice *run) MUST_CHECK;

/* After the last chunk: SMTP_DATA_END, or SMTP_DATA_BARE_CR when the letter ends in half a CRLF. */
enum smtp_data_result smtp_data_finish(struct smtp_data_reader *r) MUST_CHECK;

/* Writes a letter for DATA: dots stuffed, closed by the end mark. */
struct smtp_data_writer {
    uint8_t place;
};

/* Begin a letter at the start of its first line. */
void smtp_data_writer_init(struct smtp_data_writer *w);

/**
 * Take the next piece to send from the front of *letter.
 *
 * @param letter  what is left of the letter; advanced. It may come in parts.
 * @param piece   to be sent as it is: a view into the letter, or into constant memory
 * @return        false when *letter is used up
 */
bool smtp_data_write(struct smtp_data_writer *w, struct slice *letter,
                     struct slice *piece) MUST_CHECK;

/* What to send behind the letter's last octet: `.CRLF`, with a CRLF before it when the letter does
 * not end with one. */
struct slice smtp_data_writer_end(const struct smtp_data_writer *w);
