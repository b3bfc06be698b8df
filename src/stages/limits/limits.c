#include "stages/limits/limits.h"

#include <string.h>

#define PARTS_OF_HOUR 12 /* parts of five minutes in one of the day's */

/* ── the windows ── */

static uint64_t part_of(int64_t ms)
{
    return ms > 0 ? (uint64_t)ms / LIMITS_FINE_MS : 0;
}

/* Empty the parts between the newest one and `part`. A clock that was set back a little counts into the newest part; one
 * that was far ahead was wrong, and what it counted would never be over. */
static void roll(struct limits_count *c, uint64_t part)
{
    if (part + PARTS_OF_HOUR * LIMITS_COARSE < c->part) {
        limits_count_done(c);
        *c = (struct limits_count){0};
    }
    if (part <= c->part) {
        return;
    }
    uint64_t hour = part / PARTS_OF_HOUR;
    uint64_t fine = part - c->part < LIMITS_FINE ? part - c->part : LIMITS_FINE;
    uint64_t coarse = hour - c->part / PARTS_OF_HOUR;

    for (uint64_t i = 0; i < fine; i++) {
        (void)memset(c->fine[(part - i) % LIMITS_FINE], 0, sizeof(c->fine[0]));
    }
    for (uint64_t i = 0; i < coarse && i < LIMITS_COARSE; i++) {
        (void)memset(c->coarse[(hour - i) % LIMITS_COARSE], 0, sizeof(c->coarse[0]));
    }
    c->part = part;
}

/* The two parts into which something at `part` counts; NULL: it is too old for that window. */
static uint64_t *fine_of(struct limits_count *c, uint64_t part)
{
    return part <= c->part && c->part - part < LIMITS_FINE ? c->fine[part % LIMITS_FINE] : NULL;
}

static uint64_t *coarse_of(struct limits_count *c, uint64_t part)
{
    uint64_t hour = part / PARTS_OF_HOUR;
    uint64_t last = c->part / PARTS_OF_HOUR;

    return hour <= last && last - hour < LIMITS_COARSE ? c->coarse[hour % LIMITS_COARSE] : NULL;
}

static void change(uint64_t *in, enum limits_measure measure, uint64_t n, bool less)
{
    if (in) {
        in[measure] = !less ? in[measure] + n : in[measure] > n ? in[measure] - n : 0;
    }
}

static void count(struct limits_count *c, uint64_t part, enum limits_measure measure, uint64_t n,
                  bool less)
{
    change(fine_of(c, part), measure, n, less);
    change(coarse_of(c, part), measure, n, less);
}

static uint64_t sum(const struct limits_count *c, enum limits_window window,
                    enum limits_measure measure)
{
    uint64_t n = 0;

    for (size_t i = 0; window == LIMITS_HOUR && i < LIMITS_FINE; i++) {
        n += c->fine[i][measure];
    }
    for (size_t i = 0; window == LIMITS_DAY && i < LIMITS_COARSE; i++) {
        n += c->coarse[i][measure];
    }
    return n;
}

uint64_t limits_sent(struct limits_count *c, enum limits_window window, enum limits_measure measure,
                     int64_t now_ms)
{
    roll(c, part_of(now_ms));
    return sum(c, window, measure);
}

/* ── different addresses ── */

/* Parts of addresses are kept as small numbers; what they count from moves when they would not fit, once in many thousand
 * years. */
static uint32_t stamp_of(struct limits_count *c, uint64_t part)
{
    if (c->epoch == 0) {
        c->epoch = part > PARTS_OF_HOUR * LIMITS_COARSE ? part - PARTS_OF_HOUR * LIMITS_COARSE : 1;
    }
    return part < c->epoch || part - c->epoch >= UINT32_MAX ? 1 : (uint32_t)(part - c->epoch) + 1;
}

static uint64_t part_of_stamp(const struct limits_count *c, uint32_t stamp)
{
    return c->epoch + stamp - 1;
}

/* Forget addresses that no window covers any more, before the set would grow. */
static void tidy(struct limits_count *c)
{
    uint64_t kept = PARTS_OF_HOUR * LIMITS_COARSE;

    c->addresses.max = LIMITS_REST_MAX;
    if (2 * (c->addresses.count + 1) > c->addresses.room && c->part > c->epoch + kept) {
        set_drop_below(&c->addresses, stamp_of(c, c->part - kept));
    }
}

