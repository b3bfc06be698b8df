#include <stdio.h>
#include <zip.h>

#include "formats/lock/lock.h"
#include "formats/mime/decode.h"
#include "letter/records.h"
#include "stages/attachments/attachments.h"
#include "tests/test.h"

#define PASSWORD "tango-42-whiskey"

/* What comes of a letter, kept until the next. */
static struct made {
    struct arena arena;
    struct buf out;
    struct buf archive; /* decrypted: the archive within */
    struct cbor_list texts;
    struct error e;
    bool done;
} made;

static struct slice part_body(const char *type)
{
    const uint8_t *at = memmem(made.out.ptr, made.out.len, type, strlen(type));

    assert_non_null(at);
    struct slice rest = slice_of(at, made.out.len - (size_t)(at - made.out.ptr));
    const uint8_t *body = memmem(rest.ptr, rest.len, "\r\n\r\n", 4);
    assert_non_null(body);
    rest = slice_from(rest, (size_t)(body - rest.ptr) + 4);
    const uint8_t *end = memmem(rest.ptr, rest.len, "\r\n--", 4);
    return end ? slice_head(rest, (size_t)(end - rest.ptr)) : rest;
}

static void read_zip(struct slice zip, const char *name, struct buf *out)
{
    zip_t *z =
        zip_open_from_source(zip_source_buffer_create(zip.ptr, zip.len, 0, NULL), ZIP_RDONLY, NULL);
    assert_non_null(z);
    zip_file_t *f = zip_fopen_encrypted(z, name, 0, PASSWORD);

    buf_reset(out);
    if (f) {
        uint8_t *room = buf_room(out, 1 << 20);
        zip_int64_t n = room ? zip_fread(f, room, 1 << 20) : -1;
        assert_true(n >= 0);
        out->len = (size_t)n;
        (void)zip_fclose(f);
    } else {
        buf_add_text(out, "(none)");
    }
    zip_discard(z);
}

static void protect(const char *letter, bool text_stays)
{
    const struct attachments_wish wish = {
        .password = SLICE(PASSWORD),
        .text_stays = text_stays,
    };

    arena_done(&made.arena);
    buf_done(&made.out);
    arena_init(&made.arena, ATTACHMENTS_ARENA_MAX);
    buf_init(&made.out, LETTER_BYTES_MAX);
    made.done = attachments_protect(slice_text(letter), &wish, &made.arena, &made.out, &made.texts,
                                    &made.e);
    if (!made.done) {
        return;
    }
    assert_null(memmem(made.out.ptr, made.out.len, PASSWORD, strlen(PASSWORD)));
    buf_done(&made.archive);
    buf_init(&made.archive, LETTER_BYTES_MAX);
    if (memmem(made.out.ptr, made.out.len, "application/zip", 15)) {
        OWN(buf) struct buf space = {.max = LETTER_BYTES_MAX};
        struct slice zip;
        assert_true(transfer_decode(part_body("application/zip"), SLICE("base64"), &space, &zip));
        read_zip(zip, "documents.zip", &made.archive);
    }
}

static void assert_inside(const char *name, const char *text)
{
    OWN(buf) struct buf got = {.max = 2 << 20};

    read_zip(buf_slice(&made.archive), name, &got);
    assert_slice(buf_slice(&got), text);
}

static bool says(const char *words)
{
    return memmem(made.out.ptr, made.out.len, words, strlen(words)) != NULL;
}

static void assert_text(const char *words)
{
    OWN(buf) struct buf space = {.max = 1 << 20};
    struct slice text;

    assert_true(transfer_decode(part_body("text/plain"), SLICE("base64"), &space, &text));
    assert_non_null(memmem(text.ptr, text.len, words, strlen(words)));
}

#define HEAD "From: a@example.test\r\nTo: b@example.org\r\nSubject: Plan\r\n"

