/* Packs are made again. */
#include "requests/reseal.h"

#include "cli/cli.h"
#include "stages/retention/term.h"

bool cli_ledger_reseal(struct cli *c, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "before", 0);
    struct admin_reseal_ask ask = {.all = arguments_flag(&c->arguments, "all")};
    int64_t day = 0;

    if (text && ask.all) {
        return error_set(e, ERROR_INPUT, "give --before or --all, not both");
    }
    if (text && (!retention_day_read(slice_text(text), &day) || day <= 0)) {
        return error_set(e, ERROR_INPUT, "`%s` is no day: write it as 2026-01-31", text);
    }
    ask.before = (uint64_t)day;
    if (!cli_ask(c, CLI_KEEPER, &admin_reseal, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_add_text(&c->out,
                 "It is done in the background; the log says `ledger.resealed` for each pack, and "
                 "`postern status` (ledger.reseal_left) how many segments are left to look at.\n");
    return true;
}
