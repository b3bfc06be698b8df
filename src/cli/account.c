/* What an account may send, and has sent. */
#include "cli/account.h"

#include <stdlib.h>

#include "base/clock.h"

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/print.h"
#include "letter/account_role.h"
#include "requests/guard.h"
#include "stages/retention/term.h"

#define MIB UINT64_C(1048576)

/* Their names are those of the settings. */
const struct argument_option account_limits_options[] = {
    LIMIT_OPTIONS,
    OPTION("until", 0, "DAY", "the last day on which they count: 2026-12-31"),
    OPTION("none", 0, NULL, "take its own limits away"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option account_release_options[] = {
    OPTION("send-held", 0, NULL, "the letters that were held go on their way"),
    OPTION("cancel-held", 0, NULL, "they are cancelled, and the sender is told"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

static bool read_figure(const char *text, const char *name, bool mib, uint64_t *out,
                        struct error *e)
{
    if (!slice_decimal(slice_text(text), UINT32_MAX, out) || *out == 0) {
        return error_set(e, ERROR_INPUT, "`--%s` wants a number, 1 or more", name);
    }
    *out *= mib ? MIB : 1;
    return true;
}

bool account_figures(struct cli *c, uint64_t most[LIMITS_WINDOWS][LIMITS_MEASURES], struct error *e)
{
    for (unsigned w = 0; w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            const char *name = limits_setting(w, m);
            const char *text = arguments_text(&c->arguments, name, 0);
            if (text && !read_figure(text, name, m == LIMITS_BYTES, &most[w][m], e)) {
                return false;
            }
        }
    }
    return true;
}

bool cli_account_limits(struct cli *c, struct error *e)
{
    const char *until = arguments_text(&c->arguments, "until", 0);
    struct account_limits ask = {.account = slice_text(c->arguments.words[0]),
                                 .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};
    bool none = arguments_flag(&c->arguments, "none");
    int64_t day = 0;

    if (!account_figures(c, ask.most, e)) {
        return false;
    }
    if (none == (until != NULL)) {
        return error_set(e, ERROR_INPUT, "give limits with --until, or --none");
    }
    if (until && !retention_day_read(slice_text(until), &day)) {
        return error_set(e, ERROR_INPUT, "`%s` is no day: write it as 2026-12-31", until);
    }
    ask.until = until ? (uint64_t)(day + LIMITS_DAY_MS) : 0; /* to the end of that day, UTC */
    if (!cli_ask(c, CLI_KEEPER, &account_limits_set, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, none ? "%s: limits as for all\n" : "%s: limits of its own\n",
               c->arguments.words[0]);
    return true;
}

/* ── show ── */

static struct slice figure(struct cli *c, enum limits_measure m, uint64_t n, bool limit)
{
    if (limit && n == 0) {
        return SLICE("no limit");
    }
    return m == LIMITS_BYTES ? print_size(&c->arena, n)
                             : arena_printf(&c->arena, "%llu", (unsigned long long)n);
}

static void show_limits(struct cli *c, const struct account_show_answer *a)
{
    static const char *const heads[] = {"LIMIT", "SENT", "ALLOWED", ""};
    struct print_columns columns = {
        .arena = &c->arena, .heads = heads, .count = 4, .right = 1U << 1 | 1U << 2};

    for (unsigned w = 0; w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            bool own = a->own.until && a->own.most[w][m];
            const struct slice cells[] = {
                slice_text(limits_setting(w, m)), figure(c, m, a->sent[w][m], false),
                figure(c, m, a->allowed[w][m], true), own ? SLICE("its own") : SLICE("")};
            print_row(&columns, cells);
        }
    }
    print_columns(&columns, cli_columns(), &c->out);
}

bool cli_account_show(struct cli *c, struct error *e)
{
    const struct account_name_ask ask = {.account = slice_text(c->arguments.words[0])};
    struct account_show_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &account_show, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "account:   ");
    print_clean(&c->out, answer.own.account);
    buf_printf(&c->out, "\nrole:      %s%s\nsessions:  %llu that send\n",
               answer.role ? account_role_name(answer.role)
                           : "no account here; a provider hands its letters on",
               answer.disabled ? ", disabled" : "", (unsigned long long)answer.sessions);
    if (answer.suspended_at) {
        buf_printf(&c->out, "suspended: since %.*s, by ",
                   SLICE_ARG(print_time(&c->arena, answer.suspended_at)));
        print_clean(&c->out, answer.suspended_by);
        buf_add_text(&c->out, ": ");
        print_clean(&c->out, answer.suspended_why);
        buf_add_byte(&c->out, '\n');
    }
    buf_printf(&c->out, "signs:     %llu ", (unsigned long long)answer.points);
    if (answer.suspend_score) {
        buf_printf(&c->out, "of %llu points%s", (unsigned long long)answer.suspend_score,
                   answer.signs.len ? ": " : "");
    } else {
        buf_printf(&c->out, "points, and signs suspend nobody (suspend-score = 0)%s",
                   answer.signs.len ? ": " : "");
    }
    print_clean(&c->out, answer.signs);
    buf_add_byte(&c->out, '\n');
    if (answer.own.until) {
        bool over = answer.own.until <= (uint64_t)clock_wall_ms();
        buf_printf(&c->out, "limits:    its own, %s %.*s, by ", over ? "ended" : "until",
                   SLICE_ARG(print_time(&c->arena, answer.own.until)));
        print_clean(&c->out, answer.own.by);
        buf_add_text(&c->out, ": ");
        print_clean(&c->out, answer.own.reason);
        buf_add_byte(&c->out, '\n');
    }
    buf_add_byte(&c->out, '\n');
    show_limits(c, &answer);
    return true;
}

/* ── suspended ── */

bool cli_account_suspend(struct cli *c, struct error *e)
{
    const struct account_suspend_ask ask = {
        .account = slice_text(c->arguments.words[0]),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};

    if (!cli_ask(c, CLI_KEEPER, &account_suspend, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "%s sends no more; what it sent within the last hour is held\n",
               c->arguments.words[0]);
    return true;
}

/* Whoever stole it may have left himself a key. */
static void show_added(struct cli *c, const struct account_release_answer *answer)
{
    const struct account_added *rows = answer->added.items;

    if (answer->added.count == 0) {
        return;
    }
    buf_printf(&c->out, "Added since %.*s, the day before it was suspended; whose are they?\n",
               SLICE_ARG(print_time(&c->arena, answer->since)));
    for (size_t i = 0; i < answer->added.count; i++) {
        buf_printf(&c->out, "  %.*s  %.*s%s", SLICE_ARG(print_time(&c->arena, rows[i].at)),
                   SLICE_ARG(rows[i].what), rows[i].name.len ? " " : "");
        print_clean(&c->out, rows[i].name);
        buf_add_byte(&c->out, '\n');
    }
}

bool cli_account_release(struct cli *c, struct error *e)
{
    bool send = arguments_flag(&c->arguments, "send-held");
    bool cancel = arguments_flag(&c->arguments, "cancel-held");
    const struct account_release_ask ask = {
        .account = slice_text(c->arguments.words[0]),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0)),
        .letters = send     ? 1
                   : cancel ? 2
                            : 0};
    struct account_release_answer answer;

    if (send && cancel) {
        return error_set(e, ERROR_INPUT, "give --send-held or --cancel-held, not both");
    }
    if (!cli_ask(c, CLI_KEEPER, &account_release, &ask, &answer, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "%s sends again", c->arguments.words[0]);
    if (ask.letters) {
        buf_printf(&c->out, "; letters %s: %llu", send ? "on their way" : "cancelled",
                   (unsigned long long)answer.letters.count);
    } else {
        buf_add_text(&c->out, "; what was held stays so: `postern queue list`");
    }
    buf_add_byte(&c->out, '\n');
    show_added(c, &answer);
    return true;
}
