#include <time.h>

#include "stages/retention/term.h"
#include "tests/test.h"

#define DAY INT64_C(86400000)

/* A moment in UTC, by the C library: our own arithmetic is what is tested. */
static int64_t at(int year, int month, int day, int hour)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour};

    return (int64_t)timegm(&tm) * 1000;
}

static struct retention_rule rule_of(const char *term, enum retention_start start)
{
    struct retention_rule rule = {.start = start, .fiscal_month = 3};

    assert_true(retention_term_read(slice_text(term), &rule));
    return rule;
}

static int64_t ends(const char *term, enum retention_start start, int64_t sent_ms)
{
    struct retention_rule rule = rule_of(term, start);

    return retention_ends(&rule, sent_ms);
}

static void terms_are_read_and_written(void **unused)
{
    (void)unused;
    const char *const right[] = {"1d", "90d", "36mo", "7y", "1000y", "9999d", "forever"};
    const char *const wrong[] = {"",   "7",    "y",     "0y",  "-1y",    "7 y",
                                 "7Y", "07x",  "1001y", "7yy", "00007y", "forever ",
                                 "mo", "1.5y", "+7y",   "7m",  "12001mo"};
    struct retention_rule rule;

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        OWN(buf) struct buf out = {.max = 100};
        assert_true(retention_term_read(slice_text(right[i]), &rule));
        retention_term_write(&rule, &out);
        assert_slice(buf_slice(&out), right[i]);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        rule.count = 77;
        assert_false(retention_term_read(slice_text(wrong[i]), &rule));
        assert_int_equal(rule.count, 77);
    }
}

static void a_term_ends_when_its_last_day_is_over_everywhere(void **unused)
{
    (void)unused;
    int64_t sent = at(2026, 3, 5, 23);

    assert_int_equal(ends("7y", RETENTION_FROM_SENT, sent), at(2033, 3, 6, 12));
    assert_int_equal(ends("1d", RETENTION_FROM_SENT, sent), at(2026, 3, 7, 12));
    assert_int_equal(ends("36mo", RETENTION_FROM_SENT, sent), at(2029, 3, 6, 12));
    assert_int_equal(ends("6y", RETENTION_FROM_YEAR_END, sent), at(2033, 1, 1, 12));
    assert_int_equal(ends("6y", RETENTION_FROM_FISCAL_END, sent), at(2032, 4, 1, 12));
    assert_int_equal(ends("6y", RETENTION_FROM_FISCAL_END, at(2026, 4, 1, 0)), at(2033, 4, 1, 12));
    assert_int_equal(ends("1y", RETENTION_FROM_SENT, at(2028, 2, 29, 9)), at(2029, 3, 1, 12));
    assert_int_equal(ends("1mo", RETENTION_FROM_SENT, at(2026, 1, 31, 9)), at(2026, 3, 1, 12));
    assert_int_equal(ends("forever", RETENTION_FROM_SENT, sent), RETENTION_NEVER);
    assert_int_equal(ends("7y", RETENTION_FROM_SENT, -1), RETENTION_NEVER);
    assert_int_equal(ends("7y", RETENTION_FROM_SENT, INT64_MAX), RETENTION_NEVER);
}

/* Every day of four centuries and more, against the C library. */
static void the_first_and_the_last_day_are_told(void **unused)
{
    (void)unused;
    int64_t sent = at(2026, 3, 5, 23);
    struct retention_rule rule = rule_of("7y", RETENTION_FROM_SENT);

    assert_int_equal(retention_begins(&rule, sent), at(2026, 3, 5, 0));
    assert_int_equal(retention_last_day(retention_ends(&rule, sent)), at(2033, 3, 5, 0));
    rule.start = RETENTION_FROM_YEAR_END;
    assert_int_equal(retention_begins(&rule, sent), at(2026, 12, 31, 0));
    assert_int_equal(retention_last_day(retention_ends(&rule, sent)), at(2033, 12, 31, 0));
    rule.start = RETENTION_FROM_FISCAL_END;
    rule.fiscal_month = 2;
    assert_int_equal(retention_begins(&rule, sent), at(2027, 2, 28, 0));
    rule.fiscal_month = 13;
    assert_int_equal(retention_begins(&rule, sent), RETENTION_NEVER);
    rule.start = RETENTION_FROM_DATE;
    rule.date_ms = RETENTION_NEVER;
    assert_int_equal(retention_begins(&rule, sent), RETENTION_NEVER);
}

static void every_day_is_the_right_one(void **unused)
{
    (void)unused;
    for (int64_t day = 0; day < 160000; day++) {
        time_t seconds = (time_t)(day * 86400);
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        struct retention_rule rule = rule_of("12mo", RETENTION_FROM_YEAR_END);
        assert_int_equal(retention_ends(&rule, day * DAY), at(tm.tm_year + 1900 + 2, 1, 1, 12));
        rule = rule_of("1d", RETENTION_FROM_SENT);
        assert_int_equal(retention_ends(&rule, day * DAY), (day + 2) * DAY + DAY / 2);
    }
}

static void rules_without_sense_end_never(void **unused)
{
    (void)unused;
    struct retention_rule rule = rule_of("7y", RETENTION_FROM_FISCAL_END);

    rule.fiscal_month = 13;
    assert_int_equal(retention_ends(&rule, 0), RETENTION_NEVER);
    rule.fiscal_month = 0;
    assert_int_equal(retention_ends(&rule, 0), RETENTION_NEVER);
    rule = (struct retention_rule){.count = 7};
    assert_int_equal(retention_ends(&rule, 0), RETENTION_NEVER);
    rule = rule_of("7y", RETENTION_FROM_SENT);
    rule.count = UINT64_MAX;
    assert_int_equal(retention_ends(&rule, 0), RETENTION_NEVER);
}

static void the_longest_wins_and_a_hold_beats_all(void **unused)
{
    (void)unused;
    const struct retention_rule rules[] = {rule_of("7y", RETENTION_FROM_SENT),
                                           rule_of("90d", RETENTION_FROM_SENT),
                                           rule_of("forever", RETENTION_FROM_SENT)};
    int64_t sent = at(2026, 3, 5, 10);
    int64_t last = at(2033, 3, 6, 12);
    int64_t end = 0;

    assert_int_equal(retention_judge(rules, 2, 0, sent, last - 1, &end), RETENTION_KEPT);
    assert_int_equal(end, last);
    assert_int_equal(retention_judge(rules, 2, 0, sent, last, &end), RETENTION_OVER);
    assert_int_equal(retention_judge(rules, 3, 0, sent, INT64_MAX, &end), RETENTION_KEPT);
    assert_int_equal(end, RETENTION_NEVER);
    assert_int_equal(retention_judge(rules, 2, 1, sent, INT64_MAX, &end), RETENTION_HELD);
    assert_int_equal(retention_judge(NULL, 0, 1, sent, INT64_MAX, &end), RETENTION_HELD);
    assert_int_equal(retention_judge(NULL, 0, 0, sent, INT64_MAX, &end), RETENTION_UNRULED);
    assert_int_equal(end, RETENTION_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_are_read_and_written),
        cmocka_unit_test(a_term_ends_when_its_last_day_is_over_everywhere),
        cmocka_unit_test(the_first_and_the_last_day_are_told),
        cmocka_unit_test(every_day_is_the_right_one),
        cmocka_unit_test(rules_without_sense_end_never),
        cmocka_unit_test(the_longest_wins_and_a_hold_beats_all),
    };
    return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
