/* The filter of known passwords, and how it is made of a dump. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"

#include "host/file.h"
#include "passwords/dump.h"
#include "passwords/filter_write.h"
#include "passwords/internal.h"
#include "tests/test.h"

#define MANY 200000

static char folder_name[64];
static int folder = -1;

static int set_up(void **unused)
{
    (void)unused;
    (void)snprintf(folder_name, sizeof(folder_name), "/tmp/passwords-test-XXXXXX");
    folder = mkdtemp(folder_name) ? open(folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    return folder < 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    (void)unlinkat(folder, "dump", 0);
    (void)unlinkat(folder, "breached", 0);
    (void)unlinkat(folder, "breached.new", 0);
    (void)close(folder);
    return rmdir(folder_name);
}

/* The nth of hashes that ascend evenly, as SHA-1s do. */
static uint64_t nth(uint64_t n, uint64_t of)
{
    uint64_t step = UINT64_MAX / of;
    uint64_t noise = (n * UINT64_C(0x9e3779b97f4a7c15)) % step;

    return n * step + noise;
}

static void write_dump(uint64_t count, uint64_t of)
{
    OWN(fd) int fd = openat(folder, "dump", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *out = fdopen(TAKE(fd, -1), "w");

    assert_non_null(out);
    for (uint64_t i = 0; i < count; i++) {
        (void)fprintf(out, "%016llX0123456789abcdef01234567:%llu\r\n",
                      (unsigned long long)nth(i, of), (unsigned long long)(i % 7 + 1));
    }
    assert_int_equal(fclose(out), 0);
}

static bool import(const char *name, uint64_t seen_least, struct dump_report *report,
                   struct error *e)
{
    const struct dump_options options = {.bits = FILTER_BITS, .seen_least = seen_least};
    OWN(fd) int in = openat(folder, name, O_RDONLY | O_CLOEXEC);

    return dump_import(in, folder, DUMP_NAME, &options, report, e);
}

static void open_list(struct filter *f, int *fd)
{
    struct error e;

    *fd = openat(folder, DUMP_NAME, O_RDWR | O_CLOEXEC);
    assert_true(*fd >= 0);
    assert_ok(filter_open(f, *fd, &e), e);
}

static void all_are_found_and_few_others(void **unused)
{
    (void)unused;
    struct dump_report report;
    struct filter f;
    struct error e;
    uint64_t wrong = 0;
    OWN(fd) int fd = -1;

    write_dump(MANY, MANY);
    assert_ok(import("dump", 0, &report, &e), e);
    assert_int_equal(report.lines, MANY);
    assert_in_range(report.entries, MANY - MANY / 500, MANY); /* some fall together */
    assert_true((double)report.bytes * 8 / MANY < 12.0);      /* 1.5 GB for a billion */
    open_list(&f, &fd);
    assert_ok(filter_verify(&f, &e), e);
    for (uint64_t i = 0; i < MANY; i++) {
        assert_int_equal(filter_look(&f, nth(i, MANY), &e), FILTER_PRESENT);
        uint64_t other = (i + 1) * UINT64_C(0xbf58476d1ce4e5b9);
        wrong += filter_look(&f, other, &e) == FILTER_PRESENT;
    }
    assert_in_range(wrong, MANY / 1024 / 2, MANY / 1024 * 2);
}

static void few_make_a_list_too(void **unused)
{
    (void)unused;
    struct dump_report report;
    struct filter f;
    struct error e;
    OWN(fd) int fd = -1;

    write_dump(3, 3);
    assert_ok(import("dump", 0, &report, &e), e);
    open_list(&f, &fd);
    assert_int_equal(f.count, 3);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(filter_look(&f, nth(i, 3), &e), FILTER_PRESENT);
    }
}

static void rare_ones_are_left_out(void **unused)
{
    (void)unused;
    struct dump_report report;
    struct filter f;
    struct error e;
    OWN(fd) int fd = -1;

    write_dump(7000, 7000);
    assert_ok(import("dump", 7, &report, &e), e);
    open_list(&f, &fd);
    assert_int_equal(report.lines, 7000);
    assert_in_range(f.count, 990, 1000);
    assert_int_equal(filter_look(&f, nth(6, 7000), &e), FILTER_PRESENT);
}

