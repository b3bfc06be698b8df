/* Under a new key: everything opens before, meanwhile and afterwards, and then nothing needs the former key; also when
 * the power goes in the middle. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "host/file.h"
#include "keyring/former.h"
#include "ledger/disk_test.h"
#include "ledger/pack.h"
#include "ledger/rewrap.h"
#include "ledger/rig.h"
#include "ledger/verify.h"
#include "tests/test.h"

#define RECORDS 9

/* A pack with a record that is erased, a segment, and what is written. */
static void fill(struct rig *r)
{
    struct error e = {0};
    bool packed = false;
    bool recorded = false;
    uint8_t room[8192];

    for (unsigned i = 0; i < RECORDS; i++) {
        assert_true(rig_append(r, i));
        if (i == 3) {
            rig_reopen(r);
            assert_ok(ledger_pack(r->ledger, INT64_MAX, &packed, &e), e);
            assert_true(packed);
            const struct ledger_record why = {16, rig_body(40, room)};
            assert_ok(ledger_erase(r->ledger, &r->acked[1].ref, 1, &why, 1, &recorded, &e), e);
        }
        if (i == 6) {
            rig_reopen(r);
        }
    }
}

static struct ledger_key_use uses(const struct rig *r, const struct secret *key)
{
    struct ledger_key_use use = {0};
    uint8_t id[KEYRING_ID_LEN];
    struct error e = {0};

    keyring_id(key, id);
    assert_ok(ledger_key_uses(r->dirfd, r->dirfd, id, &use, &e), e);
    return use;
}

static bool none(struct ledger_key_use use)
{
    return use.segments == 0 && use.packs == 0 && use.record_keys == 0;
}

/* What was not erased can be read, and what was cannot. */
static void expect_records(struct rig *r)
{
    struct ledger_position at = {0};
    struct ledger_entry entry;
    struct error e = {0};
    unsigned whole = 0;
    unsigned erased = 0;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(r);

    while (ledger_reader_next(reader, &at, NULL, &a, &entry, &e) == LEDGER_ENTRY) {
        erased += entry.erased;
        whole += !entry.erased;
        arena_reset(&a);
    }
    assert_int_equal(erased, 1);
    assert_int_equal(whole, RECORDS); /* with the erasure's reason */
}

/* Give it a new key; the former one is the caller's. */
static struct secret *change_key(struct rig *r)
{
    struct secret *former = r->key;

    r->key = keyring_random();
    keyring_former_add(r->key, former);
    return former;
}

static void rewrap_all(struct rig *r)
{
    struct error e = {0};
    unsigned done = 1;

    while (done) {
        assert_ok(ledger_rewrap(r->ledger, &done, &e), e);
    }
}

static void nothing_needs_the_former_key(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    unsigned done = 7;

    rig_init(&r);
    fill(&r);
    assert_ok(ledger_rewrap(r.ledger, &done, &e), e); /* no other key was ever there */
    assert_int_equal(done, 0);
    OWN(secret) struct secret *former = change_key(&r);
    rig_reopen(&r);
    struct ledger_key_use use = uses(&r, former);
    assert_int_equal(use.segments, 2);
    assert_int_equal(use.packs, 1);
    assert_int_equal(use.record_keys, 1);
    assert_int_equal(uses(&r, r.key).segments, 1); /* what is written since */
    expect_records(&r);
    rig_verify_clean(&r);

    assert_ok(ledger_rewrap(r.ledger, &done, &e), e);
    assert_int_equal(done, 4);
    assert_true(none(uses(&r, former)));
    expect_records(&r);
    rig_verify_clean(&r);
    assert_ok(ledger_rewrap(r.ledger, &done, &e), e);
    assert_int_equal(done, 0);
    (void)rig_pack(&r);
    assert_true(none(uses(&r, former)));
    rig_verify_clean(&r);

    /* The former key alone opens nothing any more. */
    struct ledger_reader *reader = NULL;
    struct ledger_position at = {0};
    struct ledger_entry entry;
    OWN(arena) struct arena a = {.max = 1 << 20};
    if (ledger_reader_open(r.dirfd, former, &reader, &e)) {
        ledger_reader_record_keys(reader, r.dirfd);
        assert_int_equal(ledger_reader_next(reader, &at, NULL, &a, &entry, &e), LEDGER_FAILED);
    }
    ledger_reader_close(reader);
    assert_int_equal(e.kind, ERROR_CONFIG);
    rig_done(&r);
}

static void another_key_opens_nothing(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct ledger *ledger = NULL;
    OWN(secret) struct secret *other = keyring_random();

    rig_init(&r);
    fill(&r);
    ledger_close(TAKE(r.ledger, NULL));
    assert_false(ledger_open(r.dirfd, other, &r.options, &ledger, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    rig_done(&r);
}

/* One damaged header neither stops the others nor is written to. */
static void what_is_damaged_is_left(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    unsigned done = 0;
    uint8_t byte = 0;

    rig_init(&r);
    fill(&r);
    OWN(secret) struct secret *former = change_key(&r);
    rig_reopen(&r);
    OWN(fd) int fd = openat(r.dirfd, "0000000001.pack", O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &byte, 1, 200), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 200), 1);
    assert_false(ledger_rewrap(r.ledger, &done, &e)); /* but the others are done */
    assert_int_equal(done, 3);
    assert_false(ledger_rewrap(r.ledger, &done, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, "0000000001.pack"));
    assert_int_equal(uses(&r, former).packs, 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 200), 1);
    rewrap_all(&r);
    assert_true(none(uses(&r, former)));
    rig_verify_clean(&r);
    rig_done(&r);
}

