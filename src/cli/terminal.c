#include "cli/terminal.h"

#include <errno.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#define CONTROL_C 3

enum got { GOT_LINE, GOT_END, GOT_LONG, GOT_INTERRUPT, GOT_FAILED };

bool terminal_has_person(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static ssize_t read_byte(uint8_t *c)
{
    ssize_t n;

    do {
        n = read(STDIN_FILENO, c, 1);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* One line without its end into `line`. */
static enum got read_line(uint8_t *line, size_t room, size_t *len)
{
    size_t count = 0;

    for (;;) {
        uint8_t c = 0;
        ssize_t n = read_byte(&c);
        if (n < 0) {
            return GOT_FAILED;
        }
        if (c == CONTROL_C) {
            return GOT_INTERRUPT;
        }
        if (n == 0 && count == 0) {
            return GOT_END;
        }
        if (n == 0 || c == '\n') {
            count -= count && line[count - 1] == '\r';
            *len = count;
            return GOT_LINE;
        }
        if (count == room) {
            return GOT_LONG;
        }
        line[count++] = c;
    }
}

static bool explain(enum got got, size_t max, struct error *e)
{
    switch (got) {
    case GOT_END:
        return error_set(e, ERROR_INPUT, "the input ended where a line was expected");
    case GOT_LONG:
        return error_set(e, ERROR_INPUT, "the line is longer than %zu bytes", max);
    case GOT_INTERRUPT:
        return error_set(e, ERROR_INPUT, "interrupted");
    case GOT_FAILED:
        return error_errno(e, ERROR_BUSY, "standard input");
    case GOT_LINE:
        break;
    }
    return true;
}

bool terminal_ask(const char *question, const char *initial, struct arena *arena,
                  struct slice *answer, struct error *e)
{
    uint8_t line[TERMINAL_LINE_MAX];
    size_t len = 0;

    for (;;) {
        (void)fprintf(stderr, initial ? "%s [%s]: " : "%s: ", question, initial);
        enum got got = read_line(line, sizeof(line), &len);
        if (got != GOT_LINE) {
            return explain(got, sizeof(line), e);
        }
        struct slice typed = slice_trim(slice_of(line, len));
        if (typed.len || initial) {
            *answer = arena_copy(arena, typed.len ? typed : slice_text(initial));
            return true;
        }
    }
}

bool terminal_read_line(size_t max, struct arena *arena, struct slice *line, struct error *e)
{
    uint8_t *bytes = arena_alloc(arena, max);
    size_t len = 0;
    enum got got = read_line(bytes, max, &len);

    if (got != GOT_LINE) {
        return explain(got, max, e);
    }
    *line = slice_of(bytes, len);
    return true;
}

bool terminal_read_secret(size_t max, struct secret **out, struct error *e)
{
    OWN(secret) struct secret *line = secret_new(max);
    size_t len = 0;
    enum got got = read_line(line->ptr, max, &len);

    if (got != GOT_LINE) {
        return explain(got, max, e);
    }
    if (len == 0) {
        return error_set(e, ERROR_INPUT, "the line is empty");
    }
    *out = secret_copy(slice_of(line->ptr, len));
    return true;
}

/* Without echo, and without signals: an interrupted question must not leave the terminal mute. */
bool terminal_ask_secret(const char *question, size_t max, struct secret **out, struct error *e)
{
    struct termios before;

    (void)fprintf(stderr, "%s: ", question);
    if (tcgetattr(STDIN_FILENO, &before) != 0) {
        return error_errno(e, ERROR_INPUT, "no terminal to type at");
    }
    struct termios mute = before;
    mute.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &mute);
    bool got = terminal_read_secret(max, out, e);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)fprintf(stderr, "\n");
    return got;
}

bool terminal_new_password(bool from_stdin, size_t max, struct secret **out, struct error *e)
{
    OWN(secret) struct secret *first = NULL;
    OWN(secret) struct secret *second = NULL;

    if (!from_stdin && !terminal_has_person()) {
        return error_set(e, ERROR_INPUT,
                         "no terminal to type a password at; --password-stdin takes it from "
                         "standard input");
    }
    if (from_stdin ? !terminal_read_secret(max, &first, e)
                   : !terminal_ask_secret("Password", max, &first, e)) {
        return false;
    }
    if (!from_stdin && !terminal_ask_secret("The same again", max, &second, e)) {
        return false;
    }
    if (!from_stdin && !secret_equal(secret_slice(first), secret_slice(second))) {
        return error_set(e, ERROR_INPUT, "the two passwords differ; nothing was changed");
    }
    *out = TAKE(first, NULL);
    return true;
}
