#include "keeper/envelope.h"
#include "tests/test.h"

static bool judge(struct slice address, struct slice orcpt)
{
    struct recipient recipients[] = {
        {.address = SLICE("first@partner.test")},
        { .address = address,                        .orcpt = orcpt}
    };
    struct keeper_submit_ask ask = {
        .recipients = {recipients, 2}
    };
    struct error e = {0};
    bool fit = keeper_envelope_judge(&ask, &e);

    assert_int_equal(e.kind, fit ? ERROR_NONE : ERROR_DENIED);
    return fit;
}

static void takes_what_clients_send(void **unused)
{
    (void)unused;
    assert_true(judge(SLICE("bob@partner.test"), SLICE_NONE));
    assert_true(judge(SLICE("\"b o b\"@partner.test"), SLICE("rfc822;bob+2Bx@partner.test")));
    assert_true(judge(SLICE("bob@[192.0.2.1]"), SLICE_NONE));
    assert_true(judge(SLICE("b\xc3\xb6"
                            "b@b\xc3\xbc"
                            "cher.test"),
                      SLICE("utf-8;b\xc3\xb6"
                            "b@partner.test")));
}

static void refuses_what_would_be_a_command(void **unused)
{
    (void)unused;
    static const struct slice addresses[] = {
        SLICE_INIT(""),
        SLICE_INIT("bob"),
        SLICE_INIT("bob@"),
        SLICE_INIT("bob@partner.test>\r\nDATA\r\n"),
        SLICE_INIT("bob@partner.test> NOTIFY=NEVER"),
        SLICE_INIT("\"bob\r\nRSET\r\n\"@partner.test"),
        SLICE_INIT("bob@partner.test\0"),
        SLICE_INIT("bob\n@partner.test"),
    };

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        if (judge(addresses[i], SLICE_NONE)) {
            fail_msg("address %zu was taken", i);
        }
    }
    assert_false(judge(SLICE("bob@partner.test"), SLICE("rfc822;bob\r\nRSET")));
    assert_false(judge(SLICE("bob@partner.test"), SLICE("rfc822;bob X=1")));
}

static void refuses_a_letter_to_nobody(void **unused)
{
    (void)unused;
    struct keeper_submit_ask ask = {0};
    struct error e = {0};

    assert_false(keeper_envelope_judge(&ask, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_clients_send),
        cmocka_unit_test(refuses_what_would_be_a_command),
        cmocka_unit_test(refuses_a_letter_to_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
