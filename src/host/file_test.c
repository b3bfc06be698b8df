#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/own.h"

#include "host/file.h"
#include "tests/test.h"

static int folder = -1;
static char path[] = "/tmp/postern-file-XXXXXX";

static int begin(void **unused)
{
    (void)unused;
    assert_non_null(mkdtemp(path));
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0;
}

static int end(void **unused)
{
    (void)unused;
    (void)unlinkat(folder, "a", 0);
    (void)unlinkat(folder, "link", 0);
    (void)close(folder);
    return rmdir(path);
}

static void creates_once(void **unused)
{
    (void)unused;
    struct error e = {0};
    struct stat st;
    OWN(buf) struct buf b = {.max = 10};

    (void)umask(077);
    assert_ok(file_create(folder, "a", SLICE("hello"), 0640, &e), e);
    assert_int_equal(fstatat(folder, "a", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_false(file_create(folder, "a", SLICE("other"), 0640, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_ok(file_read_all(folder, "a", &b, &e), e);
    assert_slice(buf_slice(&b), "hello");
}

static void makes_a_folder_once(void **unused)
{
    (void)unused;
    struct error e = {0};
    struct stat st;

    assert_ok(file_make_folder(folder, "made", 0700, &e), e);
    assert_ok(file_make_folder(folder, "made", 0700, &e), e);
    assert_int_equal(fstatat(folder, "made", &st, 0), 0);
    assert_int_equal(st.st_mode, S_IFDIR | 0700);
    assert_false(file_make_folder(folder, "made/not/this", 0700, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_int_equal(unlinkat(folder, "made", AT_REMOVEDIR), 0);
}

static void replaces_in_one_step(void **unused)
{
    (void)unused;
    struct error e = {0};
    OWN(buf) struct buf b = {.max = 10};
    OWN(buf) struct buf small = {.max = 3};

    assert_ok(file_replace(folder, "a", SLICE("second"), 0600, &e), e);
    assert_ok(file_read_all(folder, "a", &b, &e), e);
    assert_slice(buf_slice(&b), "second");
    assert_int_equal(faccessat(folder, "a.new", F_OK, 0), -1);
    assert_false(file_read_all(folder, "a", &small, &e));
    assert_int_equal(e.kind, ERROR_LIMIT);
    assert_false(file_read_all(folder, "b", &b, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
}

static void reads_and_writes_exactly(void **unused)
{
    (void)unused;
    struct error e = {0};
    uint8_t got[8];
    size_t n = 0;
    OWN(fd) int fd = -1;
    OWN(fd) int none = -1;

    assert_int_equal(file_open(folder, "b", O_RDWR, &none, &e), FILE_MISSING);
    assert_int_equal(symlinkat("a", folder, "link"), 0);
    assert_int_equal(file_open(folder, "link", O_RDWR, &none, &e), FILE_FAILED);
    assert_int_equal(file_open(folder, "a", O_RDWR, &fd, &e), FILE_FOUND);
    assert_ok(file_write_at(fd, 6, SLICE("!!"), &e), e);
    assert_ok(file_read_at(fd, 4, got, sizeof(got), &n, &e), e);
    assert_slice(slice_of(got, n), "nd!!");
    assert_ok(file_read_at(fd, 100, got, sizeof(got), &n, &e), e);
    assert_int_equal(n, 0);
    assert_false(file_write_at(folder, 0, SLICE("x"), &e));
    assert_int_equal(e.kind, ERROR_BUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(creates_once),
        cmocka_unit_test(makes_a_folder_once),
        cmocka_unit_test(replaces_in_one_step),
        cmocka_unit_test(reads_and_writes_exactly),
    };
    return cmocka_run_group_tests_name("host/file", tests, begin, end);
}
