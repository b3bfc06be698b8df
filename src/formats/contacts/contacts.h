/* formats/contacts - contacts as files: vCard 3.0 and 4.0 (RFC 2426, RFC 6350), and tables as CSV (RFC 4180).
 *
 * Reads what address books write, in as far as it is name, address, organisation, title, telephone and note; all else is
 * passed over, photographs of any size too. A file is read card by card; one that is broken is named and the
 * next one looked for. Pure; texts are UTF-8, come from the caller's arena and are cut to CARD_TEXT_MAX,
 * CARD_NOTE_MAX. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#define CARDS_FILE_MAX ((size_t)64 << 20) /* bytes that are worth reading */
#define CARD_ADDRESSES 8                  /* of one card; more are passed over */
#define CARD_TEXT_MAX  256
#define CARD_NOTE_MAX  1000
#define CARD_ARENA_MAX ((size_t)4 << 20) /* what reading one card takes */

struct card {
    struct slice addresses[CARD_ADDRESSES]; /* as they stand there, not looked at */
    size_t n_addresses;
    struct slice name;
    struct slice organisation;
    struct slice title;
    struct slice phone;
    struct slice note;
};

enum card_result {
    CARD_READ,
    CARD_BROKEN, /* `why` says how; go on with the next */
    CARD_END,    /* there is none any more */
};

struct card_reader {
    struct slice rest;
    size_t line; /* of what is read next, counted from 1 */
    bool table;
    uint8_t separator;   /* of a table's columns */
    uint8_t columns[64]; /* what stands in each, see csv.c */
    size_t n_columns;
};

/**
 * Begin to read a file, whichever of the two it is.
 *
 * @return  NULL, or why it is none of them: to follow "the file"
 */
const char *card_reader_init(struct card_reader *r, struct slice file)
    __attribute__((warn_unused_result));

/**
 * Read the next one.
 *
 * @param arena  for its texts; may be reset between two
 * @param line   set to where it begins
 * @param why    set when it is broken, to follow "line 7"
 */
enum card_result card_next(struct card_reader *r, struct arena *arena, struct card *out,
                           size_t *line, const char **why) __attribute__((warn_unused_result));

/* Append a card as vCard 4.0. */
void card_write(struct buf *out, const struct card *c);

/* Append the heads of a table, and a card as a row of it. What a spreadsheet would take for a formula gets an
 * apostrophe in front, which card_next() takes off. */
void card_write_heads(struct buf *out);
void card_write_row(struct buf *out, const struct card *c);