/* An address counts in the part in which it was written to last. */
static void count_address(struct limits_count *c, uint64_t address, uint64_t part)
{
    uint32_t now = stamp_of(c, part);
    uint32_t before = set_get(&c->addresses, address);

    if (before >= now) {
        return;
    }
    if (before) {
        count(c, part_of_stamp(c, before), LIMITS_ADDRESSES, 1, true);
    }
    tidy(c);
    (void)set_put(&c->addresses, address,
                  now); /* a million addresses a day: its own rule allows it */
    count(c, part, LIMITS_ADDRESSES, 1, false);
}

/* Whether it is in that window already. */
static bool covers(const struct limits_count *c, enum limits_window window, uint64_t address)
{
    uint32_t stamp = set_get(&c->addresses, address);
    uint64_t part = stamp ? part_of_stamp(c, stamp) : 0;

    return stamp &&
           (window == LIMITS_HOUR ? part + LIMITS_FINE > c->part
                                  : part / PARTS_OF_HOUR + LIMITS_COARSE > c->part / PARTS_OF_HOUR);
}

/* ── letters ── */

static uint64_t firsts(const struct limits_letter *l)
{
    uint64_t n = 0;

    for (size_t i = 0; i < l->n_outside; i++) {
        n += l->first[i];
    }
    return n;
}

/* What the letter would add to a window. */
static uint64_t adds(const struct limits_count *c, const struct limits_letter *l,
                     enum limits_window window, enum limits_measure measure)
{
    uint64_t n = 0;

    switch (measure) {
    case LIMITS_LETTERS:
        return 1;
    case LIMITS_RECIPIENTS:
        return l->n_outside;
    case LIMITS_FIRST_TIME:
        return firsts(l);
    case LIMITS_BYTES:
        return l->bytes;
    case LIMITS_ADDRESSES:
        for (size_t i = 0; i < l->n_outside; i++) {
            n += !covers(c, window, l->outside[i]);
        }
        return n;
    case LIMITS_REFUSED:
    case LIMITS_NEW_LINKS:
    case LIMITS_NETWORKS:
    case LIMITS_BOUNCES:
    case LIMITS_FAILURES:
    case LIMITS_COUNTRIES:
    case LIMITS_TRAVELS:
    case LIMITS_COUNTED:
    default:
        return 0;
    }
}

uint64_t limits_new_addresses(struct limits_count *c, const struct limits_letter *letter,
                              int64_t now_ms)
{
    roll(c, part_of(now_ms));
    return adds(c, letter, LIMITS_HOUR, LIMITS_ADDRESSES);
}

/* How long until so much of the window is over that the letter fits. */
static int64_t wait_for(const struct limits_count *c, const struct limits_excess *x, int64_t now_ms)
{
    bool hour = x->window == LIMITS_HOUR;
    uint64_t parts = hour ? LIMITS_FINE : LIMITS_COARSE;
    int64_t part_ms = hour ? LIMITS_FINE_MS : LIMITS_HOUR_MS;
    uint64_t last = hour ? c->part : c->part / PARTS_OF_HOUR;
    uint64_t left = x->had;

    if (x->added > x->most) {
        return -1;
    }
    for (uint64_t age = parts; age-- > 0;) { /* the oldest first */
        if (last < age) {
            continue;
        }
        uint64_t part = last - age;
        left -= (hour ? c->fine[part % parts] : c->coarse[part % parts])[x->measure];
        if (left + x->added <= x->most) {
            int64_t over = (int64_t)(part + parts) * part_ms - now_ms;
            return over > 0 ? over : part_ms;
        }
    }
    return (int64_t)parts * part_ms;
}

bool limits_allow(struct limits_count *c, const struct limits *limits,
                  const struct limits_letter *letter, int64_t now_ms, struct limits_excess *excess)
{
    bool allowed = true;

    roll(c, part_of(now_ms));
    for (unsigned w = 0; w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            struct limits_excess x = {.measure = m,
                                      .window = w,
                                      .most = limits->most[w][m],
                                      .had = sum(c, w, m),
                                      .added = adds(c, letter, w, m)};
            if (x.most == 0 || x.added == 0 || x.had + x.added <= x.most) {
                continue;
            }
            x.wait_ms = wait_for(c, &x, now_ms);
            if (allowed || x.wait_ms < 0 || (excess->wait_ms >= 0 && x.wait_ms > excess->wait_ms)) {
                *excess = x;
            }
            allowed = false;
        }
    }
    return allowed;
}

