/* Everything about one letter but its content. */
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/receipt.h"
#include "cli/show_retention.h"
#include "cli/timeline.h"
#include "requests/reader.h"

bool cli_show(struct cli *c, struct error *e)
{
    struct letter_id id;
    struct reader_show_answer answer;

    if (!cli_letter(c->arguments.words[0], &id, e)) {
        return false;
    }
    struct reader_letter_ask ask = {
        .id = letter_id_slice(&id),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0)),
        .case_name = slice_text(arguments_text(&c->arguments, "case", 0))};
    if (!cli_ask(c, CLI_READER, &reader_show, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.held.len) {
        buf_printf(&c->out, "%-12s%.*s\n", "Held by",
                   SLICE_ARG(print_cleaned(&c->arena, answer.held)));
    }
    return timeline_write(answer.records.items, answer.records.count, &c->arena, &c->out, e) &&
           receipt_write(c, answer.records.items, answer.records.count, e) &&
           show_retention(&answer, &c->arena, &c->out, e);
}
