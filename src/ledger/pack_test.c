/* Packs: the same ledger in other files; and the keys of their records. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ledger/dictionary.h"
#include "ledger/pack.h"
#include "ledger/record_keys_state.h"
#include "ledger/rig.h"
#include "tests/test.h"

#define RECORDS 40

/* ── keys ── */

static void expect_keys(struct record_keys *k, uint32_t n, const bool *erased,
                        uint8_t (*keys)[KEYRING_KEY_LEN])
{
    for (uint32_t i = 0; i < n; i++) {
        uint8_t key[KEYRING_KEY_LEN];
        uint32_t at = (i * 7 + 3) % n; /* in no order */
        assert_int_equal(record_keys_get(k, at, key), !erased[at]);
        if (!erased[at]) {
            assert_memory_equal(key, keys[at], sizeof(key));
        }
    }
}

/* Behind the seeds nothing is left of one that is gone. */
static void expect_nothing_behind(const struct record_keys *k)
{
    static const struct seed none;

    for (size_t i = k->n; i < k->room; i++) {
        assert_memory_equal(&k->seeds[i], &none, sizeof(none));
    }
}

static void each_record_has_a_key_until_it_is_erased(void **unused)
{
    (void)unused;
    for (uint32_t n = 1; n <= 41; n += 8) {
        OWN(record_keys) struct record_keys *k = record_keys_new(n);
        uint8_t keys[41][KEYRING_KEY_LEN];
        bool erased[41] = {false};
        for (uint32_t i = 0; i < n; i++) {
            assert_true(record_keys_get(k, i, keys[i]));
            assert_true(i == 0 || memcmp(keys[i], keys[i - 1], sizeof(keys[i])) != 0);
        }
        uint8_t beyond[KEYRING_KEY_LEN];
        assert_false(record_keys_get(k, n, beyond));
        assert_int_equal(record_keys_seeds(k), 1);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t at = (i * 11 + 5) % n;
            if (!erased[at]) {
                assert_true(record_keys_erase(k, at));
            }
            assert_false(record_keys_erase(k, at));
            erased[at] = true;
            expect_keys(k, n, erased, keys);
            expect_nothing_behind(k);
        }
    }
}

/* Computed by other means from the format's text: a fixed tree of five records. */
static void keys_are_those_of_the_format(void **unused)
{
    (void)unused;
    OWN(record_keys) struct record_keys *k = record_keys_new(5);
    uint8_t key[KEYRING_KEY_LEN];
    uint8_t seed[KEYRING_KEY_LEN];
    static const uint8_t left = 0x10;
    static const uint8_t right = 0x11;
    static const uint8_t last = 0x12;

    assert_true(record_keys_get(k, 4, key)); /* 100 */
    assert_true(record_keys_erase(k, 0));    /* leaves 1, 01, 001 */
    assert_int_equal(record_keys_seeds(k), 3);
    assert_true(record_keys_seed(k, 2, seed)); /* of 1 */
    digest_of(slice_of(&left, 1), SLICE_ARRAY(seed), seed);
    digest_of(slice_of(&left, 1), SLICE_ARRAY(seed), seed);
    digest_of(slice_of(&last, 1), SLICE_ARRAY(seed), seed);
    assert_memory_equal(seed, key, sizeof(key));
    assert_true(record_keys_get(k, 3, key));   /* 011 */
    assert_true(record_keys_seed(k, 1, seed)); /* of 01 */
    digest_of(slice_of(&right, 1), SLICE_ARRAY(seed), seed);
    digest_of(slice_of(&last, 1), SLICE_ARRAY(seed), seed);
    assert_memory_equal(seed, key, sizeof(key));
}

