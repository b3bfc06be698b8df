/* Each sign by itself: what provokes it, what it says, and that a little less is none. */
#include <stdio.h>

#include "stages/limits/signs.h"
#include "tests/test.h"

#define NOW     (INT64_C(20600) * LIMITS_DAY_MS + 12 * (int64_t)LIMITS_HOUR_MS)
#define MOST_TO 400

struct account {
    struct limits_count count;
    struct signs signs;
};

/* `n` letters to `outside` people each, of whom the `first` first are new; nobody twice. */
static void letters(struct account *a, unsigned n, unsigned outside, bool first, uint64_t words)
{
    static uint64_t last;
    uint64_t to[MOST_TO];
    bool new[MOST_TO];

    assert_in_range(outside, 0, MOST_TO);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned r = 0; r < outside; r++) {
            to[r] = ++last;
            new[r] = first;
        }
        const struct limits_letter l = {
            .bytes = 1000, .outside = to, .first = new, .n_outside = outside};
        const struct signs_letter s = {.words = words, .outside = outside};
        limits_add(&a->count, &l, NOW);
        signs_sent(&a->signs, &a->count, &s, NOW);
    }
}

/* What is only counted. */
static enum limits_measure counted(enum sign sign)
{
    return sign == SIGN_NEW_LINKS  ? LIMITS_NEW_LINKS
           : sign == SIGN_FAILURES ? LIMITS_FAILURES
           : sign == SIGN_BOUNCES  ? LIMITS_BOUNCES
           : sign == SIGN_COUNTRY  ? LIMITS_COUNTRIES
                                   : LIMITS_COUNTED;
}

/* What is noticed by single events, the n-th of them. */
static void happen(struct account *a, enum sign sign, unsigned n)
{
    const struct signs_place place = {.located = true, .longitude = n % 2 ? 120000 : 0};

    if (sign == SIGN_REFUSED) {
        signs_put_off(&a->signs, &a->count, n, NOW);
    } else if (sign == SIGN_NEW_NETWORK || sign == SIGN_MANY_NETWORKS) {
        signs_signed_in(&a->signs, &a->count, n, sign == SIGN_NEW_NETWORK, NOW);
    } else if (sign == SIGN_TRAVEL) {
        signs_came_from(&a->signs, &a->count, 1, &place, false, NOW);
    } else if (sign == SIGN_ELSEWHERE) {
        signs_elsewhere(&a->signs, n, NOW);
    }
}

static void provoke(struct account *a, enum sign sign, unsigned n)
{
    bool new = sign == SIGN_FIRST_TIME || sign == SIGN_FIRST_TIME_DAY;
    bool sends = new || sign == SIGN_SAME_WORDS || sign == SIGN_BURST || sign == SIGN_ADDRESSES ||
                 sign == SIGN_MANY;

    if (counted(sign) != LIMITS_COUNTED) {
        limits_note(&a->count, counted(sign), n, NOW);
    } else if (sends) {
        letters(a, n, 1, new, sign == SIGN_SAME_WORDS ? 7 : 0);
    } else if (sign == SIGN_PACE) {
        letters(a, n, 0, false, 0);
    } else if (sign == SIGN_ONE_LETTER) {
        letters(a, 1, n, false, 0);
    } else if (sign == SIGN_CONTENT) {
        signs_scanned(&a->signs, false, SIGNS_SPAM_FROM + UINT64_C(50) * n, NOW);
    }
    for (unsigned i = sign == SIGN_TRAVEL ? 0 : 1; i <= n; i++) {
        happen(a, sign, i);
    }
}

static struct signs_verdict judged(enum sign sign, unsigned n, const struct limits *own)
{
    struct account a = {.count = {.part = 0}};
    struct signs_verdict v;

    provoke(&a, sign, n);
    signs_judge(&a.signs, &a.count, own, NOW, &v);
    limits_count_done(&a.count);
    return v;
}

/* One more than the table says, and one point at least. */
static unsigned enough(enum sign sign)
{
    return (unsigned)signs_table[sign].from + 1 + 10 / signs_table[sign].weight;
}

