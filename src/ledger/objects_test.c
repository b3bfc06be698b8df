/* Equal attachments are stored once; each letter can be erased, and the attachment goes with the last. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ledger/pack.h"
#include "ledger/reseal.h"
#include "ledger/rig.h"
#include "ledger/shares_state.h"
#include "tests/test.h"

#define LETTERS  100
#define FILE_LEN ((size_t)300 << 10)

/* ── parts ── */

static void parts_are_found(void **unused)
{
    (void)unused;
    static struct part found[PARTS_MAX];
    OWN(buf) struct buf b = {.max = 100000};

    buf_add(&b, SLICE("Subject: x\r\n\r\nshort\r\n--a\r\nContent-Type: text/plain\r\n\r\n"));
    size_t text = b.len;
    for (unsigned i = 0; i < 500; i++) {
        buf_printf(&b, "line %u\r\n%s", i, i % 10 ? "" : "\r\n");
    }
    size_t text_end = b.len;
    buf_add(&b, SLICE("--a\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
    size_t coded = b.len;
    for (unsigned i = 0; i < 80; i++) {
        buf_printf(&b, "%076u\r\n", i);
    }
    assert_int_equal(parts_find(buf_slice(&b), found), 2); /* the last one is not ended */
    assert_int_equal(found[0].at, text);
    assert_int_equal(found[0].len, text_end - text);
    assert_false(found[0].encoded);
    assert_int_equal(found[1].at, coded);
    assert_int_equal(found[1].len, b.len - coded);
    assert_true(found[1].encoded);
    assert_int_equal(parts_find(SLICE_NONE, found), 0);
    assert_int_equal(parts_find(slice_head(buf_slice(&b), coded + PART_MIN - 1), found), 1);
}

/* ── letters ── */

static uint32_t mix(uint32_t x)
{
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ x >> 16;
}

/* Base64 of what does not compress. */
static void add_attachment(struct buf *b, uint32_t which, size_t len)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t x = which * 7919 + 1;

    for (size_t i = 0; i < len / 3 * 4; i++) {
        x = mix(x + (uint32_t)i);
        buf_add_byte(b, (uint8_t)alphabet[x & 63]);
        if (i % 76 == 75) {
            buf_add(b, SLICE("\r\n"));
        }
    }
    buf_add(b, SLICE("\r\n"));
}

/* A letter with that attachment; `len` 0: none. */
static void write_letter(struct buf *b, unsigned number, uint32_t which, size_t len)
{
    buf_reset(b);
    buf_printf(b,
               "Subject: letter %u\r\nContent-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n",
               number, number, number);
    buf_printf(b,
               "\r\nThis is what letter %u says.\r\n--b%u\r\nContent-Type: application/pdf\r\n\r\n",
               number, number);
    if (len) {
        add_attachment(b, which, len);
    }
    buf_printf(b, "--b%u--\r\n", number);
}

static struct ledger_ref append(struct rig *r, struct buf *b, unsigned number, uint32_t which,
                                size_t len)
{
    struct ledger_ref ref = {0};
    struct error e = {0};

    write_letter(b, number, which, len);
    const struct ledger_record record = {17, buf_slice(b)};
    assert_ok(ledger_append(r->ledger, &record, 1, &ref, &e), e);
    return ref;
}

static bool reads(struct rig *r, struct buf *b, struct ledger_ref ref, unsigned number,
                  uint32_t which, size_t len)
{
    struct ledger_entry entry;
    struct error e = {0};
    OWN(arena) struct arena a = {.max = 4 << 20};
    OWN(ledger_reader) struct ledger_reader *reader = rig_reader(r);

    write_letter(b, number, which, len);
    if (!ledger_reader_get(reader, ref, &a, &entry, &e)) {
        assert_int_equal(e.kind, ERROR_INPUT); /* erased */
        return false;
    }
    assert_true(slice_equal(entry.body, buf_slice(b)));
    return true;
}

static void erase(struct rig *r, const struct ledger_ref *refs, size_t n)
{
    const struct ledger_record why = {26, SLICE_INIT("somebody asked for it")};
    bool recorded = false;
    struct error e = {0};

    assert_ok(ledger_erase(r->ledger, refs, n, &why, 1, &recorded, &e), e);
}

static uint64_t stored(struct rig *r)
{
    struct ledger_head head;
    ledger_head(r->ledger, &head);
    return head.stored_bytes;
}

/* How many objects the packs before a number tell it of. */
static size_t known_before(struct rig *r, uint32_t number)
{
    struct error e = {0};
    OWN(pack) struct pack *p = NULL;

    assert_int_equal(pack_open(r->dirfd, r->dirfd, 1, NULL, r->key, &p, &e), PACK_OPENED);
    OWN(shares)
    struct shares *x = shares_new(r->dirfd, r->dirfd, r->key, number, p->head.ledger_id);
    shares_load(x);
    return x->n_known;
}

static uint32_t roll_and_pack(struct rig *r)
{
    struct ledger_head head;
    struct error e = {0};

    assert_ok(ledger_roll(r->ledger, &e), e);
    (void)rig_pack(r);
    ledger_head(r->ledger, &head);
    return head.segment;
}

static void the_last_letter_takes_the_attachment_along(void **unused)
{
    (void)unused;
    static struct rig r;
    static struct ledger_ref refs[LETTERS];
    OWN(buf) struct buf b = {.max = 1 << 20};

    rig_init_with(&r, (struct ledger_options){.segment_bytes = 6 << 20});
    refs[0] = append(&r, &b, 0, 1, FILE_LEN);
    uint64_t one = roll_and_pack(&r) ? stored(&r) : 0;
    for (unsigned i = 1; i < LETTERS; i++) {
        refs[i] = append(&r, &b, i, 1, FILE_LEN);
    }
    assert_true(stored(&r) > 80 * one);
    uint32_t last = roll_and_pack(&r);
    assert_true(last > 4); /* several packs */
    assert_true(stored(&r) < 2 * one);
    rig_verify_clean(&r);
    for (unsigned i = 0; i < LETTERS; i += 9) {
        assert_true(reads(&r, &b, refs[i], i, 1, FILE_LEN));
    }
    assert_int_equal(known_before(&r, last), 1);

    erase(&r, refs, LETTERS - 1);
    assert_true(reads(&r, &b, refs[LETTERS - 1], LETTERS - 1, 1, FILE_LEN));
    assert_false(reads(&r, &b, refs[0], 0, 1, FILE_LEN));
    rig_verify_clean(&r);
    erase(&r, refs + LETTERS - 1, 1);
    assert_false(reads(&r, &b, refs[LETTERS - 1], LETTERS - 1, 1, FILE_LEN));
    assert_int_equal(known_before(&r, last), 0);
    rig_verify_clean(&r);
    /* Who sends it now sends something new. */
    struct ledger_ref again = append(&r, &b, LETTERS, 1, FILE_LEN);
    uint64_t before = stored(&r);
    (void)roll_and_pack(&r);
    assert_true(stored(&r) + 5000 > before);
    assert_true(reads(&r, &b, again, LETTERS, 1, FILE_LEN));
    rig_verify_clean(&r);
    rig_done(&r);
}

/* Several in a letter, some shared, some not; text that occurs twice; letters without any. */
static void mixed_letters_come_back(void **unused)
{
    (void)unused;
    static struct rig r;
    static struct ledger_ref refs[60];
    OWN(buf) struct buf b = {.max = 1 << 20};

    rig_init_with(&r, (struct ledger_options){.segment_bytes = 100000});
    for (unsigned i = 0; i < 60; i++) {
        refs[i] = append(&r, &b, i, i % 7, i % 5 ? 3000 + i % 7 * 2000 : 0);
    }
    uint32_t last = roll_and_pack(&r);
    assert_true(last > 3);
    rig_reopen(&r);
    for (unsigned i = 0; i < 60; i++) {
        assert_true(reads(&r, &b, refs[i], i, i % 7, i % 5 ? 3000 + i % 7 * 2000 : 0));
    }
    rig_verify_clean(&r);
    rig_done(&r);
}

/* ── what is wrong is found ── */

static unsigned faults(struct rig *r, const struct secret *key)
{
    struct ledger_verdict v = {0};
    struct error e = {0};
    const struct ledger_verify_options options = {.key = key, .record_keys = r->dirfd};

    return ledger_verify(r->dirfd, &options, &v, &e) ? (unsigned)v.faults : 1;
}

static void changed_objects_are_found(void **unused)
{
    (void)unused;
    static struct rig r;
    OWN(buf) struct buf b = {.max = 1 << 20};
    char name[OBJECTS_NAME_MAX];
    struct stat st;

    rig_init(&r);
    (void)append(&r, &b, 0, 1, 9000);
    (void)append(&r, &b, 1, 1, 9000);
    (void)roll_and_pack(&r);
    objects_name(1, 1, false, name);
    assert_int_equal(faults(&r, r.key) + faults(&r, NULL), 0);
    OWN(fd) int fd = openat(r.dirfd, name, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    for (off_t at = 0; at < st.st_size; at += 1 + at % 97) {
        uint8_t byte = 0;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x20;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        assert_true(faults(&r, NULL) == 1 && faults(&r, r.key) >= 1);
        byte ^= 0x20;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    assert_int_equal(pwrite(fd, "x", 1, st.st_size), 1);
    assert_true(faults(&r, NULL) == 1 && faults(&r, r.key) >= 1);
    assert_int_equal(ftruncate(fd, st.st_size), 0);
    assert_int_equal(faults(&r, r.key) + faults(&r, NULL), 0);
    assert_int_equal(renameat(r.dirfd, name, r.dirfd, "away"), 0);
    assert_int_equal(faults(&r, NULL), 1);
    assert_int_equal(faults(&r, r.key), 3); /* and the two letters */
    rig_done(&r);
}

/* A segment that was put back takes nothing from the packs behind it. */
static void a_segment_put_back_leaves_the_objects(void **unused)
{
    (void)unused;
    static struct rig r;
    static uint8_t segment[200000];
    OWN(buf) struct buf b = {.max = 1 << 20};
    struct error e = {0};

    rig_init(&r);
    struct ledger_ref first = append(&r, &b, 0, 1, 30000);
    assert_ok(ledger_roll(r.ledger, &e), e);
    OWN(fd) int fd = openat(r.dirfd, "0000000001.seg", O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, segment, sizeof(segment));
    assert_true(len > 0 && len < (ssize_t)sizeof(segment));
    (void)rig_pack(&r);
    struct ledger_ref second = append(&r, &b, 1, 1, 30000);
    (void)roll_and_pack(&r);
    OWN(fd) int back = openat(r.dirfd, "0000000001.seg", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(back, segment, (size_t)len), len);
    rig_reopen(&r);
    assert_true(reads(&r, &b, first, 0, 1, 30000));
    assert_true(reads(&r, &b, second, 1, 1, 30000));
    (void)rig_pack(&r); /* made a second time, beside what others refer to */
    assert_true(reads(&r, &b, first, 0, 1, 30000));
    assert_true(reads(&r, &b, second, 1, 1, 30000));
    rig_verify_clean(&r);
    rig_done(&r);
}

static bool is_there(const struct rig *r, const char *name)
{
    struct stat st;
    return fstatat(r->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The power goes before the segment is away: the pack goes, with its keys, and its objects when no other pack can need them. */
static void what_no_pack_refers_to_goes(void **unused)
{
    (void)unused;
    static struct rig r;
    static uint8_t segment[200000];
    OWN(buf) struct buf b = {.max = 1 << 20};
    struct error e = {0};
    char name[OBJECTS_NAME_MAX];

    rig_init(&r);
    struct ledger_ref first = append(&r, &b, 0, 1, 30000);
    assert_ok(ledger_roll(r.ledger, &e), e);
    OWN(fd) int fd = openat(r.dirfd, "0000000001.seg", O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, segment, sizeof(segment));
    assert_true(len > 0 && len < (ssize_t)sizeof(segment));
    (void)rig_pack(&r);
    objects_name(1, 1, false, name);
    assert_true(is_there(&r, name) && is_there(&r, "0000000001.key"));
    OWN(fd) int back = openat(r.dirfd, "0000000001.seg", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(back, segment, (size_t)len), len);
    rig_reopen(&r);
    assert_false(is_there(&r, name) || is_there(&r, "0000000001.key") ||
                 is_there(&r, "0000000001.pack"));
    (void)rig_pack(&r);
    assert_true(is_there(&r, name));
    assert_true(reads(&r, &b, first, 0, 1, 30000));
    rig_verify_clean(&r);
    rig_done(&r);
}

/* Make all packs again, to the end. */
static void reseal_all(struct rig *r)
{
    struct ledger_reseal order = {.made_before_ms = INT64_MAX, .before_ms = INT64_MAX};
    struct error e = {0};
    bool did = false;

    while (!order.done) {
        assert_ok(ledger_reseal(r->ledger, &order, &did, &e), e);
    }
}

/* A pack that is made again takes its objects along; the former ones go with the last record that refers to them. */
static void objects_go_with_the_last_reference(void **unused)
{
    (void)unused;
    static struct rig r;
    OWN(buf) struct buf b = {.max = 1 << 20};
    struct ledger_reseal first_alone = {
        .made_before_ms = INT64_MAX, .before_ms = INT64_MIN, .erased_percent = 1};
    struct error e = {0};
    bool did = false;
    char name[OBJECTS_NAME_MAX];
    char again[OBJECTS_NAME_MAX];

    rig_init(&r);
    objects_name(1, 1, false, name);
    objects_name(1, 2, false, again);
    struct ledger_ref one = append(&r, &b, 0, 1, 90000);
    struct ledger_ref two = append(&r, &b, 1, 2, 90000);
    (void)roll_and_pack(&r);
    struct ledger_ref three = append(&r, &b, 2, 1, 90000); /* refers to what the first has */
    (void)roll_and_pack(&r);
    erase(&r, &one, 1);
    while (!first_alone.done) {
        assert_ok(ledger_reseal(r.ledger, &first_alone, &did, &e), e);
    }
    assert_true(is_there(&r, name) && is_there(&r, again));
    assert_true(reads(&r, &b, two, 1, 2, 90000));
    assert_true(reads(&r, &b, three, 2, 1, 90000));
    rig_verify_clean(&r);
    rig_reopen(&r);
    assert_true(is_there(&r, name) && reads(&r, &b, three, 2, 1, 90000));

    uint64_t before = stored(&r);
    erase(&r, &three, 1);
    (void)rig_pack(&r);
    reseal_all(&r);
    assert_false(is_there(&r, name));
    assert_true(stored(&r) + 150000 < before);
    assert_true(reads(&r, &b, two, 1, 2, 90000));
    assert_false(reads(&r, &b, three, 2, 1, 90000));
    rig_verify_clean(&r);
    rig_reopen(&r);
    assert_true(reads(&r, &b, two, 1, 2, 90000));
    rig_done(&r);
}

/* A record whose key is missing may refer to anything: what is put back finds its objects. */
static void objects_stay_while_a_key_is_missing(void **unused)
{
    (void)unused;
    static struct rig r;
    OWN(buf) struct buf b = {.max = 1 << 20};
    OWN(buf) struct buf kept = {.max = 1 << 16};
    struct ledger_reseal first_alone = {
        .made_before_ms = INT64_MAX, .before_ms = INT64_MIN, .erased_percent = 1};
    struct error e = {0};
    bool did = false;
    char objects[OBJECTS_NAME_MAX];

    rig_init(&r);
    objects_name(1, 1, false, objects);
    struct ledger_ref one = append(&r, &b, 0, 1, 90000);
    (void)append(&r, &b, 1, 2, 90000);
    (void)roll_and_pack(&r);
    struct ledger_ref three = append(&r, &b, 2, 1, 90000); /* refers to what the first has */
    (void)roll_and_pack(&r);
    erase(&r, &one, 1);
    rig_key_file(&r, 2, &kept);
    rig_lose_key(&r, 2, three.seq);
    while (!first_alone.done && ledger_reseal(r.ledger, &first_alone, &did, &e)) {
    }
    assert_false(first_alone.done);
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_non_null(strstr(e.text, "no objects are removed"));
    assert_true(is_there(&r, objects));
    rig_key_file_back(&r, 2, &kept);
    assert_true(reads(&r, &b, three, 2, 1, 90000));
    reseal_all(&r);
    assert_false(is_there(&r, objects));
    assert_true(reads(&r, &b, three, 2, 1, 90000));
    rig_verify_clean(&r);
    rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_found),
        cmocka_unit_test(the_last_letter_takes_the_attachment_along),
        cmocka_unit_test(mixed_letters_come_back),
        cmocka_unit_test(changed_objects_are_found),
        cmocka_unit_test(a_segment_put_back_leaves_the_objects),
        cmocka_unit_test(what_no_pack_refers_to_goes),
        cmocka_unit_test(objects_go_with_the_last_reference),
        cmocka_unit_test(objects_stay_while_a_key_is_missing),
    };
    return cmocka_run_group_tests_name("ledger/objects", tests, NULL, NULL);
}
