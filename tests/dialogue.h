/* tests/dialogue - conversations kept as text files in tests/dialogues/, played against a protocol
 * machine: once as they stand, once octet by octet, with the same outcome.
 *
 *     == name | option option=value   a dialogue begins; options are the player's
 *     C: EHLO client                  a line from one side, ended by CRLF
 *     c: raw octets                   the same without CRLF
 *     S: 250 host                     a line from the other side
 *     E: mail <a@b>                   what the machine told its caller
 *     O: quit                         what the caller orders
 *     # comment
 *
 * Escapes: \r \n \0 \\ \xHH; {300*abc} stands for 300 times abc. One of C and S is the input, the
 * other is what must come out; everything that comes out between two inputs must stand there, in
 * order. Input lines without output between them are one piece of input. The option `whole` keeps
 * a dialogue from being played octet by octet, where what was buffered together matters. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

struct dialogue_player {
    char input; /* 'C' or 'S' */
    void *self;
    struct buf *log; /* the player appends "S: ...\n" and "E: ...\n" */
    void (*begin)(void *self, struct slice options);
    void (*feed)(void *self, struct slice octets);
    void (*order)(void *self, struct slice order); /* may be NULL */
};

/* Play every dialogue of tests/dialogues/`file`; the cmocka test fails on the first difference. */
void dialogue_play(const char *file, const struct dialogue_player *player);

/* The value of `name=` among blank-separated options, or SLICE_NONE; a bare `name` gives an empty
 * slice that is not NULL. */
struct slice dialogue_option(struct slice options, const char *name);

/* Append octets, escaped so that they are one line. */
void dialogue_escape(struct buf *out, struct slice octets);

/* Append what an escaped text stands for. */
void dialogue_unescape(struct buf *out, struct slice text);

/* Append every line of `octets` behind "X: ", as a log line each. */
void dialogue_log_lines(struct buf *out, char who, struct slice octets);
