#include "stages/limits/limits.h"
#include "stages/limits/signs.h"
#include "tests/test.h"

#define NOON   (INT64_C(1790000000000))
#define MINUTE INT64_C(60000)
#define HOUR   LIMITS_HOUR_MS
#define DAY    ((int64_t)LIMITS_DAY_MS)

static struct limits limits_of(enum limits_window w, enum limits_measure m, uint64_t most)
{
    struct limits limits = {0};

    limits.most[w][m] = most;
    return limits;
}

static struct limits_letter letter_to(const uint64_t *addresses, const bool *first, size_t n)
{
    return (struct limits_letter){
        .bytes = 1000, .outside = addresses, .first = first, .n_outside = n};
}

/* Send until it is refused, one letter every `every` ms; how many went. */
static unsigned send_all(struct limits_count *c, const struct limits *limits, int64_t *now,
                         int64_t every, unsigned most, bool first, struct limits_excess *x)
{
    unsigned sent = 0;

    for (; sent < most; sent++, *now += every) {
        uint64_t address = 1000 + sent;
        struct limits_letter l = letter_to(&address, &first, 1);
        if (!limits_allow(c, limits, &l, *now, x)) {
            break;
        }
        limits_add(c, &l, *now);
    }
    return sent;
}

static void letters_of_an_hour(void **unused)
{
    (void)unused;
    struct limits limits = limits_of(LIMITS_HOUR, LIMITS_LETTERS, 20);
    struct limits_count c = {0};
    struct limits_excess x;
    int64_t now = NOON;

    assert_int_equal(send_all(&c, &limits, &now, 1000, 100, false, &x), 20);
    assert_int_equal(x.measure, LIMITS_LETTERS);
    assert_int_equal(x.window, LIMITS_HOUR);
    assert_in_range(x.wait_ms, HOUR - 2 * MINUTE, HOUR + 5 * MINUTE);
    now += x.wait_ms; /* it is not promised too early */
    assert_int_equal(send_all(&c, &limits, &now, 1000, 100, false, &x), 20);
    limits_count_done(&c);
}

/* The same numbers in every run. */
static uint64_t chance(void)
{
    static uint64_t seed = 88172645463325252U;

    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed >> 16;
}

/* However they are spread, no hour and no day has more than it may. */
static void no_window_has_more(void **unused)
{
    (void)unused;
    struct limits limits = limits_of(LIMITS_HOUR, LIMITS_RECIPIENTS, 30);
    struct limits_count c = {0};
    struct limits_excess x;
    int64_t went[4000];
    size_t n = 0;

    limits.most[LIMITS_DAY][LIMITS_RECIPIENTS] = 200;
    for (int64_t now = NOON; now < NOON + 4 * DAY; now += (int64_t)(chance() % (6 * MINUTE))) {
        uint64_t address = chance();
        bool first = false;
        struct limits_letter l = letter_to(&address, &first, 1);
        if (limits_allow(&c, &limits, &l, now, &x)) {
            limits_add(&c, &l, now);
            went[n++] = now;
        }
    }
    assert_true(n > 500);
    for (size_t i = 0; i + 30 < n; i++) {
        assert_true(went[i + 30] - went[i] >= HOUR);
    }
    for (size_t i = 0; i + 200 < n; i++) {
        assert_true(went[i + 200] - went[i] >= DAY);
    }
    limits_count_done(&c);
}

static void an_address_counts_once(void **unused)
{
    (void)unused;
    struct limits limits = limits_of(LIMITS_DAY, LIMITS_ADDRESSES, 3);
    const uint64_t few[] = {11, 12, 13};
    const uint64_t other = 14;
    const bool first[3] = {false};
    struct limits_count c = {0};
    struct limits_excess x;
    struct limits_letter l = letter_to(few, first, 3);
    struct limits_letter more = letter_to(&other, first, 1);

    for (int i = 0; i < 10; i++) {
        assert_true(limits_allow(&c, &limits, &l, NOON + i * HOUR, &x));
        limits_add(&c, &l, NOON + i * HOUR);
    }
    assert_int_equal(limits_sent(&c, LIMITS_DAY, LIMITS_ADDRESSES, NOON + 9 * HOUR), 3);
    assert_int_equal(limits_sent(&c, LIMITS_DAY, LIMITS_RECIPIENTS, NOON + 9 * HOUR), 30);
    assert_false(limits_allow(&c, &limits, &more, NOON + 9 * HOUR, &x));
    assert_int_equal(x.measure, LIMITS_ADDRESSES);
    /* Written to last nine hours after the first time, they are of the day until then. */
    assert_false(limits_allow(&c, &limits, &more, NOON + DAY + 8 * HOUR, &x));
    assert_true(limits_allow(&c, &limits, &more, NOON + DAY + 11 * HOUR, &x));
    limits_count_done(&c);
}

