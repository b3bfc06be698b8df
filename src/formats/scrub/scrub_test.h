/* formats/scrub/scrub_test - what the tests of cleaners share: one file is cleaned, and what came of it is kept until the next. */
#pragma once

#include "base/buf.h"

#include "formats/scrub/scrub.h"
#include "tests/test.h"

#define OUT_MAX ((size_t)4 << 20)

static struct buf out;
static struct buf what;

static inline enum scrub_end scrub(struct slice bytes)
{
    buf_done(&out);
    buf_done(&what);
    buf_init(&out, OUT_MAX);
    buf_init(&what, 1000);
    return scrub_file(bytes, &out, &what);
}

/* Whether a word stands in what came out. */
static inline bool has(const char *word)
{
    return memmem(out.ptr, out.len, word, strlen(word)) != NULL;
}
