#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"

#include "host/file.h"
#include "processes/alerts.h"
#include "tests/test.h"

static char folder[] = "/tmp/postern-alerts-XXXXXX";

static int open_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : 1;
}

static int remove_folder(void **state)
{
    char path[64];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, i ? "program" : "said");
        (void)unlink(path);
    }
    return rmdir(folder);
}

/* Raise an alarm with a program that notes its arguments and its input. */
static void raise_alarm(struct slice event, struct slice sentence, struct buf *said)
{
    char path[64];
    char script[256];
    struct alerts alerts = {0};
    struct general_settings settings = {.alert_interval_ms = 1000};
    int status = 0;
    struct error e;
    OWN(fd) int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)unlinkat(at, "program", 0);
    (void)unlinkat(at, "said", 0);
    (void)snprintf(path, sizeof(path), "%s/program", folder);
    (void)snprintf(script, sizeof(script), "#!/bin/sh\n{ printf '%%s|' \"$@\"; cat; } >%s/said\n",
                   folder);
    assert_ok(file_create(at, "program", slice_text(script), 0700, &e), e);
    settings.alert_command = slice_text(path);
    assert_true(alerts_raise(&alerts, &settings, "delivery", event, sentence));
    assert_true(wait(&status) > 0);
    assert_int_equal(status, 0);
    assert_ok(file_read_all(at, "said", said, &e), e);
}

static void the_program_gets_one_word_and_one_line(void **unused)
{
    (void)unused;
    OWN(buf) struct buf said = {.max = 4096};

    raise_alarm(SLICE("downgrade"), SLICE("A next hop offers less."), &said);
    assert_slice(buf_slice(&said), "downgrade|A next hop offers less.\n");
    buf_reset(&said);
    raise_alarm(SLICE("--exec=sh $(id)"), SLICE("all is well\n~!id\r\nX: y"), &said);
    assert_slice(buf_slice(&said), "x-exec-sh---id-|all is well ~!id  X: y\n");
}

/* A process that was taken over must not keep another's alarm quiet. */
static void each_process_has_its_own_silence(void **unused)
{
    (void)unused;
    struct alerts a = {0};
    const struct general_settings settings = {.alert_interval_ms = 3600000};
    struct slice event = SLICE("downgrade");
    struct slice sentence = SLICE("A next hop offers less.");

    assert_true(alerts_raise(&a, &settings, "inspector", event, sentence));
    assert_false(alerts_raise(&a, &settings, "inspector", event, sentence));
    assert_true(alerts_raise(&a, &settings, "keeper", event, sentence));
    assert_false(alerts_raise(&a, &settings, "keeper", event, sentence));
}

/* Two accounts are two alarms, and the log names neither. */
static void an_account_has_its_own_alarm(void **unused)
{
    (void)unused;
    struct alerts a = {0};
    const struct general_settings settings = {.alert_interval_ms = 3600000};
    struct slice event = SLICE("account-limit");
    struct slice anna = SLICE("anna@example.test reached a limit");
    struct slice bob = SLICE("bob@example.test reached a limit");
    char log[ERROR_TEXT_MAX];

    assert_true(alerts_raise(&a, &settings, "keeper", event, anna));
    assert_true(alerts_raise(&a, &settings, "keeper", event, bob));
    assert_false(alerts_raise(&a, &settings, "keeper", event, anna));
    assert_slice(alerts_for_log(anna, log), "an account reached a limit");
    assert_slice(alerts_for_log(SLICE("see  <x@y.test>"), log), "see  an account");
    assert_slice(alerts_for_log(SLICE(""), log), "");
}

/* Likewise two domains of ours. */
static void a_domain_has_its_own_alarm(void **unused)
{
    (void)unused;
    struct alerts a = {0};
    const struct general_settings settings = {.alert_interval_ms = 3600000};
    struct slice event = SLICE("dkim-remove");
    struct slice one = SLICE("one.test: take the DNS records away");
    struct slice two = SLICE("two.test: take the DNS records away");

    assert_true(alerts_raise(&a, &settings, "keeper", event, one));
    assert_true(alerts_raise(&a, &settings, "keeper", event, two));
    assert_false(alerts_raise(&a, &settings, "keeper", event, one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_program_gets_one_word_and_one_line),
        cmocka_unit_test(each_process_has_its_own_silence),
        cmocka_unit_test(an_account_has_its_own_alarm),
        cmocka_unit_test(a_domain_has_its_own_alarm),
    };
    return cmocka_run_group_tests_name("processes/alerts", tests, open_folder, remove_folder);
}
