/* The power goes, or the process dies, after any call that changes the disk: what was acknowledged
 * before is there, what was refused is not, and what was under way is there whole or not at all. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "ledger/disk_test.h"
#include "ledger/rig.h"
#include "ledger/writer.h"
#include "tests/test.h"

#define NUMBERS 40
#define SEEDS   2 /* cuts of each place that leave some of what was not synced */

/* What its writer knows of record `number`: it began at a call and had its answer at a later one. */
struct fate {
    bool answered, acknowledged;
    unsigned begun_at, answered_at;
    struct ledger_ref ref;
};

struct story {
    struct rig rig;
    struct fate fates[NUMBERS];
    unsigned n;
    bool packs; /* segments are replaced by packs, also after the cut */
};

/* Wait until what follows an answer has been done as well: a full segment is ended. */
static void rest(struct ledger *l)
{
    (void)pthread_mutex_lock(&l->lock);
    while (l->committing) {
        (void)pthread_mutex_unlock(&l->lock);
        (void)usleep(50);
        (void)pthread_mutex_lock(&l->lock);
    }
    (void)pthread_mutex_unlock(&l->lock);
}

static void append(struct story *s)
{
    struct fate *f = &s->fates[s->n];

    f->begun_at = disk_calls();
    f->acknowledged = rig_append(&s->rig, s->n);
    f->answered = !s->rig.unsettled; /* the process would have ended before it answers */
    f->answered_at = disk_calls();
    rest(s->rig.ledger);
    if (f->acknowledged) {
        f->ref = s->rig.acked[s->rig.n - 1].ref;
    }
    s->n++;
}

static void append_some(struct story *s, unsigned n)
{
    while (n-- && !s->rig.unsettled) {
        append(s);
    }
}

/* Note where each record stands; false for those that are not there. */
static void read_all(struct rig *r, bool seen[static NUMBERS],
                     struct ledger_ref refs[static NUMBERS], unsigned calls)
{
    struct ledger_position at = {0};
    struct ledger_entry entry;
    struct error e = {0};
    uint8_t room[8192];
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(r);

    for (;;) {
        enum ledger_next next = ledger_reader_next(reader, &at, NULL, &a, &entry, &e);
        if (next == LEDGER_FAILED) {
            fail_msg("cut after call %u: %s", calls, e.text);
        }
        if (next == LEDGER_AT_END) {
            return;
        }
        unsigned number = 0;
        (void)memcpy(&number, entry.body.ptr, sizeof(number));
        assert_true(number < NUMBERS && !seen[number]);
        assert_true(slice_equal(entry.body, rig_body(number, room)));
        seen[number] = true;
        refs[number] = entry.ref;
        arena_reset(&a);
    }
}

/* See what a ledger holds after a cut behind so many calls. */
static void expect(const struct story *s, unsigned calls, struct rig *r)
{
    bool seen[NUMBERS] = {false};
    struct ledger_ref refs[NUMBERS];

    read_all(r, seen, refs, calls);
    for (unsigned i = 0; i < s->n; i++) {
        const struct fate *f = &s->fates[i];
        bool known = f->answered && f->answered_at <= calls;
        if (known && f->acknowledged && !seen[i]) {
            fail_msg("cut after call %u: record %u was acknowledged and is lost", calls, i);
        }
        if ((known && !f->acknowledged && seen[i]) || (seen[i] && f->begun_at >= calls)) {
            fail_msg("cut after call %u: record %u was refused and is there", calls, i);
        }
        assert_true(!seen[i] || !f->acknowledged || rig_same_place(&f->ref, &refs[i]));
    }
}

/* After a restart what is there counts as recorded, whatever its writer heard. */
static void see(struct story *s)
{
    bool seen[NUMBERS] = {false};
    struct ledger_ref refs[NUMBERS];

    read_all(&s->rig, seen, refs, disk_calls());
    for (unsigned i = 0; i < s->n; i++) {
        assert_true(seen[i] || !s->fates[i].acknowledged);
        s->fates[i].answered = true;
        s->fates[i].acknowledged = seen[i];
        s->fates[i].answered_at = disk_calls();
        s->fates[i].ref = refs[i];
    }
    s->rig.unsettled = false;
}