static void a_key_file_is_rewritten(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct record_keys_head h = {.number = 7, .generation = 1};
    struct record_keys_head seen = {.number = 7};
    OWN(record_keys) struct record_keys *k = record_keys_new(1000);
    OWN(record_keys) struct record_keys *back = NULL;
    uint8_t key[KEYRING_KEY_LEN];

    rig_init(&r);
    assert_ok(record_keys_create(r.dirfd, r.key, &h, k, 0640, &e), e);
    assert_true(record_keys_erase(k, 500));
    assert_ok(record_keys_replace(r.dirfd, r.key, &h, k, 0640, &e), e);
    assert_ok(record_keys_read(r.dirfd, r.key, 1000, &seen, &back, &e), e);
    assert_int_equal(seen.generation, 2);
    assert_false(record_keys_get(back, 500, key));
    assert_true(record_keys_get(back, 499, key));
    h.number = 8;
    record_keys_free(TAKE(back, NULL));
    assert_false(record_keys_read(r.dirfd, r.key, 1000, &h, &back, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    rig_done(&r);
}

/* Every fourth of a million, alone: more than a pack of the usual size ever needs. */
static void a_key_file_does_not_fill_up(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct record_keys_head h = {.number = 7, .generation = 1};
    OWN(record_keys) struct record_keys *k = record_keys_new(1000000);
    OWN(record_keys) struct record_keys *back = NULL;
    uint8_t key[KEYRING_KEY_LEN];

    rig_init(&r);
    for (uint32_t i = 1; i < 1000000; i += 4) {
        assert_true(record_keys_erase(k, i));
    }
    assert_true(record_keys_seeds(k) >= 500000);
    assert_true(record_keys_fit(k));
    assert_ok(record_keys_create(r.dirfd, r.key, &h, k, 0640, &e), e);
    assert_ok(record_keys_read(r.dirfd, r.key, 1000000, &h, &back, &e), e);
    assert_false(record_keys_get(back, 500001, key));
    assert_true(record_keys_get(back, 500002, key));
    rig_done(&r);
}

/* ── packs ── */

static void fill(struct rig *r)
{
    rig_init_with(r, (struct ledger_options){.segment_bytes = 12000});
    for (unsigned i = 0; i < RECORDS; i++) {
        assert_true(rig_append(r, i));
    }
}

/* What the ledger says it takes is what its files take. */
static void expect_stored_bytes(struct rig *r)
{
    struct ledger_head head;
    uint64_t sum = 0;
    uint32_t number = 0;
    struct stat st;

    ledger_head(r->ledger, &head);
    DIR *dir = fdopendir(openat(r->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    assert_non_null(dir);
    for (const struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        enum ledger_file file = ledger_file_of(d->d_name, &number);
        bool active = file == FILE_SEGMENT && number == head.segment; /* has room behind its end */
        if (file != FILE_OTHER && !active) {
            assert_int_equal(fstatat(r->dirfd, d->d_name, &st, 0), 0);
            sum += (uint64_t)st.st_size;
        }
    }
    (void)closedir(dir);
    assert_int_equal(head.stored_bytes, sum + head.offset);
}

static void a_packed_ledger_is_the_same_ledger(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct ledger_head before;
    struct ledger_verdict v;
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(ledger_reader) struct ledger_reader *reader = NULL;

    fill(&r);
    reader = rig_reader(&r); /* has segments open that go */
    struct ledger_position at = {0};
    struct ledger_entry entry;
    for (unsigned i = 0; i < RECORDS / 2; i++) {
        assert_int_equal(ledger_reader_next(reader, &at, NULL, &a, &entry, &e), LEDGER_ENTRY);
    }
    ledger_head(r.ledger, &before);
    unsigned packs = rig_pack(&r);
    assert_true(packs >= 3);
    struct ledger_head after;
    ledger_head(r.ledger, &after);
    assert_true(after.stored_bytes < before.stored_bytes);
    expect_stored_bytes(&r);
    rig_expect(&r, RECORDS);
    rig_verify_clean(&r);
    for (unsigned i = RECORDS / 2; i < RECORDS; i++) {
        assert_int_equal(ledger_reader_next(reader, &at, NULL, &a, &entry, &e), LEDGER_ENTRY);
        assert_int_equal(entry.ref.seq, r.acked[i].ref.seq);
        arena_reset(&a);
    }
    for (unsigned i = 0; i < RECORDS; i++) {
        struct ledger_ref found = {0};
        uint8_t room[8192];
        assert_ok(ledger_reader_find(reader, r.acked[i].ref.seq, &found, &e), e);
        assert_true(rig_same_place(&r.acked[i].ref, &found));
        assert_ok(ledger_reader_get(reader, r.acked[i].ref, &a, &entry, &e), e);
        assert_true(slice_equal(entry.body, rig_body(i, room)));
        arena_reset(&a);
    }
    rig_reopen(&r);
    expect_stored_bytes(&r);
    assert_true(rig_append(&r, RECORDS));
    expect_stored_bytes(&r);
    rig_expect(&r, RECORDS + 1);
    rig_verify_clean(&r);
    struct checkpoint since = {.size = before.size};
    (void)memcpy(since.root, before.root, sizeof(since.root));
    const struct ledger_verify_options options = {
        .key = r.key, .record_keys = r.dirfd, .since = &since};
    assert_ok(ledger_verify(r.dirfd, &options, &v, &e), e);
    assert_true(v.since_proved && v.faults == 0 && v.packs == packs);
    rig_done(&r);
}

static unsigned faults(struct rig *r, const struct secret *key)
{
    struct ledger_verdict v = {0};
    struct error e = {0};
    const struct ledger_verify_options options = {.key = key, .record_keys = r->dirfd};

    return ledger_verify(r->dirfd, &options, &v, &e) ? (unsigned)v.faults : 1;
}

/* Change one byte of a file, see what is found, and change it back. */
static unsigned faults_with(struct rig *r, const char *name, off_t at, const struct secret *key)
{
    uint8_t byte = 0;
    OWN(fd) int fd = openat(r->dirfd, name, O_RDWR | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x41;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    unsigned found = faults(r, key);
    byte ^= 0x41;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    return found;
}

static off_t size_of(struct rig *r, const char *name)
{
    struct stat st;
    assert_int_equal(fstatat(r->dirfd, name, &st, 0), 0);
    return st.st_size;
}

/* A ledger with packs; `data` is set to the name of the second one's payload file. */
static void fill_and_pack(struct rig *r, char data[static PACK_NAME_MAX])
{
    struct pack_row row = {0};
    struct ledger_head head;

    fill(r);
    (void)rig_pack(r);
    ledger_head(r->ledger, &head);
    row.month = pack_month(head.time_ms);
    pack_payload_name(&(struct pack_head){.number = 2}, &row, data);
}

static void every_changed_byte_is_found(void **unused)
{
    (void)unused;
    struct rig r;
    char data[PACK_NAME_MAX];

    fill_and_pack(&r, data);
    const char *const names[] = {"0000000002.pack", data};
    for (size_t i = 0; i < 2; i++) {
        off_t size = size_of(&r, names[i]);
        for (off_t at = 0; at < size; at += (1 + at % 13) * test_step()) {
            if (faults_with(&r, names[i], at, NULL) == 0) {
                fail_msg("%s: byte %lld was changed, and nobody saw it", names[i], (long long)at);
            }
        }
    }
    for (off_t at = 0; at < size_of(&r, "0000000002.key"); at += 5 * test_step()) {
        assert_true(faults_with(&r, "0000000002.key", at, r.key) > 0);
        assert_int_equal(faults_with(&r, "0000000002.key", at, NULL), 0);
    }
    assert_int_equal(faults(&r, r.key), 0);
    rig_done(&r);
}

static void what_is_missing_is_found(void **unused)
{
    (void)unused;
    struct rig r;
    char data[PACK_NAME_MAX];

    char words[DICTIONARY_NAME_MAX];
    uint8_t digest[DIGEST_LEN];

    fill_and_pack(&r, data);
    dictionary_digest(dictionary_own(), digest);
    dictionary_name(digest, words);
    const char *const names[] = {"0000000002.pack", data, words, "0000000002.key"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(renameat(r.dirfd, names[i], r.dirfd, "away"), 0);
        assert_true(faults(&r, r.key) > 0);
        assert_int_equal(faults(&r, NULL) > 0, i < 3);
        assert_int_equal(renameat(r.dirfd, "away", r.dirfd, names[i]), 0);
    }
    assert_int_equal(faults(&r, r.key), 0);
    rig_done(&r);
}

static void an_altered_dictionary_is_found(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    char data[PACK_NAME_MAX];
    char words[DICTIONARY_NAME_MAX];
    uint8_t digest[DIGEST_LEN];
    OWN(arena) struct arena a = {.max = 1 << 20};
    OWN(buf) struct buf bytes = {.max = (size_t)1 << 20};
    struct ledger_entry entry;

    fill_and_pack(&r, data);
    dictionary_digest(dictionary_own(), digest);
    dictionary_name(digest, words);
    assert_true(dictionary_is_name(words));
    assert_false(dictionary_is_name("0123456789abcdeg.dict"));
    off_t middle = size_of(&r, words) / 2;
    assert_true(faults_with(&r, words, middle, r.key) > 0);
    assert_true(faults_with(&r, words, middle, NULL) > 0);
    assert_ok(dictionary_read(r.dirfd, digest, &bytes, &e), e);
    assert_true(slice_equal(buf_slice(&bytes), dictionary_own()));
    /* A record without it is unreadable, not misread. */
    assert_int_equal(unlinkat(r.dirfd, words, 0), 0);
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(&r);
    assert_false(ledger_reader_get(reader, r.acked[0].ref, &a, &entry, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    /* The next pack brings it back. */
    assert_ok(dictionary_install(r.dirfd, 0640, digest, &e), e);
    assert_ok(ledger_reader_get(reader, r.acked[0].ref, &a, &entry, &e), e);
    assert_int_equal(faults(&r, r.key), 0);
    rig_done(&r);
}

/* A key that is gone without a record of it is damage, not erasure. */
static void a_key_that_nobody_erased_is_missed(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    OWN(pack) struct pack *p = NULL;
    OWN(record_keys) struct record_keys *k = NULL;

    fill(&r);
    (void)rig_pack(&r);
    assert_int_equal(pack_open(r.dirfd, r.dirfd, 2, NULL, r.key, &p, &e), PACK_OPENED);
    struct record_keys_head h = {.number = 2};
    (void)memcpy(h.ledger_id, p->head.ledger_id, sizeof(h.ledger_id));
    (void)memcpy(h.pack_id, p->head.id, sizeof(h.pack_id));
    assert_ok(record_keys_read(r.dirfd, r.key, p->head.records, &h, &k, &e), e);
    assert_true(record_keys_erase(k, 2));
    assert_ok(record_keys_replace(r.dirfd, r.key, &h, k, 0640, &e), e);
    assert_int_equal(faults(&r, r.key), 1);
    rig_done(&r);
}

/* A pack does not go for the sake of a segment that nothing opens. */
static void a_damaged_segment_does_not_replace_a_pack(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct stat st;
    uint8_t zeros[SEGMENT_HEAD_LEN] = {0};

    fill(&r);
    (void)rig_pack(&r);
    ledger_close(TAKE(r.ledger, NULL));
    OWN(fd) int fd = openat(r.dirfd, "0000000002.seg", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, zeros, sizeof(zeros)), sizeof(zeros));
    if (!ledger_open(r.dirfd, r.key, &r.options, &r.ledger, &e)) {
        assert_int_equal(e.kind, ERROR_CORRUPT);
    }
    assert_int_equal(fstatat(r.dirfd, "0000000002.pack", &st, 0), 0);
    assert_int_equal(unlinkat(r.dirfd, "0000000002.seg", 0), 0);
    rig_reopen(&r);
    rig_expect(&r, r.n);
    rig_verify_clean(&r);
    rig_done(&r);
}

/* The keys of an attempt open copies of records: they are overwritten, not merely removed. */
static void the_keys_of_an_attempt_are_destroyed(void **unused)
{
    (void)unused;
    static const char *const names[] = {"0000000001.key", "0000000001.key.new"};
    struct rig r;
    int left[2] = {-1, -1};
    char bytes[6];

    fill(&r);
    for (size_t i = 0; i < 2; i++) {
        left[i] = openat(r.dirfd, names[i], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(write(left[i], "secret", 6), 6);
    }
    (void)rig_pack(&r);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pread(left[i], bytes, sizeof(bytes), 0), sizeof(bytes));
        assert_memory_equal(bytes, "\0\0\0\0\0\0", sizeof(bytes));
        own_fd(&left[i]);
    }
    rig_expect(&r, r.n);
    rig_done(&r);
}

/* What was just written can be packed. */
static void a_segment_is_ended_before_it_is_full(void **unused)
{
    (void)unused;
    struct rig r;
    struct error e = {0};
    struct ledger_head before;
    struct ledger_head after;

    rig_init(&r);
    for (unsigned i = 0; i < RECORDS; i++) {
        assert_true(rig_append(&r, i));
    }
    ledger_head(r.ledger, &before);
    assert_int_equal(rig_pack(&r), 0);
    assert_ok(ledger_roll(r.ledger, &e), e);
    ledger_head(r.ledger, &after);
    assert_int_equal(after.segment, before.segment + 1);
    assert_int_equal(rig_pack(&r), 1);
    assert_true(rig_append(&r, RECORDS));
    rig_expect(&r, RECORDS + 1);
    rig_verify_clean(&r);
    rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_record_has_a_key_until_it_is_erased),
        cmocka_unit_test(keys_are_those_of_the_format),
        cmocka_unit_test(a_key_file_is_rewritten),
        cmocka_unit_test(a_key_file_does_not_fill_up),
        cmocka_unit_test(a_packed_ledger_is_the_same_ledger),
        cmocka_unit_test(every_changed_byte_is_found),
        cmocka_unit_test(what_is_missing_is_found),
        cmocka_unit_test(an_altered_dictionary_is_found),
        cmocka_unit_test(a_key_that_nobody_erased_is_missed),
        cmocka_unit_test(a_damaged_segment_does_not_replace_a_pack),
        cmocka_unit_test(the_keys_of_an_attempt_are_destroyed),
        cmocka_unit_test(a_segment_is_ended_before_it_is_full),
    };
    return cmocka_run_group_tests_name("ledger/pack", tests, NULL, NULL);
}
