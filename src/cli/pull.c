/* Letters that are fetched from providers: what is due, what became of it. */
#include "requests/pull.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/print.h"

static struct slice state_of(struct cli *c, const struct admin_pull *p)
{
    if (p->running) {
        return SLICE("running");
    }
    return p->next_at
               ? arena_printf(&c->arena, "next %.*s", SLICE_ARG(print_time(&c->arena, p->next_at)))
               : SLICE("due");
}

static void print_last(struct cli *c, const struct admin_pull *p)
{
    const struct keeper_pull_done_ask *last = &p->last;

    if (p->last_at == 0) {
        buf_add_text(&c->out, "  none has ended since the start\n");
        return;
    }
    buf_printf(&c->out,
               "  last ended %.*s: %llu taken, %llu were there already, %llu could not be taken\n",
               SLICE_ARG(print_time(&c->arena, p->last_at)), (unsigned long long)last->taken,
               (unsigned long long)last->known, (unsigned long long)last->failed);
    if (last->broken) {
        buf_printf(&c->out, "  %llu of %llu mailboxes could not be read to the end: ",
                   (unsigned long long)last->broken, (unsigned long long)p->mailboxes);
        print_clean(&c->out, last->reason);
        buf_add_byte(&c->out, '\n');
    }
}

bool cli_pull_status(struct cli *c, struct error *e)
{
    struct admin_pulls_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_pulls, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct admin_pull *all = answer.pulls.items;
    for (size_t i = 0; i < answer.pulls.count; i++) {
        buf_printf(&c->out, "%.*s: %llu mailboxes at %.*s, %.*s\n", SLICE_ARG(all[i].name),
                   (unsigned long long)all[i].mailboxes, SLICE_ARG(all[i].host),
                   SLICE_ARG(state_of(c, &all[i])));
        print_last(c, &all[i]);
        c->status = all[i].last.broken ? CLI_NOTHING : c->status;
    }
    if (answer.pulls.count == 0) {
        (void)fprintf(stderr, "Nothing is pulled: postern.conf has no section [pull NAME].\n");
        c->status = CLI_NOTHING;
    }
    return true;
}

bool cli_pull_now(struct cli *c, struct error *e)
{
    const struct admin_pull_now_ask ask = {slice_text(c->arguments.words[0])};

    if (!cli_ask(c, CLI_KEEPER, &admin_pull_now, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "%s begins; `postern pull status` says what becomes of it\n",
               c->arguments.words[0]);
    return true;
}
