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

#include <string.h>

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
