/* Erased is erased, and nothing else is; also when the power goes in the middle. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ledger/disk_test.h"
#include "ledger/pack.h"
#include "ledger/reseal.h"
#include "ledger/rig.h"
#include "ledger/verify.h"
#include "ledger/writer.h"
#include "tests/test.h"

#define RECORDS 12
#define WHY     40 /* number of the record that says why */

/* By the numbers of records, which say what is in them. */
static const unsigned named[] = {1, 2, 5, 9};
#define NAMED (sizeof(named) / sizeof(named[0]))

static bool is_named(unsigned number)
{
    for (size_t i = 0; i < NAMED; i++) {
        if (named[i] == number) {
            return true;
        }
    }
    return false;
}

static bool erase(struct rig *r, bool *recorded, struct error *e)
{
    struct ledger_ref refs[NAMED];
    uint8_t room[8192];
    const struct ledger_record why = {16, rig_body(WHY, room)};

    for (size_t i = 0; i < NAMED; i++) {
        refs[i] = r->acked[named[i]].ref;
    }
    return ledger_erase(r->ledger, refs, NAMED, &why, 1, recorded, e);
}

/* Some in one segment, some in the next, some in the one that is written. */
static void fill(struct rig *r)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        assert_true(rig_append(r, i));
        if (i == 3 || i == 7) {
            rig_reopen(r);
        }
    }
}

struct seen {
    unsigned whole, erased;
    bool why;
};

static struct seen look(struct rig *r)
{
    struct ledger_position at = {0};
    struct ledger_entry entry;
    struct error e = {0};
    struct seen seen = {0};
    uint8_t room[8192];
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(r);

    while (ledger_reader_next(reader, &at, NULL, &a, &entry, &e) == LEDGER_ENTRY) {
        unsigned number = seen.whole + seen.erased;
        if (entry.erased) {
            assert_true(number < RECORDS && is_named(number));
            assert_int_equal(entry.body.len, 0);
            assert_false(ledger_reader_get(reader, entry.ref, &a, &entry, &e));
            assert_int_equal(e.kind, ERROR_INPUT);
            seen.erased++;
        } else if (slice_equal(entry.body, rig_body(WHY, room))) {
            seen.why = true;
        } else {
            if (number < RECORDS) {
                assert_true(slice_equal(entry.body, rig_body(number, room)));
            }
            seen.whole++;
        }
        arena_reset(&a);
    }
    assert_int_equal(e.kind == ERROR_INPUT ? ERROR_NONE : e.kind, ERROR_NONE);
    return seen;
}

