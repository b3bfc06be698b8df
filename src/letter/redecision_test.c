#include "letter/redecision.h"
#include "tests/test.h"

static const struct slice id = SLICE_INIT("ten bytes!");

/* Two rulings that wait for a person, and one that does not. */
static struct decision decided(struct arena *arena)
{
    struct ruling *rulings = arena_array(arena, 3, sizeof(*rulings));

    for (size_t i = 0; i < 3; i++) {
        rulings[i] = (struct ruling){.domain = SLICE("one.test"),
                                     .recipients = SLICE("\0\0"),
                                     .level = LEVEL_ENCRYPTED,
                                     .reason = SLICE("no key"),
                                     .hold = i < 2};
    }
    return (struct decision){
        .id = id, .rulings = {rulings, 3},
             .policy_version = 1
    };
}

static struct ruling fresh = {.domain = SLICE_INIT("one.test"),
                              .recipients = SLICE_INIT("\0\1"),
                              .level = LEVEL_ENCRYPTED,
                              .reason = SLICE_INIT("a key"),
                              .copy = 2,
                              .method = RUNG_SMIME};

static struct redecision again(struct slice replaced)
{
    return (struct redecision){
        .id = id,
        .first = 3,
        .replaced = replaced,
        .rulings = {&fresh, 1},
        .by = SLICE("boss@example.test"),
        .policy_version = 2
    };
}

static void stands_behind_what_it_replaces(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(buf) struct buf body = {.max = 4096};
    struct decision d = decided(&arena);
    struct redecision r = again(SLICE("\0\1"));
    struct redecision read;
    struct error e;

    cbor_write(&body, &redecision_schema, &r);
    assert_ok(cbor_read(buf_slice(&body), &redecision_schema, &arena, &read, &e), e);
    assert_slice(read.by, "boss@example.test");
    assert_ok(redecision_apply(&read, &arena, &d, &e), e);
    const struct ruling *all = d.rulings.items;
    assert_int_equal(d.rulings.count, 4);
    assert_int_equal(d.policy_version, 2);
    assert_false(all[0].replaced);
    assert_true(all[1].replaced);
    assert_false(all[2].replaced);
    assert_int_equal(all[3].method, RUNG_SMIME);
    assert_false(all[3].hold);
}

static void refuses(struct redecision r)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct decision d = decided(&arena);
    struct error e;

    assert_false(redecision_apply(&r, &arena, &d, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_int_equal(d.rulings.count, 3);
    assert_false(((const struct ruling *)d.rulings.items)[0].replaced);
}

/* Whatever would have a recipient get two copies, or an index mean two rulings. */
static void fits_or_is_corrupt(void **unused)
{
    (void)unused;
    struct redecision r = again(SLICE("\0\0"));

    r.first = 2;
    refuses(r);
    r = again(SLICE("\0\0"));
    r.id = SLICE("some other");
    refuses(r);
    r = again(SLICE("\0\0"));
    r.rulings.count = 0;
    refuses(r);
    refuses(again(SLICE("\0\2"))); /* it was not held */
    refuses(again(SLICE("\0\3"))); /* there is none */
    refuses(again(SLICE("\0\0\0\0")));
    refuses(again(SLICE("\0\0\0")));
    refuses(again(SLICE_NONE));
}

static void is_replaced_once(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct decision d = decided(&arena);
    struct redecision r = again(SLICE("\0\1"));
    struct error e;

    assert_ok(redecision_apply(&r, &arena, &d, &e), e);
    r.first = 4;
    assert_false(redecision_apply(&r, &arena, &d, &e));
    assert_int_equal(d.rulings.count, 4);
    r.replaced = SLICE("\0\0");
    assert_ok(redecision_apply(&r, &arena, &d, &e), e);
    assert_int_equal(d.rulings.count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stands_behind_what_it_replaces),
        cmocka_unit_test(fits_or_is_corrupt),
        cmocka_unit_test(is_replaced_once),
    };
    return cmocka_run_group_tests_name("letter/redecision", tests, NULL, NULL);
}
