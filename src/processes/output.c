#include "processes/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/own.h"
#include "base/slice.h"

#define READS_MAX 64 /* of OUTPUT_LINE_MAX bytes, before others have their turn */

bool output_open(struct output *o, int *theirs, struct error *e)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_errno(e, ERROR_BUSY, "pipe");
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK); /* ours alone: theirs blocks */
    o->fd = ends[0];
    o->len = 0;
    *theirs = ends[1];
    return true;
}

/* Is it a line of base/log that names this role? */
static bool is_own_line(struct slice line, const char *role)
{
    if (line.len > 3 && line.ptr[0] == '<' && line.ptr[2] == '>') { /* journald's priority */
        line = slice_from(line, 3);
    }
    for (size_t i = 0; i < line.len; i++) {
        if (line.ptr[i] < ' ' || line.ptr[i] == 0x7f) {
            return false;
        }
    }
    struct slice time = slice_cut(line, ' ', &line);
    struct slice level = slice_cut(line, ' ', &line);
    struct slice name = slice_cut(line, ' ', &line);
    return slice_starts(time, SLICE("time=")) && slice_starts(level, SLICE("level=")) &&
           slice_starts(name, SLICE("role=")) &&
           slice_equal(slice_from(name, sizeof("role=") - 1), slice_text(role)) &&
           slice_starts(line, SLICE("event="));
}

/* `line` has a byte of room behind it. */
static void pass_line(char *line, size_t len, const char *role)
{
    struct slice text = slice_of(line, len);

    if (is_own_line(text, role)) {
        line[len] = '\n';
        (void)!write(STDERR_FILENO, line, len + 1);
    } else if (len) {
        log_event(LOG_WARNING, "process.said", LOG_TEXT("process", role), LOG_SLICE("text", text));
    }
}

/* Pass on the whole lines of the buffer, and an unfinished one when the buffer is full. */
static void pass_lines(struct output *o, const char *role)
{
    size_t begin = 0;

    for (size_t i = 0; i < o->len; i++) {
        if (o->line[i] == '\n') {
            pass_line(o->line + begin, i - begin, role);
            begin = i + 1;
        }
    }
    o->len -= begin;
    (void)memmove(o->line, o->line + begin, o->len);
    if (o->len == OUTPUT_LINE_MAX - 1) {
        pass_line(o->line, o->len, role);
        o->len = 0;
    }
}

bool output_pass(struct output *o, const char *role)
{
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t n = read(o->fd, o->line + o->len, OUTPUT_LINE_MAX - 1 - o->len);
        if (n <= 0) {
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        }
        o->len += (size_t)n;
        pass_lines(o, role);
    }
    return true;
}

void output_close(struct output *o, const char *role)
{
    if (o->fd < 0) {
        return;
    }
    (void)output_pass(o, role);
    pass_line(o->line, o->len, role);
    own_fd(&o->fd);
    o->fd = -1;
    o->len = 0;
}
