/* Whether a password is good enough for an account, with the imported list or without. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bytes.h"

#include "host/file.h"
#include "passwords/dump.h"
#include "passwords/filter_write.h"
#include "processes/auth_password.h"
#include "tests/test.h"

#define GOOD SLICE("gravel orchid lantern spoon")

static char folder_name[64];
static int folder = -1;

static struct slice domains[] = {SLICE_INIT("example.test"), SLICE_INIT("kranbau-nord.test")};
static struct settings settings = {
    .general = {.domains = {domains, 2}, .hostname = SLICE_INIT("quastenflosser.example.test")},
};

static int set_up(void **unused)
{
    (void)unused;
    (void)snprintf(folder_name, sizeof(folder_name), "/tmp/passwords-auth-XXXXXX");
    folder = mkdtemp(folder_name) ? open(folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    return folder < 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    (void)unlinkat(folder, DUMP_NAME, 0);
    (void)close(folder);
    return rmdir(folder_name);
}

static enum password_verdict verdict(struct auth_verifier_ask ask)
{
    struct password_judgement j;
    struct error e;

    ask.account = SLICE("anna@example.test");
    assert_ok(auth_password_judge(&settings, folder, &ask, &j, &e), e);
    return j.verdict;
}

static void a_second_factor_makes_shorter_ones_do(void **unused)
{
    (void)unused;
    struct auth_verifier_ask ask = {.password = SLICE("Wq7#mZ2x!b")};

    assert_int_equal(verdict(ask), PASSWORD_SHORT);
    ask.second_factor = true;
    assert_int_equal(verdict(ask), PASSWORD_GOOD);
}

static void words_of_account_and_company_count(void **unused)
{
    (void)unused;
    static struct slice addresses[] = {SLICE_INIT("sachbearbeitung@bodenlos.test")};
    struct auth_verifier_ask ask = {.password = SLICE("sachbearbeitung bodenlos krawuttke")};

    assert_int_equal(verdict(ask), PASSWORD_GOOD);
    ask.display = SLICE("Kunigunde Krawuttke");
    ask.addresses = (struct cbor_list){addresses, 1};
    assert_int_equal(verdict(ask), PASSWORD_OWN);
    ask.password = SLICE("quastenflosser kranbau");
    assert_int_equal(verdict(ask), PASSWORD_OWN);
}

/* Put a list of one password in place. */
static void import(struct slice password)
{
    uint64_t count = 0;
    struct error e;

    (void)unlinkat(folder, DUMP_NAME, 0);
    OWN(fd) int fd = openat(folder, DUMP_NAME, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    OWN(filter_writer) struct filter_writer *w = filter_writer_new(fd, 1, FILTER_BITS_MAX);
    assert_ok(filter_writer_add(w, filter_hash(password), &e), e);
    assert_ok(filter_writer_end(w, &count, &e), e);
}

static void the_imported_list_holds_at_once(void **unused)
{
    (void)unused;
    struct auth_verifier_ask ask = {.password = GOOD};

    assert_int_equal(verdict(ask), PASSWORD_GOOD);
    import(GOOD);
    assert_int_equal(verdict(ask), PASSWORD_BREACHED);
    import(SLICE("gravel orchid lantern spoon2"));
    assert_int_equal(verdict(ask), PASSWORD_GOOD);
    import(SLICE("Ka\xcc\x88se gravel orchid lantern")); /* stolen as it was typed */
    ask.password = SLICE("Ka\xcc\x88se gravel orchid lantern");
    assert_int_equal(verdict(ask), PASSWORD_BREACHED);
}

/* What cannot be read refuses nothing and accepts nothing. */
static void a_damaged_list_is_an_error(void **unused)
{
    (void)unused;
    struct auth_verifier_ask ask = {.account = SLICE("anna@example.test"), .password = GOOD};
    struct password_judgement j;
    struct error e;

    import(GOOD);
    OWN(fd) int fd = openat(folder, DUMP_NAME, O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, 20), 1);
    assert_false(auth_password_judge(&settings, folder, &ask, &j, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_ok(auth_password_judge(&settings, -1, &ask, &j, &e), e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_factor_makes_shorter_ones_do),
        cmocka_unit_test(words_of_account_and_company_count),
        cmocka_unit_test(the_imported_list_holds_at_once),
        cmocka_unit_test(a_damaged_list_is_an_error),
    };

    return cmocka_run_group_tests_name("processes/auth_password", tests, set_up, tear_down);
}