static void a_plain_letter_goes_into_the_archive(void **unused)
{
    (void)unused;
    protect(HEAD "\r\nThe merger is on Monday.\r\n", false);
    assert_ok(made.done, made.e);
    assert_false(says("merger"));
    assert_true(slice_starts(buf_slice(&made.out), SLICE(HEAD "MIME-Version: 1.0\r\nContent-Type: "
                                                              "multipart/mixed; boundary=")));
    assert_text("Its text is in the attachment secure.zip.");
    assert_inside("message.txt", "\xef\xbb\xbfThe merger is on Monday.\r\n");
}

#define MIXED                                                                                      \
    HEAD "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\npre\r\n--o\r\n"    \
         "Content-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\nContent-Type: text/plain"  \
         "\r\n\r\nSecret words\r\n--i\r\nContent-Type: text/html\r\n\r\n<p>Secret words\r\n"       \
         "--i--\r\n\r\n--o\r\nContent-Type: application/pdf; name=\"broken.pdf\"\r\n\r\n%PDF-1.4"  \
         "\r\n--o\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; "                  \
         "filename*=utf-8''gr%C3%BC.csv\r\nContent-Transfer-Encoding: base64\r\n\r\nMTsyOzM=\r\n"  \
         "--o--\r\nepi\r\n"

static void text_and_files_go_each_under_its_name(void **unused)
{
    (void)unused;
    protect(MIXED, false);
    assert_ok(made.done, made.e);
    assert_false(says("ecret words") || says("broken.pdf") || says("gr%C3%BC") || says("pre\r\n") ||
                 says("epi\r\n"));
    assert_inside("message.txt", "\xef\xbb\xbfSecret words");
    assert_inside("message.html", "\xef\xbb\xbf<p>Secret words");
    assert_inside("broken.pdf", "%PDF-1.4");
    assert_inside("gr\xc3\xbc.csv", "1;2;3");
    assert_true(made.texts.count == 4);
}

static void text_stays_when_it_is_to(void **unused)
{
    (void)unused;
    protect(MIXED, true);
    assert_ok(made.done, made.e);
    assert_true(says("pre\r\n--o\r\n") && says("Secret words\r\n--i\r\n") &&
                says("--o--\r\nepi\r\n"));
    assert_inside("message.txt", "(none)");
    assert_inside("broken.pdf", "%PDF-1.4");
    protect(HEAD "\r\nNothing but text.\r\n", true);
    assert_false(made.done);
    assert_int_equal(made.e.kind, ERROR_INPUT);
}

#define PDF                                                                                        \
    "%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"                                   \
    "2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n"                                       \
    "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>\nendobj\n"                           \
    "xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000054 00000 n \n"                   \
    "0000000105 00000 n \ntrailer\n<</Size 4/Root 1 0 R>>\nstartxref\n168\n%%EOF\n"

static void a_document_is_replaced_in_its_place(void **unused)
{
    OWN(buf) struct buf space = {.max = 1 << 20};
    struct slice pdf;

    (void)unused;
    protect(HEAD "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
                 "Content-Type: text/plain\r\n\r\nSee the file.\r\n--o\r\n"
                 "X-Dropped: yes\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n"
                 "Content-Transfer-Encoding: binary\r\n\r\n" PDF "\r\n--o\r\n"
                 "Content-Type: text/x-note; name=last.note\r\n\r\nlast\r\n--o--\r\n",
            true);
    assert_ok(made.done, made.e);
    assert_false(says("X-Dropped"));
    assert_true(says("--o\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n"
                     "Content-Transfer-Encoding: base64\r\n\r\n"));
    assert_true(transfer_decode(part_body("application/pdf"), SLICE("base64"), &space, &pdf));
    assert_non_null(memmem(pdf.ptr, pdf.len, "/AESV3", 6));
    assert_inside("last.note", "last");
    assert_slice(((const struct slice *)made.texts.items)[0], "a.pdf: PDF (AES-256)");
}