static bool is_there(int dirfd, const char *name)
{
    struct stat st;
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* From no file on the disk can the key of an erased record be made again. */
static void expect_no_keys(struct rig *r)
{
    struct error e = {0};
    uint8_t key[KEYRING_KEY_LEN];

    assert_false(is_there(r->dirfd, "erasing") || is_there(r->dirfd, "erasing.new"));
    for (size_t i = 0; i < NAMED; i++) {
        OWN(pack) struct pack *p = NULL;
        uint32_t number = r->acked[named[i]].ref.segment;
        char name[64];
        bool there = true;
        (void)snprintf(name, sizeof(name), "%010u.key.new", number);
        assert_false(is_there(r->dirfd, name));
        (void)snprintf(name, sizeof(name), "%010u.seg", number);
        assert_false(is_there(r->dirfd, name));
        (void)snprintf(name, sizeof(name), "%010u.old", number);
        assert_false(is_there(r->dirfd, name));
        assert_int_equal(pack_open(r->dirfd, r->dirfd, number, NULL, r->key, &p, &e), PACK_OPENED);
        uint32_t index = (uint32_t)(r->acked[named[i]].ref.seq - p->head.first);
        assert_ok(pack_key(p, index, key, &there, &e), e);
        assert_false(there);
    }
}

static void what_is_named_is_erased(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct ledger_verdict v;
    bool recorded = false;

    rig_init(&r);
    fill(&r);
    assert_ok(erase(&r, &recorded, &e), e);
    assert_true(recorded);
    struct seen seen = look(&r);
    assert_true(seen.why);
    assert_int_equal(seen.erased, NAMED);
    assert_int_equal(seen.whole, RECORDS - NAMED);
    expect_no_keys(&r);
    rig_verify_clean(&r);
    /* Once more is no harm, and says so in the ledger. */
    assert_ok(erase(&r, &recorded, &e), e);
    assert_int_equal(look(&r).erased, NAMED);
    rig_verify_clean(&r);
    rig_reopen(&r);
    (void)rig_pack(&r);
    const struct ledger_verify_options options = {.key = r.key, .record_keys = r.dirfd};
    assert_ok(ledger_verify(r.dirfd, &options, &v, &e), e);
    assert_int_equal(v.faults, 0);
    assert_int_equal(v.erased, NAMED);
    rig_done(&r);
}

struct met {
    uint64_t faults, seq;
};

static void meet(void *context, const struct ledger_fault *f)
{
    struct met *met = context;

    met->faults++;
    met->seq = f->seq;
}

static struct met verify(const struct rig *r)
{
    struct met met = {0};
    struct ledger_verdict v;
    struct error e = {0};
    const struct ledger_verify_options options = {
        .key = r->key, .record_keys = r->dirfd, .fault = meet, .context = &met};

    assert_ok(ledger_verify(r->dirfd, &options, &v, &e), e);
    return met;
}

/* From an old copy of a key file what was erased since opens again: that is said, and a new pack ends it. */
static void a_key_that_is_there_again_shows(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    OWN(buf) struct buf old = {.max = 1 << 16};
    uint8_t room[8192];
    const struct ledger_record why = {16, rig_body(WHY, room)};
    struct ledger_reseal order = {
        .made_before_ms = INT64_MAX, .before_ms = INT64_MIN, .erased_percent = 1};
    bool did = false;

    rig_init(&r);
    fill(&r);
    uint32_t number = r.acked[1].ref.segment;
    for (unsigned i = 1; i <= 2; i++) {
        if (i == 2) {
            rig_key_file(&r, number, &old);
        }
        assert_ok(ledger_erase(r.ledger, &r.acked[i].ref, 1, &why, 1, &did, &e), e);
    }
    rig_verify_clean(&r);
    rig_key_file_back(&r, number, &old);
    struct met met = verify(&r);
    assert_int_equal(met.faults, 1);
    assert_int_equal(met.seq, r.acked[2].ref.seq);
    assert_ok(ledger_reseal(r.ledger, &order, &did, &e), e);
    assert_true(did);
    rig_verify_clean(&r);
    rig_done(&r);
}

static void what_cannot_be_erased_is_refused(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    bool recorded = true;
    const struct ledger_record why = {16, SLICE_INIT("why")};

    rig_init(&r);
    fill(&r);
    struct ledger_ref refs[2] = {r.acked[5].ref, r.acked[1].ref};
    assert_false(ledger_erase(r.ledger, refs, 2, &why, 1, &recorded, &e)); /* in no order */
    assert_int_equal(e.kind, ERROR_INPUT);
    refs[0] = (struct ledger_ref){.seq = 0, .segment = 1}; /* the segment's start */
    assert_false(ledger_erase(r.ledger, refs, 1, &why, 1, &recorded, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    refs[0] = (struct ledger_ref){.seq = r.acked[9].ref.seq, .segment = 1}; /* another's */
    assert_false(ledger_erase(r.ledger, refs, 1, &why, 1, &recorded, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    refs[0] = (struct ledger_ref){.seq = 1, .segment = 99};
    assert_false(ledger_erase(r.ledger, refs, 1, &why, 1, &recorded, &e));
    assert_false(recorded);
    atomic_store(&r.ledger->damaged, 99); /* as an earlier one met it */
    assert_false(ledger_erase(r.ledger, refs, 1, &why, 0, &recorded, &e));
    assert_int_equal(ledger_damaged(r.ledger), 0);
    assert_false(is_there(r.dirfd, "erasing"));
    assert_int_equal(look(&r).whole, RECORDS);
    rig_verify_clean(&r);
    rig_done(&r);
}

/* -- the power goes -- */

/* Start from what a cut left: erased when that was recorded, and otherwise not at all. */
static void survive(const struct rig *from, unsigned calls, enum disk_rest rest, unsigned seed,
                    unsigned done_at)
{
    static struct rig r;
    struct error e = {0};

    rig_twin(&r, from);
    disk_cut(calls, rest, seed, r.dirfd);
    if (!ledger_open(r.dirfd, r.key, &r.options, &r.ledger, &e)) {
        fail_msg("cut after call %u: %s", calls, e.text);
    }
    struct seen seen = look(&r);
    if (seen.why != (seen.erased == NAMED) || (seen.erased && seen.erased != NAMED) ||
        (calls >= done_at && !seen.erased)) {
        fail_msg("cut after call %u of %u: %u erased, recorded: %d", calls, done_at, seen.erased,
                 seen.why);
    }
    assert_int_equal(seen.whole + seen.erased, RECORDS);
    assert_false(is_there(r.dirfd, "erasing"));
    if (seen.erased) {
        expect_no_keys(&r);
    }
    rig_verify_clean(&r);
    rig_done(&r);
}

static void cut_everywhere(const struct rig *r, unsigned from, unsigned done_at)
{
    disk_mode(DISK_PASSES);
    for (unsigned i = from; i <= disk_calls(); i += test_step()) {
        survive(r, i, DISK_NOTHING, 0, done_at);
        survive(r, i, DISK_EVERYTHING, 0, done_at);
        survive(r, i, DISK_SOME, 7919 * i + 1, done_at);
    }
}

static void the_power_goes_while_erasing(void **unused)
{
    (void)unused;
    static struct rig r;
    struct error e = {0};
    bool recorded = false;

    disk_begin();
    rig_init(&r);
    fill(&r);
    unsigned before = disk_calls();
    assert_ok(erase(&r, &recorded, &e), e);
    cut_everywhere(&r, before, disk_calls());
    disk_mode(DISK_PASSES);
    rig_done(&r);
    disk_done();
}

/* Each call fails once: what was recorded is finished by what comes next, in the same process. */
static void an_erasure_fails(void **unused)
{
    (void)unused;
    static struct rig r;
    struct error e = {0};
    bool recorded = false;
    bool failed = true;
    bool packed = false;

    for (unsigned from = 0; failed; from++) {
        disk_begin();
        rig_init(&r);
        fill(&r);
        disk_fail(from, 1);
        failed = !erase(&r, &recorded, &e) || r.alarms > 0;
        disk_fail(0, 0);
        if (!r.unsettled) {
            assert_ok(ledger_pack(r.ledger, INT64_MIN, &packed, &e), e);
            assert_false(packed);
            struct seen seen = look(&r);
            assert_int_equal(seen.why, recorded);
            assert_int_equal(seen.erased, recorded ? NAMED : 0);
            if (recorded) {
                expect_no_keys(&r);
            }
            assert_false(is_there(r.dirfd, "erasing"));
            rig_verify_clean(&r);
        }
        disk_mode(DISK_PASSES);
        rig_done(&r);
        disk_done();
    }
}

/* -- a reader in another process -- */

struct rewriting {
    const struct rig *rig;
    struct record_keys_head head;
    _Atomic bool done;
};

static void *rewrite_often(void *context)
{
    struct rewriting *w = context;
    struct error e = {0};
    OWN(record_keys) struct record_keys *k = record_keys_new(RECORDS);

    for (unsigned i = 0; i < 300; i++) {
        assert_ok(record_keys_replace(w->rig->dirfd, w->rig->key, &w->head, k, 0600, &e), e);
    }
    atomic_store(&w->done, true);
    return NULL;
}

static void a_reader_meets_a_rewriting(void **unused)
{
    (void)unused;
    static struct rig r;
    struct error e = {0};
    struct rewriting w = {
        .rig = &r, .head = {.number = 77, .generation = 1}
    };
    OWN(record_keys) struct record_keys *first = record_keys_new(RECORDS);
    uint64_t generation = 0;
    pthread_t thread;

    rig_init(&r);
    disk_begin();
    disk_mode(DISK_PASSES);
    assert_ok(record_keys_create(r.dirfd, r.key, &w.head, first, 0600, &e), e);
    assert_int_equal(pthread_create(&thread, NULL, rewrite_often, &w), 0);
    while (!atomic_load(&w.done)) {
        OWN(record_keys) struct record_keys *k = NULL;
        struct record_keys_head head = {.number = 77};
        assert_ok(record_keys_read(r.dirfd, r.key, RECORDS, &head, &k, &e), e);
        assert_true(head.generation >= generation);
        generation = head.generation;
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(generation > 1);
    disk_done();
    rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_named_is_erased),
        cmocka_unit_test(a_key_that_is_there_again_shows),
        cmocka_unit_test(what_cannot_be_erased_is_refused),
        cmocka_unit_test(the_power_goes_while_erasing),
        cmocka_unit_test(an_erasure_fails),
        cmocka_unit_test(a_reader_meets_a_rewriting),
    };
    return cmocka_run_group_tests_name("ledger/erase", tests, NULL, NULL);
}
