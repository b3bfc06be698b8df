#include "cli/key_adopt.h"

#include "requests/supervisor.h"

#define ADOPT_MS                                                                                   \
    180000 /* delivery finishes what it has in hand, and the longest question is waited for */

bool key_adopt(struct cli *c, const struct secret *key, struct error *e)
{
    const struct supervisor_adopt_ask ask = {.key = secret_slice(key)};
    struct supervisor_adopt_answer said;

    cli_flush(c); /* it may take a while */
    if (!cli_ask(c, CLI_SUPERVISOR, &supervisor_adopt, &ask, &said, NULL, ADOPT_MS, e)) {
        return false;
    }
    if (said.took_ms == 0) {
        buf_printf(&c->out, "posternd works with generation %llu.\n",
                   (unsigned long long)said.generation);
        return true;
    }
    buf_printf(
        &c->out,
        "posternd works with generation %llu since now: its processes were started anew within "
        "%.1f s, and clients waited for %.1f s of it.\n",
        (unsigned long long)said.generation, (double)said.took_ms / 1000,
        (double)said.away_ms / 1000);
    return true;
}