static void count_all(struct limits_count *c, const struct limits_letter *l, uint64_t part,
                      bool less)
{
    count(c, part, LIMITS_LETTERS, 1, less);
    count(c, part, LIMITS_BYTES, l->bytes, less);
    count(c, part, LIMITS_RECIPIENTS, l->n_outside, less);
    count(c, part, LIMITS_FIRST_TIME, firsts(l), less);
}

static void add(struct limits_count *c, const struct limits_letter *letter, uint64_t part)
{
    count_all(c, letter, part, false);
    for (size_t i = 0; i < letter->n_outside; i++) {
        count_address(c, letter->outside[i], part);
    }
}

void limits_add(struct limits_count *c, const struct limits_letter *letter, int64_t now_ms)
{
    roll(c, part_of(now_ms));
    add(c, letter, c->part);
}

void limits_note(struct limits_count *c, enum limits_measure measure, uint64_t n, int64_t now_ms)
{
    roll(c, part_of(now_ms));
    count(c, c->part, measure, n, false);
}

void limits_recall(struct limits_count *c, const struct limits_letter *letter, int64_t at_ms)
{
    if (part_of(at_ms) > c->part) {
        roll(c, part_of(at_ms));
    }
    add(c, letter, part_of(at_ms));
}

void limits_recall_note(struct limits_count *c, enum limits_measure measure, uint64_t n,
                        int64_t at_ms)
{
    if (part_of(at_ms) > c->part) {
        roll(c, part_of(at_ms));
    }
    count(c, part_of(at_ms), measure, n, false);
}

void limits_take_back(struct limits_count *c, const struct limits_letter *letter, int64_t at_ms)
{
    count_all(c, letter, part_of(at_ms), true); /* that its addresses stay counted harms nobody */
}

void limits_count_done(struct limits_count *c)
{
    set_done(&c->addresses);
}

/* ── words ── */

const char *limits_measure_text(enum limits_measure measure)
{
    static const char *const texts[LIMITS_MEASURES] = {
        "letters", "recipients outside", "different recipients outside",
        "recipients to whom nobody here has written before", "bytes"};

    return measure < LIMITS_MEASURES ? texts[measure] : "nothing";
}

const char *limits_setting(enum limits_window window, enum limits_measure measure)
{
    static const char *const names[LIMITS_WINDOWS][LIMITS_MEASURES] = {
        {"letters-per-hour", "recipients-per-hour", "addresses-per-hour", "first-time-per-hour",
         "bytes-per-hour"},
        {"letters-per-day",  "recipients-per-day",  "addresses-per-day",  "first-time-per-day",
         "bytes-per-day" },
    };

    return window < LIMITS_WINDOWS && measure < LIMITS_MEASURES ? names[window][measure] : NULL;
}

unsigned limits_code(const struct limits_excess *x, const char **enhanced)
{
    bool people = x->measure == LIMITS_RECIPIENTS || x->measure == LIMITS_ADDRESSES ||
                  x->measure == LIMITS_FIRST_TIME;

    *enhanced = people ? "4.5.3" : "4.7.1";
    return people ? 452 : 450;
}

static void say_amount(const struct limits_excess *x, struct buf *out)
{
    if (x->measure == LIMITS_BYTES) {
        buf_printf(out, "%llu MB", (unsigned long long)(x->most / 1000000));
    } else {
        buf_printf(out, "%llu %s", (unsigned long long)x->most, limits_measure_text(x->measure));
    }
}

void limits_sentence(const struct limits_excess *x, const char *who, struct buf *out)
{
    int64_t minutes = (x->wait_ms + 59999) / 60000;

    buf_printf(out, "Not sent, and nothing is lost: %s may send ", who);
    if (x->measure == LIMITS_BYTES || x->measure == LIMITS_LETTERS) {
        say_amount(x, out);
    } else {
        buf_add_text(out, "to ");
        say_amount(x, out);
    }
    buf_printf(out, " within %s. ", x->window == LIMITS_HOUR ? "an hour" : "a day");
    if (x->wait_ms < 0) {
        buf_add_text(out,
                     "This letter alone has more; ask your mail administrator for a higher limit");
    } else if (minutes < 100) {
        buf_printf(
            out, "Send it again in %lld minutes, or ask your mail administrator for a higher limit",
            (long long)minutes);
    } else {
        buf_printf(out,
                   "Send it again in %lld hours, or ask your mail administrator for a higher limit",
                   (long long)((minutes + 59) / 60));
    }
}
