/* Who signed in before, and who failed to: mail programs and people at the command line. */
#include <stdio.h>

#include "base/clock.h"

#include "cli/print.h"
#include "cli/session.h"
#include "letter/records.h"
#include "requests/acts.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     100000
#define DAYS_DEFAULT  30
#define DAYS_MAX      36500
#define DAY_MS        UINT64_C(86400000)

static bool number_of(struct cli *c, const char *option, uint64_t otherwise, uint64_t most,
                      uint64_t *out, struct error *e)
{
    const char *text = arguments_text(&c->arguments, option, 0);

    *out = otherwise;
    return !text || (slice_decimal(slice_text(text), most, out) && *out > 0) ||
           error_set(e, ERROR_INPUT, "--%s wants a number from 1 to %llu, not `%s`", option,
                     (unsigned long long)most, text);
}

/* "PLAIN, app password phone" */
static struct slice with_what(const struct sign_in *s, struct arena *arena)
{
    struct slice name = s->passkey.len ? s->passkey : s->app_name.len ? s->app_name : s->app;

    return arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(s->mechanism),
                        name.len == 0    ? ""
                        : s->passkey.len ? ", passkey "
                                         : ", app password ",
                        SLICE_ARG(name));
}

static bool add(struct cli *c, struct print_columns *columns, const struct reader_record *r,
                struct error *e)
{
    struct sign_in s;

    if (!cbor_read(r->body, &sign_in_schema, &c->arena, &s, e)) {
        return error_add(e, "record %llu", (unsigned long long)r->seq);
    }
    const struct slice cells[] = {
        print_time(&c->arena, r->time),
        s.account.len ? s.account : SLICE("nobody's"),
        with_what(&s, &c->arena),
        s.device.len ? s.device : SLICE("-"),
        s.client,
        s.country.len ? s.country : SLICE("-"),
        s.accepted ? SLICE("in") : arena_printf(&c->arena, "REFUSED: %.*s", SLICE_ARG(s.reason))};
    print_row(columns, cells);
    return true;
}

/* The newest first, page after page from the end of the ledger. */
static bool gather(struct cli *c, struct reader_sign_ins_ask *ask, uint64_t limit,
                   struct print_columns *columns, uint64_t *shown, struct error *e)
{
    struct reader_acts_answer answer = {.next = 1};

    while (answer.next && *shown < limit) {
        if (!cli_ask(c, CLI_READER, &reader_sign_ins, ask, &answer, NULL, CLI_LONG_MS, e)) {
            return false;
        }
        const struct reader_record *records = answer.acts.items;
        for (size_t i = answer.acts.count; i-- > 0 && *shown < limit; (*shown)++) {
            if (!add(c, columns, &records[i], e)) {
                return false;
            }
        }
        ask->before = answer.next;
    }
    return true;
}

bool session_list_past(struct cli *c, struct slice account, bool all, struct error *e)
{
    static const char *const heads[] = {"WHEN", "ACCOUNT", "WITH",  "MACHINE",
                                        "FROM", "COUNTRY", "RESULT"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 7};
    struct reader_sign_ins_ask ask = {.account = account,
                                      .all = all,
                                      .reason =
                                          slice_text(arguments_text(&c->arguments, "reason", 0))};
    uint64_t limit = 0;
    uint64_t days = 0;
    uint64_t shown = 0;

    if (!number_of(c, "limit", LIMIT_DEFAULT, LIMIT_MAX, &limit, e) ||
        !number_of(c, "days", DAYS_DEFAULT, DAYS_MAX, &days, e)) {
        return false;
    }
    uint64_t now = (uint64_t)clock_wall_ms();
    ask.since = now > days * DAY_MS ? now - days * DAY_MS : 0;
    if (!gather(c, &ask, limit, &columns, &shown, e)) {
        return false;
    }
    if (shown == 0) {
        (void)fprintf(stderr, "Nobody signed in.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}
