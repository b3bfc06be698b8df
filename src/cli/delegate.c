/* Who may send as an address that is not his own. */
#include <stdio.h>

#include "base/clock.h"

#include "cli/approvals.h"
#include "cli/cli.h"
#include "cli/passkey.h"
#include "cli/print.h"
#include "requests/delegation.h"
#include "stages/retention/term.h"

#define DAY_MS INT64_C(86400000)

/* Two digits below `end`. */
static bool read_two(struct slice s, unsigned end, unsigned *out)
{
    if (s.len < 2 || s.ptr[0] < '0' || s.ptr[0] > '9' || s.ptr[1] < '0' || s.ptr[1] > '9') {
        return false;
    }
    *out = (unsigned)(s.ptr[0] - '0') * 10 + (unsigned)(s.ptr[1] - '0');
    return *out < end;
}

/* "T12:00:00Z" */
static bool read_time(struct slice s, int64_t *ms)
{
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;

    if (s.len != 10 || s.ptr[0] != 'T' || s.ptr[3] != ':' || s.ptr[6] != ':' || s.ptr[9] != 'Z' ||
        !read_two(slice_from(s, 1), 24, &hour) || !read_two(slice_from(s, 4), 60, &minute) ||
        !read_two(slice_from(s, 7), 60, &second)) {
        return false;
    }
    *ms = ((int64_t)hour * 3600 + minute * 60 + second) * 1000;
    return true;
}

/* A day belongs to it whole. */
static bool read_until(struct slice text, uint64_t *until, struct error *e)
{
    int64_t day = 0;
    int64_t time = DAY_MS;

    if (text.len == 0) {
        return true;
    }
    if (!retention_day_read(slice_head(text, 10), &day) ||
        (text.len > 10 && !read_time(slice_from(text, 10), &time))) {
        return error_set(e, ERROR_INPUT,
                         "`%.*s` is no day such as 2027-01-31 and no moment such as "
                         "2027-01-31T12:00:00Z",
                         SLICE_ARG(slice_head(text, 40)));
    }
    *until = (uint64_t)(day + time);
    return true;
}

/* Who, as whom and why. */
static bool read_both(struct cli *c, struct slice *from, struct slice *to, struct slice *reason,
                      struct error *e)
{
    *from = slice_text(arguments_text(&c->arguments, "from", 0));
    *to = slice_text(arguments_text(&c->arguments, "to", 0));
    *reason = slice_text(arguments_text(&c->arguments, "reason", 0));
    return (from->len && to->len && reason->len) ||
           error_set(e, ERROR_INPUT, "say as whom, who and why: --from, --to and --reason");
}

bool cli_delegate_add(struct cli *c, struct error *e)
{
    struct delegation_add_ask ask = {.grant.by = SLICE("-")};
    struct delegation *d = &ask.grant;
    struct admin_asked answer;

    if (!read_both(c, &d->from, &d->to, &d->reason, e) ||
        !read_until(slice_text(arguments_text(&c->arguments, "until", 0)), &d->until, e) ||
        !cli_ask(c, CLI_KEEPER, &delegation_add, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.wants_proof &&
        (!passkey_prove(c, true, &ask.proof, e) ||
         !cli_ask(c, CLI_KEEPER, &delegation_add, &ask, &answer, NULL, CLI_ASK_MS, e))) {
        return false;
    }
    if (answer.id.len) {
        approvals_say(c, &answer);
    } else {
        buf_printf(&c->out, "%.*s may send as %.*s from now on\n", SLICE_ARG(d->to),
                   SLICE_ARG(d->from));
    }
    return true;
}

static struct slice granted_text(struct cli *c, const struct delegation *d)
{
    return d->owner             ? arena_printf(&c->arena, "%.*s (owner)", SLICE_ARG(d->by))
           : d->approved_by.len ? arena_printf(&c->arena, "%.*s, approved by %.*s",
                                               SLICE_ARG(d->by), SLICE_ARG(d->approved_by))
                                : d->by;
}

bool cli_delegate_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"ACCOUNT", "SENDS AS", "GRANTED BY",
                                        "SINCE",   "UNTIL",    "WHY"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 6};
    uint64_t now = (uint64_t)clock_wall_ms();
    struct delegations answer;

    if (!cli_ask(c, CLI_KEEPER, &delegation_list, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.rows.count == 0) {
        (void)fprintf(stderr, "Nobody sends as another.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    const struct delegation *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        struct slice until = print_time(&c->arena, rows[i].until);
        const struct slice cells[] = {rows[i].to,
                                      rows[i].from,
                                      granted_text(c, &rows[i]),
                                      print_time(&c->arena, rows[i].since),
                                      delegation_is_over(&rows[i], now)
                                          ? arena_printf(&c->arena, "over: %.*s", SLICE_ARG(until))
                                          : until,
                                      rows[i].reason};
        print_row(&columns, cells);
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}

bool cli_delegate_remove(struct cli *c, struct error *e)
{
    struct delegation_remove_ask ask;

    if (!read_both(c, &ask.from, &ask.to, &ask.reason, e) ||
        !cli_ask(c, CLI_KEEPER, &delegation_remove, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "%.*s may not send as %.*s any more\n", SLICE_ARG(ask.to),
               SLICE_ARG(ask.from));
    return true;
}
