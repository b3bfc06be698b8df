#include "stages/retention/term.h"

#define DAY_MS  INT64_C(86400000)
#define NOON_MS (DAY_MS / 2)
#define LAST_MS INT64_C(253402300799999) /* of the year 9999: later is no date */

struct date {
    int64_t year;
    int64_t month; /* 1 to 12 */
    int64_t day;   /* 1 to 31 */
};

/* Days since 1970-01-01 of a day of the Gregorian calendar. Years begin in March here, so that the
 * leap day is the last one; 400 of them have 146,097 days. */
static int64_t days_of(struct date d)
{
    int64_t year = d.year - (d.month <= 2 ? 1 : 0);
    int64_t era = year / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct date date_of(int64_t days)
{
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097;
    int64_t day_of_era = shifted - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153;
    struct date d = {.day = day_of_year - (153 * month + 2) / 5 + 1,
                     .month = month < 10 ? month + 3 : month - 9};

    d.year = year_of_era + era * 400 + (d.month <= 2 ? 1 : 0);
    return d;
}

static int64_t length_of(int64_t year, int64_t month)
{
    static const int64_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return lengths[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* The same day so many months later, or the last one of a month that is too short for it. */
static struct date months_later(struct date d, int64_t months)
{
    int64_t month = d.year * 12 + d.month - 1 + months;
    struct date later = {.year = month / 12, .month = month % 12 + 1};
    int64_t length = length_of(later.year, later.month);

    later.day = d.day < length ? d.day : length;
    return later;
}

/* ── terms ── */

bool retention_term_read(struct slice text, struct retention_rule *rule)
{
    static const struct {
        const char *suffix;
        enum retention_unit unit;
        uint64_t max;
    } rows[] = {
        {"mo", RETENTION_MONTHS, RETENTION_COUNT_MAX * 12},
        {"d",  RETENTION_DAYS,   9999                    },
        {"y",  RETENTION_YEARS,  RETENTION_COUNT_MAX     },
    };

    if (slice_equal(text, SLICE("forever"))) {
        rule->unit = RETENTION_FOREVER;
        rule->count = 0;
        return true;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice suffix = slice_text(rows[i].suffix);
        uint64_t count = 0;
        if (text.len > suffix.len && text.len <= suffix.len + 4 &&
            slice_equal(slice_from(text, text.len - suffix.len), suffix) &&
            slice_decimal(slice_head(text, text.len - suffix.len), rows[i].max, &count) &&
            count > 0) {
            rule->unit = rows[i].unit;
            rule->count = count;
            return true;
        }
    }
    return false;
}

void retention_term_write(const struct retention_rule *rule, struct buf *out)
{
    static const char *const suffixes[] = {
        [RETENTION_DAYS] = "d", [RETENTION_MONTHS] = "mo", [RETENTION_YEARS] = "y"};

    if (rule->unit == RETENTION_FOREVER) {
        buf_add_text(out, "forever");
    } else {
        buf_printf(out, "%llu%s", (unsigned long long)rule->count, suffixes[rule->unit]);
    }
}

/* ── days ── */

bool retention_day_read(struct slice text, int64_t *ms)
{
    uint64_t year = 0;
    uint64_t month = 0;
    uint64_t day = 0;

    if (text.len != 10 || text.ptr[4] != '-' || text.ptr[7] != '-' ||
        !slice_decimal(slice_head(text, 4), 9999, &year) ||
        !slice_decimal(slice_head(slice_from(text, 5), 2), 12, &month) ||
        !slice_decimal(slice_from(text, 8), 31, &day) || year < 1970 || month < 1 || day < 1) {
        return false;
    }
    const struct date d = {(int64_t)year, (int64_t)month, (int64_t)day};
    if (d.day > length_of(d.year, d.month)) {
        return false;
    }
    *ms = days_of(d) * DAY_MS;
    return true;
}

void retention_day_write(int64_t ms, struct buf *out)
{
    struct date d = date_of((ms < 0 ? 0 : ms > LAST_MS ? LAST_MS : ms) / DAY_MS);

    buf_printf(out, "%04lld-%02lld-%02lld", (long long)d.year, (long long)d.month,
               (long long)d.day);
}

/* ── when it ends ── */

static bool makes_sense(const struct retention_rule *rule)
{
    bool unit = rule->unit >= RETENTION_DAYS && rule->unit < RETENTION_FOREVER;
    bool start = rule->start >= RETENTION_FROM_SENT && rule->start <= RETENTION_FROM_DATE;
    bool fiscal = rule->start != RETENTION_FROM_FISCAL_END ||
                  (rule->fiscal_month >= 1 && rule->fiscal_month <= 12);

    return unit && start && fiscal && rule->count > 0 && rule->count <= RETENTION_COUNT_MAX * 12;
}

/* The last day of the year, ending with that month, in which a day lies. */
static struct date year_end(struct date d, int64_t last_month)
{
    int64_t year = d.year + (d.month > last_month ? 1 : 0);

    return (struct date){year, last_month, length_of(year, last_month)};
}

int64_t retention_begins(const struct retention_rule *rule, int64_t sent_ms)
{
    int64_t start_ms = rule->start == RETENTION_FROM_DATE ? rule->date_ms : sent_ms;
    bool fiscal = rule->start == RETENTION_FROM_FISCAL_END;

    if (start_ms < 0 || start_ms > LAST_MS ||
        (fiscal && (rule->fiscal_month < 1 || rule->fiscal_month > 12))) {
        return RETENTION_NEVER;
    }
    struct date from = date_of(start_ms / DAY_MS);
    if (rule->start == RETENTION_FROM_YEAR_END) {
        from = year_end(from, 12);
    } else if (fiscal) {
        from = year_end(from, rule->fiscal_month);
    }
    return days_of(from) * DAY_MS;
}

int64_t retention_last_day(int64_t ends)
{
    return ends - NOON_MS - DAY_MS;
}

int64_t retention_ends(const struct retention_rule *rule, int64_t sent_ms)
{
    int64_t begins = retention_begins(rule, sent_ms);

    if (!makes_sense(rule) || begins == RETENTION_NEVER) {
        return RETENTION_NEVER;
    }
    struct date from = date_of(begins / DAY_MS);
    int64_t count = (int64_t)rule->count;
    int64_t last =
        rule->unit == RETENTION_DAYS
            ? days_of(from) + count
            : days_of(months_later(from, rule->unit == RETENTION_YEARS ? 12 * count : count));
    return (last + 1) * DAY_MS + NOON_MS;
}

enum retention_verdict retention_judge(const struct retention_rule *rules, size_t n_rules,
                                       uint64_t holds, int64_t sent_ms, int64_t now_ms,
                                       int64_t *ends)
{
    *ends = n_rules ? INT64_MIN : RETENTION_NEVER;
    for (size_t i = 0; i < n_rules; i++) {
        int64_t end = retention_ends(&rules[i], sent_ms);
        *ends = end > *ends ? end : *ends;
    }
    if (holds) {
        return RETENTION_HELD;
    }
    if (n_rules == 0) {
        return RETENTION_UNRULED;
    }
    return *ends == RETENTION_NEVER || now_ms < *ends ? RETENTION_KEPT : RETENTION_OVER;
}
