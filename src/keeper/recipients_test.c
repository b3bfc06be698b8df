/* Steps that were passed over because of a failure of ours. */
#include "keeper/recipients.h"
#include "tests/test.h"

static void what_cannot_be_looked_at_now_decides_nothing(void **unused)
{
    struct recipient_state states[2] = {
        {.smime = {.why = SLICE("the state cannot be read"), .later = true},
         .openpgp.usable = true}
    };
    struct ruling_try tried[] = {
        {RUNG_SMIME,   SLICE("")},
        {RUNG_OPENPGP, SLICE("")}
    };
    struct ruling rulings[] = {
        {.recipients = SLICE("\0\1"), .tried = {tried, 2}    },
        {.recipients = SLICE("\0\0"), .tried = {tried + 1, 1}},
    };
    const struct decision d = {
        .rulings = {rulings, 2}
    };
    static const struct settings none;
    struct error e;
    (void)unused;

    assert_true(recipients_known(states, 2, &none, &d, &e)); /* nobody came to that step */
    rulings[1].tried = (struct cbor_list){tried, 2};
    assert_false(recipients_known(states, 2, &none, &d, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_string_equal(e.text, "a recipient: the state cannot be read");
    assert_true(recipients_known(states, 0, &none, &d, &e)); /* no state of it */
    states[0].smime.later = false;
    assert_true(recipients_known(states, 2, &none, &d, &e));
}

/* The first that the settings name signs; what is behind it is not waited for. */
static void what_signs_already_waits_for_nobody(void **unused)
{
    static int methods[] = {SETTING_SIGN_SMIME, SETTING_SIGN_OPENPGP};
    struct settings s = {
        .signing.methods = {methods, 2}
    };
    struct recipient_state state = {.smime_signed.usable = true, .openpgp_signed.later = true};
    struct ruling ruling = {.recipients = SLICE("\0\0"), .method = RUNG_SMIME_SIGNED};
    const struct decision d = {
        .rulings = {&ruling, 1}
    };
    struct error e;
    (void)unused;

    assert_true(recipients_known(&state, 1, &s, &d, &e));
    methods[0] = SETTING_SIGN_OPENPGP;
    methods[1] = SETTING_SIGN_SMIME;
    assert_false(recipients_known(&state, 1, &s, &d, &e));
    ruling.method = RUNG_NONE;
    assert_false(recipients_known(&state, 1, &s, &d, &e));
    ruling.method = RUNG_OPENPGP; /* it is encrypted, and signed with it or not at all */
    assert_true(recipients_known(&state, 1, &s, &d, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_looked_at_now_decides_nothing),
        cmocka_unit_test(what_signs_already_waits_for_nobody),
    };
    return cmocka_run_group_tests_name("keeper/recipients", tests, NULL, NULL);
}
