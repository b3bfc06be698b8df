/* A rule as it is typed. */
#include "cli/cli.h"
#include "cli/retention.h"
#include "requests/retention.h"
#include "stages/retention/book.h"

#define OPTION(name_, value_, help_)                                                               \
    {                                                                                              \
        .name = (name_), .value = (value_), .help = (help_), .many = false                         \
    }
#define OPTION_MANY(name_, value_, help_)                                                          \
    {                                                                                              \
        .name = (name_), .value = (value_), .help = (help_), .many = true                          \
    }

const struct argument_option retention_set_options[] = {
    OPTION("start", "WHEN", "`sent`, `year-end`, `fiscal-end` or `date`; sent"),
    OPTION("fiscal-month", "N", "the last month of the fiscal year, for fiscal-end"),
    OPTION("date-key", "KEY", "whose date, for date; the account's when not given"),
    RETENTION_CONDITIONS,
    OPTION("title", "TEXT", "what the class is about"),
    OPTION("citation", "TEXT", "of the law"),
    OPTION("source", "TEXT", "where it can be read"),
    OPTION("review", "DATE", "when this is to be looked at again, 2027-01-31"),
    OPTION("advice", "TEXT", "on whose advice"),
    OPTION("signed-off-by", "WHO", "who answers for it"),
    OPTION("reason", "TEXT", "why; stands in the ledger"),
    OPTION(NULL, NULL, NULL),
};

static struct slice text_of(const struct cli *c, const char *name)
{
    return slice_text(arguments_text(&c->arguments, name, 0));
}

static struct cbor_list list_of(struct cli *c, const char *name)
{
    size_t count = arguments_count(&c->arguments, name);
    struct slice *items = arena_array(&c->arena, count + 1, sizeof(*items));

    for (size_t i = 0; i < count; i++) {
        items[i] = slice_text(arguments_text(&c->arguments, name, i));
    }
    return (struct cbor_list){items, count};
}

void retention_conditions(struct cli *c, struct rule *rule)
{
    rule->senders = list_of(c, "sender");
    rule->accounts = list_of(c, "account");
    rule->groups = list_of(c, "group");
    rule->domains = list_of(c, "recipient-domain");
    rule->words = list_of(c, "words");
    rule->findings = list_of(c, "finding");
    rule->labels = list_of(c, "label");
}

bool retention_has_conditions(const struct rule *rule)
{
    return rule->senders.count || rule->accounts.count || rule->groups.count ||
           rule->domains.count || rule->words.count || rule->findings.count || rule->labels.count;
}

static bool read_start(struct cli *c, struct rule *rule, struct error *e)
{
    struct slice start = text_of(c, "start");
    struct slice month = text_of(c, "fiscal-month");

    rule->start = RETENTION_FROM_SENT;
    if (start.len && !retention_start_read(start, &rule->start)) {
        return error_set(e, ERROR_INPUT,
                         "`%.*s` is no start: say sent, year-end, fiscal-end or date",
                         SLICE_ARG(slice_head(start, 40)));
    }
    return month.len == 0 || slice_decimal(month, 12, &rule->fiscal_month) ||
           error_set(e, ERROR_INPUT, "--fiscal-month takes a month, 1 to 12");
}

static struct slice lowered(struct slice s, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, s.len + 1);

    for (size_t i = 0; i < s.len; i++) {
        copy[i] = ascii_lower(s.ptr[i]);
    }
    return slice_of(copy, s.len);
}

bool cli_retention_set(struct cli *c, struct error *e)
{
    struct rule rule = {.class = slice_text(c->arguments.words[0]),
                        .term = slice_text(c->arguments.words[1]),
                        .date_key = lowered(text_of(c, "date-key"), &c->arena),
                        .title = text_of(c, "title"),
                        .citation = text_of(c, "citation"),
                        .source = text_of(c, "source"),
                        .review = text_of(c, "review"),
                        .advice = text_of(c, "advice"),
                        .signed_off_by = text_of(c, "signed-off-by")};
    const struct retention_set_ask ask = {
        .rules = {&rule, 1},
          .reason = text_of(c, "reason")
    };
    OWN(buf) struct buf text = {.max = 4096};

    retention_conditions(c, &rule);
    if (!read_start(c, &rule, e) || !retention_rule_check(&rule, e) ||
        !cli_ask(c, CLI_KEEPER, &retention_set, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    retention_rule_say(&rule, &text);
    buf_printf(&c->out, "set %.*s: %.*s\n", SLICE_ARG(rule.class), SLICE_ARG(buf_slice(&text)));
    if (!retention_has_conditions(&rule)) {
        buf_add_text(&c->out, "It is about every letter.\n");
    }
    return true;
}
