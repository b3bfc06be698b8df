/* How long letters are kept: looking at the rules, taking them away, and the dates that terms run from. */
#include "cli/retention.h"

#include "base/clock.h"

#include "cli/print.h"
#include "requests/retention.h"
#include "stages/retention/book.h"

#define SAID_MAX ((size_t)1 << 20)

static struct slice said(struct cli *c, const struct rule *rule,
                         void (*say)(const struct rule *, struct buf *))
{
    OWN(buf) struct buf text = {.max = SAID_MAX};

    say(rule, &text);
    return arena_copy(&c->arena, buf_slice(&text));
}

/* The day by which a rule is to be looked at again; it is pointed at when that is past. */
static struct slice review_of(struct cli *c, const struct rule *rule)
{
    OWN(buf) struct buf today = {.max = 32};

    retention_day_write(clock_wall_ms(), &today);
    return rule->review.len && slice_compare(rule->review, buf_slice(&today)) <= 0
               ? arena_printf(&c->arena, "%.*s DUE", SLICE_ARG(rule->review))
               : rule->review;
}

bool cli_retention_remove(struct cli *c, struct error *e)
{
    const struct retention_remove_ask ask = {
        .class = slice_text(c->arguments.words[0]),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};

    if (!cli_ask(c, CLI_KEEPER, &retention_remove, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "removed %s\n", c->arguments.words[0]);
    return true;
}

static void write_counts(struct cli *c, const struct retention_list_answer *a)
{
    buf_printf(&c->out,
               "\n%llu letters: %llu under no rule (kept for ever), %llu under one without "
               "an end, %llu whose time is over\n",
               (unsigned long long)a->letters, (unsigned long long)a->unruled,
               (unsigned long long)a->for_ever, (unsigned long long)a->ended);
    if (a->left) {
        buf_printf(&c->out, "%llu are still to be looked at since a rule or date changed.\n",
                   (unsigned long long)a->left);
    }
}

bool cli_retention_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"CLASS", "LETTERS", "KEPT", "WHICH", "REVIEW"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 5, .right = 2};
    struct retention_list_answer answer = {.more = true};
    struct retention_list_ask ask = {.class = SLICE_NONE};
    size_t rules = 0;

    while (answer.more) {
        if (!cli_ask(c, CLI_KEEPER, &retention_list, &ask, &answer, NULL, CLI_LONG_MS, e)) {
            return false;
        }
        const struct retention_row *rows = answer.rows.items;
        for (size_t i = 0; i < answer.rows.count; i++) {
            const struct slice cells[] = {
                rows[i].rule.class,
                arena_printf(&c->arena, "%llu", (unsigned long long)rows[i].letters),
                said(c, &rows[i].rule, retention_rule_say),
                said(c, &rows[i].rule, retention_conditions_say), review_of(c, &rows[i].rule)};
            print_row(&columns, cells);
            ask.after = rows[i].rule.class;
        }
        rules += answer.rows.count;
        answer.more = answer.more && answer.rows.count;
    }
    if (rules) {
        print_columns(&columns, cli_columns(), &c->out);
    } else {
        buf_add_text(&c->out, "There are no rules: every letter is kept for ever.\n");
    }
    write_counts(c, &answer);
    return true;
}

static void line(struct cli *c, const char *label, struct slice text)
{
    if (text.len) {
        buf_printf(&c->out, "%-14s", label);
        print_clean(&c->out, text);
        buf_add_byte(&c->out, '\n');
    }
}

static void write_rule(struct cli *c, const struct retention_row *row)
{
    const struct rule *r = &row->rule;

    line(c, "Class", r->class);
    line(c, "About", r->title);
    line(c, "Kept", said(c, r, retention_rule_say));
    line(c, "Which", said(c, r, retention_conditions_say));
    line(c, "Letters", arena_printf(&c->arena, "%llu", (unsigned long long)row->letters));
    line(c, "Citation", r->citation);
    line(c, "Source", r->source);
    line(c, "Review", review_of(c, r));
    line(c, "Pack", r->pack);
    line(c, "Advice", r->advice);
    line(c, "Signed off by", r->signed_off_by);
    line(c, "Set by", r->by);
    line(c, "At", print_time(&c->arena, row->time));
    line(c, "Reason", r->reason);
    line(c, "Record", arena_printf(&c->arena, "%llu", (unsigned long long)row->seq));
}

bool cli_retention_show(struct cli *c, struct error *e)
{
    const struct retention_list_ask ask = {.class = slice_text(c->arguments.words[0])};
    struct retention_list_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &retention_list, &ask, &answer, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    if (answer.rows.count == 0) {
        return error_set(e, ERROR_INPUT,
                         "there is no class `%.*s`; `postern retention list` shows those there are",
                         SLICE_ARG(slice_head(ask.class, 100)));
    }
    write_rule(c, answer.rows.items);
    return true;
}

/* ── dates ── */

static bool list_dates(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"KEY", "DATE", "SET BY", "REASON"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 4};
    struct retention_dates_answer answer = {.more = true};
    struct retention_dates_ask ask = {.after = SLICE_NONE};
    size_t count = 0;

    while (answer.more) {
        if (!cli_ask(c, CLI_KEEPER, &retention_dates, &ask, &answer, NULL, CLI_LONG_MS, e)) {
            return false;
        }
        const struct rule_date *dates = answer.dates.items;
        for (size_t i = 0; i < answer.dates.count; i++) {
            OWN(buf) struct buf day = {.max = 32};
            retention_day_write((int64_t)dates[i].date, &day);
            const struct slice cells[] = {dates[i].key, arena_copy(&c->arena, buf_slice(&day)),
                                          dates[i].by, dates[i].reason};
            print_row(&columns, cells);
            ask.after = dates[i].key;
        }
        count += answer.dates.count;
        answer.more = answer.more && answer.dates.count;
    }
    if (count == 0) {
        c->status = CLI_NOTHING;
        return true;
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}

bool cli_retention_date(struct cli *c, struct error *e)
{
    const char **words = c->arguments.words;
    size_t n = c->arguments.n_words;
    struct slice what = slice_text(words[0]);
    bool set = n == 3 && slice_equal(what, SLICE("set"));
    bool remove = n == 2 && slice_equal(what, SLICE("remove"));
    int64_t day = 0;

    if (n == 1 && slice_equal(what, SLICE("list"))) {
        return list_dates(c, e);
    }
    if (!set && !remove) {
        return error_set(e, ERROR_INPUT,
                         "say `set KEY DATE`, `remove KEY` or `list`: `postern help retention "
                         "date`");
    }
    if (set && !retention_day_read(slice_text(words[2]), &day)) {
        return error_set(e, ERROR_INPUT, "`%.*s` is no day such as 2027-01-31, from 1970 on",
                         SLICE_ARG(slice_head(slice_text(words[2]), 40)));
    }
    const struct rule_date ask = {.key = slice_text(words[1]),
                                  .date = (uint64_t)day,
                                  .removed = remove,
                                  .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};
    if (!cli_ask(c, CLI_KEEPER, &retention_date, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "%s %s\n", set ? "set" : "removed", words[1]);
    return true;
}