static void each_sign_is_seen_from_its_figure_on(void **unused)
{
    (void)unused;
    char number[40];

    for (enum sign sign = 0; sign < SIGNS; sign++) {
        OWN(buf) struct buf text = {.max = 4000};
        struct signs_verdict v = judged(sign, (unsigned)signs_table[sign].from, NULL);
        assert_false(signs_is_seen(&v, sign));
        assert_int_equal(v.points[sign], 0);
        v = judged(sign, enough(sign), NULL);
        assert_true(signs_is_seen(&v, sign));
        assert_in_range(v.points[sign], 1, signs_table[sign].most);
        assert_in_range(v.sum, v.points[sign], 2 * SIGNS_THRESHOLD);
        signs_sentence(&v, &text);
        (void)snprintf(number, sizeof(number), "%s%u%s", signs_table[sign].before, enough(sign),
                       signs_table[sign].after);
        if (!memmem(text.ptr, text.len, number, strlen(number))) {
            fail_msg("%s: `%s` is not in `%.*s`", signs_table[sign].name, number,
                     SLICE_ARG(buf_slice(&text)));
        }
    }
}

/* However much there is of it: one thing alone may be an innocent one. */
static void no_sign_outweighs_its_most(void **unused)
{
    (void)unused;

    for (enum sign sign = 0; sign < SIGNS; sign++) {
        struct signs_verdict v = judged(sign, 300, NULL);
        assert_in_range(v.points[sign], 0, signs_table[sign].most);
        assert_true(signs_table[sign].most < SIGNS_THRESHOLD);
    }
}

static void a_limit_of_its_own_is_where_a_sign_begins(void **unused)
{
    (void)unused;

    static const struct {
        enum sign sign;
        enum limits_window window;
        enum limits_measure measure;
    } rows[] = {
        {SIGN_FIRST_TIME,     LIMITS_HOUR, LIMITS_FIRST_TIME},
        {SIGN_FIRST_TIME_DAY, LIMITS_DAY,  LIMITS_FIRST_TIME},
        {SIGN_ADDRESSES,      LIMITS_HOUR, LIMITS_ADDRESSES },
        {SIGN_MANY,           LIMITS_HOUR, LIMITS_ADDRESSES },
        {SIGN_MANY,           LIMITS_HOUR, LIMITS_RECIPIENTS},
        {SIGN_ONE_LETTER,     LIMITS_HOUR, LIMITS_RECIPIENTS},
        {SIGN_SAME_WORDS,     LIMITS_HOUR, LIMITS_FIRST_TIME},
        {SIGN_PACE,           LIMITS_HOUR, LIMITS_LETTERS   },
        {SIGN_BURST,          LIMITS_HOUR, LIMITS_LETTERS   },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum sign sign = rows[i].sign;
        struct limits own = {0};
        uint64_t *most = &own.most[rows[i].window][rows[i].measure];
        *most = 200;
        struct signs_verdict v = judged(sign, 200, &own);
        assert_false(signs_is_seen(&v, sign));
        v = judged(sign, 210, &own); /* he would have none, were it switched off */
        assert_true(signs_is_seen(&v, sign));
        assert_in_range(v.points[sign], 1, signs_table[sign].most);
        *most = 1; /* less than where the sign begins takes nothing away, and adds nothing */
        v = judged(sign, (unsigned)signs_table[sign].from, &own);
        assert_false(signs_is_seen(&v, sign));
        v = judged(sign, enough(sign), &own);
        assert_true(signs_is_seen(&v, sign) && v.points[sign]);
    }
}

/* The first days of an account are full of news, and of letters that tell of it. */
static void who_is_new_may_say_so(void **unused)
{
    (void)unused;
    struct account a = {.signs = {.since_ms = NOW - LIMITS_DAY_MS}};
    struct signs_verdict v;

    provoke(&a, SIGN_SAME_WORDS, 110);
    signs_judge(&a.signs, &a.count, NULL, NOW, &v);
    assert_int_equal(v.points[SIGN_SAME_WORDS] + v.points[SIGN_ADDRESSES], SIGNS_YOUNG_MAILING);
    provoke(&a, SIGN_SAME_WORDS, 10); /* but not to more than anybody writes to */
    signs_judge(&a.signs, &a.count, NULL, NOW, &v);
    assert_true(v.stolen);
    a.signs.since_ms = NOW - SIGNS_YOUNG_MS;
    signs_judge(&a.signs, &a.count, NULL, NOW, &v);
    assert_int_equal(v.points[SIGN_SAME_WORDS] + v.points[SIGN_ADDRESSES], SIGNS_MAILING_MOST);
    limits_count_done(&a.count);
}

