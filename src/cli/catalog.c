/* What is derived from the ledger, made again from it. */
#include "cli/cli.h"
#include "requests/admin.h"

bool cli_catalog_rebuild(struct cli *c, struct error *e)
{
    struct admin_done answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_rebuild, NULL, &answer, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "made again from %llu records\n", (unsigned long long)answer.count);
    return true;
}