static void what_files_say_of_themselves_is_taken_out(void **unused)
{
    static const char letter[] =
        HEAD "MIME-Version: 1.0\r\nContent-Type: image/png; name=a.png\r\n"
             "Content-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n"
             "iVBORw0KGgoAAAABSUhEUnhDQ0NDAAAABnRFWHRBdXRob3JDQ0NDAAAAAElFTkRDQ0ND\r\n";
    const struct attachments_wish wish = {.password = SLICE(PASSWORD), .scrub = true};
    OWN(arena) struct arena arena = {.max = ATTACHMENTS_ARENA_MAX};
    OWN(buf) struct buf out = {.max = LETTER_BYTES_MAX};
    struct cbor_list texts;
    struct error e;

    (void)unused;
    assert_ok(attachments_protect(slice_text(letter), &wish, &arena, &out, &texts, &e), e);
    assert_int_equal(texts.count, 2);
    assert_slice(((const struct slice *)texts.items)[0], "a.png: taken out: texts");
}

static void letters_within_are_gone_through_or_kept_whole(void **unused)
{
    static const char letter[] =
        HEAD "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n"
             "Content-Type: text/plain\r\n\r\nForwarded.\r\n--o\r\nContent-Type: message/rfc822\r\n"
             "\r\nSubject: inner\r\nContent-Type: multipart/mixed; boundary=n\r\n\r\n--n\r\n"
             "\r\ninner text\r\n--n\r\nContent-Type: application/x-a; name=a.bin\r\n\r\nbytes\r\n"
             "--n--\r\n\r\n--o--\r\n";

    (void)unused;
    protect(letter, true);
    assert_ok(made.done, made.e);
    assert_true(says("Subject: inner\r\n") && says("inner text") && !says("a.bin"));
    assert_inside("a.bin", "bytes");
    protect(letter, false);
    assert_ok(made.done, made.e);
    assert_false(says("inner"));
    assert_inside("letter.eml",
                  "Subject: inner\r\nContent-Type: multipart/mixed; boundary=n\r\n\r\n--n\r\n"
                  "\r\ninner text\r\n--n\r\nContent-Type: application/x-a; name=a.bin\r\n\r\nbytes"
                  "\r\n--n--\r\n");
}

static void what_is_signed_or_doubtful_is_kept_whole(void **unused)
{
    static const char signed_letter[] = HEAD
        "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=o\r\n\r\n--o\r\n\r\n"
        "I sign this.\r\n--o\r\nContent-Type: application/pgp-signature\r\n\r\nxx\r\n--o--\r\n";

    (void)unused;
    protect(signed_letter, false);
    assert_ok(made.done, made.e);
    assert_false(says("I sign this"));
    assert_inside("signed message.eml", signed_letter);
    protect(HEAD "Content-Type: text/plain\r\nContent-Type: text/html\r\n\r\ntwice\r\n", false);
    assert_ok(made.done, made.e);
    assert_false(says("twice\r\n"));
    protect(HEAD "Content-Type: multipart/encrypted; boundary=o\r\n\r\n--o\r\n\r\nonly said\r\n"
                 "--o--\r\n",
            false);
    assert_ok(made.done, made.e);
    assert_false(says("only said"));
}