/* A list of one corner, or of hashes that crowd, takes no more room than it may. */
static void uneven_ones_are_bounded(void **unused)
{
    (void)unused;
    struct dump_report report;
    struct error e;
    OWN(fd) int fd = openat(folder, "even", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    OWN(filter_writer) struct filter_writer *w = filter_writer_new(fd, 1000000, FILTER_BITS);
    bool added = true;

    (void)unlinkat(folder, "even", 0);
    write_dump(70000, UINT64_C(1) << 40);
    assert_false(import("dump", 0, &report, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    for (uint64_t i = 0; i < 100000 && added; i++) {
        added = filter_writer_add(w, i << 35, &e);
    }
    assert_false(added);
    assert_int_equal(e.kind, ERROR_INPUT);
}

static void refuse(const char *text, const char *says)
{
    struct dump_report report = {.lines = 77};
    struct error e = {.kind = ERROR_NONE};

    (void)unlinkat(folder, "dump", 0);
    assert_ok(file_create(folder, "dump", slice_text(text), 0600, &e), e);
    assert_false(import("dump", 0, &report, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_non_null(strstr(e.text, says));
    assert_int_equal(report.lines, 77);
    assert_int_equal(faccessat(folder, "breached.new", F_OK, 0), -1);
}

#define ONE "0123456789abcdef0123456789abcdef01234567"
#define TWO "1123456789abcdef0123456789abcdef01234567"

static void what_is_no_dump_leaves_the_old_list(void **unused)
{
    (void)unused;
    struct dump_report report;
    struct filter f;
    struct error e;
    OWN(fd) int fd = -1;

    write_dump(100, 100);
    assert_ok(import("dump", 0, &report, &e), e);
    refuse("", "empty");
    refuse("\n", "line 1 is no SHA-1");
    refuse(ONE ":1\npassword\n", "line 2 is no SHA-1");
    refuse(ONE ":\n", "line 1 is no SHA-1");
    refuse(ONE ":-1\n", "line 1 is no SHA-1");
    refuse(ONE "a:1\n", "line 1 is no SHA-1");
    refuse(TWO ":1\n" ONE ":1\n", "line 2: the hashes do not ascend");
    refuse(ONE ":1                                                                              "
               "                                                                           \n",
           "line 1 is too long");
    open_list(&f, &fd);
    assert_int_equal(f.count, 100);
    (void)unlinkat(folder, "dump", 0);
    assert_ok(file_create(folder, "dump", SLICE(ONE "\r\n" ONE ":5\n" TWO), 0600, &e), e);
    assert_ok(import("dump", 0, &report, &e), e);
    assert_int_equal(report.lines, 3);
    assert_int_equal(report.entries, 2);
}

/* Whichever byte is changed, or wherever it is cut: either a look fails, or it was in another block. */
static void damage_is_found(void **unused)
{
    (void)unused;
    struct dump_report report;
    struct error e;
    OWN(buf) struct buf bytes = {.max = 65536};

    write_dump(2000, 2000);
    assert_ok(import("dump", 0, &report, &e), e);
    assert_ok(file_read_all(folder, DUMP_NAME, &bytes, &e), e);
    for (size_t i = 0; i < bytes.len; i++) {
        struct filter f;
        bytes.ptr[i] ^= 4;
        assert_false(filter_open_memory(&f, buf_slice(&bytes), &e) && filter_verify(&f, &e));
        assert_int_equal(e.kind, ERROR_CORRUPT);
        bytes.ptr[i] ^= 4;
        assert_false(filter_open_memory(&f, slice_head(buf_slice(&bytes), i), &e));
    }
}

/* The file is cut under somebody who has it open: an error, no signal. */
static void a_file_that_shrinks_is_an_error(void **unused)
{
    (void)unused;
    struct dump_report report;
    struct filter f;
    struct error e;
    OWN(fd) int fd = -1;

    write_dump(2000, 2000);
    assert_ok(import("dump", 0, &report, &e), e);
    open_list(&f, &fd);
    assert_int_equal(ftruncate(fd, FILTER_HEADER_LEN), 0);
    assert_int_equal(filter_look(&f, 1, &e), FILTER_FAILED);
    assert_int_equal(e.kind, ERROR_CORRUPT);
}

static void a_list_without_its_end_is_refused(void **unused)
{
    (void)unused;
    struct dump_report report = {.lines = 77};
    struct error e;

    write_dump(6900, 7000);
    assert_false(import("dump", 0, &report, &e));
    assert_true(e.kind == ERROR_INPUT && strstr(e.text, "was cut"));
    assert_int_equal(report.lines, 77);
    write_dump(100000, 200000); /* the filter is begun before the end is known */
    assert_false(import("dump", 0, &report, &e));
    assert_true(strstr(e.text, "was cut"));
    write_dump(6990, 7000);
    assert_ok(import("dump", 0, &report, &e), e);
    assert_int_equal(report.lines, 6990);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_found_and_few_others),
        cmocka_unit_test(few_make_a_list_too),
        cmocka_unit_test(rare_ones_are_left_out),
        cmocka_unit_test(uneven_ones_are_bounded),
        cmocka_unit_test(what_is_no_dump_leaves_the_old_list),
        cmocka_unit_test(a_list_without_its_end_is_refused),
        cmocka_unit_test(damage_is_found),
        cmocka_unit_test(a_file_that_shrinks_is_an_error),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
