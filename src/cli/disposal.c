/* Disposal: letters whose time is over. */
#include "requests/disposal.h"

#include "cli/approvals.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "stages/retention/term.h"

static bool before_of(struct cli *c, uint64_t *before, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "before", 0);
    int64_t day = 0;

    *before = 0;
    if (text && (!retention_day_read(slice_text(text), &day) || day <= 0)) {
        return error_set(e, ERROR_INPUT, "--before wants a day such as 2026-01-31, not `%s`", text);
    }
    *before = (uint64_t)day;
    return true;
}

static void list(struct cli *c, const char *what, const struct cbor_list *classes)
{
    const struct disposal_class *items = classes->items;

    for (size_t i = 0; i < classes->count; i++) {
        buf_printf(&c->out, "  %s %.*s: %llu letters\n", what,
                   SLICE_ARG(print_cleaned(&c->arena, items[i].name)),
                   (unsigned long long)items[i].letters);
    }
}

bool cli_disposal_preview(struct cli *c, struct error *e)
{
    struct disposal_preview_ask ask;
    struct disposal_preview_answer a;

    if (!before_of(c, &ask.before, e) ||
        !cli_ask(c, CLI_KEEPER, &disposal_preview, &ask, &a, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "%llu letters were over by %.*s\n", (unsigned long long)a.over,
               SLICE_ARG(print_time(&c->arena, a.before)));
    list(c, "class", &a.classes);
    buf_printf(&c->out, "of these %llu are held and stay\n", (unsigned long long)a.held);
    list(c, "by", &a.holds);
    if (a.busy) {
        buf_printf(&c->out, "%llu are not in the index yet\n", (unsigned long long)a.busy);
    }
    if (a.left) {
        buf_printf(&c->out, "the rules in force are still to be applied to %llu letters\n",
                   (unsigned long long)a.left);
    }
    if (a.doubted) {
        buf_printf(&c->out,
                   "the clock is not believed: it went further than time did, or nothing ran for "
                   "more than a day. Nothing is disposed of until an officer says `postern "
                   "disposal clock --reason TEXT`\n");
    }
    return true;
}

bool cli_disposal_ask(struct cli *c, struct error *e)
{
    struct disposal_ask_ask ask = {.reason =
                                       slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct admin_asked answer;

    if (!before_of(c, &ask.before, e) ||
        !cli_ask(c, CLI_KEEPER, &disposal_ask, &ask, &answer, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    approvals_say(c, &answer);
    return true;
}

bool cli_disposal_clock(struct cli *c, struct error *e)
{
    const struct disposal_clock_ask ask = {
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};

    if (!cli_ask(c, CLI_KEEPER, &disposal_clock, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_add_text(&c->out, "the clock is believed\n");
    return true;
}
