#include "formats/mbox/mbox.h"
#include "tests/test.h"

#define DATE "Mon Jan  5 09:07:01 2026"

/* The letters of a file, with "|" between them. */
static void split(const char *file, struct buf *out)
{
    struct slice rest = slice_text(file);
    struct mbox_letter l;

    while (mbox_next(rest, MBOX_LAST, &l) == MBOX_LETTER) {
        buf_add(out, l.bytes);
        buf_add_text(out, "|");
        rest = slice_from(rest, l.next);
    }
    assert_int_equal(mbox_next(rest, MBOX_LAST, &l), MBOX_END);
}

#define SPLITS(file, expected)                                                                     \
    do {                                                                                           \
        OWN(buf) struct buf out_ = {.max = 1024};                                                  \
        split(file, &out_);                                                                        \
        assert_slice(buf_slice(&out_), expected);                                                  \
    } while (0)

static void letters_end_at_the_next_line(void **unused)
{
    (void)unused;
    SPLITS("", "");
    SPLITS("\n\r\n", "");
    SPLITS("From a@b " DATE "\nA: 1\n\nx\n", "A: 1\n\nx\n|");
    SPLITS("From a@b " DATE "\nA: 1\n\nx\n\nFrom c@d " DATE "\nB: 2\n\ny\n\n",
           "A: 1\n\nx\n|B: 2\n\ny\n|");
    SPLITS("From a@b " DATE "\r\nA: 1\r\n\r\nx\r\n\r\nFrom c@d " DATE "\r\nB: 2\r\n\r\ny",
           "A: 1\r\n\r\nx\r\n|B: 2\r\n\r\ny|");
    /* the first line need not be dated, and not every letter is followed by an empty line */
    SPLITS("From nobody\nA: 1\n\nx\nFrom c@d " DATE "\nB: 2\n", "A: 1\n\nx\n|B: 2\n|");
    SPLITS("From - " DATE "\n\nFrom - " DATE "\nB: 2\n", "|B: 2\n|");
}

static void prose_is_no_line(void **unused)
{
    (void)unused;
    SPLITS("From a@b " DATE "\nA: 1\n\nx\n\nFrom what I know of 2026\nFrom 9:00 in 2026 on\n",
           "A: 1\n\nx\n\nFrom what I know of 2026\nFrom 9:00 in 2026 on\n|");
}

static void content_length_is_checked(void **unused)
{
    (void)unused;
    /* "From " lines within the length are the letter's */
    SPLITS("From a@b " DATE "\ncontent-length: 39\n\n1\n\nFrom c@d " DATE "\n2\n\nFrom e@f " DATE
           "\nB: 2\n",
           "content-length: 39\n\n1\n\nFrom c@d " DATE "\n2\n|B: 2\n|");
    /* one that leads to nowhere is not believed */
    SPLITS("From a@b " DATE "\nContent-Length: 3\n\n1\n2\n\nFrom c@d " DATE "\nB: 2\n",
           "Content-Length: 3\n\n1\n2\n|B: 2\n|");
    SPLITS("From a@b " DATE "\nContent-Length: 300\n\n1\n\nFrom c@d " DATE "\nB: 2\n",
           "Content-Length: 300\n\n1\n|B: 2\n|");
}

static void windows_grow(void **unused)
{
    (void)unused;
    struct slice file = SLICE("From a@b " DATE "\nA: 1\n\nx\n\nFrom c@d " DATE "\nB: 2\n");
    struct mbox_letter l;

    assert_int_equal(mbox_next(slice_head(file, 3), MBOX_GROWS, &l), MBOX_MORE);
    assert_int_equal(mbox_next(slice_head(file, file.len - 10), MBOX_GROWS, &l), MBOX_MORE);
    assert_int_equal(mbox_next(file, MBOX_GROWS, &l), MBOX_LETTER);
    assert_slice(l.bytes, "A: 1\n\nx\n");
    assert_slice(l.from_line, "a@b " DATE);
    assert_int_equal(mbox_next(SLICE("%PDF-1.4\n"), MBOX_GROWS, &l), MBOX_NO_BOX);
    assert_int_equal(mbox_next(SLICE("%PDF-1.4"), MBOX_GROWS, &l), MBOX_NO_BOX);
}

static void long_letters_are_skipped(void **unused)
{
    (void)unused;
    struct slice file = SLICE("xx\nyy\n\nFrom c@d " DATE "\nB: 2\n");
    size_t next = 0;

    assert_int_equal(mbox_skip(file, false, &next), MBOX_LETTER);
    assert_int_equal(next, 7);
    assert_int_equal(mbox_skip(slice_head(file, 12), false, &next), MBOX_MORE);
    assert_int_equal(next, 6);
    assert_int_equal(mbox_skip(slice_head(file, 2), false, &next), MBOX_MORE);
    assert_int_equal(next, 2);
    assert_int_equal(mbox_skip(slice_head(file, 6), true, &next), MBOX_END);
}

static void quoting_is_undone_in_the_body(void **unused)
{
    (void)unused;
    OWN(buf) struct buf out = {.max = 1000};
    struct slice letter = SLICE("A: 1\n>From b\n\n>From x\n>>From y\n> From\nz >From z\n");

    assert_int_equal(mbox_unquote(letter, true, &out), 2);
    assert_slice(buf_slice(&out), "A: 1\n>From b\n\nFrom x\n>From y\n> From\nz >From z\n");
    buf_reset(&out);
    assert_int_equal(mbox_unquote(letter, false, &out), 1);
    assert_slice(buf_slice(&out), "A: 1\n>From b\n\nFrom x\n>>From y\n> From\nz >From z\n");
    buf_reset(&out);
    assert_int_equal(mbox_unquote(SLICE("A: 1\n>From b\n\nz >From z\n"), true, &out), 0);
    assert_int_equal(out.len, 0);
}

static void dates(void **unused)
{
    (void)unused;
    int64_t at = 0;

    assert_true(mbox_from_date(SLICE("a@b " DATE), &at));
    assert_int_equal(at, INT64_C(1767604021000));
    assert_true(mbox_from_date(SLICE("a@b Mon Jan  5 10:07:01 +0100 2026"), &at));
    assert_int_equal(at, INT64_C(1767604021000));
    assert_true(mbox_from_date(SLICE("- Mon, 5 Jan 2026 9:07:01"), &at));
    assert_int_equal(at, INT64_C(1767604021000));
    assert_false(mbox_from_date(SLICE("nobody"), &at));
    assert_false(mbox_from_date(SLICE("Mon Jan 5 09:07:01"), &at));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_end_at_the_next_line),
        cmocka_unit_test(prose_is_no_line),
        cmocka_unit_test(content_length_is_checked),
        cmocka_unit_test(windows_grow),
        cmocka_unit_test(long_letters_are_skipped),
        cmocka_unit_test(quoting_is_undone_in_the_body),
        cmocka_unit_test(dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
