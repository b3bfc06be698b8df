#include "letter/account_role.h"
#include "letter/findings.h"
#include "letter/records.h"
#include "letter/secret.h"
#include "letter/subject.h"
#include "tests/test.h"

static void ids_read_back(void **unused)
{
    (void)unused;
    char text[LETTER_ID_TEXT];
    struct letter_id id = letter_id_new();
    struct letter_id again;

    letter_id_text(&id, text);
    assert_int_equal(strlen(text), 16);
    assert_true(letter_id_parse(slice_text(text), &again));
    assert_memory_equal(id.bytes, again.bytes, LETTER_ID_LEN);
    assert_true(letter_id_parse(SLICE("OIL0000000000000"), &id));
    letter_id_text(&id, text);
    assert_string_equal(text, "0110000000000000");
    assert_false(letter_id_parse(SLICE("u000000000000000"), &id));
    assert_false(letter_id_parse(SLICE("000"), &id));
}

static void roles_have_names(void **unused)
{
    (void)unused;
    uint64_t role = 0;

    for (uint64_t i = ACCOUNT_EMPLOYEE; i <= ACCOUNT_ROLE_LAST; i++) {
        assert_true(account_role_from(slice_text(account_role_name(i)), &role));
        assert_int_equal(role, i);
    }
    assert_false(account_role_from(SLICE("unknown"), &role));
    assert_false(account_role_from(SLICE(""), &role));
    assert_string_equal(account_role_name(0), "unknown");
    assert_string_equal(account_role_name(ACCOUNT_ROLE_LAST + 1), "unknown");
}

static void texts_become_utf8(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 65536};
    assert_slice(letter_text(&a, SLICE("gr\xc3\xbc\xc3\x9f"), 100), "gr\xc3\xbc\xc3\x9f");
    assert_slice(letter_text(&a,
                             SLICE("a\xff"
                                   "b"),
                             100),
                 "a\xef\xbf\xbd"
                 "b");
    assert_slice(letter_text(&a, SLICE("abcdef"), 3), "abc");
    assert_slice(letter_text(&a, SLICE("ab\xc3\xbc"), 3), "ab"); /* never half a character */
    assert_slice(letter_text(&a, SLICE(""), 3), "");
}

static void domains(void **unused)
{
    (void)unused;
    assert_slice(letter_domain(SLICE("\"a@b\"@c.test")), "c.test");
    assert_slice(letter_domain(SLICE("postmaster")), "");
}

static void facts_round_trip(void **unused)
{
    (void)unused;
    static const uint8_t digest[32] = {1};
    struct letter_id id = letter_id_new();
    struct recipient to[] = {
        {SLICE_INIT("bob@partner.test"), NOTIFY_FAILURE, {NULL, 0}}
    };
    struct facts in = {
        .id = letter_id_slice(&id),
        .kind = LETTER_SUBMITTED,
        .received_at = 1,
        .size = 5,
        .recipients = {to, 1},
        .digest = slice_of(digest, sizeof(digest))
    };
    struct facts out;
    struct error e;
    OWN(buf) struct buf b = {.max = 4096};
    OWN(arena) struct arena a = {.max = 65536};

    cbor_write(&b, &facts_schema, &in);
    assert_ok(cbor_read(buf_slice(&b), &facts_schema, &a, &out, &e), e);
    assert_int_equal(out.recipients.count, 1);
    assert_slice(((struct recipient *)out.recipients.items)->address, "bob@partner.test");
}

/* What was kept, and why, reads back; a place behind the list of grounds does not. */
static void subjects_round_trip(void **unused)
{
    (void)unused;
    struct letter_id id = letter_id_new();
    struct subject_ground grounds[] = {
        {SUBJECT_HELD, SLICE_INIT("case-7"), {NULL, 0}                          },
        {SUBJECT_DUTY, SLICE_INIT("tax"),    SLICE_INIT("Tax Code, section 147")},
    };
    struct subject_kept kept[] = {
        {letter_id_slice(&id), 0, 0 },
        {letter_id_slice(&id), 1, 77},
    };
    struct subject_record in = {
        .request = letter_id_slice(&id),
        .number = 3,
        .state = SUBJECT_GOES_ON,
        .next = 12,
        .kept = 1,
        .grounds = {grounds, 2},
        .letters = {kept,    2}
    };
    struct subject_record out;
    struct error e;
    OWN(buf) struct buf b = {.max = 4096};
    OWN(arena) struct arena a = {.max = 65536};

    cbor_write(&b, &subject_record_schema, &in);
    assert_ok(cbor_read(buf_slice(&b), &subject_record_schema, &a, &out, &e), e);
    assert_int_equal(out.number, 3);
    assert_int_equal(out.letters.count, 2);
    assert_int_equal(((struct subject_kept *)out.letters.items)[0].until, 0);
    assert_int_equal(((struct subject_kept *)out.letters.items)[1].until, 77);
    assert_slice(((struct subject_ground *)out.grounds.items)[1].citation, "Tax Code, section 147");
    kept[1].ground = SUBJECT_GROUNDS_MAX;
    buf_reset(&b);
    cbor_write(&b, &subject_record_schema, &in);
    assert_false(cbor_read(buf_slice(&b), &subject_record_schema, &a, &out, &e));
}

static void what_holds_it_adds_up(void **unused)
{
    OWN(arena) struct arena a = {.max = 65536};
    struct ruling r = {.reason = SLICE("[policy x]"), .guard = GUARD_POLICY};
    (void)unused;

    ruling_hold(&r, SLICE("first"), &a); /* instead of why it would have left */
    assert_true(r.hold);
    assert_slice(r.reason, "first");
    ruling_hold(&r, SLICE("second"), &a);
    ruling_hold(&r, SLICE("second"), &a);
    assert_slice(r.reason, "second; first");
    assert_int_equal(r.guard, GUARD_POLICY);
}

static void passwords_are_no_common_words(void **unused)
{
    static const struct {
        const char *password;
        bool sound;
    } rows[] = {
        {"k7mpx-3qd9r-h2v8t-bcdef", true },
        {"tango42-whiskey",         false},
        {"tango42-whiskey7",        true },
        {"x7-a2-b3-c4-d5-e6",       false},
        {"the-and-for-you",         false},
        {"the-and-for-2031-2032",   false},
        {"winter2031!",             false},
        {"winter2031!!",            true },
        {"winter 2031 x7abcdefg",   false},
        {"$$$$$$$$$$$$",            false},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(secret_sound(slice_text(rows[i].password)), rows[i].sound);
    }
}

static void telephone_numbers_are_international(void **unused)
{
    static const struct {
        const char *number;
        bool sound;
    } rows[] = {
        {"+4930123456",       true },
        {"+4930123",          true },
        {"+493012345678901",  true },
        {"+4930123456789012", false},
        {"+49301",            false},
        {"4930123456",        false},
        {"+030123456",        false},
        {"+49 30 123456",     false},
        {"+49301234;reboot",  false},
        {"+4930123\n56",      false},
        {"",                  false},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(secret_telephone_sound(slice_text(rows[i].number)), rows[i].sound);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(telephone_numbers_are_international),
        cmocka_unit_test(what_holds_it_adds_up),
        cmocka_unit_test(passwords_are_no_common_words),
        cmocka_unit_test(ids_read_back),
        cmocka_unit_test(roles_have_names),
        cmocka_unit_test(texts_become_utf8),
        cmocka_unit_test(domains),
        cmocka_unit_test(facts_round_trip),
        cmocka_unit_test(subjects_round_trip),
    };
    return cmocka_run_group_tests_name("letter", tests, NULL, NULL);
}
