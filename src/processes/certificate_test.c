/* What a certificate takes of all erasures of a ledger, at sizes that a ledger reaches in years. */
#include <time.h>

#include "base/bytes.h"

#include "letter/retention.h"
#include "processes/certificate_erased.h"
#include "tests/test.h"

#define FOREIGN 3000000 /* erasures, each with its removal and its end */
#define OURS    200000

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* {1: 7, 2: one range of one record}, or {1: an erasure's number}, as in a ledger. */
static void pass(struct certificate_erased *w, uint64_t seq, uint16_t type, uint64_t number)
{
    uint8_t erasure[1 + 2 + 1 + 2 + 12] = {0xa2, 0x01, 0x07, 0x02, 0x4c};
    uint8_t erased[1 + 1 + 9] = {0xa1, 0x01, 0x1b};
    struct ledger_passed p = {.seq = seq, .type = type};
    struct error e;

    if (type == LEDGER_ERASURE) {
        put64(erasure + 5, number);
        put32(erasure + 13, 1);
        p.body = slice_of(erasure, 17);
    } else if (type == LEDGER_ERASED) {
        size_t len = 11;
        put64(erased + 3, number);
        if (number <= UINT32_MAX) { /* the shortest form alone is read */
            erased[2] = 0x1a;
            put32(erased + 3, (uint32_t)number);
            len = 7;
        }
        p.body = slice_of(erased, len);
    }
    assert_ok(certificate_erased_visit(w, &p, &e), e);
}

static void add_removal(struct certificate *c, uint64_t seq)
{
    const struct opened removal = {.seq = seq, .type = RECORD_REMOVAL};
    struct error e;

    assert_ok(certificate_keep(c, &removal, &e), e);
}

/* They come and go; what is ours is all that is kept. */
static void test_others_erasures(void **state)
{
    OWN(certificate) struct certificate c = {.n = 0};
    OWN(certificate_erased) struct certificate_erased w = {0};
    uint64_t seq = 1000000;

    (void)state;
    arena_init(&c.arena, 1 << 20);
    add_removal(&c, seq + 3 * (uint64_t)FOREIGN + 2);
    certificate_erased_begin(&w, &c);
    for (size_t i = 0; i < FOREIGN; i++, seq += 3) {
        pass(&w, seq, LEDGER_ERASURE, i);
        pass(&w, seq + 1, RECORD_REMOVAL, 0);
        pass(&w, seq + 2, LEDGER_ERASED, seq);
    }
    pass(&w, seq, LEDGER_ERASURE, 11);
    pass(&w, seq + 1, LEDGER_ERASURE, 5);
    pass(&w, seq + 2, RECORD_REMOVAL, 0);
    pass(&w, seq + 3, LEDGER_ERASED, seq + 1);
    assert_int_equal(w.n_done, 1);
    pass(&w, seq + 4, LEDGER_ERASED, seq);
    pass(&w, seq + 5, LEDGER_ERASED, seq); /* said twice */
    assert_int_equal(w.n_done, 2);
    assert_int_equal(w.n_erasures, 2);
    assert_int_equal(c.n, 1 + 2 + 3);
    assert_int_equal(c.n_destroyed, 2);
    assert_true(c.arena.total < 100000 && w.arena.total < 100000);
}

/* Their ends come in no order; the time grows with their number alone. */
static void test_many_of_ours(void **state)
{
    OWN(certificate) struct certificate c = {.n = 0};
    OWN(certificate_erased) struct certificate_erased w = {0};
    double begun = seconds();

    (void)state;
    arena_init(&c.arena, CERTIFICATE_KEPT_MAX);
    for (uint64_t i = 0; i < OURS; i++) {
        add_removal(&c, 1000000 + 2 * i + 1);
    }
    certificate_erased_begin(&w, &c);
    for (uint64_t i = 0; i < OURS; i++) {
        pass(&w, 1000000 + 2 * i, LEDGER_ERASURE, i);
        pass(&w, 1000000 + 2 * i + 1, RECORD_REMOVAL, 0);
    }
    for (uint64_t i = OURS; i-- > 0;) {
        pass(&w, 2000000 + OURS - i, LEDGER_ERASED, 1000000 + 2 * i);
    }
    assert_int_equal(w.n_done, OURS);
    assert_int_equal(c.n, 3 * OURS);
    assert_true(seconds() - begun < 20); /* 40,000,000,000 comparisons take more */
}

/* An erasure with nothing of ours right behind it is somebody else's. */
static void test_what_stands_between(void **state)
{
    OWN(certificate) struct certificate c = {.n = 0};
    OWN(certificate_erased) struct certificate_erased w = {0};

    (void)state;
    arena_init(&c.arena, 1 << 20);
    add_removal(&c, 12);
    add_removal(&c, 21);
    certificate_erased_begin(&w, &c);
    pass(&w, 10, LEDGER_ERASURE, 1);
    pass(&w, 11, RECORD_READING, 0);
    pass(&w, 12, RECORD_REMOVAL, 0);
    pass(&w, 13, LEDGER_ERASED, 10);
    pass(&w, 18, LEDGER_ERASURE, 2); /* 19 is not passed: another batch's */
    pass(&w, 20, LEDGER_ERASURE, 3);
    pass(&w, 21, RECORD_REMOVAL, 0);
    assert_int_equal(w.n_erasures, 1);
    assert_int_equal(c.n_destroyed, 1);
    assert_int_equal(c.destroyed[0], 3);
}

static void test_the_last_text_counts(void **state)
{
    static const uint16_t types[] = {RECORD_REQUEST, RECORD_READING, RECORD_REMOVAL, RECORD_READING,
                                     RECORD_VERDICT};
    OWN(certificate) struct certificate c = {.n = 0};
    struct error e;

    (void)state;
    arena_init(&c.arena, 1 << 20);
    certificate_drop_made(&c);
    for (size_t i = 0; i < 5; i++) {
        const struct opened record = {.seq = i, .type = types[i]};
        assert_ok(certificate_keep(&c, &record, &e), e);
    }
    certificate_drop_made(&c);
    assert_int_equal(c.n, 4);
    assert_int_equal(c.list[0].seq, 0);
    assert_int_equal(c.list[1].seq, 2);
    assert_int_equal(c.list[2].seq, 3);
    assert_int_equal(c.list[3].seq, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_others_erasures),
        cmocka_unit_test(test_many_of_ours),
        cmocka_unit_test(test_what_stands_between),
        cmocka_unit_test(test_the_last_text_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
