#include <stdio.h>

#include "formats/mail/covered.h"
#include "tests/test.h"

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

static const char letter[] = "Received: by x.test; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
                             "From: Anna <anna@x.test>\r\n"
                             "To: bob@y.test,\r\n"
                             " carol@y.test\r\n"
                             "Bcc: dave@z.test\r\n"
                             "Subject: the secret plan\r\n"
                             "Thread-Topic: the secret plan\r\n"
                             "Message-ID: <1@x.test>\r\n"
                             "MIME-Version: 1.0\r\n"
                             "Content-Type: text/plain; charset=\"a;hp=b\"; HP=\"clear\";\r\n"
                             "\tformat=flowed;\r\n"
                             "Content-Transfer-Encoding: 8bit\r\n"
                             "\r\n"
                             "Gr\xc3\xbc\xc3\x9f"
                             "e  \r\nno end of line";

struct parts {
    struct arena arena;
    struct buf outer;
    struct buf payload;
};

static void make(struct parts *p, const char *text, enum covered_by by)
{
    struct mail_header h;

    *p =
        (struct parts){.arena = {.max = 1 << 20}, .outer = {.max = 9999}, .payload = {.max = 9999}};
    mail_header_read(slice_text(text), &limits, false, &p->arena, &h);
    assert_int_equal(h.defect, MAIL_SOUND);
    covered_outer_write(&h, by, &p->outer);
    covered_payload_write(&h, by, buf_slice(&p->outer), &p->payload);
    assert_false(p->outer.full || p->payload.full);
}

static void done(struct parts *p)
{
    buf_done(&p->outer);
    buf_done(&p->payload);
    arena_done(&p->arena);
}

static void what_an_encrypted_letter_shows(void **unused)
{
    (void)unused;
    struct parts p;

    make(&p, letter, COVERED_BY_ENCRYPTION);
    assert_slice(buf_slice(&p.outer), "Received: by x.test; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
                                      "From: Anna <anna@x.test>\r\n"
                                      "To: bob@y.test,\r\n"
                                      " carol@y.test\r\n"
                                      "Subject: [...]\r\n"
                                      "Message-ID: <1@x.test>\r\n");
    assert_slice(covered_outer_text(buf_slice(&p.outer), &p.arena),
                 "outside: Received, From, To, Message-ID; subject hidden");
    done(&p);
}

static void what_is_inside(void **unused)
{
    (void)unused;
    struct parts p;

    make(&p, letter, COVERED_BY_ENCRYPTION);
    assert_slice(buf_slice(&p.payload), "From: Anna <anna@x.test>\r\n"
                                        "To: bob@y.test,\r\n"
                                        " carol@y.test\r\n"
                                        "Subject: the secret plan\r\n"
                                        "Thread-Topic: the secret plan\r\n"
                                        "Message-ID: <1@x.test>\r\n"
                                        "HP-Outer: From: Anna <anna@x.test>\r\n"
                                        "HP-Outer: To: bob@y.test,\r\n"
                                        " carol@y.test\r\n"
                                        "HP-Outer: Subject: [...]\r\n"
                                        "HP-Outer: Message-ID: <1@x.test>\r\n"
                                        "Content-Transfer-Encoding: 8bit\r\n"
                                        "Content-Type: text/plain; charset=\"a;hp=b\";\r\n"
                                        "\tformat=flowed;\r\n"
                                        " hp=\"cipher\";\r\n"
                                        " protected-headers=\"v1\"\r\n"
                                        "\r\n"
                                        "Gr\xc3\xbc\xc3\x9f"
                                        "e  \r\nno end of line");
    done(&p);
}

static void a_signed_letter_hides_nothing(void **unused)
{
    (void)unused;
    struct parts p;

    make(&p,
         "From: a@x.test\r\nSubject: s\r\nX-Own: 1\r\nBcc: b@x.test\r\n"
         "HP-Outer: Subject: forged\r\n\r\nhi\r\n",
         COVERED_BY_SIGNATURE);
    assert_slice(buf_slice(&p.outer), "From: a@x.test\r\nSubject: s\r\nX-Own: 1\r\n");
    assert_slice(buf_slice(&p.payload), "From: a@x.test\r\nSubject: s\r\nX-Own: 1\r\n"
                                        "Content-Type: text/plain; charset=us-ascii;\r\n"
                                        " hp=\"clear\";\r\n"
                                        " protected-headers=\"v1\"\r\n"
                                        "\r\n"
                                        "hi\r\n");
    assert_slice(covered_outer_text(buf_slice(&p.outer), &p.arena), "outside: From, X-Own");
    done(&p);
}

static void every_parameter_is_kept(void **unused)
{
    (void)unused;
    OWN(buf) struct buf text = {.max = 9999};
    struct parts p;

    buf_add_text(&text, "From: a@x.test\r\nContent-Type: text/plain");
    for (int i = 0; i < 100; i++) {
        buf_printf(&text, ";\r\n p%d=v", i);
    }
    buf_add_text(&text, "; HP=clear\r\n\r\nhi\r\n");
    buf_add_byte(&text, 0);
    make(&p, (const char *)buf_slice(&text).ptr, COVERED_BY_ENCRYPTION);
    struct slice made = buf_slice(&p.payload);
    for (int i = 0; i < 100; i++) {
        char one[32];
        int n = snprintf(one, sizeof(one), ";\r\n p%d=v", i);
        assert_non_null(memmem(made.ptr, made.len, one, (size_t)n));
    }
    assert_null(memmem(made.ptr, made.len, "HP=clear", 8)); /* only the protection says that */
    done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_encrypted_letter_shows),
        cmocka_unit_test(what_is_inside),
        cmocka_unit_test(a_signed_letter_hides_nothing),
        cmocka_unit_test(every_parameter_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
