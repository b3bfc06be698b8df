/* Who may ask what over the control socket. */
#include "keeper/keeper.h"
#include "requests/admin.h"
#include "requests/consent.h"
#include "requests/contacts.h"
#include "requests/permits.h"
#include "requests/subject.h"
#include "tests/test.h"

static struct caller caller_of(uint64_t role, bool machine)
{
    return (struct caller){.by = SLICE("somebody"),
                           .at = SLICE("uid 1"),
                           .account = role ? SLICE("somebody") : SLICE_NONE,
                           .role = role,
                           .machine = machine};
}

/* The role in which it is allowed, or -1. */
static int allowed(const struct ipc_message *m, uint64_t role, bool machine)
{
    const struct permit *p = permit_find(m);
    struct caller caller = caller_of(role, machine);
    uint64_t as = 99;
    struct error e = {0};

    assert_non_null(p);
    if (permit_allows(p, &caller, &as, &e)) {
        return (int)as;
    }
    assert_int_equal(e.kind, ERROR_DENIED);
    assert_non_null(strstr(e.text, "postern login"));
    assert_int_equal(as, 99);
    return -1;
}

static void every_request_has_its_row(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < keeper_admin_table.n_rows; i++) {
        assert_non_null(permit_find(keeper_admin_table.rows[i].message));
        for (size_t k = 0; k < i; k++) { /* and a number of its own */
            assert_int_not_equal(keeper_admin_table.rows[k].message->id,
                                 keeper_admin_table.rows[i].message->id);
        }
    }
    assert_true(keeper_admin_table.n_rows <= IPC_ROWS_MAX);
    assert_null(permit_find(NULL));
}

static void the_system_is_the_administrators(void **unused)
{
    (void)unused;
    const struct ipc_message *const only[] = {&admin_dkim_new, &admin_rebuild, &admin_backup};

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(allowed(only[i], ACCOUNT_ADMINISTRATOR, false), ACCOUNT_ADMINISTRATOR);
        assert_int_equal(allowed(only[i], ACCOUNT_OFFICER, false), -1);
        assert_int_equal(allowed(only[i], ACCOUNT_AUDITOR, false), -1);
        assert_int_equal(allowed(only[i], ACCOUNT_EMPLOYEE, false), -1);
        assert_int_equal(allowed(only[i], 0, false), -1);
    }
    assert_int_equal(allowed(&admin_user_set, ACCOUNT_OFFICER, false), ACCOUNT_OFFICER);
    assert_int_equal(allowed(&admin_user_set, ACCOUNT_AUDITOR, false), -1);
    assert_int_equal(allowed(&admin_order, ACCOUNT_EMPLOYEE, false), -1);
}

/* A preview of an erasure tells whose letters say what: root alone, or who runs the system, sees none. */
static void a_persons_letters_are_the_officers(void **unused)
{
    (void)unused;
    const struct ipc_message *const only[] = {&subject_preview, &subject_ask};

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(allowed(only[i], ACCOUNT_OFFICER, false), ACCOUNT_OFFICER);
        assert_int_equal(allowed(only[i], ACCOUNT_ADMINISTRATOR, true), -1);
        assert_int_equal(allowed(only[i], ACCOUNT_AUDITOR, false), -1);
        assert_int_equal(allowed(only[i], 0, true), -1);
    }
    assert_int_equal(allowed(&subject_list, ACCOUNT_AUDITOR, false), ACCOUNT_AUDITOR);
    assert_int_equal(allowed(&subject_letters, ACCOUNT_ADMINISTRATOR, true), -1);
}

/* Root runs the system whoever is signed in, and in the role that the account has where it has one. */
static void the_machine_is_an_administrator(void **unused)
{
    (void)unused;
    assert_int_equal(allowed(&admin_backup, 0, true), ACCOUNT_ADMINISTRATOR);
    assert_int_equal(allowed(&admin_backup, ACCOUNT_AUDITOR, true), ACCOUNT_ADMINISTRATOR);
    assert_int_equal(allowed(&admin_user_set, ACCOUNT_OFFICER, true), ACCOUNT_OFFICER);
}

static void contacts_are_for_who_signs_in(void **unused)
{
    (void)unused;
    assert_int_equal(allowed(&contact_find, ACCOUNT_EMPLOYEE, false), ACCOUNT_EMPLOYEE);
    assert_int_equal(allowed(&contact_list, ACCOUNT_AUDITOR, false), ACCOUNT_AUDITOR);
    assert_int_equal(allowed(&contact_find, 0, false), -1);
    assert_int_equal(allowed(&letter_verdict, ACCOUNT_EMPLOYEE, false), ACCOUNT_EMPLOYEE);
    assert_int_equal(allowed(&letter_verdict, 0, false), -1);
    assert_int_equal(allowed(&letter_verdict, ACCOUNT_APPLICATION, false), -1);
    assert_int_equal(allowed(&decoys_order, ACCOUNT_EMPLOYEE, false), -1);
    assert_int_equal(allowed(&decoys_order, ACCOUNT_AUDITOR, false), -1);
    assert_int_equal(allowed(&decoys_order, ACCOUNT_OFFICER, false), ACCOUNT_OFFICER);
}

static void anybody_may_sign_in(void **unused)
{
    (void)unused;
    assert_int_equal(allowed(&admin_sign_in, 0, false), 0);
    assert_int_equal(allowed(&caller_pass, ACCOUNT_EMPLOYEE, false), 0);
    assert_int_equal(allowed(&admin_status, 0, false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_has_its_row),
        cmocka_unit_test(the_system_is_the_administrators),
        cmocka_unit_test(a_persons_letters_are_the_officers),
        cmocka_unit_test(the_machine_is_an_administrator),
        cmocka_unit_test(contacts_are_for_who_signs_in),
        cmocka_unit_test(anybody_may_sign_in),
    };
    return cmocka_run_group_tests_name("permits", tests, NULL, NULL);
}
