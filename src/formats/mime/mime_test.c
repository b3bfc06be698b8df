#include <openssl/evp.h>
#include <stdlib.h>

#include "formats/mime/decode.h"
#include "formats/mime/multipart.h"
#include "formats/mime/within.h"
#include "tests/test.h"

#define BODY_MAX 6000
#define ROUNDS   4000

static unsigned dice = 1;

static size_t throw_dice(size_t sides)
{
    dice = dice * 1103515245u + 12345u;
    return (dice >> 8) % sides;
}

/* ---- base64 ---- */

/* Random bytes in base64, in lines of 76 characters mostly, with what some programs and offenders put between. */
static void write_body(struct buf *body)
{
    static const char *const odd[] = {"\n",       "\r\n", " ",        "=", "==",   "-",
                                      "\xc3\xa4", "    ", "AAA=",     "A", "\r\r", "--QUJD\n",
                                      "*",        ".",    "QUI=QUI=", "\t"};
    const char *end = throw_dice(2) ? "\r\n" : "\n";
    size_t regular = throw_dice(12);
    bool mend = throw_dice(3) == 0; /* nothing odd */

    for (size_t lines = throw_dice(20); lines; lines--) {
        uint8_t bytes[57];
        uint8_t text[80];
        size_t len = throw_dice(5) || mend ? sizeof(bytes) : throw_dice(sizeof(bytes));
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (uint8_t)throw_dice(256);
        }
        int n = EVP_EncodeBlock(text, bytes, (int)len);
        size_t cut = regular == 0 && !mend ? throw_dice((size_t)n + 1) : (size_t)n;
        regular -= regular > 0;
        buf_add(body, slice_of(text, cut));
        if (cut < (size_t)n) {
            buf_add_text(body, odd[throw_dice(sizeof(odd) / sizeof(odd[0]))]);
            buf_add(body, slice_of(text + cut, (size_t)n - cut));
        }
        buf_add_text(body, end);
    }
}

static void decode(struct slice body, struct buf *space)
{
    struct slice out;

    assert_true(transfer_decode(body, SLICE("base64"), space, &out));
    assert_ptr_equal(out.ptr, space->ptr);
}

/* Lines as programs write them are decoded by OpenSSL, what follows them by GMime. Behind an empty line all is GMime's. */
static void both_decoders_of_base64_agree(void **unused)
{
    size_t bytes = 0;

    (void)unused;
    for (unsigned i = 0; i < ROUNDS; i++) {
        OWN(buf) struct buf body = {.max = BODY_MAX};
        OWN(buf) struct buf fast = {.max = BODY_MAX};
        OWN(buf) struct buf slow = {.max = BODY_MAX};
        buf_add_text(&body, "\n");
        write_body(&body);
        assert_false(body.full);
        decode(slice_from(buf_slice(&body), 1), &fast);
        decode(buf_slice(&body), &slow);
        assert_true(slice_equal(buf_slice(&fast), buf_slice(&slow)));
        bytes += fast.len;
    }
    assert_true(bytes > (size_t)ROUNDS * 100);
}

static void what_is_decoded_is_bounded(void **unused)
{
    OWN(buf) struct buf space = {.max = 10};

    (void)unused;
    decode(SLICE("QUJDREVG\r\nR0hJSktM\r\nTU5PUFFS\r\n"), &space);
    assert_true(space.full);
    assert_true(slice_starts(SLICE("ABCDEFGHIJKL"), buf_slice(&space)));
}

/* ---- delimiters ---- */

static struct slice written(struct slice body, struct delimiter d)
{
    return slice_head(slice_from(body, d.begin), d.end - d.begin);
}

static void delimiters_stand_at_the_start_of_a_line(void **unused)
{
    const struct slice dashed = SLICE("--x");
    struct slice body = SLICE("a --x\r\n--xy\r\n--x \r\nb\r\n\n--x--\nc--x");

    (void)unused;
    struct delimiter d = multipart_delimiter(body, dashed, 0);
    assert_true(d.found && !d.closes);
    assert_slice(written(body, d), "\r\n--x \r\n");
    d = multipart_delimiter(body, dashed, d.end);
    assert_true(d.found && d.closes);
    assert_slice(written(body, d), "\n--x--\n");
    d = multipart_delimiter(body, dashed, d.end);
    assert_false(d.found);
    assert_int_equal(d.begin, body.len);
}

static void a_delimiter_can_be_all_that_there_is(void **unused)
{
    (void)unused;
    struct delimiter d = multipart_delimiter(SLICE("--x"), SLICE("--x"), 0);
    assert_true(d.found && !d.closes && d.begin == 0 && d.end == 3);
    d = multipart_delimiter(SLICE("-\n--x"), SLICE("--x"), 1); /* from within a line */
    assert_true(d.found && d.begin == 1 && d.end == 5);
    d = multipart_delimiter(SLICE("z--x"), SLICE("--x"), 1);
    assert_false(d.found);
    assert_false(multipart_delimiter(SLICE_NONE, SLICE("--x"), 0).found);
}

static void a_file_in_a_text_is_found(void **unused)
{
    static const char *const files[] = {
        "hello\r\nbegin 644 a b.txt\r\n&;65R9V5R\r\n`\r\nend\r\n",
        "begin 0755 x\n#86)C\n",
        "begin-base64 644 x\nbWVyZ2Vy\n====\n",
        "words\n=ybegin line=128 size=5 name=x\n",
        "begin 644 x\nbegin 644 y\n#86)C",
    };
    static const char *const texts[] = {
        "",
        "begin 644 x\n",
        "begin 644 x\nand then more words follow\n",
        "begin 644\n#86)C\n",
        "begin 9 x\n#86)C\n",
        " begin 644 x\n#86)C\n",
        "begin 644 x\n\n#86)C\n",
        "begin-base64 644 x\n====y!\n",
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_true(text_holds_file(slice_text(files[i])));
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(text_holds_file(slice_text(texts[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_decoders_of_base64_agree),
        cmocka_unit_test(what_is_decoded_is_bounded),
        cmocka_unit_test(delimiters_stand_at_the_start_of_a_line),
        cmocka_unit_test(a_file_in_a_text_is_found),
        cmocka_unit_test(a_delimiter_can_be_all_that_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