/* What a missing empty line, or a line too many, made part of a header. */
static void text_in_a_header_is_not_left_readable(void **unused)
{
    static const char *const parts[] = {
        "Content-Type: text/plain\r\nMerger: on Monday\r\n",
        "Content-Type: text/plain\r\nThe merger is on Monday.\r\n\r\nmore\r\n",
        "Content-Type: text/html; charset=utf-8\r\n the merger\r\n",
        "Content-Type: text/plain\r\nMerger: on Monday\r\n\r\nmore\r\n",
        "Content-Type: multipart/mixed; boundary=i\r\nThe "
        "merger\r\n\r\n--i\r\n\r\nmore\r\n--i--\r\n",
        "Content-Description: the merger\r\nContent-Type: multipart/mixed; "
        "boundary=i\r\n\r\n--i\r\n"
        "\r\nmore\r\n--i--\r\n",
        "X-Merger: the merger\r\nContent-Type: text/plain\r\n\r\nmore\r\n",
        "no merger: a field without a name\r\n",
    };
    char letter[1000];

    (void)unused;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        (void)snprintf(letter, sizeof(letter),
                       HEAD "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n\r\n"
                            "--o\r\n%s--o--\r\n",
                       parts[i]);
        protect(letter, false);
        assert_ok(made.done, made.e);
        assert_false(says("erger") || says("more"));
        assert_true(says("application/zip"));
    }
    protect(HEAD "The merger is on Monday.\r\nContent-Type: text/plain\r\n\r\nmore\r\n", false);
    assert_ok(made.done, made.e);
    assert_false(says("erger") || says("more"));
    assert_true(says("Subject: Plan\r\n"));
}

#define PGP(more)                                                                                  \
    HEAD "Content-Type: multipart/encrypted; boundary=o\r\n\r\nmail in PGP\r\n--o\r\n"             \
         "Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--o\r\n\r\n"                \
         "-----BEGIN PGP MESSAGE-----\r\nxx\r\n-----END PGP MESSAGE-----\r\n" more "\r\n--o--\r\n"

static void what_is_encrypted_stays(void **unused)
{
    static const char letter[] = PGP("");
    static const char *const others[] = {
        PGP("The merger is on Monday"), PGP("\r\n--o\r\n\r\nThe merger is on Monday"),
        HEAD
        "Content-Type: multipart/encrypted; boundary=o\r\n\r\n--o\r\n\r\nThe merger\r\n--o--\r\n"};

    (void)unused;
    protect(letter, false);
    assert_ok(made.done, made.e);
    assert_slice(buf_slice(&made.out), letter);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        protect(others[i], false);
        assert_ok(made.done, made.e);
        assert_false(says("merger"));
    }
}

#define UU "begin 644 plan.txt\r\n&;65R9V5R\r\n`\r\nend\r\n"

/* What programs older than MIME put into a text is a file, and the text may stay but for it. */
static void a_file_within_a_text_does_not_stay(void **unused)
{
    (void)unused;
    protect(HEAD "\r\nSee the plan.\r\n" UU, true);
    assert_ok(made.done, made.e);
    assert_false(says(";65R9V5R"));
    assert_inside("message.txt", "\xef\xbb\xbfSee the plan.\r\n" UU);
    protect(HEAD "Content-Transfer-Encoding: quoted-printable\r\n\r\n=62egin 644 plan.txt\r\n"
                 "&;65R9V5R\r\n",
            true);
    assert_ok(made.done, made.e);
    assert_false(says(";65R9V5R"));
    protect(HEAD "\r\nWe begin 644 plans.\r\nbegin 644 today\r\nand end tomorrow.\r\n", true);
    assert_false(made.done); /* it has no file */
}

static int begin(void **unused)
{
    (void)unused;
    attachments_init();
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    arena_done(&made.arena);
    buf_done(&made.out);
    buf_done(&made.archive);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_letter_goes_into_the_archive),
        cmocka_unit_test(text_and_files_go_each_under_its_name),
        cmocka_unit_test(text_stays_when_it_is_to),
        cmocka_unit_test(a_document_is_replaced_in_its_place),
        cmocka_unit_test(what_files_say_of_themselves_is_taken_out),
        cmocka_unit_test(letters_within_are_gone_through_or_kept_whole),
        cmocka_unit_test(what_is_signed_or_doubtful_is_kept_whole),
        cmocka_unit_test(text_in_a_header_is_not_left_readable),
        cmocka_unit_test(what_is_encrypted_stays),
        cmocka_unit_test(a_file_within_a_text_does_not_stay),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
