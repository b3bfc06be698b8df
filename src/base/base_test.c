#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/slice.h"

#include "tests/test.h"

static void cuts_and_trims(void **unused)
{
    (void)unused;
    struct slice rest = SLICE("a:b:c");
    assert_slice(slice_cut(rest, ':', &rest), "a");
    assert_slice(slice_cut(rest, ':', &rest), "b");
    assert_slice(slice_cut(rest, ':', &rest), "c");
    assert_slice(rest, "");
    assert_slice(slice_trim(SLICE(" \tx y\t ")), "x y");
    assert_slice(slice_trim(SLICE(" ")), "");
    assert_true(slice_starts_nocase(SLICE("MAIL FROM:<>"), SLICE("mail from:")));
    assert_false(slice_equal_nocase(SLICE("\xc3\xa4"), SLICE("\xc3\x84"))); /* ASCII only */
    assert_int_equal(slice_compare(SLICE("ab"), SLICE("abc")), -1);
}

static void decimals_do_not_wrap(void **unused)
{
    (void)unused;
    uint64_t v = 7;
    assert_true(slice_decimal(SLICE("18446744073709551615"), UINT64_MAX, &v));
    assert_true(v == UINT64_MAX);
    assert_false(slice_decimal(SLICE("18446744073709551616"), UINT64_MAX, &v));
    assert_false(slice_decimal(SLICE("9"), 5, &v));
    assert_false(slice_decimal(SLICE(""), 5, &v));
    assert_false(slice_decimal(SLICE("-1"), 5, &v));
    assert_false(slice_decimal(SLICE("1 "), 5, &v));
}

static void utf8_is_strict(void **unused)
{
    (void)unused;
    assert_true(slice_is_utf8(SLICE("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x93\xae")));
    assert_false(slice_is_utf8(SLICE("\xc0\xaf")));         /* overlong  */
    assert_false(slice_is_utf8(SLICE("\xed\xa0\x80")));     /* surrogate */
    assert_false(slice_is_utf8(SLICE("\xf4\x90\x80\x80"))); /* > 10FFFF  */
    assert_false(slice_is_utf8(SLICE("\xe2\x82")));         /* cut short */
}

static void errors_gather_context(void **unused)
{
    (void)unused;
    struct error e = {0};
    errno = ENOSPC;
    assert_false(error_errno(&e, ERROR_BUSY, "write"));
    assert_false(error_add(&e, "segment %d", 7));
    assert_string_equal(e.text, "segment 7: write: No space left on device");
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_int_equal(error_exit_code(&e), 75);
}

static void errors_are_cut_at_a_character(void **unused)
{
    (void)unused;
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x93\xae", "x"};

    for (size_t i = 0; i < 4; i++) {
        for (int before = ERROR_TEXT_MAX - 10; before < ERROR_TEXT_MAX + 10; before++) {
            struct error e = {0};
            const char *c = characters[i];
            (void)error_set(&e, ERROR_INPUT, "%*s%s%s%s", before, "", c, c, c);
            size_t len = strlen(e.text);
            assert_true(slice_is_utf8(slice_text(e.text)));
            assert_true(len > ERROR_TEXT_MAX - 1 - strlen(c) ||
                        len == (size_t)before + (3 * strlen(c)));
            (void)error_add(&e, "%s%s", "x", c);
            assert_true(slice_is_utf8(slice_text(e.text)));
        }
    }
    struct error e = {0};
    (void)error_set(&e, ERROR_INPUT, "%*s\x80\x80\x80\x80\x80\x80", ERROR_TEXT_MAX - 4, "");
    assert_int_equal(strlen(e.text), ERROR_TEXT_MAX - 1); /* what is no UTF-8 is left as it is */
}

static void arenas_reset(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a;
    arena_init(&a, 1 << 20);
    for (int i = 0; i < 1000; i++) {
        uint8_t *p = arena_alloc(&a, 1000);
        assert_int_equal(p[999], 0);
        p[999] = 1;
        if (i % 100 == 99) {
            arena_reset(&a);
        }
    }
    assert_slice(arena_printf(&a, "%d-%s", 5, "x"), "5-x");
    assert_true(a.total <= a.max);
}

static void bufs_are_full_for_good(void **unused)
{
    (void)unused;
    OWN(buf) struct buf b = {.max = 5};
    buf_add_text(&b, "abc");
    buf_add_text(&b, "def");
    buf_add_text(&b, "g");
    assert_true(b.full);
    assert_slice(buf_slice(&b), "abc");
    buf_reset(&b);
    buf_printf(&b, "%d", 1234);
    assert_slice(buf_slice(&b), "1234");
    buf_drop(&b, 3);
    assert_slice(buf_slice(&b), "4");
    buf_shrink(&b, b.capacity); /* no more than that is kept */
    assert_true(b.len == 0 && b.capacity > 0);
    buf_shrink(&b, b.capacity - 1);
    assert_true(b.len == 0 && b.capacity == 0 && b.max > 0);
}

