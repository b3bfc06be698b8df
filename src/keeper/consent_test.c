/* Who may be the second person, and how long a letter waits. */
#include "keeper/consent.h"
#include "state/state.h"
#include "tests/test.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

static struct slice approvers[] = {SLICE_INIT("role officer"), SLICE_INIT("group leads"),
                                   SLICE_INIT("account Bea@example.test")};
static struct slice leads[] = {SLICE_INIT("sales"), SLICE_INIT("leads")};
static struct slice addresses[] = {SLICE_INIT("board@example.test")};

static struct consent_letter letter_of(const char *account, const char *from)
{
    struct consent_letter l = {0};

    l.facts.account = slice_text(account);
    l.facts.behalf.from = slice_text(from);
    l.decision.need.approvers = (struct cbor_list){approvers, 3};
    return l;
}

static struct account account_of(const char *name, uint64_t role, size_t groups)
{
    return (struct account){
        .name = slice_text(name), .role = role, .groups = {leads, groups}
    };
}

static void who_may(void **unused)
{
    static const struct {
        const char *name;
        uint64_t role;
        size_t groups;
        bool may;
    } rows[] = {
        {"carl@example.test",  ACCOUNT_EMPLOYEE,      0, false},
        {"carl@example.test",  ACCOUNT_EMPLOYEE,      1, false}, /* of another group */
        {"carl@example.test",  ACCOUNT_EMPLOYEE,      2, true },
        {"carl@example.test",  ACCOUNT_OFFICER,       0, true },
        {"carl@example.test",  ACCOUNT_ADMINISTRATOR, 0, false},
        {"bea@example.test",   ACCOUNT_EMPLOYEE,      0, true },
        {"bea@example.test.x", ACCOUNT_EMPLOYEE,      0, false},
        {"robot@example.test", ACCOUNT_APPLICATION,   2, false},
        {"anna@example.test",  ACCOUNT_OFFICER,       2, false}, /* her own */
    };
    struct consent_letter l = letter_of("anna@example.test", "");
    (void)unused;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct account a = account_of(rows[i].name, rows[i].role, rows[i].groups);
        if (consent_may(&a, &l) != rows[i].may) {
            fail_msg("%zu: %s", i, rows[i].name);
        }
        a.disabled = true;
        assert_false(consent_may(&a, &l));
    }
    struct account bea = account_of("bea@example.test", ACCOUNT_OFFICER, 2);
    l.decision.need.approvers.count = 0;
    assert_false(consent_may(&bea, &l));
}

/* Neither who sent it in another's name, nor the other one; and not by another spelling or a further address. */
static void nobody_approves_his_own(void **unused)
{
    struct account a = account_of("boss@example.test", ACCOUNT_OFFICER, 2);
    struct consent_letter l = letter_of("anna@example.test", "Board@example.test");
    (void)unused;

    assert_true(consent_may(&a, &l));
    a.addresses = (struct cbor_list){addresses, 1};
    assert_false(consent_may(&a, &l));
    l = letter_of("BOARD@example.test", ""); /* as a provider said it */
    assert_false(consent_may(&a, &l));
    l = letter_of("", "");
    assert_true(consent_may(&a, &l));
}

/* Whoever is in a group delegated it for all of them: the letter says in whose name it was sent. */
static void nor_one_sent_by_his_group(void **unused)
{
    static const struct {
        const char *from;
        const char *path;
        bool may;
    } rows[] = {
        {"Board <BOARD@example.test>",                          "anna@example.test",   false},
        {"board+q3@example.test",                               "anna@example.test",   false},
        {"\"boss@example.test\" <x@example.test>",              "",                    false}, /* what he may seem to have sent */
        {"Anna <anna@example.test>",                            "boss-1@example.test", false},
        {"Board <shipboard@example.test>, boards@example.test", "a@example.test",      true },
        {"board@example.test.example, board@other.test",        "",                    true },
        {"",                                                    "",                    true },
    };
    struct account a = account_of("boss@example.test", ACCOUNT_OFFICER, 2);
    struct consent_letter l = letter_of("anna@example.test", "sales");
    (void)unused;

    a.addresses = (struct cbor_list){addresses, 1};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        l.facts.from = slice_text(rows[i].from);
        l.facts.reverse_path = slice_text(rows[i].path);
        if (consent_may(&a, &l) != rows[i].may) {
            fail_msg("%zu: %s", i, rows[i].from);
        }
    }
    /* Without a delegation the address is that of who sent it. */
    l = letter_of("anna@example.test", "");
    l.facts.from = SLICE("board@example.test");
    assert_true(consent_may(&a, &l));
}

/* The catalog leads to a record: it must be this letter's. */
static void records_are_the_letters_own(void **unused)
{
    OWN(parcel) struct parcel *p = parcel_new();
    const struct letter_id other = letter_id_new();
    struct error e;
    (void)unused;

    p->id = letter_id_new();
    assert_ok(parcel_owns(p, letter_id_slice(&p->id), &e), e);
    assert_false(parcel_owns(p, letter_id_slice(&other), &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_false(parcel_owns(p, SLICE_NONE, &e));
}

static void how_long(void **unused)
{
    const int64_t at = 1800000000000;
    const int64_t until = at + 2 * DAY_MS;
    (void)unused;

    assert_int_equal(consent_left((uint64_t)at, (uint64_t)until, at), 2 * DAY_MS);
    assert_int_equal(consent_left((uint64_t)at, (uint64_t)until, at + DAY_MS), DAY_MS);
    /* Set forward, or switched off for long: time to say something is left. */
    assert_int_equal(consent_left((uint64_t)at, (uint64_t)until, at + 9000 * DAY_MS), HOUR_MS / 4);
    assert_int_equal(consent_left((uint64_t)at, (uint64_t)at + 8000, at + DAY_MS), 1000);
    /* Set back: no longer than was said. */
    assert_int_equal(consent_left((uint64_t)at, (uint64_t)until, at - 9000 * DAY_MS), 2 * DAY_MS);
    assert_int_equal(consent_left((uint64_t)at, (uint64_t)until, 0), 2 * DAY_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_may),
        cmocka_unit_test(nobody_approves_his_own),
        cmocka_unit_test(nor_one_sent_by_his_group),
        cmocka_unit_test(records_are_the_letters_own),
        cmocka_unit_test(how_long),
    };
    return cmocka_run_group_tests_name("keeper/consent", tests, NULL, NULL);
}
