/* The supervisor beside `postern key`. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "keyring/keyring.h"
#include "keyring/recovery.h"
#include "processes/master_keys.h"
#include "tests/test.h"

/* A start in the middle of a rotation must not take the next key's list for what a crash left. */
static void test_a_rotation_under_way(void **state)
{
    char path[] = "/tmp/master-keys-test-XXXXXX";
    char command[64];
    struct error e;
    struct master_list list = {0};
    struct master_keys keys = {0};
    OWN(master) struct master next = {.key = keyring_random(), .generation = 2};
    OWN(master_list) struct master_list back = {0};
    OWN(secret) struct secret *words = recovery_new();
    OWN(secret) struct secret *first = NULL;

    (void)state;
    assert_non_null(mkdtemp(path));
    OWN(fd) int data = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int held = openat(data, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_ok(master_create(data, "master.key", &first, &e), e);
    assert_ok(recovery_seal(data, "recovery.sealed", secret_slice(words), first, 1, &e), e);
    assert_int_equal(flock(held, LOCK_EX | LOCK_NB), 0); /* `postern key rotate` */
    assert_ok(master_list_add(&list, 1, 0, first, &e), e);
    assert_ok(master_list_write(data, &next, &list, &e), e);

    assert_false(master_keys_open(data, -1, &keys, &e));
    assert_int_equal(e.kind, ERROR_BUSY);
    assert_ok(master_list_read(data, &next, &back, &e), e);
    assert_int_equal(back.count, 1);

    own_fd(&held); /* it was killed */
    assert_ok(master_keys_open(data, -1, &keys, &e), e);
    assert_int_equal(keys.master.generation, 1);
    assert_true(secret_equal(secret_slice(keys.master.key), secret_slice(first)));
    master_done(&keys.master);
    master_list_done(&keys.former);
    master_list_done(&list);
    (void)snprintf(command, sizeof(command), "rm -r %s", path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a fixed command */
}

static bool adopts(int data, struct master_keys *k, const struct secret *key, bool *fresh)
{
    struct error e = {0};
    bool adopted = master_keys_adopt(data, k, secret_slice(key), fresh, &e);

    if (!adopted) {
        assert_int_equal(e.kind, ERROR_DENIED);
    }
    return adopted;
}

/* Only the key of master.key is taken, and only when the one in force is among those before it. */
static void test_adopting(void **state)
{
    char path[] = "/tmp/master-keys-test-XXXXXX";
    char command[64];
    struct error e = {0};
    struct master_list list = {0};
    struct master_keys keys = {0};
    OWN(master) struct master next = {.key = keyring_random(), .generation = 2};
    OWN(secret) struct secret *words = recovery_new();
    OWN(secret) struct secret *first = NULL;
    OWN(secret) struct secret *stranger = keyring_random();
    const struct master_way way = {.kept = MASTER_FILE};
    bool fresh = true;

    (void)state;
    assert_non_null(mkdtemp(path));
    OWN(fd) int data = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_ok(master_create(data, "master.key", &first, &e), e);
    assert_ok(recovery_seal(data, "recovery.sealed", secret_slice(words), first, 1, &e), e);
    assert_ok(master_keys_open(data, -1, &keys, &e), e);
    assert_true(adopts(data, &keys, first, &fresh) && !fresh);
    assert_false(adopts(data, &keys, stranger, &fresh));

    assert_ok(master_list_add(&list, 1, 0, stranger, &e), e); /* another was in force before it */
    assert_ok(master_list_write(data, &next, &list, &e), e);
    assert_false(adopts(data, &keys, next.key, &fresh)); /* nor is it in force on the disk */
    assert_ok(master_prepare(data, "master.key", &way, next.key, 2, &e), e);
    assert_ok(master_commit(data, "master.key", &e), e);
    assert_false(adopts(data, &keys, next.key, &fresh));
    assert_false(adopts(data, &keys, stranger, &fresh));
    assert_int_equal(keys.master.generation, 1);

    master_list_done(&list);
    assert_ok(master_list_add(&list, 1, 0, first, &e), e);
    assert_ok(master_list_write(data, &next, &list, &e), e);
    assert_true(adopts(data, &keys, next.key, &fresh) && fresh);
    assert_int_equal(keys.master.generation, 2);
    assert_int_equal(keys.former.count, 1);
    assert_true(secret_equal(secret_slice(keys.master.key), secret_slice(next.key)));
    assert_true(adopts(data, &keys, next.key, &fresh) && !fresh);
    master_done(&keys.master);
    master_list_done(&keys.former);
    master_list_done(&list);
    (void)snprintf(command, sizeof(command), "rm -r %s", path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a fixed command */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_rotation_under_way),
                                       cmocka_unit_test(test_adopting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