/* Start from what the cut left, with the same key, and go on. */
static void survive(const struct story *s, unsigned calls, enum disk_rest rest, unsigned seed)
{
    struct rig r = {.options = s->rig.options};
    struct error e = {0};
    struct ledger_record record = {16, SLICE_INIT("")};
    unsigned number = NUMBERS - 1; /* of no record before */

    r.options.alarm = NULL;
    rig_folder(r.path);
    r.dirfd = open(r.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r.options.record_keys = r.dirfd;
    r.key = secret_copy(secret_slice(s->rig.key));
    (void)pthread_mutex_init(&r.lock, NULL);
    disk_cut(calls, rest, seed, r.dirfd);
    if (!ledger_open(r.dirfd, r.key, &r.options, &r.ledger, &e)) {
        fail_msg("cut after call %u: %s", calls, e.text);
    }
    expect(s, calls, &r);
    record.body = slice_of(&number, sizeof(number));
    assert_ok(ledger_append(r.ledger, &record, 1, NULL, &e), e);
    rig_verify_clean(&r);
    if (s->packs) {
        (void)rig_pack(&r);
        rig_verify_clean(&r);
    }
    rig_done(&r);
}

/* Cut the power at every place from one on, and leave little or much of what was not synced. */
static void cut_everywhere(const struct story *s, unsigned from)
{
    disk_mode(DISK_PASSES);
    for (unsigned i = from; i <= disk_calls(); i += test_step()) {
        survive(s, i, DISK_NOTHING, 0);
        survive(s, i, DISK_EVERYTHING, 0);
        for (unsigned seed = 1; seed <= SEEDS; seed++) {
            survive(s, i, DISK_SOME, 7919 * i + seed);
        }
    }
}

static void begin(struct story *s)
{
    *s = (struct story){0};
    disk_begin();
    rig_init_with(&s->rig, (struct ledger_options){.segment_bytes = 12000});
}

static void end(struct story *s)
{
    disk_mode(DISK_PASSES);
    rig_done(&s->rig);
    disk_done();
}

static void the_power_goes(void **unused)
{
    (void)unused;
    struct story s;

    begin(&s);
    append_some(&s, 8);
    rig_reopen(&s.rig);
    append_some(&s, 3);
    assert_int_equal(s.rig.n, 11);
    assert_true(disk_calls() > 2 * s.rig.n);
    cut_everywhere(&s, 0);
    end(&s);
}

/* Each call of a commit and of what follows it fails, and some in a row; then the power goes. */
static void the_power_goes_after_a_failure(void **unused)
{
    (void)unused;
    struct story s;

    for (unsigned from = 0; from < 10; from++) {
        for (unsigned count = 1; count <= 3; count += 2) {
            begin(&s);
            append_some(&s, 1);
            unsigned before = disk_calls();
            disk_fail(from, count);
            append_some(&s, 3);
            cut_everywhere(&s, before);
            end(&s);
        }
    }
}

/* The process dies after a sync that failed, and a new one sees in memory what the disk does not
 * have. What it then calls recorded must be there when the power goes later. */
static void the_process_dies_after_a_failure(void **unused)
{
    (void)unused;
    struct story s;

    for (unsigned from = 0; from < 4; from++) {
        begin(&s);
        append_some(&s, 2);
        disk_fail(from, 100);
        append_some(&s, 1);
        disk_mode(DISK_DEAD);
        ledger_close(TAKE(s.rig.ledger, NULL));
        disk_mode(DISK_NOTES);
        disk_fail(0, 0);
        rig_reopen(&s.rig);
        see(&s);
        unsigned before = disk_calls();
        append_some(&s, 2);
        cut_everywhere(&s, before);
        end(&s);
    }
}

static void the_power_goes_while_packing(void **unused)
{
    (void)unused;
    struct story s;

    begin(&s);
    s.packs = true;
    append_some(&s, 4);
    rig_reopen(&s.rig);
    append_some(&s, 3);
    rig_reopen(&s.rig);
    unsigned before = disk_calls();
    assert_true(rig_pack(&s.rig) >= 2);
    append_some(&s, 1);
    cut_everywhere(&s, before);
    end(&s);
}

/* Each call of making a pack fails: the segment stays, or the pack is in force; then the power goes. */
static void a_pack_cannot_be_made(void **unused)
{
    (void)unused;
    struct story s;
    struct error e = {0};
    bool packed = true;
    bool failed = true;

    for (unsigned from = 0; failed; from++) {
        begin(&s);
        s.packs = true;
        append_some(&s, 3);
        rig_reopen(&s.rig);
        unsigned before = disk_calls();
        disk_fail(from, 1);
        failed = !ledger_pack(s.rig.ledger, INT64_MAX, &packed, &e) || s.rig.alarms > 0;
        disk_fail(0, 0);
        if (failed) { /* what was begun is tidied away */
            disk_mode(DISK_PASSES);
            for (unsigned i = before + from; i <= disk_calls(); i += test_step()) {
                survive(&s, i, DISK_NOTHING, 0);
            }
            disk_mode(DISK_NOTES);
        }
        append_some(&s, 1);
        if (!s.rig.unsettled) {
            rig_expect(&s.rig, s.rig.n);
            rig_verify_clean(&s.rig);
        }
        if (from % 10 == 3) { /* each failure leaves little: a cut behind some is enough */
            cut_everywhere(&s, before);
        }
        end(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_power_goes),
        cmocka_unit_test(the_power_goes_after_a_failure),
        cmocka_unit_test(the_process_dies_after_a_failure),
        cmocka_unit_test(the_power_goes_while_packing),
        cmocka_unit_test(a_pack_cannot_be_made),
    };
    return cmocka_run_group_tests_name("ledger/crash", tests, NULL, NULL);
}
