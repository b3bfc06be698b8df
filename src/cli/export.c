/* A letter's bytes, as they came or as they left. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/export_many.h"
#include "cli/files.h"
#include "host/memfd.h"
#include "requests/reader.h"

#define EXPORT_MAX (2 * (size_t)LETTER_BYTES_MAX)

bool cli_export(struct cli *c, struct error *e)
{
    const char *path = arguments_text(&c->arguments, "output", 0);
    struct letter_id id;
    struct reader_letter_ask ask = {
        .as_sent = arguments_flag(&c->arguments, "as-sent"),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0)),
        .case_name = slice_text(arguments_text(&c->arguments, "case", 0))};
    const char *copy = arguments_text(&c->arguments, "copy", 0);
    struct reader_hit answer;
    OWN(fd) int fd = -1;
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};

    if (arguments_flag(&c->arguments, "query") || (ask.case_name.len && !c->arguments.n_words)) {
        return export_many(c, e);
    }
    if (!c->arguments.n_words) {
        (void)fprintf(stderr, "postern: name a letter; or, with --query or --case, a directory for "
                              "many\n");
        c->status = CLI_USAGE;
        return true;
    }
    if (copy && !ask.as_sent) {
        return error_set(e, ERROR_INPUT, "--copy N goes with --as-sent");
    }
    if (!cli_letter(c->arguments.words[0], &id, e) ||
        (copy && !cli_copy_number(copy, &ask.copy, e))) {
        return false;
    }
    if (!path && isatty(STDOUT_FILENO)) {
        return error_set(e, ERROR_INPUT,
                         "a letter may hold anything, so it is not written to a terminal: give "
                         "-o FILE, or -o - to see it anyway");
    }
    ask.id = letter_id_slice(&id);
    if (!cli_ask(c, CLI_READER, &reader_export, &ask, &answer, &fd, CLI_ASK_MS, e) ||
        !memfd_map(fd, EXPORT_MAX, &map, e)) {
        return false;
    }
    return path && strcmp(path, "-") != 0 ? files_write_new(path, map.bytes, e)
                                          : files_write(STDOUT_FILENO, map.bytes, e);
}
