/* The disk fails at every call that the ledger makes: what was acknowledged stays, what was refused
 * is nowhere, neither for who reads on nor after a restart. */
#include <errno.h>

#include "ledger/io.h"
#include "ledger/rig.h"
#include "tests/test.h"

#define APPENDS 6
#define ALWAYS  1000000

/* Which calls fail, counted over all of them: `count` from number `from` on, with what error. */
static struct {
    unsigned calls, from, count;
    int error;
    bool short_write; /* a write then does half of it, and succeeds */
} plan;

static struct ledger_io real;

static bool fails(void)
{
    unsigned n = plan.calls++;

    errno = plan.error;
    return n >= plan.from && n - plan.from < plan.count;
}

static int failing_create(int dirfd, const char *name, mode_t mode)
{
    return fails() ? -1 : real.create(dirfd, name, mode);
}

static ssize_t failing_pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
    if (!fails()) {
        return real.pwritev(fd, iov, n, at);
    }
    struct iovec half = {iov[0].iov_base, iov[0].iov_len / 2};
    return plan.short_write ? real.pwritev(fd, &half, 1, at) : -1;
}

/* The worst failure: all of it gets there, and nobody is told. */
static int failing_fdatasync(int fd)
{
    int done = real.fdatasync(fd);

    return fails() ? -1 : done;
}

static int failing_ftruncate(int fd, off_t length)
{
    return fails() ? -1 : real.ftruncate(fd, length);
}

static int failing_sync_folder(int dirfd)
{
    return fails() ? -1 : real.sync_folder(dirfd);
}

static int failing_unlink(int dirfd, const char *name)
{
    return fails() ? -1 : real.unlink(dirfd, name);
}

static int failing_rename(int dirfd, const char *from, const char *to)
{
    return fails() ? -1 : real.rename(dirfd, from, to);
}

static int begin(void **unused)
{
    (void)unused;
    real = ledger_io;
    ledger_io = (struct ledger_io){failing_create,    failing_pwritev,     failing_fdatasync,
                                   failing_ftruncate, failing_sync_folder, failing_unlink,
                                   failing_rename};
    return 0;
}

static int end(void **unused)
{
    (void)unused;
    ledger_io = real;
    return 0;
}

/* Append with these calls failing. Returns false when none was left to fail. */
static bool ordeal(unsigned from, unsigned count, int error, bool short_write)
{
    struct rig r;

    plan.count = 0;
    rig_init_with(&r, (struct ledger_options){.segment_bytes = 20000});
    for (unsigned i = 0; i < 2; i++) {
        assert_true(rig_append(&r, i));
    }
    plan.calls = 0;
    plan.from = from;
    plan.error = error;
    plan.short_write = short_write;
    plan.count = count;
    for (unsigned i = 2; i < 2 + APPENDS && !r.unsettled; i++) {
        (void)rig_append(&r, i);
    }
    bool failed = plan.calls > from;
    plan.count = 0;
    if (!r.unsettled) { /* else the process ends itself, as nobody may be told "no" */
        rig_expect(&r, r.n);
        assert_true(rig_append(&r, 2 + APPENDS));
        rig_expect(&r, r.n);
        rig_verify_clean(&r);
        rig_reopen(&r);
        rig_expect(&r, r.n);
        rig_verify_clean(&r);
    }
    rig_done(&r);
    return failed;
}

static void every_call_fails_once(void **unused)
{
    (void)unused;
    unsigned n = 0;

    while (ordeal(n, 1, EIO, false)) {
        n++;
    }
    assert_in_range(n, 2 * APPENDS, 10 * APPENDS);
}

static void every_write_is_short_once(void **unused)
{
    (void)unused;
    for (unsigned n = 0; ordeal(n, 1, ENOSPC, true); n++) {
    }
}

static void several_calls_fail_in_a_row(void **unused)
{
    (void)unused;
    for (unsigned count = 2; count < 9; count++) {
        for (unsigned n = 0; ordeal(n, count, count % 2 ? EIO : ENOSPC, false); n++) {
        }
    }
}

static void every_call_fails_from_one_on(void **unused)
{
    (void)unused;
    for (unsigned n = 0; ordeal(n, ALWAYS, EIO, false); n++) {
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_call_fails_once, begin, end),
        cmocka_unit_test_setup_teardown(every_write_is_short_once, begin, end),
        cmocka_unit_test_setup_teardown(several_calls_fail_in_a_row, begin, end),
        cmocka_unit_test_setup_teardown(every_call_fails_from_one_on, begin, end),
    };
    return cmocka_run_group_tests_name("ledger/fault", tests, NULL, NULL);
}