/* -- the power goes -- */

static void survive(const struct rig *from, const struct secret *former, unsigned calls,
                    enum disk_rest rest, unsigned seed)
{
    static struct rig r;
    struct error e = {0};

    rig_twin(&r, from);
    disk_cut(calls, rest, seed, r.dirfd);
    if (!ledger_open(r.dirfd, r.key, &r.options, &r.ledger, &e)) {
        fail_msg("cut after call %u: %s", calls, e.text);
    }
    expect_records(&r);
    rewrap_all(&r);
    assert_true(none(uses(&r, former)));
    expect_records(&r);
    rig_verify_clean(&r);
    rig_done(&r);
}

static void the_power_goes_meanwhile(void **unused)
{
    (void)unused;
    static struct rig r;

    disk_begin();
    rig_init(&r);
    fill(&r);
    OWN(secret) struct secret *former = change_key(&r);
    rig_reopen(&r);
    unsigned from = disk_calls();
    rewrap_all(&r);
    disk_mode(DISK_PASSES);
    assert_true(disk_calls() > from + 8);
    for (unsigned i = from; i <= disk_calls(); i += test_step()) {
        survive(&r, former, i, DISK_NOTHING, 0);
        survive(&r, former, i, DISK_EVERYTHING, 0);
        survive(&r, former, i, DISK_SOME, 7919 * i + 1);
    }
    rig_done(&r);
    disk_done();
}

static void a_call_fails(void **unused)
{
    (void)unused;
    static struct rig r;
    struct error e = {0};
    unsigned done = 0;
    bool failed = true;

    for (unsigned from = 0; failed; from++) {
        disk_begin();
        rig_init(&r);
        fill(&r);
        OWN(secret) struct secret *former = change_key(&r);
        rig_reopen(&r);
        unsigned before = disk_calls();
        disk_fail(from, 1);
        bool ok = ledger_rewrap(r.ledger, &done, &e);
        failed = !ok || done < 4 || from < 4;
        assert_true(disk_calls() >= before);
        disk_fail(0, 0);
        expect_records(&r);
        rewrap_all(&r);
        assert_true(none(uses(&r, former)));
        rig_verify_clean(&r);
        disk_mode(DISK_PASSES);
        rig_done(&r);
        disk_done();
    }
}

/* What says that nothing needs the former key says so after a power cut too: `key retire` believes it. */
static void expect_durable(const struct rig *from, const struct secret *former)
{
    static struct rig r;

    if (none(uses(from, former))) {
        rig_twin(&r, from);
        disk_cut(disk_calls(), DISK_NOTHING, 0, r.dirfd);
        assert_true(none(uses(&r, former)));
        rig_done(&r);
    }
}

/* Calls fail, and then it is done again; then the power goes. */
static void the_power_goes_after_a_failure(unsigned from, unsigned count)
{
    static struct rig r;
    struct error e = {0};
    unsigned done = 0;

    disk_begin();
    rig_init(&r);
    fill(&r);
    OWN(secret) struct secret *former = change_key(&r);
    rig_reopen(&r);
    unsigned failed_at = disk_calls() + from;
    disk_fail(from, count);
    bool ok = ledger_rewrap(r.ledger, &done, &e);
    assert_true(ok || e.kind == ERROR_BUSY);
    assert_int_equal(ok, done == 4);
    disk_fail(0, 0);
    if (count == 1) { /* of two, the second may be that of the way back */
        expect_durable(&r, former);
    }
    rewrap_all(&r);
    disk_mode(DISK_PASSES);
    assert_true(none(uses(&r, former)));
    expect_durable(&r, former);
    for (unsigned i = failed_at; i <= disk_calls(); i += test_step()) {
        survive(&r, former, i, DISK_NOTHING, 0);
    }
    rig_done(&r);
    disk_done();
}

static void the_power_goes_after_each_failure(void **unused)
{
    (void)unused;

    for (unsigned from = 0; from < 16; from++) {
        the_power_goes_after_a_failure(from, 1);
        the_power_goes_after_a_failure(from, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_needs_the_former_key),
        cmocka_unit_test(another_key_opens_nothing),
        cmocka_unit_test(what_is_damaged_is_left),
        cmocka_unit_test(the_power_goes_meanwhile),
        cmocka_unit_test(the_power_goes_after_each_failure),
        cmocka_unit_test(a_call_fails),
    };
    return cmocka_run_group_tests_name("ledger/rewrap", tests, NULL, NULL);
}
