#include <sys/mman.h>
#include <sys/resource.h>

#include "keeper/parcel.h"
#include "tests/test.h"

#define FACTS ((size_t)1 << 20)
#define MANY  (2 * PARCEL_CACHE_MAX / FACTS)

/* A backlog of any length keeps no more than the budget in memory, and gives back what it keeps. */
static void all_parcels_share_a_budget(void **unused)
{
    (void)unused;
    struct parcel *parcels[MANY];

    for (int round = 0; round < 2; round++) {
        size_t kept = 0;
        for (size_t i = 0; i < MANY; i++) {
            parcels[i] = parcel_new();
            assert_non_null(buf_room(&parcels[i]->facts_body, FACTS));
            parcel_keep_facts(parcels[i]);
            kept += parcels[i]->facts_body.capacity;
        }
        assert_int_equal(kept, PARCEL_CACHE_MAX);
        for (size_t i = 0; i < MANY; i++) {
            parcel_forget(parcels[i]);
            parcel_drop(parcels[i]);
        }
    }
}

static int some_file(void)
{
    int fd = memfd_create("some", MFD_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

/* Copies that wait take no more than half of the files; the contents have theirs all the same. */
static void copies_leave_contents_their_files(void **unused)
{
    (void)unused;
    struct rlimit files;
    static struct parcel *parcels[PARCEL_FILES_MAX];
    size_t copies = 0;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    for (size_t i = 0; i < PARCEL_FILES_MAX; i++) {
        parcels[i] = parcel_new();
        int fd = parcel_may_keep_copy(10) ? some_file() : -1;
        parcel_keep_copy(parcels[i], fd, 10, i % 2);
        copies += parcels[i]->copy_fd >= 0;
        assert_int_equal(parcels[i]->copy_fd, fd);
        assert_int_equal(parcels[i]->copy_8bit, i % 2);
    }
    assert_int_equal(copies, PARCEL_FILES_MAX / 2);
    parcel_keep_content(parcels[0], some_file());
    assert_true(parcels[0]->content_fd >= 0);
    parcel_forget(parcels[0]);
    assert_true(parcel_may_keep_copy(10));
    for (size_t i = 0; i < PARCEL_FILES_MAX; i++) {
        parcel_drop(parcels[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_parcels_share_a_budget),
        cmocka_unit_test(copies_leave_contents_their_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
