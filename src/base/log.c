#include "base/log.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"

#define TEXT_MAX 256
#define LINE_MAX 4096

static const char *level_names[] = {"error", "warning", "info", "debug"};
static const char *priorities[] = {"<3>", "<4>", "<6>", "<7>"};

static struct {
    const char *role;
    _Atomic enum log_level least;
    bool journal;
} self = {"-", LOG_INFO, false}; /* set by log_open(), before threads, but for the level */

void log_open(const char *role, enum log_level least)
{
    self.role = role;
    log_set_level(least);
    self.journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_set_level(enum log_level least)
{
    atomic_store(&self.least, least);
}

static bool needs_quotes(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return true;
        }
    }
    return s.len == 0;
}

/* Whatever is no printable ASCII is written as \xNN: one event stays one line, and a terminal
 * that shows the log obeys nobody's escape sequences. */
static void add_quoted(struct buf *b, struct slice s)
{
    buf_add_byte(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        if (c == '"' || c == '\\') {
            buf_add_byte(b, '\\');
            buf_add_byte(b, c);
        } else if (c < ' ' || c >= 0x7f) {
            buf_printf(b, "\\x%02x", c);
        } else {
            buf_add_byte(b, c);
        }
    }
    buf_add_byte(b, '"');
}

static void add_field(struct buf *b, const struct log_field *f)
{
    buf_printf(b, " %s=", f->name);
    if (f->kind == LOG_FIELD_NUMBER) {
        buf_printf(b, "%lld", (long long)f->number);
        return;
    }
    struct slice text = slice_head(f->text, TEXT_MAX);
    if (needs_quotes(text)) {
        add_quoted(b, text);
    } else {
        buf_add(b, text);
    }
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t n_fields)
{
    char now[CLOCK_TEXT_MAX];
    OWN(buf) struct buf line = {.max = LINE_MAX};

    if (level > atomic_load(&self.least)) {
        return;
    }
    clock_rfc3339(clock_wall_ms(), now);
    buf_printf(&line, "%stime=%s level=%s role=%s event=%s", self.journal ? priorities[level] : "",
               now, level_names[level], self.role, event);
    for (size_t i = 0; i < n_fields; i++) {
        add_field(&line, &fields[i]);
    }
    buf_add_byte(&line, '\n');
    if (line.full && line.len) {
        line.ptr[line.len - 1] = '\n'; /* an over-long line is cut, never split or dropped */
    }
    ssize_t written = write(STDERR_FILENO, line.ptr, line.len);
    (void)written; /* nowhere left to complain */
}
