/* What a directory's people make of accounts. */
#include "keeper/sync_plan.h"
#include "tests/test.h"

#define MAX 64

static struct directory_settings office = {.name = SLICE_INIT("office")};
static struct directory_person people[MAX];
static struct account accounts[MAX];
static size_t n_people;
static size_t n_accounts;
static struct slice lists[MAX * 4]; /* items of their lists */
static size_t n_lists;

static int begin(void **unused)
{
    (void)unused;
    n_people = n_accounts = n_lists = 0;
    office = (struct directory_settings){.name = SLICE_INIT("office")};
    return 0;
}

static struct cbor_list texts(const char *text)
{
    struct slice *first = &lists[n_lists];
    struct slice rest = slice_text(text);
    size_t n = 0;

    while (rest.len) {
        lists[n_lists++] = slice_cut(rest, ' ', &rest);
        n++;
    }
    return (struct cbor_list){first, n};
}

static struct config_list names(const char *text)
{
    const struct cbor_list list = texts(text);

    return (struct config_list){list.items, list.count};
}

static struct directory_person *person(const char *key, const char *addresses)
{
    people[n_people] =
        (struct directory_person){.key = slice_text(key), .addresses = texts(addresses)};
    return &people[n_people++];
}

/* key NULL: made here */
static struct account *account(const char *name, const char *key, const char *addresses)
{
    accounts[n_accounts] = (struct account){.name = slice_text(name),
                                            .addresses = texts(addresses),
                                            .role = ACCOUNT_EMPLOYEE,
                                            .directory = key ? office.name : SLICE_NONE,
                                            .directory_key = slice_text(key)};
    return &accounts[n_accounts++];
}

static enum sync_objection object(void *unused, struct slice name, struct slice address)
{
    (void)unused;
    (void)name;
    if (!slice_equal(slice_from(address, slice_find(address, '@')), SLICE("@x.test"))) {
        return SYNC_FOREIGN;
    }
    return slice_starts(address, SLICE("former")) ? SYNC_WAS_OTHERS : SYNC_FINE;
}

static struct sync_plan plan(struct arena *arena)
{
    const struct sync_scene scene = {.section = &office,
                                     .accounts = accounts,
                                     .n_accounts = n_accounts,
                                     .people = people,
                                     .n_people = n_people,
                                     .now = 5,
                                     .object = object};
    struct sync_plan out;

    sync_plan_make(&scene, arena, &out);
    return out;
}

static void new_people_get_accounts_named_by_their_first_address(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 22};

    person("1", "anna@else.test anna@x.test a@x.test");
    person("2", "bob@else.test");
    person("3", "");
    person("4", "carl@x.test")->closed = true;
    struct sync_plan p = plan(&arena);
    assert_int_equal(p.n_changes, 1);
    assert_int_equal(p.changes[0].kind, SYNC_ADD);
    assert_slice(p.changes[0].now.name, "anna@x.test");
    assert_slice(p.changes[0].now.directory, "office");
    assert_slice(p.changes[0].now.directory_key, "1");
    assert_slice(p.changes[0].detail, "also sends as a@x.test");
    assert_int_equal(p.changes[0].now.verifier.len, 0);
    assert_int_equal(p.n_notes, 0);
}

static void nobodys_address_is_taken(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 22};

    account("local@x.test", NULL, "desk@x.test");
    account("anna@x.test", "1", "");
    person("1", "anna@x.test desk@x.test former@x.test");
    person("2", "Local@x.test spare@x.test"); /* another's name: no account by a further address */
    person("3", "twin@x.test");
    person("4", "twin@x.test");
    struct sync_plan p = plan(&arena);
    assert_int_equal(p.n_changes, 1);
    assert_slice(p.changes[0].now.name, "twin@x.test");
    assert_slice(p.changes[0].now.directory_key, "3");
    assert_int_equal(p.n_notes, 4);
}

static void an_account_keeps_its_name_and_a_persons_word(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 22};

    account("anna@x.test", "1", "old@x.test")->groups = texts("choir");
    account("bob@x.test", "2", "")->disabled = true; /* by a person */
    office.groups = names("sales:cn=sales");
    person("1", "married@x.test")->groups = texts("sales board");
    person("2", "bob@x.test");
    struct sync_plan p = plan(&arena);
    assert_int_equal(p.n_changes, 1);
    assert_slice(p.changes[0].now.name, "anna@x.test");
    assert_slice(p.changes[0].detail, "groups choir sales, also sends as married@x.test");
}

