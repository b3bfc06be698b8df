/* config/config - settings declared as tables, and the file that gives them values.
 *
 *     # postern.conf
 *     size-limit = 50MiB
 *     domain = example.test, example.org       # lists: commas, or the same name again
 *
 *     [domain partner.test]                    # a section: one for each name
 *     tls = verified
 *
 * A setting is one row: name, type, default, bounds, help. The reader, `postern check-config`,
 * `postern config explain`, the file `postern init` writes and postern.conf(5) all come from the
 * rows, so they cannot disagree. Pure: bytes in, values out; only config_load() opens a file.
 * Values live in the caller's arena. Nothing here is shared between threads. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#define CONFIG_FILE_MAX     (1 << 20)  /* bytes of a configuration file */
#define CONFIG_LINE_MAX     4096       /* bytes of one line */
#define CONFIG_LIST_MAX     1000       /* items of one list */
#define CONFIG_SECTIONS_MAX 10000      /* sections of one file */
#define CONFIG_PROBLEMS_MAX 50         /* sentences about one file; more help nobody */
#define CONFIG_ARENA_MAX    (64 << 20) /* an arena of this size holds what any file can say */

/* For the bounds of a row. */
#define CONFIG_KIB    (INT64_C(1) << 10)
#define CONFIG_MIB    (INT64_C(1) << 20)
#define CONFIG_GIB    (INT64_C(1) << 30)
#define CONFIG_TIB    (INT64_C(1) << 40)
#define CONFIG_SECOND INT64_C(1000)
#define CONFIG_MINUTE (60 * CONFIG_SECOND)
#define CONFIG_HOUR   (60 * CONFIG_MINUTE)
#define CONFIG_DAY    (24 * CONFIG_HOUR)

/* Type: the member it fills; how it is written; what `min` and `max` of the row mean.
 *
 * TEXT      struct slice, UTF-8           anything printable, quoted if need be   bytes
 * WORD      struct slice                  a-z 0-9 - _                             bytes
 * PATH      struct slice, NUL behind it   /absolute/path
 * DOMAIN    struct slice, lower case      example.test
 * MAILBOX   struct slice                  person@example.test
 * URL       struct slice                  http://host:port/path https://host/
 * DURATION  int64_t, milliseconds         250ms 30s 5min 4h 5d                    milliseconds
 * SIZE      uint64_t, bytes               512B 64KiB 50MiB 1GiB                   bytes
 * COUNT     uint64_t                      500                                     the count
 * BOOLEAN   bool                          yes no
 * CHOICE    int, index into `words`       one of the words                        first one allowed
 * LISTEN    struct config_endpoint        127.0.0.1:465 [::1]:465 *:465
 * ENDPOINT  struct config_endpoint        mx.test:25 192.0.2.1:25 [::1]:25        min: the port
 *                                         when none is written; 0: it must be written
 */
enum config_type {
    CONFIG_TEXT,
    CONFIG_WORD,
    CONFIG_PATH,
    CONFIG_DOMAIN,
    CONFIG_ZONE, /* a domain name whose labels may have `_` */
    CONFIG_MAILBOX,
    CONFIG_URL,
    CONFIG_DURATION,
    CONFIG_SIZE,
    CONFIG_COUNT,
    CONFIG_BOOLEAN,
    CONFIG_CHOICE,
    CONFIG_LISTEN,
    CONFIG_ENDPOINT,
};

/* host: an address literal without brackets, a lower-case name, or "*" (CONFIG_LISTEN: every
 * address). NUL-terminated behind its length. */
struct config_endpoint {
    struct slice host;
    uint16_t port;
    bool is_address; /* host is an IPv4 or IPv6 address */
};

/* A list member: `items` points at `count` consecutive values of the row's type; a struct slice
 * for texts, words, paths, domains and mailboxes, an int64_t for durations, and so on. */
struct config_list {
    void *items;
    size_t count;
};

