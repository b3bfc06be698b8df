/* Decoys: contacts that are nobody. */
#include "cli/cli.h"
#include "requests/contacts.h"

static void say(struct cli *c, const struct decoys_order_answer *a)
{
    buf_printf(&c->out, "decoys are %s\n", a->on ? "on" : "off");
    buf_printf(&c->out, "in the company's contacts   %llu\n", (unsigned long long)a->company);
    buf_printf(&c->out, "in accounts' own contacts   %llu\n", (unsigned long long)a->accounts);
    buf_printf(&c->out, "taken out, still watched    %llu\n",
               (unsigned long long)(a->on ? a->retired : 0));
    buf_printf(&c->out, "hits since the start        %llu\n", (unsigned long long)a->hits);
    if (a->waiting) {
        buf_add_text(&c->out, "some are due and could not be made yet: the log says why\n");
    }
}

static bool order(struct cli *c, enum decoys_order_kind kind, struct slice address, struct error *e)
{
    const char *reason = arguments_text(&c->arguments, "reason", 0);
    const struct decoys_order_ask ask = {
        .order = kind, .address = address, .reason = reason ? slice_text(reason) : SLICE_NONE};
    struct decoys_order_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &decoys_order, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    say(c, &answer);
    return true;
}

bool cli_decoys_on(struct cli *c, struct error *e)
{
    return order(c, DECOYS_ON, SLICE_NONE, e);
}

bool cli_decoys_off(struct cli *c, struct error *e)
{
    return order(c, DECOYS_OFF, SLICE_NONE, e);
}

bool cli_decoys_status(struct cli *c, struct error *e)
{
    return order(c, DECOYS_STATUS, SLICE_NONE, e);
}

bool cli_decoys_forget(struct cli *c, struct error *e)
{
    return order(c, DECOYS_FORGET, slice_text(c->arguments.words[0]), e);
}
