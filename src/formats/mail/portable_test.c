#include "formats/mail/portable.h"
#include "tests/test.h"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

/* One letter, and what becomes of its body. */
static void check(const char *letter, enum portable_end end, const char *encoding, const char *body)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(buf) struct buf out = {.max = 1 << 16};
    struct mail_header h;
    struct portable made;

    mail_header_read(slice_text(letter), &limits, false, &arena, &h);
    assert_int_equal(h.defect, MAIL_SOUND);
    assert_int_equal(portable_write(&h, &out, &made), end);
    assert_false(out.full);
    if (end == PORTABLE_NOT) {
        assert_string_equal(made.why, body);
    } else {
        assert_slice(made.encoding, encoding);
        assert_slice(buf_slice(&out), body);
    }
}

static void a_body_that_is_steady_stays(void **unused)
{
    (void)unused;
    check("From: a@b.test\r\n\r\nHello\r\n\r\nBye\r\n", PORTABLE_AS_IS, "", "");
    check("From: a@b.test\r\n\r\n", PORTABLE_AS_IS, "", "");
    check("From: a@b.test\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n", PORTABLE_AS_IS, "",
          "");
    check("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n--b--\r\n",
          PORTABLE_AS_IS, "", "");
}

static void a_text_is_quoted(void **unused)
{
    (void)unused;
    check("From: a@b.test\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9f"
          "e = x\r\n-- \r\nFrom me\tand \r\n.\r\n",
          PORTABLE_WRITTEN, "quoted-printable",
          "Gr=C3=BC=C3=9Fe =3D x\r\n=2D-=20\r\n=46rom me\tand=20\r\n=2E\r\n");
    check("Content-Transfer-Encoding: 8bit\r\n\r\nHello\r\n", PORTABLE_WRITTEN, "7bit",
          "Hello\r\n");
    check("\r\nno end \n", PORTABLE_WRITTEN, "quoted-printable", "no end =0A=\r\n");
    check("Content-Type: Text/HTML; charset=utf-8\r\n\r\n\xc3\xa4", PORTABLE_WRITTEN,
          "quoted-printable", "=C3=A4");
    check("\r\n\xc3\xa4"
          "bbbbbbbbb1bbbbbbbbb2bbbbbbbbb3bbbbbbbbb4bbbbbbbbb5bbbbbbbbb6bbbbbbb----bFrom x\r\n",
          PORTABLE_WRITTEN, "quoted-printable",
          "=C3=A4bbbbbbbbb1bbbbbbbbb2bbbbbbbbb3bbbbbbbbb4bbbbbbbbb5bbbbbbbbb6bbbbbbb--=\r\n"
          "=2D-bFrom x\r\n");
}

static void parts_are_encoded_each(void **unused)
{
    (void)unused;
    check(
        "Content-Type: multipart/mixed;\r\n boundary=\"b 1\"\r\nContent-Transfer-Encoding: "
        "8bit\r\n\r\n"
        "aside\r\n--b 1\r\nX-A: 1 \r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa4\r\n--b 1 \r\n"
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\n"
        "Content-Type: application/octet-stream\r\n\r\n\xff\xfe\r\n--b--\r\n\r\n--b 1\r\n"
        "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\n\xc3\xb6\r\n--b 1\r\n--b "
        "1--\r\nend",
        PORTABLE_WRITTEN, "7bit",
        "aside\r\n--b 1\r\nX-A: 1 \r\nContent-Transfer-Encoding: "
        "quoted-printable\r\n\r\n=C3=A4\r\n--b 1 \r\n"
        "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\n"
        "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: "
        "base64\r\n\r\n//4=\r\n\r\n--b--\r\n\r\n--b 1\r\n"
        "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\nContent-Transfer-Encoding: "
        "quoted-printable\r\n\r\n=C3=B6\r\n"
        "--b 1\r\n--b 1--\r\nend");
}

static void what_is_not_plain_is_refused(void **unused)
{
    (void)unused;
    check("Content-Type: multipart/signed; boundary=b\r\n\r\n--b--\r\n", PORTABLE_NOT, "",
          "it is signed or encrypted already");
    check("Content-Type: application/pkcs7-mime\r\n\r\nAAAA", PORTABLE_NOT, "",
          "it is signed or encrypted already");
    check("Content-Type: multipart/mixed\r\n\r\n\xc3\xa4", PORTABLE_NOT, "",
          "its MIME structure is not whole");
    check("Content-Type: multipart/mixed; boundary=a; "
          "boundary=b\r\n\r\n--b\r\n\r\n\xc3\xa4\r\n--b--\r\n",
          PORTABLE_NOT, "", "its MIME structure is not whole");
    check("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\xc3\xa4\r\n", PORTABLE_NOT,
          "", "its MIME structure is not whole");
    check("Content-Type: multipart/mixed; boundary=b\r\n\r\n\xc3\xa4\r\n--b\r\n\r\nx\r\n--b--\r\n",
          PORTABLE_NOT, "", "what stands beside its parts is not ASCII");
    check(
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: \xc3\xa4\r\n\r\nx\r\n--b--\r\n",
        PORTABLE_NOT, "", "a part's header has a defect, or bytes above 127");
    check("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/signed; "
          "boundary=c\r\n\r\n"
          "--c\r\n\r\n\xc3\xa4\r\n--c--\r\n\r\n--b--\r\n",
          PORTABLE_NOT, "", "a part that is signed already has bytes above 127");
    check("Content-Transfer-Encoding: base64\r\n\r\n\xc3\xa4", PORTABLE_NOT, "",
          "a part has bytes that its encoding cannot have");
    /* but what only lacks steadiness is signed as it is */
    check("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx \r\n", PORTABLE_AS_IS, "",
          "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_that_is_steady_stays),
        cmocka_unit_test(a_text_is_quoted),
        cmocka_unit_test(parts_are_encoded_each),
        cmocka_unit_test(what_is_not_plain_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
