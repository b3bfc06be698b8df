/* Who is signed in: mail programs and people at the command line. */
#include "cli/session.h"

#include <stdio.h>

#include "cli/options.h"
#include "cli/print.h"
#include "requests/sessions.h"

const struct argument_option session_list_options[] = {
    OPTION("all", 0, NULL, "everybody's"),
    OPTION("past", 0, NULL, "who signed in or failed to, the newest first"),
    OPTION("days", 0, "N", "with --past: of the last N days; 30 without it"),
    OPTION("limit", 0, "N", "with --past: at most so many; 50 without it"),
    OPTION("reason", 0, "TEXT", "with --past: why; stands in the ledger"),
    OPTION_END,
};

const struct argument_option session_end_options[] = {
    OPTION("all", 0, NULL, "all of the account, at the desk too"),
    OPTION("account", 0, "ACCOUNT", "another one's, for an officer or administrator"),
    OPTION("reason", 0, "TEXT", "why; stands in the ledger"),
    OPTION_END,
};

/* "PLAIN, app password phone, laptop.example" */
static struct slice with_what(const struct session_row *s, struct arena *arena)
{
    return arena_printf(arena, "%.*s%s%.*s%s%.*s", SLICE_ARG(s->mechanism),
                        s->app.len ? ", app password " : "", SLICE_ARG(s->app),
                        s->device.len ? ", " : "", SLICE_ARG(s->device));
}

bool cli_session_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"ID", "ACCOUNT", "WITH", "FROM", "SINCE", "ENDS BY"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 6};
    const struct session_list_ask ask = {
        .account = slice_text(c->arguments.n_words ? c->arguments.words[0] : NULL),
        .all = arguments_flag(&c->arguments, "all")};
    struct session_list_answer answer;

    if (ask.all && ask.account.len) {
        return error_set(e, ERROR_INPUT, "an account and --all exclude each other");
    }
    if (arguments_flag(&c->arguments, "past")) {
        return session_list_past(c, ask.account, ask.all, e);
    }
    if (arguments_text(&c->arguments, "days", 0) || arguments_text(&c->arguments, "limit", 0) ||
        arguments_text(&c->arguments, "reason", 0)) {
        return error_set(e, ERROR_INPUT, "--days, --limit and --reason go with --past");
    }
    if (!cli_ask(c, CLI_KEEPER, &session_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct session_row *rows = answer.sessions.items;
    for (size_t i = 0; i < answer.sessions.count; i++) {
        const struct session_row *s = &rows[i];
        const struct slice cells[] = {s->id,
                                      s->account,
                                      with_what(s, &c->arena),
                                      s->client.len ? s->client : SLICE("this machine"),
                                      s->since ? print_time(&c->arena, s->since)
                                               : SLICE("before the last start"),
                                      print_time(&c->arena, s->ends_at)};
        print_row(&columns, cells);
    }
    if (answer.sessions.count == 0) {
        (void)fprintf(stderr, "Nobody is signed in.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    print_columns(&columns, cli_columns(), &c->out);
    if (answer.count > answer.sessions.count) {
        buf_printf(&c->out, "and %llu more; name an account\n",
                   (unsigned long long)(answer.count - answer.sessions.count));
    }
    return true;
}

bool cli_session_end(struct cli *c, struct error *e)
{
    bool all = arguments_flag(&c->arguments, "all");
    const struct session_end_ask ask = {
        .account = slice_text(arguments_text(&c->arguments, "account", 0)),
        .id = slice_text(c->arguments.n_words ? c->arguments.words[0] : NULL),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};

    if (all == (ask.id.len > 0)) {
        return error_set(e, ERROR_INPUT, "say which: an id of `postern session list`, or --all");
    }
    if (ask.id.len > SESSION_ID_LEN) {
        return error_set(e, ERROR_INPUT, "an id of a session has %d letters", SESSION_ID_LEN);
    }
    if (!cli_ask(c, CLI_KEEPER, &session_end, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "ended; a program that knows the password signs in again\n");
    return true;
}
