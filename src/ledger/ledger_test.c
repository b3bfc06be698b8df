#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "ledger/ledger.h"
#include "ledger/rig.h"
#include "ledger/verify.h"
#include "tests/test.h"

static void appends_and_reads(void **unused)
{
    (void)unused;
    struct rig r;
    struct ledger_ref refs[2];
    struct ledger_entry entry;
    struct ledger_head head;
    struct error e = {0};
    struct ledger_record two[] = {
        {16, SLICE_INIT("facts")},
        {17, SLICE_INIT("")     }
    };
    OWN(arena) struct arena a = {.max = 1 << 20};

    rig_init(&r);
    assert_ok(ledger_append(r.ledger, two, 2, refs, &e), e);
    assert_int_equal(refs[1].seq, refs[0].seq + 1);
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(&r);
    assert_ok(ledger_reader_get(reader, refs[0], &a, &entry, &e), e);
    assert_slice(entry.body, "facts");
    assert_int_equal(entry.type, 16);
    assert_ok(ledger_reader_get(reader, refs[1], &a, &entry, &e), e);
    assert_int_equal(entry.body.len, 0);

    struct ledger_ref wrong = refs[0];
    wrong.seq++;
    assert_false(ledger_reader_get(reader, wrong, &a, &entry, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    ledger_head(r.ledger, &head);
    assert_int_equal(head.size, refs[1].seq + 2); /* and the commit's own leaf */
    rig_done(&r);
}

static void refuses_what_is_not_the_callers(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct ledger_record own = {15, SLICE_INIT("x")};

    rig_init(&r);
    assert_false(ledger_append(r.ledger, &own, 1, NULL, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_false(ledger_append(r.ledger, &own, 0, NULL, &e));

    struct ledger *second = NULL;
    assert_false(ledger_open(r.dirfd, r.key, NULL, &second, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    ledger_close(TAKE(r.ledger, NULL));
    OWN(secret) struct secret *other = keyring_random();
    assert_false(ledger_open(r.dirfd, other, NULL, &second, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_non_null(strstr(e.text, "another master key"));
    rig_done(&r);
}

static void goes_on_after_a_clean_stop(void **unused)
{
    (void)unused;
    struct rig r;
    struct ledger_head before;
    struct ledger_head after;
    uint8_t id[LEDGER_ID_LEN];
    uint8_t again[LEDGER_ID_LEN];

    rig_init(&r);
    for (unsigned i = 0; i < 5; i++) {
        (void)rig_append(&r, i);
        ledger_head(r.ledger, &before);
        ledger_id(r.ledger, id);
        rig_reopen(&r);
        ledger_head(r.ledger, &after);
        ledger_id(r.ledger, again);
        assert_int_equal(after.segment, before.segment + 1);
        assert_int_equal(after.size, before.size + 4); /* end, commit, start, commit */
        assert_memory_equal(id, again, sizeof(id));
    }
    assert_int_equal(r.alarms, 0);
    rig_expect(&r, 5);
    rig_verify_clean(&r);
    rig_done(&r);
}

static void fills_segment_after_segment(void **unused)
{
    (void)unused;
    struct rig r;
    struct ledger_head head;
    struct ledger_ref ref;
    struct error e = {0};

    rig_init_with(&r, (struct ledger_options){.segment_bytes = 5000});
    for (unsigned i = 0; i < 200; i++) {
        (void)rig_append(&r, i);
    }
    ledger_head(r.ledger, &head);
    assert_true(head.segment > 20);
    rig_expect(&r, 200);
    rig_verify_clean(&r);

    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(&r);
    for (unsigned i = 0; i < r.n; i += 7) {
        assert_ok(ledger_reader_find(reader, r.acked[i].ref.seq, &ref, &e), e);
        assert_memory_equal(&ref, &r.acked[i].ref, sizeof(ref));
    }
    assert_false(ledger_reader_find(reader, head.size + 100, &ref, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    rig_done(&r);
}

static void large_bodies(void **unused)
{
    (void)unused;
    struct rig r;
    struct ledger_ref ref;
    struct ledger_entry entry;
    struct error e = {0};
    size_t len = (size_t)9 << 20;
    OWN(heap) uint8_t *noise = malloc(len);
    OWN(arena) struct arena a = {.max = 16 << 20};
    OWN(arena) struct arena small = {.max = 4096};

    rig_init(&r);
    keyring_random_bytes(noise, len);
    struct ledger_record record = {16, slice_of(noise, len)};
    assert_ok(ledger_append(r.ledger, &record, 1, &ref, &e), e);
    (void)rig_append(&r, 0);
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(&r);
    assert_ok(ledger_reader_get(reader, ref, &a, &entry, &e), e);
    assert_true(slice_equal(entry.body, record.body));
    assert_false(ledger_reader_get(reader, ref, &small, &entry, &e));
    assert_int_equal(e.kind, ERROR_LIMIT);
    rig_verify_clean(&r);
    rig_done(&r);
}

/* Where it is cut changes nothing, whether the pieces are put together or compressed as they lie. */
static void bodies_in_two_pieces(void **unused)
{
    (void)unused;
    static const size_t lengths[] = {2, 4000, 262144, 262145, (size_t)3 << 20};
    struct rig r;
    struct ledger_entry entry;
    struct ledger_commitment commitment;
    uint8_t digest[DIGEST_LEN];
    uint8_t expected[DIGEST_LEN];
    struct error e = {0};
    OWN(heap) uint8_t *text = malloc((size_t)3 << 20);

    rig_init(&r);
    keyring_random_bytes(text, (size_t)2 << 20);
    (void)memset(text + ((size_t)2 << 20), 'x', (size_t)1 << 20);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        OWN(arena) struct arena a = {.max = 16 << 20};
        struct ledger_ref refs[3];
        struct slice whole = slice_of(text, lengths[i]);
        struct slice rest = slice_from(whole, lengths[i] / 3);
        struct ledger_record records[] = {
            {16,           slice_head(whole, lengths[i] / 3), .rest = rest},
            {      16,  SLICE_NONE,    .rest = whole               },
            { 16, slice_head(whole,             lengths[i] / 3),                            &commitment,            rest},
        };
        ledger_commit_to(records[2].body, rest, &commitment, digest);
        digest_of(rest, SLICE_NONE, expected);
        assert_memory_equal(digest, expected, sizeof(digest));
        assert_ok(ledger_append(r.ledger, records, 3, refs, &e), e);
        OWN(ledger_reader) struct ledger_reader *reader = rig_reader(&r);
        for (size_t n = 0; n < 3; n++) {
            assert_ok(ledger_reader_get(reader, refs[n], &a, &entry, &e), e);
            assert_true(slice_equal(entry.body, whole));
        }
        assert_memory_equal(entry.commitment, commitment.digest, sizeof(commitment.digest));
    }
    struct ledger_record large = {16, slice_of(text, 1),
                                  .rest = slice_of(text, LEDGER_BODY_MAX)}; /* never read */
    assert_false(ledger_append(r.ledger, &large, 1, NULL, &e));
    assert_int_equal(e.kind, ERROR_LIMIT);
    rig_verify_clean(&r);
    rig_done(&r);
}

/* What a reader may have seen before the sync of a segment's first batch failed: the file is removed
 * then, and another one takes its name. */
static void a_segment_that_took_anothers_name_is_read(void **unused)
{
    (void)unused;
    struct rig r;
    struct ledger_ref ref;
    struct ledger_entry entry;
    struct error e = {0};
    struct ledger_record record = {16, SLICE_INIT("facts")};
    OWN(arena) struct arena a = {.max = 1 << 20};

    rig_init(&r);
    rig_reopen(&r);
    assert_ok(ledger_append(r.ledger, &record, 1, &ref, &e), e);
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(&r);
    assert_ok(ledger_reader_get(reader, ref, &a, &entry, &e), e);
    ledger_close(TAKE(r.ledger, NULL));
    assert_int_equal(unlinkat(r.dirfd, "0000000002.seg", 0), 0);
    rig_reopen(&r);
    assert_ok(ledger_append(r.ledger, &record, 1, &ref, &e), e);
    assert_int_equal(ref.segment, 2);
    assert_ok(ledger_append(r.ledger, &record, 1, &ref, &e), e);
    assert_ok(ledger_reader_get(reader, ref, &a, &entry, &e), e);
    assert_slice(entry.body, "facts");
    rig_done(&r);
}

static void refuses_what_a_newer_version_wrote(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct ledger *l = NULL;
    uint8_t head[512];

    rig_init(&r);
    ledger_close(TAKE(r.ledger, NULL));
    OWN(fd) int fd = openat(r.dirfd, "0000000001.seg", O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, head, sizeof(head), 0), sizeof(head));
    head[9] = 2;
    digest_of(slice_of(head, 480), SLICE_NONE, head + 480);
    assert_int_equal(pwrite(fd, head, sizeof(head), 0), sizeof(head));
    assert_false(ledger_open(r.dirfd, r.key, NULL, &l, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_non_null(strstr(e.text, "newer"));
    struct ledger_verdict v;
    assert_false(ledger_verify(r.dirfd, &(struct ledger_verify_options){0}, &v, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    rig_done(&r);
}

/* -- many threads, with readers and a verifier beside them -- */

struct crowd {
    struct rig *rig;
    unsigned number;
    atomic_bool *stop;
};

#define CROWD    12
#define PER_HEAD 60

static void *write_some(void *context)
{
    struct crowd *c = context;

    for (unsigned i = 0; i < PER_HEAD; i++) {
        (void)rig_append(c->rig, c->number * PER_HEAD + i);
    }
    return NULL;
}

static void *follow(void *context)
{
    struct crowd *c = context;
    struct ledger_position at = {0};
    struct ledger_entry entry;
    struct error e = {0};
    uint64_t seen = 0;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(c->rig);

    while (seen < (uint64_t)CROWD * PER_HEAD) {
        enum ledger_next n = ledger_reader_next(reader, &at, NULL, &a, &entry, &e);
        if (n == LEDGER_FAILED) {
            fail_msg("%s", e.text);
        }
        if (n == LEDGER_ENTRY) {
            assert_int_equal(at.seq, entry.ref.seq + 1);
            seen++;
            arena_reset(&a);
        }
    }
    return NULL;
}

static void *verify_on(void *context)
{
    struct crowd *c = context;

    while (!atomic_load(c->stop)) {
        rig_verify_clean(c->rig);
    }
    return NULL;
}

static void many_threads(void **unused)
{
    (void)unused;
    struct rig r;
    struct crowd crowd[CROWD + 2];
    pthread_t threads[CROWD + 2];
    atomic_bool stop = false;

    rig_init_with(&r, (struct ledger_options){.segment_bytes = 60000});
    for (unsigned i = 0; i < CROWD + 2; i++) {
        crowd[i] = (struct crowd){&r, i, &stop};
        void *(*run)(void *) = i < CROWD ? write_some : i == CROWD ? follow : verify_on;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &crowd[i]), 0);
    }
    for (unsigned i = 0; i <= CROWD; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    atomic_store(&stop, true);
    (void)pthread_join(threads[CROWD + 1], NULL);
    assert_int_equal(r.n, CROWD * PER_HEAD);
    rig_expect(&r, CROWD * PER_HEAD);
    rig_reopen(&r);
    rig_expect(&r, CROWD * PER_HEAD);
    rig_verify_clean(&r);
    rig_done(&r);
}

/* A position that was stored goes on in another reader, and a limit is kept. */
static void positions_and_limits(void **unused)
{
    (void)unused;
    struct rig r;
    struct ledger_head limit;
    struct ledger_position at = {0};
    struct ledger_entry entry;
    struct error e = {0};
    OWN(arena) struct arena a = {.max = 1 << 20};

    rig_init_with(&r, (struct ledger_options){.segment_bytes = 3000});
    for (unsigned i = 0; i < 20; i++) {
        (void)rig_append(&r, i);
    }
    ledger_head(r.ledger, &limit);
    for (unsigned i = 20; i < 30; i++) {
        (void)rig_append(&r, i);
    }
    for (unsigned i = 0; i < 30; i++) {
        OWN(ledger_reader) struct ledger_reader *fresh = rig_reader(&r);
        const struct ledger_head *until = i < 20 ? &limit : NULL;
        assert_int_equal(ledger_reader_next(fresh, &at, until, &a, &entry, &e), LEDGER_ENTRY);
        assert_int_equal(entry.ref.seq, r.acked[i].ref.seq);
        if (i == 19) {
            assert_int_equal(ledger_reader_next(fresh, &at, &limit, &a, &entry, &e), LEDGER_AT_END);
        }
    }
    rig_done(&r);
}

static void leaves_bodies_out(void **unused)
{
    (void)unused;
    struct rig r;
    struct ledger_position at = {0};
    struct ledger_entry entry;
    struct error e = {0};
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct ledger_record records[] = {
        {16, SLICE_INIT("wanted")  },
        {17, SLICE_INIT("left out")},
        {16, SLICE_INIT("wanted")  }
    };

    rig_init_with(&r, (struct ledger_options){0});
    assert_ok(ledger_append(r.ledger, records, 3, NULL, &e), e);
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(&r);
    ledger_reader_leave_out(reader, 17);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ledger_reader_next(reader, &at, NULL, &a, &entry, &e), LEDGER_ENTRY);
        assert_int_equal(entry.type, records[i].type);
        assert_int_equal(entry.body.len, i == 1 ? 0 : records[i].body.len);
    }
    assert_int_equal(ledger_reader_next(reader, &at, NULL, &a, &entry, &e), LEDGER_AT_END);
    rig_done(&r);
}

static void keeps_the_reserve(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct ledger_record record = {16, SLICE_INIT("x")};

    rig_init_with(&r, (struct ledger_options){.reserve_bytes = UINT64_MAX});
    assert_false(ledger_append(r.ledger, &record, 1, NULL, &e));
    assert_int_equal(e.kind, ERROR_LIMIT);
    assert_int_equal(r.alarms, 1);
    assert_int_equal(r.last_alarm, LEDGER_ALARM_DISK);
    assert_ok(ledger_append_as(r.ledger, LEDGER_AWAITED, &record, 1, NULL, &e), e);
    ledger_set_reserve(r.ledger, 1);
    assert_ok(ledger_append(r.ledger, &record, 1, NULL, &e), e);
    ledger_set_reserve(r.ledger, UINT64_MAX);
    assert_false(ledger_append(r.ledger, &record, 1, NULL, &e));
    assert_int_equal(r.alarms, 2);
    rig_verify_clean(&r);
    rig_done(&r);
}

static int64_t test_now_ms;

static int64_t test_now(void)
{
    return test_now_ms;
}

static void says_when_the_clock_was_set_back(void **unused)
{
    (void)unused;
    struct rig r;

    test_now_ms = 1000000;
    rig_init_with(&r, (struct ledger_options){.now_ms = test_now});
    ledger_close(TAKE(r.ledger, NULL)); /* with a last commit at that time */
    test_now_ms -= LEDGER_CLOCK_MS;
    rig_reopen(&r);
    assert_int_equal(r.alarms, 0);
    ledger_close(TAKE(r.ledger, NULL));
    test_now_ms -= LEDGER_CLOCK_MS + 1;
    rig_reopen(&r);
    assert_int_equal(r.alarms, 1);
    assert_int_equal(r.last_alarm, LEDGER_ALARM_CLOCK);
    rig_verify_clean(&r);
    rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_reads),
        cmocka_unit_test(refuses_what_is_not_the_callers),
        cmocka_unit_test(goes_on_after_a_clean_stop),
        cmocka_unit_test(fills_segment_after_segment),
        cmocka_unit_test(large_bodies),
        cmocka_unit_test(bodies_in_two_pieces),
        cmocka_unit_test(a_segment_that_took_anothers_name_is_read),
        cmocka_unit_test(refuses_what_a_newer_version_wrote),
        cmocka_unit_test(many_threads),
        cmocka_unit_test(positions_and_limits),
        cmocka_unit_test(leaves_bodies_out),
        cmocka_unit_test(keeps_the_reserve),
        cmocka_unit_test(says_when_the_clock_was_set_back),
    };
    return cmocka_run_group_tests_name("ledger/ledger", tests, NULL, NULL);
}
