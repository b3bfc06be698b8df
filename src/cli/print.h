/* cli/print - values as people read them: times, sizes, digests, aligned columns, and text from
 * outside made harmless.
 *
 * Subjects, addresses and the words of remote servers are hostile: a terminal obeys control
 * characters and reorders text around bidirectional ones. Everything that is not plainly visible
 * comes out as an escape, so that what stands on the screen is what was recorded. Pure. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

#define PRINT_COLUMNS_MAX 12

/**
 * Append s so that a terminal shows it and does nothing else.
 *
 * Control and format characters, line and paragraph separators, unassigned and private ones become
 * `\n`, `\t`, `\x1b` or `\u{202e}`, bytes that are no UTF-8 `\xff`, and a backslash `\\`.
 */
void print_clean(struct buf *out, struct slice s);

/* The same as a slice from the arena. */
struct slice print_cleaned(struct arena *arena, struct slice s);

/* Columns of a terminal that clean text takes. */
size_t print_width(struct slice s);

/* The beginning of clean text that takes at most `columns`; with an ellipsis when it was cut. */
struct slice print_cut(struct arena *arena, struct slice s, size_t columns);

/* A time in milliseconds since 1970 as local time with its offset, "2026-11-24T08:30:00+01:00";
 * 0 is "-". */
struct slice print_time(struct arena *arena, uint64_t wall_ms);

/* The same with milliseconds. */
struct slice print_time_ms(struct arena *arena, uint64_t wall_ms);

/* "740 bytes", "12.3 KiB", "1.0 GiB". */
struct slice print_size(struct arena *arena, uint64_t bytes);

/* A length of time: "0.3 s", "12 min", "3 h", "5 d". */
struct slice print_duration(struct arena *arena, uint64_t ms);

/* Bytes in lower-case hexadecimal. */
struct slice print_hex(struct arena *arena, struct slice bytes);

/* Rows that are aligned when all are known. */
struct print_row;

struct print_columns {
    struct arena *arena;
    const char *const *heads; /* NULL: no line above the rows */
    size_t count;             /* at most PRINT_COLUMNS_MAX */
    unsigned right;           /* bits: columns that are aligned to the right */
    size_t widths[PRINT_COLUMNS_MAX];
    struct print_row *first, *last;
};

/* Add a row of `count` cells; each is cleaned. */
void print_row(struct print_columns *c, const struct slice *cells);

/**
 * Write heads and rows, two blanks between columns, none at the end of a line.
 *
 * @param limit  cut lines to so many columns of a terminal; 0: leave them as they are
 */
void print_columns(struct print_columns *c, size_t limit, struct buf *out);
