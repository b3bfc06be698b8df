/* A folder as a store: what it lists, the disk has. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/test.h"
#include "vault/store.h"

#define NAME SLICE("a-1")

static unsigned sync_fails; /* the n-th from now on; 0: none */
static unsigned syncs;

/* The C library's own is not asked in this program. */
int fsync(int fd)
{
    syncs++;
    if (sync_fails && --sync_fails == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static bool count(void *number, struct slice name, uint64_t size, struct error *e)
{
    (void)e;
    assert_true(slice_equal(name, NAME));
    assert_int_equal(size, 5);
    ++*(unsigned *)number;
    return true;
}

static unsigned listed(const struct store *s)
{
    unsigned n = 0;
    struct error e;

    assert_ok(s->ops->list(s->context, SLICE_NONE, count, &n, &e), e);
    return n;
}

/* The bytes are synced, then the name: where one of both fails, the next backup must store it again. */
static void only_what_is_durable_is_there(void **unused)
{
    (void)unused;
    char path[] = "/tmp/folder-test-XXXXXX";
    assert_non_null(mkdtemp(path));
    OWN(fd) int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct store s = store_folder(&folder);
    struct error e;

    for (unsigned nth = 1; nth <= 2; nth++) {
        sync_fails = nth;
        assert_false(s.ops->put(s.context, NAME, SLICE("bytes"), &e));
        assert_int_equal(e.kind, ERROR_BUSY);
        assert_int_equal(sync_fails, 0);
        assert_int_equal(listed(&s), 0);
    }
    syncs = 0;
    assert_ok(s.ops->put(s.context, NAME, SLICE("bytes"), &e), e);
    assert_int_equal(syncs, 2);
    assert_int_equal(listed(&s), 1);
    sync_fails = 1;
    assert_false(
        s.ops->remove(s.context, NAME, &e)); /* it may come back, so it is not said to be gone */
    syncs = 0;
    assert_ok(s.ops->remove(s.context, NAME, &e), e);
    assert_int_equal(syncs, 1);
    assert_int_equal(listed(&s), 0);
    assert_int_equal(rmdir(path), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(only_what_is_durable_is_there)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
