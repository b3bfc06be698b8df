/* What the records of a case say together, against lists that are kept by hand. */
#include <stdio.h>

#include "letter/case.h"
#include "tests/test.h"

#define IDS 300

static struct arena arena;
static struct case_view view;

static int begin(void **unused)
{
    (void)unused;
    arena_done(&arena);
    arena_init(&arena, (size_t)16 << 20);
    view = (struct case_view){.n_queries = 0};
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    arena_done(&arena);
    return 0;
}

static struct slice id_of(unsigned n)
{
    static uint8_t ids[IDS][LETTER_ID_LEN];

    ids[n][0] = (uint8_t)(n * 37);
    ids[n][1] = (uint8_t)(n >> 4);
    ids[n][9] = (uint8_t)n;
    return SLICE_ARRAY(ids[n]);
}

/* Written and read back, as a record is. */
static void fold(uint64_t state, struct slice query, struct slice letters, uint64_t at)
{
    OWN(buf) struct buf body = {.max = 65536};
    OWN(arena) struct arena a = {.max = 1 << 20};
    const struct case_record in = {.name = SLICE("c1"),
                                   .state = state,
                                   .query = query,
                                   .letters = letters,
                                   .by = SLICE("anna"),
                                   .reason = SLICE("why"),
                                   .hold = state == CASE_OPENED};
    struct case_record out;
    struct error e;

    cbor_write(&body, &case_record_schema, &in);
    assert_ok(cbor_read(buf_slice(&body), &case_record_schema, &a, &out, &e), e);
    case_fold(&view, &out, at, &arena);
}

static void letters_come_and_go(void **unused)
{
    (void)unused;
    bool in[IDS] = {false};
    bool out[IDS] = {false};
    uint64_t seed = 7;

    fold(CASE_OPENED, SLICE_NONE, SLICE_NONE, 5);
    for (unsigned round = 0; round < 4000; round++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        unsigned n = (unsigned)(seed >> 33) % IDS;
        bool adds = seed >> 62 & 1;
        fold(adds ? CASE_ADDED : CASE_REMOVED, SLICE_NONE, id_of(n), round);
        in[n] = adds;
        out[n] = !adds;
    }
    for (unsigned n = 0; n < IDS; n++) {
        assert_int_equal(case_ids_have(&view.letters, id_of(n)), in[n]);
        assert_int_equal(case_ids_have(&view.removed, id_of(n)), out[n]);
    }
    assert_false(case_ids_have(&view.letters, SLICE("short")));
}

static void queries_are_there_once(void **unused)
{
    (void)unused;
    fold(CASE_OPENED, SLICE("a"), SLICE_NONE, 5);
    fold(CASE_ADDED, SLICE("b"), SLICE_NONE, 6);
    fold(CASE_ADDED, SLICE("a"), SLICE_NONE, 7);
    assert_int_equal(view.n_queries, 2);
    fold(CASE_REMOVED, SLICE("a"), SLICE_NONE, 8);
    fold(CASE_REMOVED, SLICE("c"), SLICE_NONE, 8);
    assert_int_equal(view.n_queries, 1);
    assert_slice(view.queries[0], "b");
    for (unsigned i = 0; i < 2 * CASE_QUERIES_MAX; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "q%u", i);
        fold(CASE_ADDED, slice_text(text), SLICE_NONE, 9);
    }
    assert_int_equal(view.n_queries, CASE_QUERIES_MAX);
}

static void it_is_opened_and_closed_once(void **unused)
{
    (void)unused;
    fold(CASE_NOTED, SLICE_NONE, SLICE_NONE, 4);
    assert_int_equal(view.opened_at, 0);
    fold(CASE_OPENED, SLICE_NONE, SLICE_NONE, 5);
    fold(CASE_OPENED, SLICE("again"), SLICE_NONE, 6);
    fold(CASE_NOTED, SLICE_NONE, SLICE_NONE, 7);
    fold(CASE_CLOSED, SLICE_NONE, SLICE_NONE, 8);
    fold(CASE_CLOSED, SLICE_NONE, SLICE_NONE, 9);
    assert_int_equal(view.opened_at, 5);
    assert_int_equal(view.closed_at, 8);
    assert_int_equal(view.n_queries, 0);
    assert_true(view.hold);
    assert_slice(view.reason, "why");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(letters_come_and_go, begin, end),
        cmocka_unit_test_setup_teardown(queries_are_there_once, begin, end),
        cmocka_unit_test_setup_teardown(it_is_opened_and_closed_once, begin, end),
    };
    return cmocka_run_group_tests_name("letter/case", tests, NULL, NULL);
}
