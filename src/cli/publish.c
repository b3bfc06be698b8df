#include "requests/publish.h"

#include <stdio.h>

#include "cli/options.h"
#include "cli/own_domain.h"
#include "cli/print.h"

#define PUBLISH_MS 120000 /* two exchanges with a server for each record */

static const char *word_for(uint64_t mark, bool dry)
{
    static const char *const done[] = {"?",    "unchanged",  "published", "replaced", "taken away",
                                       "kept", "in the way", "left",      "failed"};
    static const char *const would[] = {"?",    "unchanged",  "to publish", "to replace", "to go",
                                        "kept", "in the way", "left",       "failed"};

    return (dry ? would : done)[mark <= OWN_PUBLISH_FAILED ? mark : 0];
}

static void print_sentence(struct cli *c, const char *before, struct slice sentence)
{
    if (sentence.len) {
        buf_add_text(&c->out, before);
        print_clean(&c->out, sentence);
        buf_add_byte(&c->out, '\n');
    }
}

bool cli_domain_publish(struct cli *c, struct error *e)
{
    const struct own_publish_ask ask = {.domain = slice_text(c->arguments.words[0]),
                                        .dry_run = arguments_flag(&c->arguments, "dry-run"),
                                        .reason =
                                            slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct own_publish_answer answer;
    size_t troubles = 0;

    if (!cli_ask(c, CLI_KEEPER, &own_publish, &ask, &answer, NULL, PUBLISH_MS, e)) {
        return false;
    }
    const struct own_publish_row *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        buf_printf(&c->out, "%-10s %-4.*s ", word_for(rows[i].mark, ask.dry_run),
                   SLICE_ARG(rows[i].type));
        print_clean(&c->out, rows[i].name);
        buf_add_byte(&c->out, '\n');
        print_sentence(c, "                ", rows[i].what);
        print_sentence(c, "                do: ", rows[i].mend);
        troubles += rows[i].mark == OWN_PUBLISH_BLOCKED || rows[i].mark == OWN_PUBLISH_FAILED;
    }
    c->status = troubles ? CLI_NOTHING : c->status;
    if (troubles) {
        cli_flush(c);
        (void)fprintf(stderr, "\n%zu record%s could not be published.\n", troubles,
                      troubles == 1 ? "" : "s");
    }
    return true;
}

const struct argument_option publish_options[] = {
    OPTION("dry-run", 0, NULL, "say what would be done, and change nothing"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};
