#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"

#include "formats/smtp/data.h"
#include "tests/test.h"

/* Read `wire` in pieces of `step` octets; the letter goes to out. */
static enum smtp_data_result read_all(struct slice wire, bool dots, size_t step, struct buf *out,
                                      struct smtp_data_reader *r)
{
    enum smtp_data_result result = SMTP_DATA_MORE;
    struct slice run;

    smtp_data_reader_init(r, dots);
    while (wire.len) {
        struct slice piece = slice_head(wire, step);
        size_t offered = piece.len;
        while ((result = smtp_data_read(r, &piece, &run)) == SMTP_DATA_RUN) {
            assert_true(run.len > 0);
            buf_add(out, run);
        }
        wire = slice_from(wire, offered - piece.len);
        if (result != SMTP_DATA_MORE) {
            return result;
        }
        assert_int_equal(piece.len, 0);
    }
    return result;
}

static void reads(void **unused)
{
    static const struct {
        const char *wire;
        const char *letter;
        enum smtp_data_result result;
    } cases[] = {
        {".\r\n",                    "",                  SMTP_DATA_END    },
        {"a\r\n.\r\n",               "a\r\n",             SMTP_DATA_END    },
        {"a\r\n..\r\n...b\r\n.\r\n", "a\r\n.\r\n..b\r\n", SMTP_DATA_END    },
        {".a\r\n\r\n.\r\n",          "a\r\n\r\n",         SMTP_DATA_END    },
        {"a.\r\nb.\r\n.\r\n",        "a.\r\nb.\r\n",      SMTP_DATA_END    },
        {"a\r\n",                    "a\r\n",             SMTP_DATA_MORE   },
        {"a\r\n.",                   "a\r\n",             SMTP_DATA_MORE   },
        {"a\r\n.\r",                 "a\r\n",             SMTP_DATA_MORE   },
        {"ab\ncd\r\n",               "ab",                SMTP_DATA_BARE_LF},
        {"ab\rcd\r\n",               "ab\r",              SMTP_DATA_BARE_CR},
        {"ab\r\r\n",                 "ab\r",              SMTP_DATA_BARE_CR},
        {"\n",                       "",                  SMTP_DATA_BARE_LF},
        {"\r\n.\n",                  "\r\n",              SMTP_DATA_BARE_LF},
        {"\r\n.\rx",                 "\r\n",              SMTP_DATA_BARE_CR},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t step = 1; step < 12; step++) {
            OWN(buf) struct buf out = {.max = 4096};
            struct smtp_data_reader r;
            assert_int_equal(read_all(slice_text(cases[i].wire), true, step, &out, &r),
                             cases[i].result);
            assert_slice(buf_slice(&out), cases[i].letter);
            assert_int_equal(r.octets, out.len);
        }
    }
}

static void chunks_keep_dots(void **unused)
{
    OWN(buf) struct buf out = {.max = 4096};
    struct smtp_data_reader r;

    (void)unused;
    assert_int_equal(read_all(SLICE(".\r\n..\r\n"), false, 100, &out, &r), SMTP_DATA_MORE);
    assert_slice(buf_slice(&out), ".\r\n..\r\n");
    assert_int_equal(smtp_data_finish(&r), SMTP_DATA_END);
}

static void stays_broken(void **unused)
{
    struct smtp_data_reader r;
    struct slice in = SLICE("a\nb\r\n.\r\n");
    struct slice run;

    (void)unused;
    smtp_data_reader_init(&r, true);
    assert_int_equal(smtp_data_read(&r, &in, &run), SMTP_DATA_RUN);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(smtp_data_read(&r, &in, &run), SMTP_DATA_BARE_LF);
    }
    assert_slice(in, "\nb\r\n.\r\n");
}

static void measures_lines(void **unused)
{
    OWN(buf) struct buf out = {.max = 4096};
    struct smtp_data_reader r;

    (void)unused;
    for (size_t step = 1; step < 20; step++) {
        assert_int_equal(read_all(SLICE("..1234\r\n12\r\n.\r\n"), true, step, &out, &r),
                         SMTP_DATA_END);
        assert_int_equal(r.longest, 5);
    }
}

static void write_all(struct slice letter, size_t step, struct buf *wire)
{
    struct smtp_data_writer w;
    struct slice piece;

    smtp_data_writer_init(&w);
    while (letter.len) {
        struct slice part = slice_head(letter, step);
        letter = slice_from(letter, part.len);
        while (smtp_data_write(&w, &part, &piece)) {
            buf_add(wire, piece);
        }
    }
    buf_add(wire, smtp_data_writer_end(&w));
}

static void writes(void **unused)
{
    static const struct {
        const char *letter;
        const char *wire;
    } cases[] = {
        {"",                  ".\r\n"                   },
        {"a\r\n",             "a\r\n.\r\n"              },
        {"a",                 "a\r\n.\r\n"              },
        {".",                 "..\r\n.\r\n"             },
        {".\r\n.\r\n..\r\n",  "..\r\n..\r\n...\r\n.\r\n"},
        {"a.b\r\n.c\r\n\r\n", "a.b\r\n..c\r\n\r\n.\r\n" },
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t step = 1; step < 12; step++) {
            OWN(buf) struct buf wire = {.max = 4096};
            write_all(slice_text(cases[i].letter), step, &wire);
            assert_slice(buf_slice(&wire), cases[i].wire);
        }
    }
}

/* 64 MiB of lines as base64 has them: at least a gigabyte a second on a machine of today, checked
 * only where nothing slows the program down on purpose, and with room for a busy machine. */
static void is_fast(void **unused)
{
    enum { OCTETS = 64 << 20, LINE = 78 };

    uint8_t *wire = malloc(OCTETS);
    struct smtp_data_reader r;
    uint64_t taken = 0;

    (void)unused;
    assert_non_null(wire);
    (void)memset(wire, 'x', OCTETS);
    for (size_t at = LINE - 2; at + 2 <= OCTETS; at += LINE) {
        (void)memcpy(wire + at, "\r\n", 2);
    }
    smtp_data_reader_init(&r, true);
    int64_t start = clock_steady_ns();
    for (size_t at = 0; at < OCTETS; at += 16384) {
        struct slice in = slice_of(wire + at, 16384);
        struct slice run;
        while (smtp_data_read(&r, &in, &run) == SMTP_DATA_RUN) {
            taken += run.len;
        }
    }
    int64_t ns = clock_steady_ns() - start;
    free(wire);
    assert_int_equal(taken, OCTETS);
    print_message("read %.2f GB/s\n", (double)OCTETS / (double)ns);
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    assert_true((double)OCTETS / (double)ns > 0.2);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),        cmocka_unit_test(chunks_keep_dots),
        cmocka_unit_test(stays_broken), cmocka_unit_test(measures_lines),
        cmocka_unit_test(writes),       cmocka_unit_test(is_fast),
    };
    return cmocka_run_group_tests_name("formats/smtp/data", tests, NULL, NULL);
}