static void who_is_known_is_no_first_time(void **unused)
{
    (void)unused;
    struct limits limits = limits_of(LIMITS_HOUR, LIMITS_FIRST_TIME, 5);
    struct limits_count c = {0};
    struct limits_excess x;
    int64_t now = NOON;

    assert_int_equal(send_all(&c, &limits, &now, 1, 100, false, &x), 100);
    assert_int_equal(send_all(&c, &limits, &now, 1, 100, true, &x), 5);
    assert_int_equal(x.measure, LIMITS_FIRST_TIME);
    limits_count_done(&c);
}

static void what_can_never_fit_says_so(void **unused)
{
    (void)unused;
    struct limits limits = limits_of(LIMITS_HOUR, LIMITS_BYTES, 1000000);
    OWN(buf) struct buf text = {.max = 1000};
    struct limits_count c = {0};
    struct limits_excess x;
    struct limits_letter l = {.bytes = 2000000};
    const char *enhanced = NULL;

    assert_false(limits_allow(&c, &limits, &l, NOON, &x));
    assert_int_equal(x.wait_ms, -1);
    limits_sentence(&x, "your account", &text);
    static const char said[] = "send 1 MB within an hour. This letter alone";
    assert_non_null(memmem(buf_slice(&text).ptr, text.len, said, sizeof(said) - 1));
    assert_int_equal(limits_code(&x, &enhanced), 450);
    assert_string_equal(enhanced, "4.7.1");
}

static void not_recorded_is_not_counted(void **unused)
{
    (void)unused;
    struct limits_count c = {0};
    const uint64_t address = 9;
    const bool first = true;
    struct limits_letter l = letter_to(&address, &first, 1);

    limits_add(&c, &l, NOON);
    limits_take_back(&c, &l, NOON);
    assert_int_equal(limits_sent(&c, LIMITS_DAY, LIMITS_LETTERS, NOON), 0);
    assert_int_equal(limits_sent(&c, LIMITS_DAY, LIMITS_FIRST_TIME, NOON), 0);
    assert_int_equal(limits_sent(&c, LIMITS_HOUR, LIMITS_BYTES, NOON), 0);
    limits_count_done(&c);
}

/* What is recalled in any order is what was counted. */
static void a_restart_forgets_nothing(void **unused)
{
    (void)unused;
    struct limits_count live = {0};
    struct limits_count again = {0};
    int64_t now = NOON;

    for (int i = 0; i < 500; i++, now += 4 * MINUTE) {
        uint64_t address = (uint64_t)(i * i % 90 + 1);
        bool first = i % 7 == 0;
        struct limits_letter l = letter_to(&address, &first, 1);
        limits_add(&live, &l, now);
    }
    for (int i = 499; i >= 0; i--) {
        uint64_t address = (uint64_t)(i * i % 90 + 1);
        bool first = i % 7 == 0;
        struct limits_letter l = letter_to(&address, &first, 1);
        limits_recall(&again, &l, NOON + i * 4 * MINUTE);
    }
    for (unsigned w = 0; w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            assert_int_equal(limits_sent(&live, w, m, now), limits_sent(&again, w, m, now));
        }
    }
    limits_count_done(&live);
    limits_count_done(&again);
}

static void a_clock_that_was_wrong(void **unused)
{
    (void)unused;
    struct limits limits = limits_of(LIMITS_HOUR, LIMITS_LETTERS, 5);
    struct limits_count c = {0};
    struct limits_excess x;
    int64_t now = NOON + 900 * DAY;

    assert_int_equal(send_all(&c, &limits, &now, 1, 100, false, &x), 5);
    now = NOON;
    assert_int_equal(send_all(&c, &limits, &now, 1, 100, false, &x), 5);
    now -= 10 * MINUTE; /* set back a little: still counted, and no way around the limit */
    assert_int_equal(send_all(&c, &limits, &now, 1, 100, false, &x), 0);
    limits_count_done(&c);
}

static void a_set_keeps_what_it_has_room_for(void **unused)
{
    (void)unused;
    struct set s = {.max = 5000};

    for (uint64_t i = 1; i <= 5000; i++) {
        assert_true(set_put(&s, i * 0x10001, (uint32_t)i));
    }
    assert_false(set_put(&s, 77, 1));
    assert_true(set_put(&s, 0x10001, 9)); /* there already */
    assert_int_equal(set_get(&s, 0x10001), 9);
    assert_int_equal(set_get(&s, 77), 0);
    set_drop_below(&s, 4000);
    assert_int_equal(s.count, 1001);
    assert_int_equal(set_get(&s, 4000 * 0x10001), 4000);
    assert_int_equal(set_get(&s, 3999 * 0x10001), 0);
    assert_true(set_put(&s, 0, 3)); /* zero is a key as others are */
    assert_int_equal(set_get(&s, 0), 3);
    set_done(&s);
}

/* A mail program with a hundred letters in its outbox tries them again and again. */
static void a_full_outbox_counts_once(void **unused)
{
    (void)unused;
    struct limits_count c = {0};
    static struct signs s;
    struct signs_verdict verdict;

    for (int i = 0; i < 10; i++) {
        for (uint64_t digest = 1; digest <= 100; digest++) {
            signs_put_off(&s, &c, digest, NOON + i * 6 * MINUTE);
        }
    }
    signs_judge(&s, &c, NULL, NOON + 54 * MINUTE, &verdict);
    assert_int_equal(verdict.value[SIGN_REFUSED], 100);
    signs_judge(&s, &c, NULL, NOON + 2 * HOUR, &verdict);
    assert_int_equal(verdict.value[SIGN_REFUSED], 0);
    limits_count_done(&c);
}

