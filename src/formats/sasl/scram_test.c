#include <string.h>

#include "formats/sasl/prepare.h"
#include "formats/sasl/scram.h"
#include "tests/test.h"

#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

/* RFC 7677 section 3. */
static void the_rfcs_messages_are_read(void **unused)
{
    (void)unused;
    static const uint8_t salt[] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                                   0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81};
    struct slice message = SLICE("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    struct scram_client_first first;
    struct scram_client_final last;
    OWN(buf) struct buf out = {.max = 200};

    assert_true(scram_read_first(message, &first));
    assert_int_equal(first.flag, SCRAM_UNABLE);
    assert_true(slice_equal(first.user, SLICE("user")));
    assert_true(slice_equal(first.nonce, SLICE("rOprNGfwEbeRWgbNEkqO")));
    assert_true(slice_equal(first.header, SLICE("n,,")));
    assert_true(slice_equal(first.bare, SLICE("n=user,r=rOprNGfwEbeRWgbNEkqO")));
    scram_write_first(&out, SLICE("rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"),
                      SLICE_ARRAY(salt), 4096);
    assert_true(
        slice_equal(buf_slice(&out), SLICE("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                           "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")));
    message = SLICE("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=" PROOF);
    assert_true(scram_read_final(message, &last));
    assert_true(slice_equal(last.binding, SLICE("biws")));
    assert_true(slice_equal(last.proven, SLICE("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFI"
                                               "lj)hNlF$k0")));
    assert_int_equal(last.proof[0], 0x74);
    assert_int_equal(last.proof[31], 0x54);
}

static void headers_are_told_apart(void **unused)
{
    (void)unused;
    struct scram_client_first first;

    assert_true(scram_read_first(SLICE("y,a=bert,n=anna,r=x"), &first));
    assert_int_equal(first.flag, SCRAM_UNSEEN);
    assert_true(slice_equal(first.authorize, SLICE("bert")));
    assert_true(slice_equal(first.header, SLICE("y,a=bert,")));
    assert_true(scram_read_first(SLICE("p=tls-exporter,,n=anna,r=x,z=more"), &first));
    assert_int_equal(first.flag, SCRAM_BOUND);
    assert_true(slice_equal(first.binding, SLICE("tls-exporter")));
    assert_true(slice_equal(first.header, SLICE("p=tls-exporter,,")));
}

static void what_is_no_message_is_not_read(void **unused)
{
    (void)unused;
    static const char *const firsts[] = {
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=anna",
        "n,,n=,r=x",
        "n,,n=anna,r=",
        "n,,r=x,n=anna",
        "n,,m=mandatory,n=anna,r=x",
        "n,,n=anna,r=x,m=later",
        "n,,n=anna,r=x,r=y",
        "n,,n=anna,r=x,",
        "n,,n=anna,r=x,,",
        "n,,n=anna,r=x y",
        "n,,n=anna,r=\xc3\xa4",
        "n,,n=\xff,r=x",
        "n,a=,n=anna,r=x",
        "n,bert,n=anna,r=x",
        "p=,,n=anna,r=x",
        "p=tls unique,,n=anna,r=x",
        "p,,n=anna,r=x",
        "x,,n=anna,r=x",
        "yes,,n=anna,r=x",
        "N,,n=anna,r=x",
    };
    static const char *const finals[] = {
        "",
        "c=biws",
        "c=biws,r=x",
        "c=biws,p=" PROOF,
        "r=x,c=biws,p=" PROOF,
        "c=biws,r=x,p=",
        "c=biws,r=x,p=AAAA",
        "c=biws,r=x,p=" PROOF ",",
        "c=biws,r=x,p=" PROOF ",z=later",
        "c=biws,r=x,r=y,p=" PROOF,
        "c=biws,r=x,,p=" PROOF,
        "c=,r=x,p=" PROOF,
        "c=biws,r=x,p=" PROOF PROOF,
    };
    struct scram_client_first first;
    struct scram_client_final last;

    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        assert_false(scram_read_first(slice_text(firsts[i]), &first));
    }
    for (size_t i = 0; i < sizeof(finals) / sizeof(finals[0]); i++) {
        assert_false(scram_read_final(slice_text(finals[i]), &last));
    }
    assert_true(scram_read_final(SLICE("c=biws,r=x,z=ours,p=" PROOF), &last));
    assert_true(slice_equal(last.proven, SLICE("c=biws,r=x,z=ours")));
}

static void lengths_have_their_ends(void **unused)
{
    (void)unused;
    OWN(buf) struct buf message = {.max = 4096};
    struct scram_client_first first;

    buf_add_text(&message, "n,,n=anna,r=");
    while (message.len < 12 + SCRAM_NONCE_MAX) {
        buf_add_byte(&message, 'x');
    }
    assert_true(scram_read_first(buf_slice(&message), &first));
    buf_add_byte(&message, 'x');
    assert_false(scram_read_first(buf_slice(&message), &first));
    buf_reset(&message);
    buf_add_text(&message, "n,,n=anna,r=x,z=");
    while (message.len < SCRAM_MESSAGE_MAX) {
        buf_add_byte(&message, 'x');
    }
    assert_true(scram_read_first(buf_slice(&message), &first));
    buf_add_byte(&message, 'x');
    assert_false(scram_read_first(buf_slice(&message), &first));
}

static void names_are_decoded(void **unused)
{
    (void)unused;
    uint8_t name[SCRAM_NAME_MAX];
    uint8_t long_one[SCRAM_NAME_MAX + 1];
    size_t len = 0;

    assert_true(scram_name(SLICE("a=2Cb=3Dc"), name, &len));
    assert_true(slice_equal(slice_of(name, len), SLICE("a,b=c")));
    assert_false(scram_name(SLICE("a=2c"), name, &len));
    assert_false(scram_name(SLICE("a=2"), name, &len));
    assert_false(scram_name(SLICE("a="), name, &len));
    memset(long_one, 'a', sizeof(long_one));
    assert_true(scram_name(slice_of(long_one, SCRAM_NAME_MAX), name, &len));
    assert_false(scram_name(SLICE_ARRAY(long_one), name, &len));
}

/* RFC 4013 section 3, and passwords as people choose them. */
static void passwords_are_prepared(void **unused)
{
    (void)unused;

    static const struct {
        const char *given, *prepared; /* NULL: refused */
    } rows[] = {
        {"I\xc2\xadX",           "IX"                  },
        {"user",                 "user"                },
        {"USER",                 "USER"                },
        {"\xc2\xaa",             "a"                   },
        {"\xe2\x85\xa8",         "IX"                  },
        {"\x07",                 NULL                  },
        {"\xd8\xa7\x31",         NULL                  },
        {"gr\xc3\xbc\xc3\x9f",   "gr\xc3\xbc\xc3\x9f"  },
        {"gru\xcc\x88n",         "gr\xc3\xbcn"         },
        {"a\xc2\xa0"
         "b",           "a b"                 },
        {"key \xf0\x9f\x94\x91", "key \xf0\x9f\x94\x91"}, /* not assigned in Unicode 3.2 */
        {"\xff",                 NULL                  },
        {"\xc2\xad",             NULL                  }, /* nothing is left */
        {"",                     NULL                  },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        OWN(buf) struct buf out = {.max = 100};
        assert_int_equal(sasl_prepare(slice_text(rows[i].given), &out), rows[i].prepared != NULL);
        if (rows[i].prepared) {
            assert_true(slice_equal(buf_slice(&out), slice_text(rows[i].prepared)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rfcs_messages_are_read),
        cmocka_unit_test(headers_are_told_apart),
        cmocka_unit_test(what_is_no_message_is_not_read),
        cmocka_unit_test(lengths_have_their_ends),
        cmocka_unit_test(names_are_decoded),
        cmocka_unit_test(passwords_are_prepared),
    };
    return cmocka_run_group_tests_name("formats/sasl", tests, NULL, NULL);
}
