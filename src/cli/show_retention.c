#include "cli/show_retention.h"

#include "cli/print.h"
#include "letter/retention.h"
#include "stages/retention/book.h"

/* What is shown. */
struct shown {
    struct arena *arena;
    struct buf *out;
    const struct reader_show_answer *answer;
    struct facts facts;
    struct classes classes;
};

static void line(struct shown *s, const char *label, struct slice text)
{
    if (text.len) {
        buf_printf(s->out, "    %-14s", label);
        print_clean(s->out, text);
        buf_add_byte(s->out, '\n');
    }
}

static struct slice day_text(struct shown *s, int64_t ms)
{
    OWN(buf) struct buf day = {.max = 32};

    retention_day_write(ms, &day);
    return arena_copy(s->arena, buf_slice(&day));
}

static struct slice said(struct shown *s, const struct rule *rule,
                         void (*say)(const struct rule *, struct buf *))
{
    OWN(buf) struct buf text = {.max = 1 << 20};

    say(rule, &text);
    return arena_copy(s->arena, buf_slice(&text));
}

/* The last record of a type, read; *value stays when there is none. */
static bool read_last(const struct reader_show_answer *answer, uint64_t type,
                      const struct cbor_schema *schema, struct arena *arena, void *value,
                      bool *found, struct error *e)
{
    const struct reader_record *records = answer->records.items;
    size_t n = answer->records.count;

    while (n && records[n - 1].type != type) {
        n--;
    }
    *found = n != 0;
    return !*found || cbor_read(records[n - 1].body, schema, arena, value, e);
}

static const struct reader_record *rule_of(const struct shown *s, uint64_t seq)
{
    const struct reader_record *rules = s->answer->rules.items;

    for (size_t i = 0; i < s->answer->rules.count; i++) {
        if (rules[i].seq == seq) {
            return &rules[i];
        }
    }
    return NULL;
}

static struct slice begins(struct shown *s, const struct rule *rule)
{
    struct retention_rule term = {.start = (enum retention_start)rule->start,
                                  .fiscal_month = (unsigned)rule->fiscal_month,
                                  .date_ms = RETENTION_NEVER};

    if (rule->start == RETENTION_FROM_DATE) {
        return arena_printf(s->arena,
                            "on the day that `postern retention date list` shows for %.*s",
                            SLICE_ARG(rule->date_key.len ? rule->date_key : SLICE("the account")));
    }
    int64_t day = retention_begins(&term, retention_sent_ms(&s->facts));
    return day == RETENTION_NEVER ? SLICE("?") : day_text(s, day);
}

static struct slice ends(struct shown *s, const struct class_stamp *stamp, const struct rule *rule)
{
    if (stamp->ends && stamp->ends <= INT64_MAX) {
        return arena_printf(s->arena, "%.*s%s",
                            SLICE_ARG(day_text(s, retention_last_day((int64_t)stamp->ends))),
                            stamp->ends == s->classes.until ? ", the longest: this decides" : "");
    }
    return rule && rule->start == RETENTION_FROM_DATE && !slice_equal(rule->term, SLICE("forever"))
               ? SLICE("none until that day is set: kept till then, and for the term behind it")
               : SLICE("none, kept for ever: this decides");
}

static bool show_class(struct shown *s, const struct class_stamp *stamp, struct error *e)
{
    const struct reader_record *record = rule_of(s, stamp->rule);
    struct rule rule;

    buf_printf(s->out, "  %.*s, by the rule of record %llu\n",
               SLICE_ARG(print_cleaned(s->arena, stamp->class)), (unsigned long long)stamp->rule);
    if (record && !cbor_read(record->body, &rule_schema, s->arena, &rule, e)) {
        return false;
    }
    if (record) {
        line(s, "about", rule.title);
        line(s, "rule", said(s, &rule, retention_rule_say));
        line(s, "for", said(s, &rule, retention_conditions_say));
    }
    line(s, "met by", stamp->why);
    if (record) {
        line(s, "begins", begins(s, &rule));
    }
    line(s, "last day", ends(s, stamp, record ? &rule : NULL));
    if (record) {
        line(s, "citation", rule.citation);
        line(s, "source", rule.source);
        line(s, "pack", rule.pack);
        line(s, "review", rule.review);
        line(s, "advice", rule.advice);
        line(s, "signed off by", rule.signed_off_by);
        line(s, "set by", rule.by);
        line(s, "set on", slice_head(print_time(s->arena, record->time), 10));
        line(s, "reason", rule.reason);
    }
    return true;
}

bool show_retention(const struct reader_show_answer *answer, struct arena *arena, struct buf *out,
                    struct error *e)
{
    struct shown s = {.arena = arena, .out = out, .answer = answer};
    bool has_facts = false;
    bool has_classes = false;

    if (!read_last(answer, RECORD_FACTS, &facts_schema, arena, &s.facts, &has_facts, e) ||
        !read_last(answer, RECORD_CLASSES, &classes_schema, arena, &s.classes, &has_classes, e)) {
        return false;
    }
    if (!has_facts || !has_classes || answer->rules.count == 0) {
        return true;
    }
    const struct class_stamp *stamps = s.classes.classes.items;
    size_t n = s.classes.classes.count;
    buf_printf(out, "\nHow long it is kept: %zu class%s, of which the longest wins%s\n", n,
               n == 1 ? "" : "es", answer->held.len ? "; and as long as it is held" : "");
    for (size_t i = 0; i < n; i++) {
        if (!show_class(&s, &stamps[i], e)) {
            return false;
        }
    }
    return true;
}
