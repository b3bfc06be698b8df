#include "stages/archive/archive.h"
#include "tests/test.h"

static void strange_headers_become_records(void **unused)
{
    (void)unused;
    static const char letter[] = "From: =?utf-8?q?J=C3=B6rg?= <joerg@example.test>\r\n"
                                 "To: a@b.test, \xff\xfe <c@d.test>\r\n"
                                 "Subject: \xff raw\r\n"
                                 "Bcc: hidden@d.test\r\n\r\nx\r\n";
    static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;
    static const uint8_t digest[32];
    OWN(arena) struct arena a = {.max = 4 << 20};
    OWN(buf) struct buf body = {.max = 1 << 20};
    struct recipient to = {.address = SLICE("a@b.test")};
    struct archive_submission about = {
        .received_at = 1,
        .recipients = {&to, 1},
        .size = sizeof(letter) - 1,
        .digest = SLICE_ARRAY(digest),
        .helo = SLICE("\x80\x81")
    };
    struct mail_header header;
    struct mail_facts read;
    struct facts facts;
    struct facts again;
    struct error e;

    mail_header_read(slice_of(letter, sizeof(letter) - 1), &limits, false, &a, &header);
    mail_facts_read(&header, false, &a, &read);
    archive_facts(&about, &read, &a, &facts);
    facts.id = SLICE("0123456789");
    cbor_write(&body, &facts_schema, &facts);
    assert_false(body.full);
    assert_ok(cbor_read(buf_slice(&body), &facts_schema, &a, &again, &e), e);
    assert_slice(again.from, "J\xc3\xb6rg <joerg@example.test>");
    assert_slice(again.bcc, "hidden@d.test");
    assert_slice(again.helo, "\xef\xbf\xbd\xef\xbf\xbd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(strange_headers_become_records)};
    return cmocka_run_group_tests_name("stages/archive", tests, NULL, NULL);
}
