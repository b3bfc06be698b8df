#include <stdio.h>

#include "cli/sign_ins.h"
#include "tests/test.h"

static struct kept_pass sign_in_of(const char *account, uint8_t byte)
{
    struct kept_pass s = {.account = slice_text(account)};

    (void)memset(s.pass, byte, sizeof(s.pass));
    return s;
}

static void the_last_one_is_first(void **unused)
{
    (void)unused;
    OWN(buf) struct buf one = {.max = SIGN_INS_BYTES};
    OWN(buf) struct buf two = {.max = SIGN_INS_BYTES};
    OWN(buf) struct buf three = {.max = SIGN_INS_BYTES};
    struct kept_pass anna = sign_in_of("anna@example.test", 0xa1);
    struct kept_pass bert = sign_in_of("bert@example.test", 0x0b);
    struct kept_pass found;

    sign_ins_put(SLICE_NONE, &anna, &one);
    sign_ins_put(buf_slice(&one), &bert, &two);
    assert_true(sign_ins_find(buf_slice(&two), SLICE_NONE, &found));
    assert_slice(found.account, "bert@example.test");
    assert_memory_equal(found.pass, bert.pass, SIGN_INS_PASS_LEN);
    assert_true(sign_ins_find(buf_slice(&two), SLICE("Anna@example.test"), &found));
    assert_memory_equal(found.pass, anna.pass, SIGN_INS_PASS_LEN);

    anna.pass[0] = 7;
    sign_ins_put(buf_slice(&two), &anna, &three);
    assert_true(sign_ins_find(buf_slice(&three), SLICE_NONE, &found));
    assert_int_equal(found.pass[0], 7);
    buf_reset(&one);
    sign_ins_drop(buf_slice(&three), SLICE("anna@example.test"), &one);
    assert_true(sign_ins_find(buf_slice(&one), SLICE_NONE, &found));
    assert_slice(found.account, "bert@example.test");
    assert_false(sign_ins_find(buf_slice(&one), SLICE("anna@example.test"), &found));
}

static void what_is_no_line_is_passed_over(void **unused)
{
    (void)unused;
    OWN(buf) struct buf file = {.max = SIGN_INS_BYTES};
    OWN(buf) struct buf more = {.max = SIGN_INS_BYTES};
    struct kept_pass anna = sign_in_of("anna@example.test", 1);
    struct kept_pass found;

    assert_false(sign_ins_find(SLICE("\n\nzz anna@example.test\n"), SLICE_NONE, &found));
    sign_ins_put(SLICE_NONE, &anna, &file);
    struct slice whole = buf_slice(&file);
    for (size_t n = 0; n <= 65; n++) {
        assert_false(sign_ins_find(slice_head(whole, n), SLICE_NONE, &found));
    }
    buf_add_text(&more, "nonsense\n");
    buf_add(&more, slice_head(whole, whole.len - 1)); /* without its end of line */
    assert_true(sign_ins_find(buf_slice(&more), SLICE_NONE, &found));
    more.ptr[9] = 'G';
    assert_false(sign_ins_find(buf_slice(&more), SLICE_NONE, &found));
}

static void no_more_than_the_file_holds(void **unused)
{
    (void)unused;
    OWN(buf) struct buf file = {.max = SIGN_INS_BYTES};
    char name[64];
    struct kept_pass found;

    for (int i = 0; i < 40; i++) {
        OWN(buf) struct buf next = {.max = SIGN_INS_BYTES};
        (void)snprintf(name, sizeof(name), "person%d@example.test", i);
        struct kept_pass s = sign_in_of(name, (uint8_t)i);
        sign_ins_put(buf_slice(&file), &s, &next);
        buf_reset(&file);
        buf_add(&file, buf_slice(&next));
    }
    assert_false(file.full);
    assert_true(sign_ins_find(buf_slice(&file), SLICE("person24@example.test"), &found));
    assert_false(sign_ins_find(buf_slice(&file), SLICE("person23@example.test"), &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_one_is_first),
        cmocka_unit_test(what_is_no_line_is_passed_over),
        cmocka_unit_test(no_more_than_the_file_holds),
    };
    return cmocka_run_group_tests_name("sign_ins", tests, NULL, NULL);
}
