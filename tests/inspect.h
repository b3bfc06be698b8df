/* tests/inspect - what the tests of inspection share: a letter in, findings out. */
#pragma once

#include <stdio.h>

#include "stages/inspection/inspection.h"
#include "tests/test.h"

/* A group's setup. */
static inline int start_inspection(void **unused)
{
    (void)unused;
    inspection_init();
    return 0;
}

/* One letter's findings, kept for the length of a test. */
struct result {
    struct arena arena;
    struct findings findings;
    struct text_list list;
    char words[4096];
};

static inline struct result *inspect(struct slice letter)
{
    static struct result r;

    arena_done(&r.arena);
    text_list_done(&r.list);
    r.arena = (struct arena){.max = INSPECTION_ARENA_MAX};
    text_list_init(&r.list);
    inspection_read(letter, false, &r.arena, &r.findings, &r.list);
    return &r;
}

/* The terms of one field, separated by spaces. */
static inline const char *words(struct result *r, enum text_field field)
{
    struct slice rest = buf_slice(&r->list.fields[field]);
    struct text_term term;
    size_t len = 0;

    r->words[0] = '\0';
    while (text_terms_next(&rest, &term) && len < sizeof(r->words) - 100) {
        len += (size_t)snprintf(r->words + len, sizeof(r->words) - len, "%s%.*s", len ? " " : "",
                                SLICE_ARG(term.bytes));
    }
    return r->words;
}

static inline const struct part *part(const struct result *r, size_t i)
{
    assert_true(i < r->findings.parts.count);
    return (const struct part *)r->findings.parts.items + i;
}

static inline void assert_gap(const struct result *r, const char *beginning)
{
    const struct slice *gaps = r->findings.gaps.items;
    for (size_t i = 0; i < r->findings.gaps.count; i++) {
        if (slice_starts(gaps[i], slice_text(beginning))) {
            return;
        }
    }
    fail_msg("no gap begins with \"%s\"", beginning);
}

static inline struct result *inspect_attached(const char *type, const char *name,
                                              struct slice bytes)
{
    static uint8_t space[64 << 20];
    struct buf b = {.max = sizeof(space)};

    buf_printf(&b,
               "Content-Type: %s\nContent-Transfer-Encoding: binary\n"
               "Content-Disposition: attachment; filename=\"%s\"\n\n",
               type, name);
    buf_add(&b, bytes);
    (void)memcpy(space, b.ptr, b.len);
    struct slice letter = slice_of(space, b.len);
    buf_done(&b);
    return inspect(letter);
}
