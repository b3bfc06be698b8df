/* Which passwords may be set. */
#include <stdio.h>
#include <stdlib.h>

#include "passwords/standard.h"
#include "passwords/stems.h"
#include "tests/test.h"

static struct password_words words;

static int set_up(void **unused)
{
    (void)unused;
    password_words_add(&words, SLICE("anna.schmidt@example.test"));
    password_words_add(&words, SLICE("Änna Schmidt-Lüdenscheid"));
    password_words_add(&words, SLICE("kranbau-nord.test"));
    return 0;
}

static struct password_judgement judge(const char *password, bool second_factor)
{
    const struct password_facts facts = {.second_factor = second_factor, .words = &words};
    struct password_judgement j;
    struct error e;

    assert_ok(password_judge(slice_text(password), &facts, &j, &e), e);
    return j;
}

#define assert_verdict(password_, factor_, verdict_)                                               \
    do {                                                                                           \
        struct password_judgement j_ = judge(password_, factor_);                                  \
        if (j_.verdict != (verdict_)) {                                                            \
            fail_msg("%s: %d, %.1f bits", password_, j_.verdict, j_.bits);                         \
        }                                                                                          \
    } while (0)

/* ── the normal form ── */

static void check_normal(const char *typed, const char *normal, size_t characters)
{
    struct password_normal n;

    assert_int_equal(password_normalise(slice_text(typed), &n), PASSWORD_TEXT_GOOD);
    assert_slice(password_slice(&n), normal);
    assert_int_equal(n.characters, characters);
}

static void one_form_for_each_way_of_typing(void **unused)
{
    (void)unused;
    check_normal("plain ASCII 1!", "plain ASCII 1!", 14);
    check_normal("K\xc3\xa4se", "K\xc3\xa4se", 4);
    check_normal("Ka\xcc\x88se", "K\xc3\xa4se", 4);               /* an a and its dots */
    check_normal("\xef\xbc\xa1\xe3\x80\x80\xc2\xa0z", "A  z", 4); /* wide A, wide space, NBSP */
    check_normal("a\xe1\x9a\x80z", "a z", 3);                     /* Ogham space */
    check_normal("so\xc2\xadhalt\xe2\x80\x8b", "sohalt", 6);      /* what nobody sees */
    check_normal("\xf0\x9f\x90\x8e\xe6\xbc\xa2", "\xf0\x9f\x90\x8e\xe6\xbc\xa2", 2);
}

static void what_is_no_text_stays_as_it_is(void **unused)
{
    (void)unused;

    static const struct {
        struct slice typed;
        enum password_text text;
    } rows[] = {
        {SLICE_INIT(""),             PASSWORD_TEXT_EMPTY     },
        {SLICE_INIT("\xe2\x80\x8b"), PASSWORD_TEXT_EMPTY     },
        {SLICE_INIT("K\xe4se"),      PASSWORD_TEXT_NO_UTF8   },
        {SLICE_INIT("\xed\xa0\x80"), PASSWORD_TEXT_NO_UTF8   },
        {SLICE_INIT("a\0b"),         PASSWORD_TEXT_CONTROL   },
        {SLICE_INIT("a\tb"),         PASSWORD_TEXT_CONTROL   },
        {SLICE_INIT("\xcd\xb8"),     PASSWORD_TEXT_UNASSIGNED},
    };

    uint8_t big[PASSWORD_BYTES_MAX + 1];
    struct password_normal n;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(password_normalise(rows[i].typed, &n), rows[i].text);
        assert_true(slice_equal(password_slice(&n), rows[i].typed));
    }
    memset(big, 'a', sizeof(big));
    assert_int_equal(password_normalise(SLICE_ARRAY(big), &n), PASSWORD_TEXT_LONG);
    assert_int_equal(n.len, PASSWORD_BYTES_MAX);
    for (size_t i = 0; i + 3 <= PASSWORD_BYTES_MAX; i += 3) { /* each grows to 18 characters */
        memcpy(big + i, "\xef\xb7\xba", 3);
    }
    assert_int_equal(password_normalise(slice_of(big, 1023), &n), PASSWORD_TEXT_LONG);
}

/* ── the standard ── */

static void length_is_of_characters(void **unused)
{
    (void)unused;
    assert_verdict("", false, PASSWORD_SHORT);
    assert_verdict("Zx8#qLw2!vRt5&", false, PASSWORD_SHORT); /* 14 */
    assert_verdict("Zx8#qLw2!vRt5&m", false, PASSWORD_GOOD); /* 15 */
    assert_verdict("Zx8#qLw", true, PASSWORD_SHORT);
    assert_verdict("Zx8#qLw2", true, PASSWORD_GOOD);
    assert_int_equal(judge("\xc3\xa4\xc3\xb6\xc3\xbc", false).characters, 3);
    /* Cyrillic: 15 characters in 30 bytes, and 14 of them */
    assert_verdict(
        "\xd1\x89\xd0\xb6\xd1\x84\xd1\x8f\xd0\xba\xd0\xb2\xd0\xbf\xd1\x8c\xd1\x82\xd0\xbc"
        "\xd1\x85\xd0\xb7\xd0\xb4\xd1\x83\xd1\x86",
        false, PASSWORD_GOOD);
    assert_verdict(
        "\xd1\x89\xd0\xb6\xd1\x84\xd1\x8f\xd0\xba\xd0\xb2\xd0\xbf\xd1\x8c\xd1\x82\xd0\xbc"
        "\xd1\x85\xd0\xb7\xd0\xb4\xd1\x83",
        false, PASSWORD_SHORT);
}