static void secrets_compare_and_vanish(void **unused)
{
    (void)unused;
    struct secret *s = secret_copy(SLICE("hunter2"));
    assert_true(secret_equal(secret_slice(s), SLICE("hunter2")));
    assert_false(secret_equal(secret_slice(s), SLICE("hunter3")));
    uint8_t *where = s->ptr;
    secret_free(s);
    s = secret_new(7);
    assert_ptr_equal(s->ptr, where); /* the slot came back ... */
    assert_true(secret_equal(secret_slice(s), SLICE("\0\0\0\0\0\0\0"))); /* ... empty */
    secret_free(s);
}

static void times_read_as_rfc3339(void **unused)
{
    (void)unused;
    char text[CLOCK_TEXT_MAX];
    clock_rfc3339(1795505400123, text);
    assert_string_equal(text, "2026-11-24T07:30:00.123Z");
}

static void ascii_is_told_at_any_place(void **unused)
{
    (void)unused;
    uint8_t bytes[200];

    for (size_t len = 0; len <= sizeof(bytes); len++) {
        (void)memset(bytes, 0x7f, sizeof(bytes));
        assert_true(slice_is_ascii(slice_of(bytes, len)));
        for (size_t at = 0; at < sizeof(bytes); at++) {
            bytes[at] = 0x80;
            assert_int_equal(slice_is_ascii(slice_of(bytes, len)), at >= len);
            bytes[at] = 0;
        }
    }
}

static void an_arena_of_secrets_is_overwritten(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};

    uint8_t *kept = arena_alloc(&a, 64);
    (void)memset(kept, 's', 64);
    arena_reset(&a); /* the first chunk stays, and what is in it: nobody said it was secret */
    assert_int_equal(kept[63], 's');
    (void)arena_alloc(&a, 8);
    kept = arena_alloc(&a, 64);
    (void)memset(kept, 's', 64);
    a.wipes = true;
    arena_reset(&a);
    for (size_t i = 0; i < 64; i++) {
        assert_int_equal(kept[i], 0);
    }
    assert_false(a.wipes); /* until somebody says so again */
}

static void base64_has_one_text_for_each_octet_string(void **unused)
{
    (void)unused;

    static const struct {
        enum base64_letters letters;
        const char *octets, *text;
    } rows[] = {
        {BASE64_PLAIN, "",             ""        }, /* RFC 4648 section 10 */
        {BASE64_PLAIN, "f",            "Zg"      },
        {BASE64_PLAIN, "fo",           "Zm8"     },
        {BASE64_PLAIN, "foo",          "Zm9v"    },
        {BASE64_PLAIN, "foobar",       "Zm9vYmFy"},
        {BASE64_PLAIN, "\xfb\xff\xbf", "+/+/"    },
        {BASE64_URL,   "\xfb\xff\xbf", "-_-_"    },
    };

    static const char *const bad[] = {"Z", "Zh", "Zm9", "Zg==", "Zm9vY", "Zm 9", "-_-_", "Zm\xc3"};
    uint8_t out[16];
    size_t len = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        len = base64_encode(rows[i].letters, slice_text(rows[i].octets), out);
        assert_slice(slice_of(out, len), rows[i].text);
        assert_int_equal(len, BASE64_LEN(strlen(rows[i].octets)));
        assert_true(
            base64_decode(rows[i].letters, slice_text(rows[i].text), out, sizeof(out), &len));
        assert_slice(slice_of(out, len), rows[i].octets);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(base64_decode(BASE64_PLAIN, slice_text(bad[i]), out, sizeof(out), &len));
    }
    assert_false(base64_decode(BASE64_URL, SLICE("+/+/"), out, sizeof(out), &len));
    assert_false(base64_decode(BASE64_PLAIN, SLICE("Zm9vYmFy"), out, 5, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ascii_is_told_at_any_place),
        cmocka_unit_test(cuts_and_trims),
        cmocka_unit_test(decimals_do_not_wrap),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(errors_gather_context),
        cmocka_unit_test(errors_are_cut_at_a_character),
        cmocka_unit_test(arenas_reset),
        cmocka_unit_test(bufs_are_full_for_good),
        cmocka_unit_test(secrets_compare_and_vanish),
        cmocka_unit_test(times_read_as_rfc3339),
        cmocka_unit_test(an_arena_of_secrets_is_overwritten),
        cmocka_unit_test(base64_has_one_text_for_each_octet_string),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
