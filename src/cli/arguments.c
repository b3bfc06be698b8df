#include "cli/arguments.h"

#include <string.h>

struct reading {
    const char *const *argv;
    size_t argc;
    size_t at;
    const struct argument_option *const *tables;
    struct arguments *out;
};

static bool names(const struct argument_option *option, struct slice name, bool letter)
{
    return letter ? name.len == 1 && option->letter == (char)name.ptr[0]
                  : slice_equal(name, slice_text(option->name));
}

static const struct argument_option *find(const struct reading *r, struct slice name, bool letter)
{
    for (size_t t = 0; r->tables[t]; t++) {
        for (const struct argument_option *o = r->tables[t]; o->name; o++) {
            if (names(o, name, letter)) {
                return o;
            }
        }
    }
    return NULL;
}

/* The value: behind `=` or the letter, or the next string. */
static bool take_value(struct reading *r, const struct argument_option *option, const char *joined,
                       struct error *e)
{
    const char *value = joined;

    if (!option->value && joined) {
        return error_set(e, ERROR_INPUT, "--%s takes no value", option->name);
    }
    if (option->value && !value) {
        if (r->at == r->argc) {
            return error_set(e, ERROR_INPUT, "--%s wants a value: --%s %s", option->name,
                             option->name, option->value);
        }
        value = r->argv[r->at++];
    }
    if (!option->many && arguments_count(r->out, option->name)) {
        return error_set(e, ERROR_INPUT, "--%s is given twice", option->name);
    }
    r->out->given[r->out->n_given++] = (struct argument_given){option, value};
    return true;
}

static bool take_option(struct reading *r, const char *text, struct error *e)
{
    bool letter = text[1] != '-';
    struct slice rest;
    struct slice name =
        letter ? slice_of(text + 1, 1) : slice_cut(slice_text(text + 2), '=', &rest);
    const char *joined = NULL;

    if (letter) {
        joined = text[2] ? text + 2 : NULL;
    } else if (text[2 + name.len] == '=') {
        joined = text + 2 + name.len + 1;
    }
    const struct argument_option *option = find(r, name, letter);
    if (!option) {
        return error_set(e, ERROR_INPUT,
                         "there is no option `%s` here; what begins with a dash and is none goes "
                         "behind `--`",
                         text);
    }
    return take_value(r, option, joined, e);
}

bool arguments_read(const char *const *argv, size_t argc,
                    const struct argument_option *const *tables, bool leading, struct arena *arena,
                    struct arguments *out, size_t *read, struct error *e)
{
    struct reading r = {argv, argc, 0, tables, out};
    bool only_words = false;

    if (argc > ARGUMENTS_MAX) {
        return error_set(e, ERROR_INPUT, "more than %d words", ARGUMENTS_MAX);
    }
    *out = (struct arguments){.given = arena_array(arena, argc + 1, sizeof(*out->given)),
                              .words = arena_array(arena, argc + 1, sizeof(*out->words))};
    while (r.at < argc) {
        const char *text = argv[r.at];
        bool dashed = !only_words && text[0] == '-' && text[1];
        if (!dashed && leading) {
            break;
        }
        r.at++;
        if (dashed && strcmp(text, "--") == 0) {
            only_words = true;
        } else if (!dashed) {
            out->words[out->n_words++] = text;
        } else if (!take_option(&r, text, e)) {
            return false;
        }
    }
    if (read) {
        *read = r.at;
    }
    return true;
}

const char *arguments_text(const struct arguments *a, const char *name, size_t nth)
{
    for (size_t i = 0; i < a->n_given; i++) {
        if (strcmp(a->given[i].option->name, name) == 0 && nth-- == 0) {
            return a->given[i].value;
        }
    }
    return NULL;
}

size_t arguments_count(const struct arguments *a, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < a->n_given; i++) {
        count += strcmp(a->given[i].option->name, name) == 0;
    }
    return count;
}

bool arguments_flag(const struct arguments *a, const char *name)
{
    return arguments_count(a, name) > 0;
}
