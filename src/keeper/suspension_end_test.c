/* Which letters an end of a suspension is about. */
#include "keeper/suspension_end.h"
#include "tests/test.h"

#define LEAVE  0
#define CANCEL 2

#define HOUR 3600000

static void ends(struct suspension_end *end, uint64_t released, uint64_t at, uint64_t seq)
{
    const struct suspension_record r = {.account = SLICE("anna@example.test"),
                                        .state = SUSPENSION_ENDED,
                                        .at = at,
                                        .released = released};

    suspension_end_next(end, &r, seq);
}

/* The row, written and read again by a ledger of so many records. */
static void read_again(struct suspension_end *end, struct arena *arena, uint64_t records)
{
    OWN(buf) struct buf value = {.max = 4096};
    struct error e;

    cbor_write(&value, &suspension_end_schema, end);
    assert_ok(
        cbor_read(arena_copy(arena, buf_slice(&value)), &suspension_end_schema, arena, end, &e), e);
    suspension_end_settle(end, records);
}

static void nothing_ended(void **unused)
{
    (void)unused;
    struct suspension_end end = {.at = 0};
    uint64_t letters = 7;

    suspension_end_settle(&end, 100);
    assert_false(suspension_end_is_behind(&end, 1, 1, &letters));
    assert_int_equal(letters, LEAVE);
    ends(&end, SUSPENSION_SENT_ON, HOUR, 50);
    assert_false(suspension_end_is_behind(&end, 1, 1, &letters));
}

static void to_send_on_takes_no_cancel_back(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct suspension_end end = {.at = 0};
    uint64_t letters = 7;

    ends(&end, CANCEL, HOUR, 50);
    ends(&end, SUSPENSION_SENT_ON, 2 * HOUR, 90);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(end.released, SUSPENSION_SENT_ON);
        assert_int_equal(end.seq, 90);
        assert_true(suspension_end_is_behind(&end, 49, HOUR - 1, &letters)); /* there at both */
        assert_int_equal(letters, CANCEL);
        assert_false(suspension_end_is_behind(&end, 51, HOUR + 1, &letters)); /* at the second */
        assert_false(suspension_end_is_behind(&end, 91, 2 * HOUR, &letters));
        read_again(&end, &arena, 100);
    }
    ends(&end, LEAVE, 3 * HOUR, 120);
    assert_true(suspension_end_is_behind(&end, 91, 2 * HOUR, &letters));
    assert_int_equal(letters, LEAVE);
}

static void a_clock_that_was_ahead_cancels_nothing(void **unused)
{
    (void)unused;
    struct suspension_end end = {.at = 0};
    uint64_t letters = 7;

    ends(&end, CANCEL, 2 * HOUR, 50);
    assert_false(suspension_end_is_behind(&end, 51, HOUR, &letters));
    assert_true(suspension_end_is_behind(&end, 49, 3 * HOUR, &letters)); /* nor saves it any */
    assert_int_equal(letters, CANCEL);
}

/* Before, the row was the record itself. */
static void older_row(struct suspension_end *end, struct arena *arena, uint64_t released)
{
    const struct suspension_record r = {.account = SLICE("anna@example.test"),
                                        .state = SUSPENSION_ENDED,
                                        .at = HOUR,
                                        .by = SLICE("bert@example.test"),
                                        .reason = SLICE("New password"),
                                        .role = 4,
                                        .released = released};
    OWN(buf) struct buf value = {.max = 4096};
    struct error e;

    cbor_write(&value, &suspension_record_schema, &r);
    assert_ok(
        cbor_read(arena_copy(arena, buf_slice(&value)), &suspension_end_schema, arena, end, &e), e);
    suspension_end_settle(end, 100);
}

static void an_older_row_holds_and_cancels_nothing(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct suspension_end end;
    uint64_t letters = 7;

    older_row(&end, &arena, SUSPENSION_SENT_ON);
    assert_false(suspension_end_is_behind(&end, 49, HOUR - 1, &letters));
    older_row(&end, &arena, CANCEL);
    assert_int_equal(end.released, CANCEL);
    assert_false(suspension_end_is_behind(&end, 49, HOUR, &letters));
    assert_true(suspension_end_is_behind(&end, 49, HOUR - 1, &letters));
    assert_int_equal(letters, LEAVE);
    ends(&end, SUSPENSION_SENT_ON, 2 * HOUR, 90);
    read_again(&end, &arena, 100);
    assert_true(suspension_end_is_behind(&end, 49, HOUR - 1, &letters));
    assert_int_equal(letters, LEAVE);
    ends(&end, CANCEL, 3 * HOUR, 95);
    assert_true(suspension_end_is_behind(&end, 49, HOUR, &letters));
    assert_int_equal(letters, CANCEL);
}

/* The state of one day and the ledger of an earlier one. */
static void a_record_that_is_not_there_cancels_nothing(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct suspension_end end = {.at = 0};
    uint64_t letters = 7;

    ends(&end, CANCEL, HOUR, 50);
    read_again(&end, &arena, 51);
    assert_true(suspension_end_is_behind(&end, 49, HOUR + 1, &letters));
    assert_int_equal(letters, CANCEL);
    read_again(&end, &arena, 50);
    assert_false(suspension_end_is_behind(&end, 49, HOUR + 1, &letters));
    assert_true(suspension_end_is_behind(&end, 49, HOUR - 1, &letters));
    assert_int_equal(letters, LEAVE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_ended),
        cmocka_unit_test(to_send_on_takes_no_cancel_back),
        cmocka_unit_test(a_clock_that_was_ahead_cancels_nothing),
        cmocka_unit_test(an_older_row_holds_and_cancels_nothing),
        cmocka_unit_test(a_record_that_is_not_there_cancels_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
