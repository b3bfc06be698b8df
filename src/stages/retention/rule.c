/* What a person may set as a rule. */
#include "letter/group.h"
#include "stages/retention/book.h"

static bool is_class(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!word && (c != '-' || i == 0 || i == s.len - 1)) {
            return false;
        }
    }
    return s.len != 0 && s.len <= RULE_CLASS_MAX;
}

static bool check_term(const struct rule *rule, struct error *e)
{
    struct retention_rule term;
    int64_t day = 0;

    if (!retention_term_read(rule->term, &term)) {
        return error_set(e, ERROR_INPUT,
                         "`%.*s` is no term: say 90d, 36mo, 7y or forever, at most 1000 years",
                         SLICE_ARG(slice_head(rule->term, 40)));
    }
    if (rule->start < RETENTION_FROM_SENT || rule->start > RETENTION_FROM_DATE) {
        return error_set(e, ERROR_INPUT,
                         "a term begins at `sent`, `year-end`, `fiscal-end` or `date`");
    }
    if ((rule->start == RETENTION_FROM_FISCAL_END) !=
        (rule->fiscal_month >= 1 && rule->fiscal_month <= 12)) {
        return error_set(e, ERROR_INPUT,
                         "the start `fiscal-end`, and it alone, needs the last month of the fiscal "
                         "year, 1 to 12");
    }
    if (rule->date_key.len && rule->start != RETENTION_FROM_DATE) {
        return error_set(e, ERROR_INPUT, "only the start `date` has a key whose date it is");
    }
    return rule->review.len == 0 || retention_day_read(rule->review, &day) ||
           error_set(e, ERROR_INPUT, "`%.*s` is no day such as 2027-01-31",
                     SLICE_ARG(slice_head(rule->review, 40)));
}

static bool has_word(struct slice s)
{
    struct text_words words;
    struct text_term term;

    text_words_init(&words, s);
    return text_words_next(&words, &term);
}

static bool is_pattern(struct slice s)
{
    return !slice_starts(s, SLICE("@")) &&
           (slice_find(s, '@') < s.len || slice_find(s, '*') < s.len);
}

static bool is_address(struct slice s)
{
    return slice_find(s, '@') < s.len;
}

static bool is_domain(struct slice s)
{
    struct slice name = slice_starts(s, SLICE("*.")) ? slice_from(s, 2) : s;

    return name.len && slice_find(s, '@') == s.len && slice_find(name, '*') == name.len &&
           slice_find(s, ' ') == s.len;
}

unsigned retention_finding(struct slice name)
{
    static const struct {
        const char *name;
        unsigned bit;
    } rows[] = {
        {"attachment", RETENTION_ATTACHMENT},
        {"encrypted",  RETENTION_ENCRYPTED },
        {"mismatch",   RETENTION_MISMATCH  },
        {"card",       RETENTION_CARD      },
        {"iban",       RETENTION_IBAN      },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (slice_equal(name, slice_text(rows[i].name))) {
            return rows[i].bit;
        }
    }
    return 0;
}

static bool is_finding(struct slice s)
{
    return retention_finding(s) != 0;
}

static bool is_group(struct slice s)
{
    return group_name_is_good(s);
}

static bool is_text(struct slice s)
{
    return s.len != 0;
}

static bool check_list(const struct cbor_list *list, bool (*fits)(struct slice), const char *what,
                       struct error *e)
{
    const struct slice *items = list->items;

    if (list->count > RULE_LIST_MAX) {
        return error_set(e, ERROR_INPUT, "a rule has at most %d conditions of one kind",
                         RULE_LIST_MAX);
    }
    for (size_t i = 0; i < list->count; i++) {
        if (items[i].len > RULE_TEXT_MAX || !fits(items[i])) {
            return error_set(e, ERROR_INPUT, "`%.*s` is no %s", SLICE_ARG(slice_head(items[i], 60)),
                             what);
        }
    }
    return true;
}

bool retention_rule_check(const struct rule *rule, struct error *e)
{
    if (!is_class(rule->class)) {
        return error_set(e, ERROR_INPUT,
                         "`%.*s` is no name of a class such as `customer-records`: a-z, 0-9 and "
                         "dashes, at most %d of them",
                         SLICE_ARG(slice_head(rule->class, 70)), RULE_CLASS_MAX);
    }
    return check_term(rule, e) &&
           check_list(&rule->senders, is_pattern,
                      "pattern of addresses such as `anna@example.test` or `*@example.test`", e) &&
           check_list(&rule->accounts, is_address, "account such as `anna@example.test`", e) &&
           check_list(&rule->domains, is_domain, "domain such as `example.test`", e) &&
           check_list(&rule->words, has_word, "word or row of words", e) &&
           check_list(&rule->findings, is_finding,
                      "finding: say attachment, encrypted, mismatch, card or iban", e) &&
           check_list(&rule->labels, is_text, "label", e) &&
           check_list(&rule->groups, is_group, "name of a group such as `accounting`", e);
}

/* ── in words ── */

bool retention_start_read(struct slice text, uint64_t *start)
{
    static const char *const names[] = {[RETENTION_FROM_SENT] = "sent",
                                        [RETENTION_FROM_YEAR_END] = "year-end",
                                        [RETENTION_FROM_FISCAL_END] = "fiscal-end",
                                        [RETENTION_FROM_DATE] = "date"};

    for (uint64_t i = RETENTION_FROM_SENT; i <= RETENTION_FROM_DATE; i++) {
        if (slice_equal(text, slice_text(names[i]))) {
            *start = i;
            return true;
        }
    }
    return false;
}

void retention_rule_say(const struct rule *rule, struct buf *out)
{
    static const char *const months[] = {"",        "January",  "February", "March",  "April",
                                         "May",     "June",     "July",     "August", "September",
                                         "October", "November", "December"};

    buf_add(out, rule->term);
    switch (rule->start) {
    case RETENTION_FROM_SENT:
        buf_add_text(out, " from sending");
        break;
    case RETENTION_FROM_YEAR_END:
        buf_add_text(out, " from the end of the calendar year");
        break;
    case RETENTION_FROM_FISCAL_END:
        buf_printf(out, " from the end of the fiscal year in %s",
                   rule->fiscal_month <= 12 ? months[rule->fiscal_month] : "?");
        break;
    case RETENTION_FROM_DATE:
        buf_printf(out, " from the date of %.*s",
                   SLICE_ARG(rule->date_key.len ? rule->date_key : SLICE("the account")));
        break;
    default:
        buf_add_text(out, " from ?");
        break;
    }
}

static void say_list(const struct cbor_list *list, const char *kind, const char *quote,
                     struct buf *out)
{
    const struct slice *items = list->items;

    for (size_t i = 0; i < list->count; i++) {
        buf_add_text(out, i ? " or " : out->len ? ", " : "");
        buf_printf(out, "%s%s", i ? "" : kind, i ? "" : " ");
        buf_printf(out, "%s%.*s%s", quote, SLICE_ARG(items[i]), quote);
    }
}

void retention_conditions_say(const struct rule *rule, struct buf *out)
{
    say_list(&rule->senders, "sender", "", out);
    say_list(&rule->accounts, "account", "", out);
    say_list(&rule->groups, "group", "", out);
    say_list(&rule->domains, "recipient", "", out);
    say_list(&rule->words, "words", "\"", out);
    say_list(&rule->findings, "finding", "", out);
    say_list(&rule->labels, "label", "\"", out);
    buf_add_text(out, out->len ? "" : "every letter");
}