static uint64_t from_elsewhere(const struct signs *s, struct limits_count *c, int64_t now_ms)
{
    struct signs_verdict verdict;

    signs_judge(s, c, NULL, now_ms, &verdict);
    assert_int_equal(verdict.points[SIGN_ELSEWHERE], verdict.value[SIGN_ELSEWHERE] ? 5 : 0);
    return verdict.value[SIGN_ELSEWHERE];
}

static void an_app_password_from_elsewhere_counts_for_a_day(void **unused)
{
    (void)unused;
    struct limits_count c = {0};
    static struct signs s;

    assert_int_equal(from_elsewhere(&s, &c, NOON), 0);
    signs_elsewhere(&s, 7, NOON);
    signs_elsewhere(&s, 7, NOON + HOUR); /* the same network again */
    signs_elsewhere(&s, 8, NOON + HOUR);
    assert_int_equal(from_elsewhere(&s, &c, NOON + HOUR), 2);
    assert_int_equal(from_elsewhere(&s, &c, NOON + 24 * HOUR), 1);
    assert_int_equal(from_elsewhere(&s, &c, NOON + 25 * HOUR), 0);
    for (uint64_t network = 1; network <= 100; network++) {
        signs_elsewhere(&s, network, NOON + 48 * HOUR);
    }
    assert_int_equal(from_elsewhere(&s, &c, NOON + 48 * HOUR), SIGNS_ELSEWHERE);
    limits_count_done(&c);
}

static void who_travels_too_fast_is_noticed(void **unused)
{
    (void)unused;
    const struct signs_place berlin = {'D' << 8 | 'E', true, 52500, 13400};
    const struct signs_place potsdam = {'D' << 8 | 'E', true, 52400, 13060};
    const struct signs_place sydney = {'A' << 8 | 'U', true, -33900, 151200};
    const struct signs_place unknown = {.country = 0};
    struct limits_count c = {0};
    struct signs s = {0};
    int64_t now = INT64_C(20600) * LIMITS_DAY_MS;

    assert_in_range((int)signs_distance(&berlin, &sydney), 16000, 16200);
    signs_came_from(&s, &c, 1, &berlin, false, now);
    signs_came_from(&s, &c, 1, &potsdam, false, now + 1000);
    signs_came_from(&s, &c, 1, &unknown, false, now + 2000);
    assert_int_equal(limits_sent(&c, LIMITS_DAY, LIMITS_TRAVELS, now + 2000), 0);
    signs_came_from(&s, &c, 1, &sydney, true, now + LIMITS_HOUR_MS);
    assert_int_equal(limits_sent(&c, LIMITS_DAY, LIMITS_TRAVELS, now + LIMITS_HOUR_MS), 1);
    assert_int_equal(limits_sent(&c, LIMITS_DAY, LIMITS_COUNTRIES, now + LIMITS_HOUR_MS), 1);
    signs_came_from(&s, &c, 1, &berlin, false, now + INT64_C(18) * LIMITS_HOUR_MS); /* by air */
    assert_int_equal(
        limits_sent(&c, LIMITS_DAY, LIMITS_TRAVELS, now + INT64_C(18) * LIMITS_HOUR_MS), 1);
    limits_count_done(&c);
}

/* After a start the newest letter comes first. */
static void what_a_scanner_said_counts_from_when_it_said_it(void **unused)
{
    (void)unused;
    struct limits_count c = {0};
    struct signs_verdict v;
    struct signs s = {0};

    signs_scanned(&s, true, 0, NOON);
    signs_scanned(&s, true, 0, NOON - 30 * MINUTE);
    signs_scanned(&s, false, 1500, NOON - 40 * MINUTE);
    signs_judge(&s, &c, NULL, NOON + 50 * MINUTE, &v);
    assert_int_equal(v.value[SIGN_CONTENT], SIGNS_MALWARE);
    signs_judge(&s, &c, NULL, NOON + HOUR, &v);
    assert_int_equal(v.value[SIGN_CONTENT], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_travels_too_fast_is_noticed),
        cmocka_unit_test(letters_of_an_hour),
        cmocka_unit_test(no_window_has_more),
        cmocka_unit_test(an_address_counts_once),
        cmocka_unit_test(who_is_known_is_no_first_time),
        cmocka_unit_test(what_can_never_fit_says_so),
        cmocka_unit_test(not_recorded_is_not_counted),
        cmocka_unit_test(a_restart_forgets_nothing),
        cmocka_unit_test(a_clock_that_was_wrong),
        cmocka_unit_test(a_full_outbox_counts_once),
        cmocka_unit_test(an_app_password_from_elsewhere_counts_for_a_day),
        cmocka_unit_test(a_set_keeps_what_it_has_room_for),
        cmocka_unit_test(what_a_scanner_said_counts_from_when_it_said_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