static void nothing_is_demanded_but_that_it_is_hard_to_guess(void **unused)
{
    (void)unused;
    static const char *const good[] = {
        "orchid lantern gravel spoon",   "kuchen lampe segel wolke", "a test's own pass phrase",
        "vier rote Elefanten kauen",     "zqmvkxwjtrplhgd",          "48291750638204719365",
        "pianissimo-gondola-turnip-oak", "der Kater schnarcht laut",
    };

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_verdict(good[i], false, PASSWORD_GOOD);
    }
}

static void what_attackers_try_first_is_refused(void **unused)
{
    (void)unused;
    assert_verdict("password", true, PASSWORD_COMMON);
    assert_verdict("PASSWORD", true, PASSWORD_COMMON);
    assert_verdict("1qaz2wsx3edc4rfv", false, PASSWORD_COMMON);
    static const char *const disguised[] = {
        "P@ssw0rd1!",       "0202tnahpele",        "passwordpassword",
        "password2026",     "2026!!password!2026", "p-a-s-s-w-o-r-d",
        "Pa$$w0rdPa$$w0rd", "D.r.a.g.o.n-1987",    "Elephant2026elephant2026",
    };

    for (size_t i = 0; i < sizeof(disguised) / sizeof(disguised[0]); i++) {
        const enum password_verdict verdict = judge(disguised[i], true).verdict;
        if (verdict != PASSWORD_DISGUISE && verdict != PASSWORD_COMMON) {
            fail_msg("%s: %d", disguised[i], verdict);
        }
    }
    static const char *const weak[] = {
        "aaaaaaaaaaaaaaaaaaaaaaaa", "iloveyouforever",         "mustangcorvette1969",
        "abcabcabcabcabcabcabc",    "Summer2026!Summer2026!",  "thequickbrownfox",
        "mypasswordissecret",       "letmein letmein letmein", "12345678901234567890",
    };

    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++) {
        assert_true(judge(weak[i], false).verdict != PASSWORD_GOOD);
    }
}

static void own_words_are_refused(void **unused)
{
    (void)unused;
    assert_verdict("kranbau-nord-luedenscheid", false, PASSWORD_OWN);
    assert_true(judge("anna.schmidt.example.2026", false).verdict != PASSWORD_GOOD);
    assert_true(judge("Schm1dt-Kranbau-1980", false).verdict != PASSWORD_GOOD);
    assert_verdict("l\xc3\xbc"
                   "denscheid kranbau",
                   false, PASSWORD_OWN);
}

static void sentences_say_why_and_what_would_do(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena;
    struct password_judgement j = judge("short one", false);

    arena_init(&arena, 65536);
    assert_slice(
        password_sentence(&j, &arena),
        "the password is refused: it has 9 characters of the 15 that it needs where nothing "
        "else is asked for; four or more unrelated words, 15 characters or more, would do");
    for (int v = PASSWORD_SHORT; v <= PASSWORD_WEAK; v++) {
        j.verdict = (enum password_verdict)v;
        assert_true(
            slice_starts(password_sentence(&j, &arena), SLICE("the password is refused: it ")));
    }
    j = judge("orchid lantern gravel spoon", false);
    assert_true(slice_starts(password_sentence(&j, &arena),
                             SLICE("the password will do: 27 characters, about 2^")));
}

/* Every list of the most common ones: also those that are long enough beside a second factor. */
static void the_most_common_are_refused(void **unused)
{
    (void)unused;
    const char *corpora = getenv("POSTERN_CORPORA");
    const char *kept = getenv("CORPUS");
    char path[512];
    char line[256];
    size_t count = 0;
    size_t accepted = 0;

    (void)snprintf(path, sizeof(path), "%s%s/passwords/zxcvbn/passwords.txt",
                   corpora ? corpora
                   : kept  ? kept
                           : ".",
                   corpora ? "" : "/../../../shared/corpora");
    FILE *in = fopen(path, "re");
    if (!in) {
        print_message("skipped: no ../shared/corpora, and POSTERN_CORPORA names no other folder\n");
        skip();
    }
    while (count < 10000 && fgets(line, sizeof(line), in)) {
        line[strcspn(line, " \t\r\n")] = '\0';
        accepted += judge(line, true).verdict == PASSWORD_GOOD;
        accepted += judge(line, false).verdict == PASSWORD_GOOD;
        count++;
    }
    (void)fclose(in);
    assert_int_equal(count, 10000);
    assert_int_equal(accepted, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_form_for_each_way_of_typing),
        cmocka_unit_test(what_is_no_text_stays_as_it_is),
        cmocka_unit_test(length_is_of_characters),
        cmocka_unit_test(nothing_is_demanded_but_that_it_is_hard_to_guess),
        cmocka_unit_test(what_attackers_try_first_is_refused),
        cmocka_unit_test(own_words_are_refused),
        cmocka_unit_test(sentences_say_why_and_what_would_do),
        cmocka_unit_test(the_most_common_are_refused),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
