/* base/log - one line of logfmt for one event, written whole by a single write(2) to stderr.
 *
 *     log_event(LOG_INFO, "letter.recorded", LOG_TEXT("id", id), LOG_NUMBER("bytes", n));
 *     time=2026-11-24T07:30:00.000Z level=info role=keeper event=letter.recorded id=... bytes=5120
 *
 * Only stages, processes and the command line log; libraries return errors. Never message text,
 * never a secret, never an address unless the operator asked for it. Thread-safe. */
#pragma once

#include <stdint.h>

#include "base/slice.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log_field {
    const char *name; /* [a-z_]+ */

    enum { LOG_FIELD_NUMBER, LOG_FIELD_SLICE } kind;

    int64_t number;
    struct slice text; /* quoted and escaped as needed; cut at 256 bytes */
};

#define LOG_NUMBER(name, value)                                                                    \
    {                                                                                              \
        name, LOG_FIELD_NUMBER, (int64_t)(value),                                                  \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }
#define LOG_SLICE(name, slice)                                                                     \
    {                                                                                              \
        name, LOG_FIELD_SLICE, 0, slice                                                            \
    }
#define LOG_TEXT(name, text)                                                                       \
    {                                                                                              \
        name, LOG_FIELD_SLICE, 0, slice_text(text)                                                 \
    }

#define log_event(level, event, ...)                                                               \
    log_write(level, event, (const struct log_field[]){__VA_ARGS__},                               \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/* Name this process in every line, and set the least important level that is written. Call it
 * before threads start. Lines begin with journald's <priority> when JOURNAL_STREAM is set. */
void log_open(const char *role, enum log_level least);

/* Change the least important level that is written. */
void log_set_level(enum log_level least);

/* Write one line when `level` is important enough. The macro log_event() below counts the fields.
 * */
void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t n_fields);
