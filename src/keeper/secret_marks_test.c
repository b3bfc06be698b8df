#include "keeper/secret_marks.h"
#include "keeper/secrets.h"
#include "tests/test.h"

static const uint8_t key[SECRET_KEY_LEN] = {1, 2, 3};

/* Whether a text has the password in it. */
static bool is_in(const char *password, const char *text)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct secret_mark mark = secret_mark_of(key, slice_text(password), 0, &arena);
    struct secret_search *s = secret_search_new(key, &arena);
    size_t whose = 0;

    secret_search_for(s, &mark, 7);
    secret_search_text(s, slice_text(text));
    bool found = secret_search_found(s, &whose);
    assert_true(!found || whose == 7);
    assert_false(secret_search_found(s, &whose));
    return found;
}

static void a_password_is_found_however_it_is_written(void **unused)
{
    static const char password[] = "k7mpx-3qd9r-h2v8t-bcdef";

    (void)unused;
    assert_true(is_in(password, "The password is k7mpx-3qd9r-h2v8t-bcdef."));
    assert_true(is_in(password, "K7MPX 3QD9R H2V8T BCDEF"));
    assert_true(is_in(password, "first k7mpx,\n then 3qd9r, h2v8t and bcdef"));
    assert_true(is_in(password, "bcdef h2v8t 3qd9r k7mpx"));
    assert_true(is_in(password, "(k7mpx3qd9rh2v8tbcdef)"));
    assert_false(is_in(password, "k7mpx-3qd9r-h2v8t"));
    assert_false(is_in(password, "nothing of it"));
    assert_false(is_in(password, ""));
    assert_true(is_in("Winter!Reise!2031", "winter reise 2031"));
    assert_true(is_in("$$$$$$$$$$$$", "$$$$$$$$$$$$") == false); /* it has no words */
}

static void many_are_looked_for_at_once(void **unused)
{
    OWN(arena) struct arena arena = {.max = 8 << 20};
    OWN(text_list) struct text_list list;
    OWN(buf) struct buf bytes = {.max = TEXT_LIST_BYTES_MAX};
    struct secret_search *s = secret_search_new(key, &arena);
    struct text_terms terms;
    struct error e;
    size_t whose = 0;

    (void)unused;
    for (size_t i = 0; i < 500; i++) {
        struct slice password = arena_printf(&arena, "alpha-%04zu-omega", i);
        struct secret_mark mark = secret_mark_of(key, password, 0, &arena);
        secret_search_for(s, &mark, i);
    }
    text_list_init(&list);
    text_list_add(&list, TEXT_SUBJECT, SLICE("alpha"));
    text_list_add(&list, TEXT_BODY, SLICE("it is 0321, then omega"));
    text_list_write(&list, &bytes);
    assert_ok(text_terms_read(buf_slice(&bytes), &terms, &e), e);
    secret_search_terms(s, &terms);
    assert_true(secret_search_found(s, &whose));
    assert_int_equal(whose, 321);
    assert_false(secret_search_found(s, &whose));
}

static void another_key_finds_nothing(void **unused)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    static const uint8_t other[SECRET_KEY_LEN] = {9};
    struct secret_mark mark = secret_mark_of(other, SLICE("k7mpx-3qd9r-h2v8t"), 0, &arena);
    struct secret_search *s = secret_search_new(key, &arena);
    size_t whose = 0;

    (void)unused;
    secret_search_for(s, &mark, 1);
    secret_search_text(s, SLICE("k7mpx-3qd9r-h2v8t"));
    assert_false(secret_search_found(s, &whose));
}

static void passwords_that_are_made_are_known_again(void **unused)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};

    (void)unused;
    for (size_t i = 0; i < 5000; i++) {
        assert_true(secret_sound(secrets_new(&arena)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_found_however_it_is_written),
        cmocka_unit_test(many_are_looked_for_at_once),
        cmocka_unit_test(another_key_finds_nothing),
        cmocka_unit_test(passwords_that_are_made_are_known_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
