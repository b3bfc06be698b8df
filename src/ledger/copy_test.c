/* What a backup copies, and the lock against packing meanwhile. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "ledger/copy.h"
#include "ledger/rig.h"
#include "ledger/verify.h"
#include "tests/test.h"

#define RECORDS 40

/* A ledger whose record keys are in a folder of their own, as in a data directory. */
struct apart {
    struct rig r;
    char path[40];
    int keys;
};

static void apart_init(struct apart *a)
{
    *a = (struct apart){.path = "/tmp/postern-keys-XXXXXX"};
    rig_init_with(&a->r, (struct ledger_options){.segment_bytes = 12000});
    assert_non_null(mkdtemp(a->path));
    a->keys = open(a->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(a->keys >= 0);
    a->r.options.record_keys = a->keys;
    rig_reopen(&a->r);
    for (unsigned i = 0; i < RECORDS; i++) {
        assert_true(rig_append(&a->r, i));
    }
}

static void apart_done(struct apart *a)
{
    rig_done(&a->r);
    rig_empty(a->keys);
    (void)close(a->keys);
    (void)rmdir(a->path);
}

static bool is_there(int dirfd, const char *name)
{
    struct stat st;
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void nothing_is_packed_while_it_is_copied(void **unused)
{
    (void)unused;
    struct apart a;
    struct error e = {0};
    int lock = -1;
    int second = -1;
    bool packed = true;

    apart_init(&a);
    assert_ok(ledger_copy_lock(a.keys, &lock, &e), e);
    assert_ok(ledger_copy_lock(a.keys, &second, &e), e); /* several may copy */
    assert_false(ledger_pack(a.r.ledger, INT64_MAX, &packed, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_non_null(strstr(e.text, "backup"));
    assert_false(packed);
    assert_true(is_there(a.r.dirfd, "0000000001.seg"));
    assert_false(is_there(a.keys, "0000000001.key"));
    (void)close(lock);
    assert_false(ledger_pack(a.r.ledger, INT64_MAX, &packed, &e));
    (void)close(second);
    assert_ok(ledger_pack(a.r.ledger, INT64_MAX, &packed, &e), e);
    assert_true(packed);
    assert_false(is_there(a.r.dirfd, "0000000001.seg"));
    apart_done(&a);
}

static void nothing_is_copied_while_it_is_packed(void **unused)
{
    (void)unused;
    struct apart a;
    struct error e = {0};
    int lock = -1;

    apart_init(&a);
    int held = openat(a.keys, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(flock(held, LOCK_EX | LOCK_NB), 0); /* as packing.c holds it */
    assert_false(ledger_copy_lock(a.keys, &lock, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_int_equal(lock, -1);
    (void)close(held);
    assert_ok(ledger_copy_lock(a.keys, &lock, &e), e);
    (void)close(lock);
    apart_done(&a);
}

static void copy_file(int from, int to, const char *name, uint64_t length)
{
    static uint8_t bytes[1 << 20];
    int in = openat(from, name, O_RDONLY | O_CLOEXEC);
    int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t n = read(in, bytes, length < sizeof(bytes) ? length : sizeof(bytes));

    assert_true(n >= 0 && write(out, bytes, (size_t)n) == n);
    (void)close(in);
    (void)close(out);
}

/* Copy both folders into one, whose names are all different. */
static void copy_needed(const struct apart *a, const struct ledger_head *head, int to)
{
    char active[32];
    (void)snprintf(active, sizeof(active), "%010u.seg", head->segment);
    for (int i = 0; i < 2; i++) {
        int from = i ? a->keys : a->r.dirfd;
        DIR *dir = fdopendir(openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        assert_non_null(dir);
        for (const struct dirent *d = readdir(dir); d; d = readdir(dir)) {
            bool needed = i ? ledger_copy_needs_key(a->r.dirfd, d->d_name, head->segment)
                            : ledger_copy_needs(from, d->d_name, head->segment);
            if (needed) {
                copy_file(from, to, d->d_name,
                          strcmp(d->d_name, active) == 0 ? head->offset : UINT64_MAX);
            }
        }
        (void)closedir(dir);
    }
}

static void make(int dirfd, const char *name)
{
    (void)close(openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void a_copy_is_whole(void **unused)
{
    (void)unused;
    struct apart a;
    struct error e = {0};
    struct ledger_head head;
    struct ledger_verdict v;
    char path[] = "/tmp/postern-copy-XXXXXX";
    bool packed = false;

    apart_init(&a);
    assert_ok(ledger_pack(a.r.ledger, INT64_MAX, &packed, &e), e);
    assert_ok(ledger_pack(a.r.ledger, INT64_MAX, &packed, &e), e);
    assert_true(packed);
    ledger_head(a.r.ledger, &head);
    assert_true(head.segment > 4);
    /* An attempt at the next one, and names that are none of ours. */
    make(a.r.dirfd, "0000000003.pack.new");
    make(a.r.dirfd, "0000000003-00000-202601.data");
    make(a.r.dirfd, "notes");
    make(a.keys, "0000000003.key");
    make(a.keys, "erasing.new");
    assert_non_null(mkdtemp(path));
    int to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    copy_needed(&a, &head, to);
    assert_false(is_there(to, "0000000003.pack.new"));
    assert_false(is_there(to, "0000000003-00000-202601.data"));
    assert_false(is_there(to, "0000000003.key"));
    assert_false(is_there(to, "erasing.new"));
    assert_false(is_there(to, "notes"));
    assert_true(is_there(to, "0000000001.key") && is_there(to, "0000000002.pack"));
    const struct ledger_verify_options options = {.key = a.r.key, .record_keys = to};
    assert_ok(ledger_verify(to, &options, &v, &e), e);
    assert_int_equal(v.faults, 0);
    assert_int_equal(v.size, head.size);
    assert_int_equal(v.packs, 2);
    assert_int_equal(v.tail_bytes, 0);
    rig_empty(to);
    (void)close(to);
    (void)rmdir(path);
    apart_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_packed_while_it_is_copied),
        cmocka_unit_test(nothing_is_copied_while_it_is_packed),
        cmocka_unit_test(a_copy_is_whole),
    };
    return cmocka_run_group_tests_name("ledger/copy", tests, NULL, NULL);
}
