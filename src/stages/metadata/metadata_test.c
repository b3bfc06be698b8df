#include <stdio.h>

#include "formats/mime/decode.h"
#include "formats/mime/header.h"
#include "letter/records.h"
#include "stages/metadata/metadata.h"
#include "tests/test.h"

/* What comes of a letter, kept until the next. */
static struct made {
    struct arena arena;
    struct buf out;
    struct metadata_cleaned cleaned;
} made;

static void clean(const char *letter)
{
    struct error e = {0};

    buf_done(&made.out);
    buf_init(&made.out, LETTER_BYTES_MAX);
    arena_done(&made.arena);
    arena_init(&made.arena, METADATA_ARENA_MAX);
    assert_ok(metadata_clean(slice_text(letter), &made.arena, &made.out, &made.cleaned, &e), e);
}

static struct slice text(size_t i)
{
    assert_true(i < made.cleaned.texts.count);
    return ((const struct slice *)made.cleaned.texts.items)[i];
}

/* A picture with the text "Author" in it, and without. */
#define TOLD  "iVBORw0KGgoAAAABSUhEUnhDQ0NDAAAABnRFWHRBdXRob3JDQ0NDAAAAAElFTkRDQ0ND"
#define MUTE  "iVBORw0KGgoAAAABSUhEUnhDQ0NDAAAAAElFTkRDQ0ND"
#define HEAD  "From: a@example.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=o\r\n\r\n"
#define TEXT  "--o\r\nContent-Type: text/plain\r\n\r\nwords=20\r\n"
#define PHOTO(bytes)                                                                               \
    "--o\r\nContent-Type: image/png; name=\"p.png\"\r\nContent-MD5: x\r\n"                         \
    "Content-Transfer-Encoding: base64\r\n\r\n" bytes "\r\n"
#define CLEAN                                                                                      \
    "--o\r\nContent-Type: image/png; name=\"p.png\"\r\n"                                           \
    "Content-Transfer-Encoding: base64\r\n\r\n" MUTE "\r\n"
#define RTF "{\\rtf1\\ansi{\\info{\\author Lenz}}words}"
#define END "--o--\r\nepilogue\r\n"

static void a_file_is_replaced_and_nothing_else(void **unused)
{
    (void)unused;
    clean(HEAD MIXED "prologue\r\n" TEXT PHOTO(TOLD) TEXT END);
    assert_true(made.cleaned.changed);
    assert_slice(buf_slice(&made.out), HEAD MIXED "prologue\r\n" TEXT CLEAN TEXT END);
    assert_slice(text(0), "p.png: taken out: texts");
    assert_int_equal(made.cleaned.left.len, 0);
}

/* As many as an archive has, and not the first of them alone. */
static void every_file_is_named(void **unused)
{
    enum { FILES = 256 };
    OWN(buf) struct buf letter = {.max = LETTER_BYTES_MAX};

    (void)unused;
    buf_add_text(&letter, HEAD MIXED TEXT);
    for (size_t i = 0; i < FILES; i++) {
        buf_add_text(&letter, PHOTO(TOLD));
    }
    buf_add_text(&letter, END);
    buf_add_byte(&letter, '\0');
    clean((const char *)letter.ptr);
    assert_int_equal(made.cleaned.texts.count, FILES);
    assert_slice(text(FILES - 1), "p.png: taken out: texts");
}

static void a_letter_without_such_files_is_as_it_was(void **unused)
{
    static const char *const letters[] = {"", HEAD "\r\nwords\r\n", HEAD MIXED TEXT PHOTO(MUTE) END,
                                          HEAD MIXED TEXT /* it does not end */,
                                          "Content-Type: multipart/mixed\r\n\r\nno boundary"};

    (void)unused;
    for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
        clean(letters[i]);
        assert_false(made.cleaned.changed);
        assert_true(slice_equal(buf_slice(&made.out), slice_text(letters[i])));
    }
    assert_true(made.cleaned.left.len > 0); /* of the last one */
}

static void what_is_signed_stays_and_that_is_said(void **unused)
{
    static const char *const signed_letters[] = {
        HEAD "Content-Type: multipart/signed; boundary=o\r\n\r\n" PHOTO(TOLD) END,
        HEAD "DKIM-Signature: v=1\r\n" MIXED PHOTO(TOLD) END,
        HEAD "Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n"
             "Content-Type: message/rfc822\r\n\r\nARC-Seal: i=1\r\n" MIXED PHOTO(TOLD) END
        "\r\n--i--\r\n",
    };

    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        clean(signed_letters[i]);
        assert_false(made.cleaned.changed);
        assert_true(slice_starts(made.cleaned.left, SLICE("p.png: stays as it is, for ")));
        assert_true(slice_equal(text(0), made.cleaned.left));
    }
    clean(HEAD "DKIM-Signature: v=1\r\n" MIXED PHOTO(MUTE) END);
    assert_int_equal(made.cleaned.left.len, 0); /* there is nothing to take out */
    clean(HEAD "Content-Type: multipart/encrypted; boundary=o\r\n\r\n" PHOTO(TOLD) END);
    assert_slice(made.cleaned.left, "multipart/encrypted: stays as it is: its sender encrypted it");
}

