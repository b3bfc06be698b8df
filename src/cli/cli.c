#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/print.h"
#include "letter/records.h"

#define REASON_BYTES_MAX 1000
#define OUT_MAX          ((size_t)256 << 20)

static const struct argument_option common[] = {
    {.name = "config",
     .letter = 'c',
     .value = "FILE",
     .help = "the configuration; $POSTERN_CONF or " CLI_CONFIG_PATH " when it is not given"},
    {.name = "as",
     .letter = 0,
     .value = "ACCOUNT",
     .help = "act as this account of those signed in, not as the last one"                 },
    {.name = "help",    .letter = 'h', .value = NULL, .help = "show how it is used"        },
    {.name = "version", .letter = 0,   .value = NULL, .help = "show the version"           },
    {.name = NULL,      .letter = 0,   .value = NULL, .help = NULL                         },
};

void cli_flush(struct cli *c)
{
    if (c->out.len) {
        (void)fwrite(c->out.ptr, 1, c->out.len, stdout);
    }
    (void)fflush(stdout);
    buf_reset(&c->out);
}

size_t cli_columns(void)
{
    struct winsize size = {0};

    if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) {
        return 0;
    }
    return size.ws_col;
}

bool cli_letter(const char *text, struct letter_id *id, struct error *e)
{
    return letter_id_parse(slice_text(text), id) ||
           error_set(e, ERROR_INPUT,
                     "`%s` is no letter's id: sixteen letters and digits, as `postern search` "
                     "prints them",
                     text);
}

bool cli_copy_number(const char *text, uint64_t *copy, struct error *e)
{
    return (slice_decimal(slice_text(text), LETTER_RECIPIENTS_MAX, copy) && *copy > 0) ||
           error_set(e, ERROR_INPUT, "--copy wants a number from 1 to %d, not `%s`",
                     LETTER_RECIPIENTS_MAX, text);
}

/* Sentences may quote what others sent. */
static void complain(const char *sentence)
{
    OWN(buf) struct buf clean = {.max = 16 * ERROR_TEXT_MAX};

    print_clean(&clean, slice_text(sentence));
    (void)fprintf(stderr, "postern: %.*s\n", SLICE_ARG(buf_slice(&clean)));
}

static int misuse(const struct verb *v, const char *sentence)
{
    OWN(buf) struct buf usage = {.max = 1 << 16};

    complain(sentence);
    if (v) {
        verb_usage(v, &usage);
        (void)fprintf(stderr, "usage: %.*s\n", SLICE_ARG(buf_slice(&usage)));
        (void)fprintf(stderr, "`postern help %s` explains it\n", v->name);
    } else {
        (void)fprintf(stderr, "`postern help` lists the verbs\n");
    }
    return CLI_USAGE;
}

static int finish(struct cli *c, bool ok, const struct error *e)
{
    cli_flush(c);
    if (!ok) {
        complain(e->text);
        return error_exit_code(e);
    }
    if (ferror(stdout) || c->out.full) {
        complain("the output could not be written");
        return 74;
    }
    return c->status;
}

static bool right_number(const struct cli *c, struct error *e)
{
    const struct verb *v = c->verb;

    if (c->arguments.n_words < v->words_min) {
        return error_set(e, ERROR_INPUT, "%s: something is missing: %s", v->name, v->words);
    }
    if (c->arguments.n_words > v->words_max) {
        return error_set(e, ERROR_INPUT, "%s: `%s` is too much", v->name,
                         c->arguments.words[v->words_max]);
    }
    return true;
}

/* Options before the verb are the common ones; behind it they may stand as well. */
static void take_common(struct cli *c, const struct arguments *a)
{
    const char *path = arguments_text(a, "config", 0);
    const char *as = arguments_text(a, "as", 0);

    c->config_path = path ? path : c->config_path;
    c->as = as ? as : c->as;
}

/* As the record of an act takes it: said here, where it can be mended. */
static bool right_reason(struct cli *c, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "reason", 0);
    struct slice reason = slice_text(text ? text : "");

    return (reason.len <= REASON_BYTES_MAX && slice_is_utf8(reason)) ||
           error_set(e, ERROR_INPUT, "a --reason has at most %d bytes, in UTF-8", REASON_BYTES_MAX);
}

static int run_verb(struct cli *c, const char *const *words, size_t count)
{
    static const struct argument_option none[] = {{.name = NULL}};
    struct error e = {ERROR_NONE, ""};
    const struct argument_option *const tables[] = {c->verb->options ? c->verb->options : none,
                                                    common, NULL};

    if (!arguments_read(words, count, tables, false, &c->arena, &c->arguments, NULL, &e)) {
        return misuse(c->verb, e.text);
    }
    if (arguments_flag(&c->arguments, "help")) {
        verb_explain(c->verb, &c->out);
        return finish(c, true, &e);
    }
    if (!right_number(c, &e)) {
        return misuse(c->verb, e.text);
    }
    take_common(c, &c->arguments);
    bool ok = right_reason(c, &e) && c->verb->run(c, &e);
    return finish(c, ok, &e);
}

/* "there is no verb `user remove`, but user add, user set, user list" */
static int no_such_verb(struct cli *c, const char *const *words, size_t count)
{
    const char *second = count > 1 && words[1][0] != '-' ? words[1] : "";
    OWN(buf) struct buf others = {.max = 1 << 12};

    verb_siblings(slice_text(words[0]), &others);
    return misuse(
        NULL, (const char *)arena_printf(&c->arena, "there is no verb `%s%s%s`%s%.*s", words[0],
                                         others.len && *second ? " " : "", others.len ? second : "",
                                         others.len ? ", but " : "", SLICE_ARG(buf_slice(&others)))
                  .ptr);
}

static int begin(struct cli *c, const char *const *words, size_t count)
{
    const struct argument_option *const tables[] = {common, NULL};
    struct arguments before;
    struct error e = {ERROR_NONE, ""};
    size_t used = 0;
    size_t of_verb = 0;

    if (!arguments_read(words, count, tables, true, &c->arena, &before, &used, &e)) {
        return misuse(NULL, e.text);
    }
    take_common(c, &before);
    if (arguments_flag(&before, "version")) {
        buf_printf(&c->out, "postern %s\n", POSTERN_VERSION);
        return finish(c, true, &e);
    }
    if (arguments_flag(&before, "help")) {
        verb_list(&c->out);
        return finish(c, true, &e);
    }
    if (used == count) {
        verb_list(&c->out);
        (void)finish(c, true, &e);
        return CLI_USAGE;
    }
    c->verb = verb_match(words + used, count - used, &of_verb);
    if (!c->verb) {
        return no_such_verb(c, words + used, count - used);
    }
    return run_verb(c, words + used + of_verb, count - used - of_verb);
}

int cli_main(int argc, char **argv)
{
    const char *named = getenv(CLI_CONFIG_NAME);
    struct cli c = {.config_path = named && named[0] ? named : CLI_CONFIG_PATH,
                    .out = {.max = OUT_MAX},
                    .arena = {.max = (size_t)1 << 30}};

    int status = begin(&c, (const char *const *)argv + 1, argc > 0 ? (size_t)argc - 1 : 0);
    cli_reconnect(&c);
    buf_done(&c.out);
    arena_done(&c.arena);
    return status;
}
