/* What is remembered about other people's domains. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/timeline.h"
#include "requests/admin.h"

bool cli_domain_forget(struct cli *c, struct error *e)
{
    const struct admin_domain_ask ask = {
        .domain = slice_text(c->arguments.words[0]),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct admin_domain_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_domain_forget, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.level == 0) {
        (void)fprintf(stderr, "%.*s has shown nothing yet.\n", SLICE_ARG(answer.where));
        c->status = CLI_NOTHING;
        return true;
    }
    buf_printf(&c->out, "%.*s had shown %s: forgotten\n", SLICE_ARG(answer.where),
               timeline_level(answer.level));
    return true;
}
