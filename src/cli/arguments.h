/* cli/arguments - the words behind a verb, sorted into options and what is left.
 *
 *     --limit 5   --limit=5   -o FILE   -oFILE   --as-sent   --   everything behind this is a word
 *
 * An option is a row of the verb's table; what is in no table is an error that names it. Pure: the
 * values look into argv. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

#define ARGUMENTS_MAX 1024 /* words of one command line */

struct argument_option {
    const char *name;  /* without the dashes */
    const char *value; /* what stands for its value in the usage; NULL: it takes none */
    const char *help;  /* one line */
    char letter;       /* the short form, or 0 */
    bool many;         /* may be given again */
};

struct argument_given {
    const struct argument_option *option;
    const char *value; /* NULL when the option takes none */
};

struct arguments {
    struct argument_given *given;
    size_t n_given;
    const char **words;
    size_t n_words;
};

/**
 * Read what stands behind a verb.
 *
 * @param argv     `argc` strings; they outlive *out
 * @param tables   tables of options, each ended by a row without a name; themselves ended by NULL
 * @param leading  stop at the first word and leave it and all behind it unread
 * @param read     set to the number of strings taken; may be NULL
 * @return         false with ERROR_INPUT and a sentence for the person who typed it
 */
bool arguments_read(const char *const *argv, size_t argc,
                    const struct argument_option *const *tables, bool leading, struct arena *arena,
                    struct arguments *out, size_t *read, struct error *e) MUST_CHECK;

/* Whether the option was given. */
bool arguments_flag(const struct arguments *a, const char *name);

/* The value given, or NULL; of an option that may come again, the nth. */
const char *arguments_text(const struct arguments *a, const char *name, size_t nth);

/* How often the option was given. */
size_t arguments_count(const struct arguments *a, const char *name);
