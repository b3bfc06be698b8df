/* Made again, a pack has the same leaves and less of what was erased; also when a call fails and when the power goes. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ledger/copy.h"
#include "ledger/disk_test.h"
#include "ledger/pack.h"
#include "ledger/reseal.h"
#include "ledger/rig.h"
#include "ledger/verify.h"
#include "ledger/writer.h"
#include "tests/test.h"

#define RECORDS 12
#define WHY     40

static const unsigned named[] = {0, 2, 3,
                                 5}; /* those erased, which say what is in them by their number */
#define NAMED (sizeof(named) / sizeof(named[0]))

static const struct ledger_reseal all_of_them = {.made_before_ms = INT64_MAX,
                                                 .before_ms = INT64_MAX};

static bool is_named(unsigned number)
{
    bool is = false;

    for (size_t i = 0; i < NAMED; i++) {
        is = is || named[i] == number;
    }
    return is;
}

static void erase(struct rig *r)
{
    struct ledger_ref refs[NAMED];
    uint8_t room[8192];
    const struct ledger_record why = {16, rig_body(WHY, room)};
    struct error e = {0};
    bool recorded = false;

    for (size_t i = 0; i < NAMED; i++) {
        refs[i] = r->acked[named[i]].ref;
    }
    assert_ok(ledger_erase(r->ledger, refs, NAMED, &why, 1, &recorded, &e), e);
}

static void append_all(struct rig *r)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        assert_true(rig_append(r, i));
        if (i == 3 || i == 7) {
            rig_reopen(r);
        }
    }
}

/* Two packs of which records are erased, and what is written. */
static void fill(struct rig *r)
{
    append_all(r);
    erase(r);
}

/* What was not erased is there whole, what was is not. */
static void expect_records(struct rig *r)
{
    struct ledger_position at = {0};
    struct ledger_entry entry;
    struct error e = {0};
    uint8_t room[8192];
    unsigned n = 0;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(r);

    while (ledger_reader_next(reader, &at, NULL, &a, &entry, &e) == LEDGER_ENTRY) {
        unsigned number = n < RECORDS ? n : WHY;
        assert_int_equal(entry.erased, number < WHY && is_named(number));
        assert_true(entry.erased || slice_equal(entry.body, rig_body(number, room)));
        n++;
        arena_reset(&a);
    }
    assert_int_equal(n, RECORDS + 1);
}

/* Make all packs again; returns how many, or -1 - after so many - when one could not be. */
static int reseal_some(struct rig *r, struct ledger_reseal order, struct error *e)
{
    bool did = false;
    int n = 0;

    while (!order.done) {
        if (!ledger_reseal(r->ledger, &order, &did, e)) {
            return -1 - n;
        }
        n += did;
    }
    return n;
}

static unsigned reseal_all(struct rig *r)
{
    struct error e = {0};
    int n = reseal_some(r, all_of_them, &e);

    if (n < 0) {
        fail_msg("%s", e.text);
    }
    return (unsigned)n;
}