static void who_is_gone_or_locked_is_closed_and_opened_again(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 22};

    account("gone@x.test", "1", "");
    account("locked@x.test", "2", "");
    struct account *back = account("back@x.test", "3", "");
    back->disabled = back->directory_closed = true;
    account("local@x.test", NULL, "");
    account("another@x.test", "9", "")->directory = SLICE("branch");
    person("2", "locked@x.test")->closed = true;
    person("3", "back@x.test");
    struct sync_plan p = plan(&arena);
    assert_int_equal(p.n_changes, 3);
    assert_int_equal(p.counts[SYNC_CLOSE], 2);
    assert_int_equal(p.counts[SYNC_OPEN], 1);
    for (size_t i = 0; i < p.n_changes; i++) {
        bool closed = p.changes[i].kind == SYNC_CLOSE;
        assert_int_equal(p.changes[i].now.disabled, closed);
        assert_int_equal(p.changes[i].now.directory_closed, closed);
    }
}

static void roles_come_by_groups_that_the_settings_name(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 22};

    person("1", "anna@x.test")->role = ACCOUNT_OFFICER; /* of which the settings say nothing */
    struct sync_plan p = plan(&arena);
    assert_int_equal(p.changes[0].now.role, ACCOUNT_EMPLOYEE);
    assert_false(p.changes[0].gives);
    office.officers = names("cn=officers");
    p = plan(&arena);
    assert_int_equal(p.changes[0].now.role, ACCOUNT_OFFICER);
    assert_true(p.changes[0].gives);
    assert_slice(p.changes[0].detail, "role officer");
    people[0].role = ACCOUNT_APPLICATION;
    p = plan(&arena);
    assert_int_equal(p.changes[0].now.role, ACCOUNT_EMPLOYEE);
}

static void roles_that_go_together_are_alarming(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 22};

    office.auditors = names("cn=auditors");
    account("anna@x.test", "1", "")->role = ACCOUNT_AUDITOR;
    account("bob@x.test", "2", "")->role = ACCOUNT_AUDITOR;
    account("dora@x.test", "3", "");
    person("1", "anna@x.test")->role = ACCOUNT_AUDITOR;
    person("2", "bob@x.test")->role = ACCOUNT_EMPLOYEE;
    person("3", "dora@x.test")->role = ACCOUNT_EMPLOYEE;
    struct sync_plan p = plan(&arena);
    assert_int_equal(p.taken, 1);
    assert_int_equal(p.offices, 2);
    assert_false(sync_plan_is_alarming(&p));
    people[0].role = ACCOUNT_EMPLOYEE;
    p = plan(&arena);
    assert_int_equal(p.taken, 2);
    assert_true(sync_plan_is_alarming(&p));
}

static void the_last_officer_and_administrator_stay(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 22};

    office.officers = names("cn=officers");
    account("anna@x.test", "1", "")->role = ACCOUNT_OFFICER;
    account("bob@x.test", "2", "")->role = ACCOUNT_OFFICER;
    account("dora@x.test", "3", "")->role = ACCOUNT_ADMINISTRATOR;
    person("1", "anna@x.test")->role = ACCOUNT_EMPLOYEE;
    struct sync_plan p = plan(&arena); /* Bob and Dora are gone */
    assert_int_equal(p.n_changes, 1);
    assert_slice(p.changes[0].now.name, "anna@x.test");
    assert_int_equal(p.n_notes, 2);
    assert_slice(p.notes[0], "left as it is: bob@x.test is the last officer");
    assert_slice(p.notes[1], "left as it is: dora@x.test is the last administrator");
}

static void twins_change_nobody(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 22};

    account("anna@x.test", "1", "");
    person("1", "anna@x.test more@x.test");
    person("1", "evil@x.test");
    struct sync_plan p = plan(&arena);
    assert_int_equal(p.n_changes, 0);
    assert_int_equal(p.n_notes, 2);
}

static void many_closings_are_alarming(void **unused)
{
    (void)unused;

    static const struct {
        size_t closed, open;
        bool alarming;
    } cases[] = {
        {0,  0,  false},
        {1,  1,  false},
        {2,  2,  true },
        {4,  5,  false},
        {5,  15, false},
        {5,  14, true },
        {40, 60, true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct sync_plan p = {.counts = {[SYNC_CLOSE] = cases[i].closed},
                                    .open = cases[i].open};
        assert_int_equal(sync_plan_is_alarming(&p), cases[i].alarming);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(new_people_get_accounts_named_by_their_first_address, begin),
        cmocka_unit_test_setup(nobodys_address_is_taken, begin),
        cmocka_unit_test_setup(an_account_keeps_its_name_and_a_persons_word, begin),
        cmocka_unit_test_setup(who_is_gone_or_locked_is_closed_and_opened_again, begin),
        cmocka_unit_test_setup(roles_come_by_groups_that_the_settings_name, begin),
        cmocka_unit_test_setup(the_last_officer_and_administrator_stay, begin),
        cmocka_unit_test_setup(roles_that_go_together_are_alarming, begin),
        cmocka_unit_test_setup(twins_change_nobody, begin),
        cmocka_unit_test_setup(many_closings_are_alarming, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
