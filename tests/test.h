/* tests/test - the unit tests' one way in to cmocka, which needs these headers before it. */
#pragma once

/* cmocka.h needs the others before it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How far a test goes on at a time that tries very many places. As shipped it tries each of them; a sanitizer, under which all
 * is many times slower, looks for faults of another kind, which are the same at the places between: it tries every n-th. With
 * POSTERN_LONG, which `./do test --long` sets, each is tried everywhere. */
#ifdef __SANITIZE_THREAD__
#define TEST_STEP 5
#elif defined(__SANITIZE_ADDRESS__)
#define TEST_STEP 3
#else
#define TEST_STEP 1
#endif
static inline unsigned test_step(void)
{
    const char *all = getenv("POSTERN_LONG");
    return all ? 1 : TEST_STEP;
}

/* Compare a struct slice with a C string literal. */
#define assert_slice(slice_, text_)                                                                \
    do {                                                                                           \
        struct slice got_ = (slice_);                                                              \
        assert_int_equal(got_.len, strlen(text_));                                                 \
        if (got_.len) {                                                                            \
            assert_memory_equal(got_.ptr, text_, got_.len);                                        \
        }                                                                                          \
    } while (0)

/* Fail with the sentence of a struct error. */
#define assert_ok(call_, error_)                                                                   \
    do {                                                                                           \
        if (!(call_)) {                                                                            \
            fail_msg("%s", (error_).text);                                                         \
        }                                                                                          \
    } while (0)

/* Remove a folder of a test's with the files in it; what a tear-down returns. */
static inline int test_remove_folder(const char *path)
{
    DIR *dir = opendir(path);

    if (!dir) {
        return -1;
    }
    for (struct dirent *d = readdir(dir); d; d = readdir(dir)) {
        (void)unlinkat(dirfd(dir), d->d_name, 0);
    }
    (void)closedir(dir);
    return rmdir(path);
}
