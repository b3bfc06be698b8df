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
        struct parcel_copy *copy = parcel_copy_at(parcels[i], 1);
        parcel_keep_copy(parcels[i], copy, fd, 10, i % 2);
        copies += copy->fd >= 0;
        assert_int_equal(copy->fd, fd);
        assert_int_equal(copy->has_8bit, i % 2);
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

/* Each of a letter's copies counts for itself, and all are given back together. */
static void several_copies_share_the_same_budget(void **unused)
{
    (void)unused;
    struct parcel *a = parcel_new();
    struct parcel *b = parcel_new();
    uint64_t large = PARCEL_CACHE_MAX / 4 - 1;

    parcel_expect_copies(a, 3);
    assert_int_equal(a->n_copies, 3);
    assert_ptr_equal(parcel_copy_at(a, 0), parcel_copy_at(a, 1));
    assert_ptr_equal(parcel_copy_at(a, 3), &a->copies[2]);
    assert_null(parcel_copy_at(a, 4));
    assert_null(parcel_copy_at(a, UINT64_MAX));
    assert_null(parcel_copy_at(b, 2));
    for (uint64_t i = 1; i <= 3; i++) {
        parcel_keep_copy(a, parcel_copy_at(a, i), some_file(), large, i == 2);
    }
    assert_true(a->copies[0].fd >= 0 && a->copies[1].fd >= 0);
    assert_int_equal(a->copies[2].fd, -1); /* no room; its size is known all the same */
    assert_int_equal(a->copies[2].size, large);
    assert_true(a->copies[1].has_8bit && !a->copies[0].has_8bit);
    assert_false(parcel_may_keep_copy(large));
    parcel_forget(a);
    assert_true(parcel_may_keep_copy(large));
    parcel_keep_copy(b, parcel_copy_at(b, 0), some_file(), large, false);
    assert_true(b->only.fd >= 0);
    parcel_drop(a);
    parcel_drop(b);
    assert_true(parcel_may_keep_copy(PARCEL_CACHE_MAX / 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_copies_share_the_same_budget),
        cmocka_unit_test(all_parcels_share_a_budget),
        cmocka_unit_test(copies_leave_contents_their_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