struct config_setting {
    const char *name; /* lower-case words with hyphens */
    uint8_t type;
    uint16_t offset; /* of the member in the module's struct */
    uint16_t width;  /* of the member, for config_schema_sound() */
    bool list;
    bool required; /* the file must give it, so there is no default */
    bool restart;  /* read once at start; a reload does not change it */
    int64_t min;
    int64_t max;              /* 0: only what the type itself allows */
    const char *initial;      /* the default as written in the file; NULL: empty, zero, none */
    const char *example;      /* for a row without a default */
    const char *const *words; /* CONFIG_CHOICE: NULL-terminated */
    const char *help;         /* one sentence, one line */
    const char *more;         /* further sentences, or NULL */
};

/* One row of a table. In parentheses and not in braces, because clang-format 14 crashes on an array
 * of structs of unequal length.
 *
 *     CONFIG_ROW("size-limit", SIZE, struct submission_settings, size_limit, .initial = "50MiB",
 *                .max = CONFIG_GIB, .help = "The largest letter accepted."), */
#define CONFIG_ROW(name, type, owner, member, ...)                                                 \
    {                                                                                              \
        name, CONFIG_##type, offsetof(owner, member), sizeof(((owner *)0)->member), __VA_ARGS__    \
    }

/* The settings of one module: rows whose offsets count from the module's own struct, which stands
 * at `base` inside the struct of the section. */
struct config_table {
    const char *title; /* heading in the manual, e.g. "Submission" */
    size_t base;
    const struct config_setting *settings;
    size_t n_settings;
};

#define CONFIG_TABLE(title, section_type, member, rows)                                            \
    {                                                                                              \
        title, offsetof(section_type, member), rows, sizeof(rows) / sizeof((rows)[0])              \
    }

/* A part of the file. The first section of a schema has no name: it is what stands before the
 * first bracket, and its values go into the root struct itself. */
struct config_section {
    const char *name;
    /* [name ARGUMENT], any number of times: the root holds a struct config_list of the section's
     * structs, each beginning with the argument as a struct slice. Otherwise [name], once: a
     * struct in place that begins with a bool which says that the file has the section. */
    bool named;
    uint8_t
        argument;  /* enum config_type of the argument: CONFIG_WORD, CONFIG_DOMAIN or CONFIG_ZONE */
    size_t offset; /* in the root struct */
    size_t size;   /* of the section's struct */
    const struct config_table *const *tables;
    size_t n_tables;
    const char *help;
};

struct config_schema {
    const struct config_section *const *sections;
    size_t n_sections;
    size_t size; /* of the root struct */
};

/* What is wrong with a file: one sentence each, in the order of the lines, such as
 * "postern.conf:14: `size-limit` wants a size with a unit such as `50MiB`; it says `50`". */
struct config_problems {
    struct slice sentences[CONFIG_PROBLEMS_MAX];
    size_t count; /* the reader stops when the array is full */
};

/**
 * Read a configuration file's bytes.
 *
 * @param file      name for the sentences, e.g. "postern.conf"
 * @param values    the schema's root struct; zeroed, then every default, then what the file says.
 *                  Slices and lists live in the arena. Unspecified after a failure
 * @param problems  all that is wrong, or NULL when only the first is of interest
 * @return          false with ERROR_CONFIG and the first sentence when anything is wrong
 */
bool config_read(const struct config_schema *schema, struct slice bytes, const char *file,
                 struct arena *arena, void *values, struct config_problems *problems,
                 struct error *e) MUST_CHECK;

/* Read the file at `path` into memory from the arena, for config_read(). False with ERROR_CONFIG
 * when it cannot be read, is no regular file or is larger than CONFIG_FILE_MAX. */
bool config_load(const char *path, struct arena *arena, struct slice *bytes,
                 struct error *e) MUST_CHECK;

/* Add a sentence of the caller's own, such as a check across two settings, to `problems` (may be
 * NULL); the first one also goes into *e, whose kind must be ERROR_NONE before it. */
bool config_problem(struct config_problems *problems, struct arena *arena, struct error *e,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Is the schema itself sound: rows complete, names unique, members as wide as their types, every
 * default readable by its own row? For a unit test. */
bool config_schema_sound(const struct config_schema *schema, struct error *e) MUST_CHECK;