static bool is_there(const struct rig *r, const char *name)
{
    struct stat st;
    return fstatat(r->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Of each pack, nothing but the making in force is left. */
static void expect_tidy(const struct rig *r)
{
    int fd = openat(r->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fdopendir(fd);

    assert_non_null(dir);
    assert_false(is_there(r, "resealing"));
    for (const struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        char name[PACK_NAME_MAX];
        struct pack_head head;
        struct error e = {0};
        uint32_t number = 0;
        uint16_t making = 0;
        bool rewriting = false;
        bool key = record_keys_named(d->d_name, &number, &making, &rewriting);
        assert_false(rewriting);
        enum ledger_file file = key ? FILE_OTHER : ledger_file_of(d->d_name, &number);
        assert_true(file != FILE_PACK_NEW && file != FILE_OBJECTS_NEW && file != FILE_OLD);
        if (key || file == FILE_PAYLOAD) {
            pack_name(number, name);
            assert_ok(pack_head_of(r->dirfd, number, name, &head, &e), e);
            assert_int_equal(head.making, key ? making : pack_payload_making(d->d_name));
        }
    }
    (void)closedir(dir);
}

static uint64_t stored(struct rig *r)
{
    struct ledger_head head;
    ledger_head(r->ledger, &head);
    return head.stored_bytes;
}

static void the_leaves_stay(void **unused)
{
    (void)unused;
    struct rig r;
    struct ledger_head before;
    struct ledger_head after;
    struct stat old_keys;
    uint8_t byte = 1;

    rig_init(&r);
    fill(&r);
    ledger_head(r.ledger, &before);
    OWN(fd) int keys = openat(r.dirfd, "0000000001.key", O_RDONLY | O_CLOEXEC);
    assert_true(keys >= 0);
    assert_int_equal(reseal_all(&r), 2);
    ledger_head(r.ledger, &after);
    assert_int_equal(after.size, before.size + 4); /* two pack records, each with its commit */
    assert_true(after.stored_bytes < before.stored_bytes);
    expect_records(&r);
    expect_tidy(&r);
    rig_verify_clean(&r);
    assert_int_equal(fstat(keys, &old_keys), 0);
    assert_int_equal(old_keys.st_nlink, 0);
    for (off_t at = 0; at < old_keys.st_size; at++) { /* nothing opens the former ciphertext */
        assert_int_equal(pread(keys, &byte, 1, at), 1);
        assert_int_equal(byte, 0);
    }
    uint64_t counted = stored(&r);
    rig_reopen(&r);
    assert_true(stored(&r) < counted + 4000 && stored(&r) + 8000 > counted);
    assert_int_equal(reseal_all(&r), 2); /* and once more */
    expect_records(&r);
    expect_tidy(&r);
    rig_verify_clean(&r);
    rig_done(&r);
}

/* Only those that the order names. */
static void an_order_says_which(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct ledger_reseal order = {.made_before_ms = INT64_MAX, .before_ms = INT64_MIN};

    rig_init(&r);
    fill(&r);
    assert_int_equal(reseal_some(&r, order, &e), 0);
    order.erased_percent = 100;
    assert_int_equal(reseal_some(&r, order, &e), 0);
    order.erased_percent = 60; /* three of four, one of four */
    assert_int_equal(reseal_some(&r, order, &e), 1);
    assert_int_equal(reseal_some(&r, order, &e), 0);
    order.erased_percent = 1;
    assert_int_equal(reseal_some(&r, order, &e), 1);
    assert_int_equal(reseal_some(&r, order, &e), 0);
    order = all_of_them;
    order.made_before_ms = 0;
    assert_int_equal(reseal_some(&r, order, &e), 0);
    order = all_of_them;
    order.before_ms = 1;
    assert_int_equal(reseal_some(&r, order, &e), 0);
    expect_records(&r);
    rig_verify_clean(&r);
    rig_done(&r);
}

/* What was made again can be read by who had the former open, erased further, and erased whole. */
static void it_goes_on(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct ledger_entry entry;
    uint8_t room[8192];
    bool recorded = false;
    struct ledger_ref refs[2];
    OWN(arena) struct arena a = {.max = 1 << 20};

    rig_init(&r);
    fill(&r);
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(&r);
    assert_ok(ledger_reader_get(reader, r.acked[1].ref, &a, &entry, &e), e);
    assert_int_equal(reseal_all(&r), 2);
    assert_ok(ledger_reader_get(reader, r.acked[4].ref, &a, &entry, &e), e);
    assert_ok(ledger_reader_get(reader, r.acked[1].ref, &a, &entry, &e), e);
    assert_true(slice_equal(entry.body, rig_body(1, room)));
    assert_false(ledger_reader_get(reader, r.acked[2].ref, &a, &entry, &e));
    assert_int_equal(e.kind, ERROR_INPUT);

    const struct ledger_record why = {16, rig_body(WHY, room)};
    refs[0] = r.acked[1].ref;
    refs[1] = r.acked[4].ref;
    assert_ok(ledger_erase(r.ledger, refs, 2, &why, 1, &recorded, &e), e);
    assert_false(ledger_reader_get(reader, r.acked[1].ref, &a, &entry, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    rig_verify_clean(&r);
    assert_int_equal(reseal_all(&r), 2); /* of the first nothing is left but leaves */
    expect_tidy(&r);
    assert_false(is_there(&r, "0000000001-00000-000000-00002.data"));
    rig_verify_clean(&r);
    rig_reopen(&r);
    assert_ok(ledger_reader_get(reader, r.acked[6].ref, &a, &entry, &e), e);
    rig_done(&r);
}

/* One that is damaged stays as it is. */
static void a_damaged_pack_is_not_made_again(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    uint8_t byte = 0;
    char data[PACK_NAME_MAX] = "";

    rig_init(&r);
    fill(&r);
    int dir_fd = openat(r.dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fdopendir(dir_fd);
    for (const struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        uint32_t number = 0;
        if (ledger_file_of(d->d_name, &number) == FILE_PAYLOAD && number == 2) {
            (void)snprintf(data, sizeof(data), "%.39s", d->d_name);
        }
    }
    (void)closedir(dir);
    OWN(fd) int fd = openat(r.dirfd, data, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &byte, 1, 100), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 100), 1);
    assert_int_equal(reseal_some(&r, all_of_them, &e), -2); /* the first was */
    assert_int_equal(e.kind, ERROR_CORRUPT);
    expect_tidy(&r);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 100), 1);
    expect_records(&r);
    rig_verify_clean(&r);
    assert_int_equal(reseal_all(&r), 2);
    rig_done(&r);
}

/* -- keys that are missing, and some that are there again -- */

static void note_seq(void *context, const struct ledger_fault *f)
{
    uint64_t *seq = context;
    *seq = f->seq;
}

/* Nothing but an erasure says that a record may go: the pack stays as it is, and what is put back opens it. */
static void a_key_that_is_missing_loses_nothing(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct ledger_verdict v;
    uint64_t seq = 0;
    OWN(buf) struct buf kept = {.max = 1 << 16};

    rig_init(&r);
    fill(&r);
    struct ledger_ref lost = r.acked[6].ref;
    assert_int_equal(lost.segment, 2);
    rig_key_file(&r, 2, &kept);
    rig_lose_key(&r, 2, lost.seq);
    for (unsigned again = 0; again < 2; again++) {
        assert_int_equal(reseal_some(&r, all_of_them, &e), -2); /* the first was */
        assert_int_equal(e.kind, ERROR_CORRUPT);
        assert_non_null(
            strstr(e.text, "its key is missing, and no record says that it was erased"));
        expect_tidy(&r);
        struct ledger_verify_options with = {
            .key = r.key, .record_keys = r.dirfd, .fault = note_seq, .context = &seq};
        assert_ok(ledger_verify(r.dirfd, &with, &v, &e), e);
        assert_int_equal(v.faults, 1);
        assert_int_equal(seq, lost.seq);
        rig_reopen(&r);
    }
    rig_key_file_back(&r, 2, &kept);
    expect_records(&r);
    rig_verify_clean(&r);
    assert_int_equal(reseal_all(&r), 2);
    expect_records(&r);
    expect_tidy(&r);
    rig_verify_clean(&r);
    rig_done(&r);
}

/* A key file from before an erasure opens what was erased; its pack, made again, has nothing of it. */
static void what_was_erased_does_not_come_back(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct ledger_entry entry;
    OWN(buf) struct buf kept = {.max = 1 << 16};
    OWN(arena) struct arena a = {.max = 1 << 20};

    for (unsigned again = 0; again < 2; again++) {
        rig_init(&r);
        append_all(&r);
        (void)rig_pack(&r);
        rig_key_file(&r, 1, &kept);
        if (again) { /* what is erased while they are known already */
            struct ledger_reseal none = {.made_before_ms = 0};
            assert_int_equal(reseal_some(&r, none, &e), 0);
        }
        erase(&r);
        rig_key_file_back(&r, 1, &kept);
        OWN(ledger_reader) struct ledger_reader *reader = rig_reader(&r);
        assert_ok(ledger_reader_get(reader, r.acked[2].ref, &a, &entry, &e), e);
        assert_int_equal(reseal_all(&r), 2);
        expect_records(&r);
        expect_tidy(&r);
        rig_verify_clean(&r);
        rig_done(&r);
    }
}

/* -- the power goes -- */

static void survive(const struct rig *from, unsigned calls, enum disk_rest rest, unsigned seed)
{
    static struct rig r;
    struct error e = {0};

    rig_twin(&r, from);
    disk_cut(calls, rest, seed, r.dirfd);
    if (!ledger_open(r.dirfd, r.key, &r.options, &r.ledger, &e)) {
        fail_msg("cut after call %u: %s", calls, e.text);
    }
    expect_records(&r);
    expect_tidy(&r);
    rig_verify_clean(&r);
    if (seed % 5 == 0) {
        assert_int_equal(reseal_all(&r), 2);
        expect_records(&r);
        expect_tidy(&r);
        rig_verify_clean(&r);
    }
    rig_done(&r);
}

static void the_power_goes(void **unused)
{
    (void)unused;
    static struct rig r;

    disk_begin();
    rig_init(&r);
    fill(&r);
    unsigned from = disk_calls();
    assert_int_equal(reseal_all(&r), 2);
    disk_mode(DISK_PASSES);
    for (unsigned i = from; i <= disk_calls(); i += test_step()) {
        survive(&r, i, DISK_NOTHING, 0);
        survive(&r, i, DISK_EVERYTHING, 1);
        survive(&r, i, DISK_SOME, 7919 * i + 1);
        survive(&r, i, DISK_SOME, 104729 * i + 2);
    }
    rig_done(&r);
    disk_done();
}

/* Each call fails once: a check finds nothing wrong, what comes next ends it, and the power may go at any time. */
static void a_call_fails(void **unused)
{
    (void)unused;
    static struct rig r;
    struct error e = {0};
    bool failed = true;
    bool packed = false;

    for (unsigned from = 0; failed; from++) {
        disk_begin();
        rig_init(&r);
        fill(&r);
        unsigned before = disk_calls();
        disk_fail(from, 1);
        failed = reseal_some(&r, all_of_them, &e) < 0 || r.alarms > 0;
        disk_fail(0, 0);
        if (!r.unsettled) {
            expect_records(&r);
            rig_verify_clean(&r);
            assert_ok(ledger_pack(r.ledger, INT64_MIN, &packed, &e), e);
            expect_records(&r);
            expect_tidy(&r);
            rig_verify_clean(&r);
        }
        disk_mode(DISK_PASSES);
        for (unsigned i = before + from; failed && i <= disk_calls(); i += test_step()) {
            survive(&r, i, DISK_NOTHING, 1);
        }
        rig_done(&r);
        disk_done();
    }
}

/* Between the announcement and the end no backup begins, and none meets half of it. */
static void a_backup_waits(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    int lock = -1;

    rig_init(&r);
    fill(&r);
    assert_int_equal(reseal_all(&r), 2);
    assert_false(ledger_copy_needs(r.dirfd, "0000000001-00000-202001.data", 9));
    assert_false(ledger_copy_needs_key(r.dirfd, "0000000001.key", 9));
    assert_true(ledger_copy_needs_key(r.dirfd, "0000000001-00001.key", 9));
    (void)close(openat(r.dirfd, "resealing", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_false(ledger_copy_lock(r.dirfd, &lock, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_int_equal(unlinkat(r.dirfd, "resealing", 0), 0);
    rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_leaves_stay),
        cmocka_unit_test(an_order_says_which),
        cmocka_unit_test(it_goes_on),
        cmocka_unit_test(a_damaged_pack_is_not_made_again),
        cmocka_unit_test(a_key_that_is_missing_loses_nothing),
        cmocka_unit_test(what_was_erased_does_not_come_back),
        cmocka_unit_test(the_power_goes),
        cmocka_unit_test(a_call_fails),
        cmocka_unit_test(a_backup_waits),
    };
    return cmocka_run_group_tests_name("ledger/reseal", tests, NULL, NULL);
}
