/* Letters that a second person must let go: what waits, a look at one, yes or no. */
#include "cli/letter.h"

#include <stdio.h>
#include <string.h>

#include "cli/files.h"
#include "cli/print.h"
#include "cli/timeline.h"
#include "host/memfd.h"
#include "requests/consent.h"

#define COPY_MAX  (2 * (size_t)LETTER_BYTES_MAX)
#define SHOWN_MAX ((size_t)64 << 10) /* bytes of the letter; all of it with -o */

const struct argument_option letter_show_options[] = {
    OPTION("output", 'o', "FILE", "write the letter there, to a new file"),
    OPTION("copy", 0, "N", "this copy of it, byte for byte as it would leave"),
    OPTION_END,
};

const struct argument_option letter_verdict_options[] = {
    OPTION("reason", 0, "TEXT",
           "why; stands in the ledger, and of a refusal in what its sender gets"),
    OPTION_END,
};

static struct slice id_text(struct cli *c, struct slice bytes)
{
    char text[LETTER_ID_TEXT] = "?";
    struct letter_id id;

    if (letter_id_from(bytes, &id)) {
        letter_id_text(&id, text);
    }
    return arena_copy(&c->arena, slice_text(text));
}

bool cli_letter_waiting(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"ID",    "FROM", "RECIPIENTS", "SIZE",   "SINCE",
                                        "UNTIL", "RULE", "SUBJECT",    "WHO MAY"};
    struct print_columns columns = {
        .arena = &c->arena, .heads = heads, .count = 9, .right = 1U << 2 | 1U << 3};
    struct letter_waiting_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &letter_waiting, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.rows.count == 0) {
        (void)fprintf(stderr, "No letter waits for you.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    const struct letter_waiting_row *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        const struct slice cells[] = {
            id_text(c, rows[i].id),
            rows[i].account,
            arena_printf(&c->arena, "%llu", (unsigned long long)rows[i].recipients),
            print_size(&c->arena, rows[i].size),
            print_time(&c->arena, rows[i].received_at),
            print_time(&c->arena, rows[i].until),
            rows[i].rule,
            rows[i].subject,
            rows[i].may ? SLICE("you") : rows[i].who};
        print_row(&columns, cells);
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}

/* Line by line, without what a terminal would obey. */
static void print_copy(struct cli *c, struct slice letter, bool submitted)
{
    struct slice rest = slice_head(letter, SHOWN_MAX);

    buf_add_text(&c->out, submitted ? "\nThe letter as it came; its content leaves protected:\n\n"
                                    : "\nThe letter as it would leave:\n\n");
    while (rest.len) {
        struct slice line = slice_cut(rest, '\n', &rest);
        if (line.len && line.ptr[line.len - 1] == '\r') {
            line = slice_head(line, line.len - 1);
        }
        buf_add(&c->out, print_cleaned(&c->arena, line));
        buf_add_byte(&c->out, '\n');
    }
    if (letter.len > SHOWN_MAX) {
        buf_printf(&c->out, "(and %zu bytes more: -o FILE writes all of it)\n",
                   letter.len - SHOWN_MAX);
    }
}

bool cli_letter_show(struct cli *c, struct error *e)
{
    const char *path = arguments_text(&c->arguments, "output", 0);
    struct reader_waiting_answer answer;
    const char *copy = arguments_text(&c->arguments, "copy", 0);
    struct reader_waiting_ask ask = {.copy = 0};
    struct letter_id id;
    OWN(fd) int fd = -1;
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};

    if (!cli_letter(c->arguments.words[0], &id, e) ||
        (copy && !cli_copy_number(copy, &ask.copy, e))) {
        return false;
    }
    ask.id = letter_id_slice(&id);
    if (!cli_ask(c, CLI_READER, &reader_waiting, &ask, &answer, &fd, CLI_ASK_MS, e) ||
        !memfd_map(fd, COPY_MAX, &map, e)) {
        return false;
    }
    if (path && answer.cut) {
        return error_set(e, ERROR_DENIED,
                         "a malware scanner keeps this letter back: only its header is shown, and "
                         "nothing is written; leave out --output");
    }
    if (path) {
        return files_write_new(path, map.bytes, e);
    }
    if (!timeline_write(answer.records.items, answer.records.count, &c->arena, &c->out, e)) {
        return false;
    }
    print_copy(c, map.bytes, answer.submitted);
    if (answer.cut) {
        buf_add_text(&c->out, "\n(its header alone: a malware scanner keeps the letter back)\n");
    }
    return true;
}

static bool verdict(struct cli *c, uint64_t state, struct letter_verdict_answer *answer,
                    struct error *e)
{
    const char *reason = arguments_text(&c->arguments, "reason", 0);
    struct letter_verdict_ask ask = {.state = state, .reason = slice_text(reason)};
    struct letter_id id;

    if (state == CONSENT_REFUSED && !reason) {
        return error_set(e, ERROR_INPUT,
                         "postern letter refuse wants --reason TEXT; the letter's sender reads it");
    }
    if (!cli_letter(c->arguments.words[0], &id, e)) {
        return false;
    }
    ask.id = letter_id_slice(&id);
    return cli_ask(c, CLI_KEEPER, &letter_verdict, &ask, answer, NULL, CLI_LONG_MS, e);
}

bool cli_letter_approve(struct cli *c, struct error *e)
{
    struct letter_verdict_answer answer;

    if (!verdict(c, CONSENT_APPROVED, &answer, e)) {
        return false;
    }
    buf_add_text(&c->out, answer.held
                              ? "approved, and held all the same: its sender is suspended, or "
                                "somebody ordered so; `postern queue release` lets it go\n"
                              : "approved: it leaves as it is\n");
    return true;
}

bool cli_letter_refuse(struct cli *c, struct error *e)
{
    struct letter_verdict_answer answer;

    if (!verdict(c, CONSENT_REFUSED, &answer, e)) {
        return false;
    }
    buf_add_text(&c->out, "refused: it goes back to its sender with the reason\n");
    return true;
}