static void a_letter_within_is_gone_through(void **unused)
{
    (void)unused;
    clean(HEAD "Content-Type: multipart/digest; boundary=i\r\n\r\n--i\r\n\r\n" HEAD MIXED PHOTO(
        TOLD) END "\r\n--i--\r\n");
    assert_slice(
        buf_slice(&made.out),
        HEAD "Content-Type: multipart/digest; boundary=i\r\n\r\n--i\r\n\r\n" HEAD MIXED CLEAN END
             "\r\n--i--\r\n");
}

static void what_is_damaged_or_doubtful_stays_and_that_is_said(void **unused)
{
    (void)unused;
    clean(HEAD MIXED PHOTO("iVBORw0KGgr/////dEVYdA==") END);
    assert_false(made.cleaned.changed);
    assert_true(slice_starts(made.cleaned.left, SLICE("p.png: stays as it is: it is damaged")));
    clean(HEAD MIXED "--o\r\nContent-Type: image/png\r\nContent-Type: text/plain\r\n"
                     "Content-Transfer-Encoding: base64\r\n\r\n" TOLD "\r\n" END);
    assert_false(made.cleaned.changed);
    assert_true(made.cleaned.left.len > 0);
}

static void what_a_signature_beside_is_of_stays(void **unused)
{
    (void)unused;
    clean(HEAD MIXED PHOTO(TOLD) "--o\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n" END);
    assert_false(made.cleaned.changed);
    assert_slice(made.cleaned.left, "p.png: stays as it is, for its sender signed it: texts");
}

static void an_unencoded_text_of_another_form_is_cleaned(void **unused)
{
    (void)unused;
    clean(HEAD MIXED TEXT "--o\r\nContent-Type: text/rtf\r\n\r\n{\\rtf1{\\info Anna}x}\r\n" END);
    assert_true(made.cleaned.changed);
    assert_non_null(memmem(made.out.ptr, made.out.len, "e1xydGYxIHh9", 12)); /* {\rtf1 x} */
}

/* As programs older than MIME put it there: nobody sees what it says, and it is not cleaned. */
/* Whatever it is said to be, and however it is encoded, as long as it has a name or is attached; without either it is read. */
static void a_file_that_is_called_a_text_is_looked_at(void **unused)
{
    (void)unused;
    clean(HEAD MIXED TEXT "--o\r\nContent-Type: text/plain; name=\"a.rtf\"\r\n\r\n" RTF "\r\n" END);
    assert_true(made.cleaned.changed && made.cleaned.texts.count == 1);
    clean(HEAD MIXED TEXT "--o\r\nContent-Type: text/html\r\nContent-Disposition: attachment\r\n"
                          "Content-Transfer-Encoding: quoted-printable\r\n\r\n" RTF "\r\n" END);
    assert_true(made.cleaned.changed && made.cleaned.texts.count == 1);
    clean(HEAD MIXED TEXT "--o\r\nContent-Type: text/plain\r\n\r\n" RTF "\r\n" END);
    assert_false(made.cleaned.changed);
}

static void a_file_within_a_text_is_named(void **unused)
{
    (void)unused;
    clean(HEAD "\r\nSee this.\r\nbegin 644 a.jpg\r\n&;65R9V5R\r\n`\r\nend\r\n");
    assert_false(made.cleaned.changed);
    assert_slice(made.cleaned.left, "text/plain: stays as it is: a file stands within the text");
}

/* Texts that begin as files do. */
static void a_text_is_no_file(void **unused)
{
    static const char *const texts[] = {
        "VGhlIHdpZGUgd29ybGQ=", /* The wide world */
        "VGhlIG5ldyBXQVZFIG9m", /* The new WAVE of */
        "SUQzIHRhZ3M=",         /* ID3 tags */
        "Y2FmZug=",             /* caffe in Latin-1 */
        "QUMxMCBpcyBhIHJvb20=", /* AC10 is a room */
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char letter[400];
        (void)snprintf(letter, sizeof(letter),
                       HEAD "Content-Transfer-Encoding: base64\r\n\r\n%s\r\n", texts[i]);
        clean(letter);
        assert_false(made.cleaned.changed);
        assert_int_equal(made.cleaned.left.len, 0);
    }
}

static int end(void **unused)
{
    (void)unused;
    buf_done(&made.out);
    arena_done(&made.arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_replaced_and_nothing_else),
        cmocka_unit_test(every_file_is_named),
        cmocka_unit_test(a_letter_without_such_files_is_as_it_was),
        cmocka_unit_test(what_is_signed_stays_and_that_is_said),
        cmocka_unit_test(a_letter_within_is_gone_through),
        cmocka_unit_test(what_is_damaged_or_doubtful_stays_and_that_is_said),
        cmocka_unit_test(what_a_signature_beside_is_of_stays),
        cmocka_unit_test(a_file_that_is_called_a_text_is_looked_at),
        cmocka_unit_test(a_file_within_a_text_is_named),
        cmocka_unit_test(a_text_is_no_file),
        cmocka_unit_test(an_unencoded_text_of_another_form_is_cleaned),
    };

    mime_init();
    return cmocka_run_group_tests(tests, NULL, end);
}
