/* For a while a partner's servers need not prove what its domain says of them. */
#include "base/clock.h"

#include "cli/app_password.h"
#include "cli/options.h"
#include "cli/own_domain.h"
#include "letter/ruling.h"
#include "requests/overrides.h"

const struct argument_option override_options[] = {
    OPTION("level", 0, "LEVEL", "what is enough meanwhile: encrypted or verified"),
    OPTION("until", 0, "WHEN", "when it ends: `7d` from now, or a day as 2027-01-31"),
    OPTION("end", 0, NULL, "end it now"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

static bool level_of(struct slice word, uint64_t *level, struct error *e)
{
    *level = slice_equal(word, SLICE("encrypted"))  ? LEVEL_ENCRYPTED
             : slice_equal(word, SLICE("verified")) ? LEVEL_VERIFIED
                                                    : 0;
    return *level || error_set(e, ERROR_INPUT, "say --level encrypted or --level verified");
}

bool cli_domain_override(struct cli *c, struct error *e)
{
    struct admin_override_ask ask = {.domain = slice_text(c->arguments.words[0]),
                                     .reason =
                                         slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct admin_override_answer answer = {0};
    bool end = arguments_flag(&c->arguments, "end");
    char until[CLOCK_TEXT_MAX];

    if (!end && (!level_of(slice_text(arguments_text(&c->arguments, "level", 0)), &ask.level, e) ||
                 !app_end(c, "until", &ask.until, e))) {
        return false;
    }
    if (!cli_ask(c, CLI_KEEPER, &admin_override, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (end && !answer.found) {
        buf_add_text(&c->out, "There was no override.\n");
        c->status = CLI_NOTHING;
    } else if (end) {
        buf_add_text(&c->out, "The override has ended.\n");
    } else {
        clock_rfc3339((int64_t)ask.until, until);
        buf_printf(&c->out, "Until %s letters to it need %s and no more.\n", until,
                   ask.level == LEVEL_VERIFIED ? "verified" : "encrypted");
    }
    return true;
}