/* To whom the thief found among the contacts: none is new, and nothing else is odd. */
static void one_letter_to_all_who_are_known_is_enough(void **unused)
{
    (void)unused;
    struct account a = {.count = {.part = 0}};
    struct signs_verdict v;

    v = judged(SIGN_ONE_LETTER, 51, NULL); /* an image, say: no word */
    assert_true(v.stolen);
    v = judged(SIGN_ONE_LETTER, 300, NULL);
    assert_true(v.stolen);
    v = judged(SIGN_ONE_LETTER, 40, NULL);
    assert_int_equal(v.sum, 0);
    provoke(&a, SIGN_ONE_LETTER, 48); /* it counts for an hour */
    signs_judge(&a.signs, &a.count, NULL, NOW + LIMITS_HOUR_MS, &v);
    assert_false(signs_is_seen(&v, SIGN_ONE_LETTER));
    const struct signs_letter approved = {.outside = 90, .approved = true};
    signs_sent(&a.signs, &a.count, &approved, NOW + 2 * LIMITS_HOUR_MS);
    signs_judge(&a.signs, &a.count, NULL, NOW + 2 * LIMITS_HOUR_MS, &v);
    assert_false(signs_is_seen(&v, SIGN_ONE_LETTER));
    limits_count_done(&a.count);
}

/* Who sends one is put off; what somebody sees before it leaves counts for none of it. */
static void letters_to_many_are_large(void **unused)
{
    (void)unused;
    const struct signs_letter seen = {.words = 1, .outside = 300, .approved = true};
    struct limits own = {0};
    struct signs s = {0};
    struct limits_count c = {0};
    struct signs_verdict v;
    uint64_t people[300];
    static const bool known[300];

    for (size_t i = 0; i < 300; i++) {
        people[i] = i + 1;
    }
    struct limits_letter letter = {
        .bytes = 1000, .outside = people, .first = known, .n_outside = 100};
    signs_judge(&s, &c, NULL, LIMITS_DAY_MS, &v);
    assert_false(signs_is_large(&v, 48, 48));
    assert_true(signs_is_large(&v, 49, 0)); /* also when it is said again */
    limits_add(&c, &letter, LIMITS_DAY_MS);
    signs_judge(&s, &c, NULL, LIMITS_DAY_MS, &v);
    assert_int_equal(limits_new_addresses(&c, &letter, LIMITS_DAY_MS), 0);
    assert_false(signs_is_large(&v, 20, 17));
    assert_true(signs_is_large(&v, 20, 18));
    assert_false(signs_is_large(&v, 20, 0)); /* those who were written to already */
    own.most[LIMITS_HOUR][LIMITS_RECIPIENTS] = 600;
    signs_judge(&s, &c, &own, LIMITS_DAY_MS, &v);
    assert_false(signs_is_large(&v, 300, 300));
    letter.n_outside = 300;
    limits_add(&c, &letter, LIMITS_DAY_MS);
    signs_sent(&s, &c, &seen, LIMITS_DAY_MS);
    signs_judge(&s, &c, NULL, LIMITS_DAY_MS, &v);
    assert_int_equal(v.sum, 0);
    assert_false(signs_is_large(&v, 1, 1));
    limits_count_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sign_is_seen_from_its_figure_on),
        cmocka_unit_test(no_sign_outweighs_its_most),
        cmocka_unit_test(a_limit_of_its_own_is_where_a_sign_begins),
        cmocka_unit_test(who_is_new_may_say_so),
        cmocka_unit_test(one_letter_to_all_who_are_known_is_enough),
        cmocka_unit_test(letters_to_many_are_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
