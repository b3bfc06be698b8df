#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "host/file.h"
#include "keyring/keyring.h"
#include "keyring/recovery.h"
#include "vault/vault_scene_test.h"

static void test_round(void **state)
{
    struct scene *s = *state;

    scene_back_up(s, 1000);
    assert_int_equal(s->made.put, 4); /* three pieces and the state; the empty file has none */
    assert_int_equal(s->made.backup.number, 1);
    assert_int_equal(scene_count(s), 6); /* with the manifest and what the recovery key opens */
    assert_false(s->made.rolled_back);
    scene_compare(s, 0);
}

static void test_only_what_is_new(void **state)
{
    struct scene *s = *state;

    scene_back_up(s, 1000);
    scene_back_up(s, 2000);
    assert_int_equal(s->made.put, 0);
    scene_write(s, 0, s->files[0].size, 3 * VAULT_PIECE / 2, 9);
    scene_back_up(s, 3000);
    assert_int_equal(s->made.put, 2); /* the small last piece with what follows */
    scene_write(s, 1, 100, 10, 10);   /* the state may change anywhere */
    s->files[1].size = 5000;
    scene_back_up(s, 4000);
    assert_int_equal(s->made.put, 1);
    assert_int_equal(s->made.backup.number, 4);
    scene_compare(s, 4);
    scene_write(s, 0, 100, 10, 11); /* another file of the same name and size: its head tells */
    s->files[0].size = 2 * VAULT_PIECE + 3000 + 3 * VAULT_PIECE / 2;
    scene_back_up(s, 5000);
    assert_int_equal(s->made.put, 1);
    scene_compare(s, 0);
}

static void test_goes_on(void **state)
{
    struct scene *s = *state;

    for (unsigned puts = 0; puts < 6; puts++) { /* until the manifest there is no backup */
        OWN(arena) struct arena arena = {.max = 1 << 24};
        struct vault_manifest m;
        s->puts_left = 1;
        bool done = vault_run(&s->vault, &s->source, &s->view, &s->known, &s->made, &s->e);
        assert_int_equal(done, puts == 5);
        assert_int_equal(vault_find(&s->vault, 0, NULL, &arena, &m, &s->e), puts == 5);
    }
    scene_compare(s, 0);
}

static void test_rolled_back(void **state)
{
    struct scene *s = *state;
    OWN(arena) struct arena arena = {.max = 1 << 24};
    struct vault_listing l = {0};
    struct vault_manifest m;

    scene_back_up(s, 1000);
    scene_back_up(s, 2000);
    assert_ok(vault_list(&s->vault, "m-0000000002", &l, &s->e), s->e);
    assert_int_equal(l.count, 1);
    assert_int_equal(unlinkat(s->store, l.items[0].name, 0), 0);
    vault_listing_done(&l);
    assert_false(vault_find(&s->vault, 0, &s->known, &arena, &m, &s->e));
    assert_int_equal(s->e.kind, ERROR_CORRUPT);
    scene_back_up(s, 3000);
    assert_true(s->made.rolled_back);
    assert_int_equal(s->made.backup.number, 3); /* no number is given twice */
    scene_compare(s, 0);
}

/* Where objects are locked, those that a later backup shares are for as long as its own. */
static void test_locks(void **state)
{
    struct scene *s = *state;
    OWN(buf) struct buf taken = {.max = 1 << 16};

    scene_back_up(s, 1000);
    scene_back_up(s, 2000);
    assert_int_equal(s->renewed, 0);
    s->view.locks = true;
    s->view.taken = &taken;
    scene_back_up(s, 3000);
    assert_int_equal(s->renewed,
                     1); /* whether it can be: what the recovery key opens; the rest comes later */
    assert_int_equal(s->made.put, 0);
    assert_int_equal(taken.len, 4 * VAULT_NAME_LEN); /* three pieces, the state */
    s->no_renewal = true;
    scene_back_up(s, 4000);
    assert_int_equal(s->made.put, 4); /* stored again, with a lock of their own */
    scene_compare(s, 0);
}

/* A machine that was put back to backup 1 goes on in another way than backup 2 has it. */
static void test_another_past(void **state)
{
    struct scene *s = *state;
    const uint64_t common = 2 * VAULT_PIECE + 2000000;

    scene_write(s, 0, 0, common, 1);
    scene_back_up(s, 1000);
    struct vault_known first = s->known;
    scene_write(s, 0, common, 1500000, 9);
    scene_back_up(s, 2000);
    scene_write(s, 0, common, 2500000, 77);
    s->known = first;
    scene_back_up(s, 3000);
    scene_compare(s, 0);
}

/* An object under another object's name, and a manifest of somebody else's making. */
static void test_foreign(void **state)
{
    struct scene *s = *state;
    struct vault_listing l = {0};
    struct slice bytes;
    char forged[STORE_NAME_MAX + 1];

    scene_back_up(s, 1000);
    assert_ok(vault_list(&s->vault, "d-", &l, &s->e), s->e);
    size_t to = 1;
    while (to < l.count && l.items[to].size == l.items[0].size) {
        to++; /* one of the same length is seen when it is opened and not before */
    }
    assert_true(to < l.count);
    assert_int_equal(renameat(s->store, l.items[0].name, s->store, l.items[to].name), 0);
    assert_false(vault_get(&s->vault, l.items[to].name, &bytes, NULL, &s->e));
    assert_int_equal(s->e.kind, ERROR_CORRUPT);
    vault_listing_done(&l);
    (void)snprintf(forged, sizeof(forged), "%sm-9999999999-ffffffffffff", s->vault.prefix);
    assert_ok(file_create(s->store, forged, SLICE("nothing of ours"), 0600, &s->e), s->e);
    scene_back_up(s, 2000);
    assert_int_equal(s->made.backup.number, 2);
    assert_ok(vault_expire(&s->vault, 1500, &s->made, &s->e), s->e);
    assert_int_equal(s->made.oldest_at, 2000); /* it did not pass for the newest */
    scene_compare(s, 0);
}

static void test_says_nothing(void **state)
{
    struct scene *s = *state;
    struct vault_listing l = {0};
    struct vault_name named;

    scene_back_up(s, 1000);
    assert_ok(vault_list(&s->vault, "", &l, &s->e), s->e);
    for (size_t i = 0; i < l.count; i++) {
        OWN(buf) struct buf object = {.max = STORE_OBJECT_MAX};
        assert_ok(file_read_all(s->store, l.items[i].name, &object, &s->e), s->e);
        assert_true(memmem(object.ptr, object.len, "state.db", 8) == NULL);
        assert_true(vault_sealed_size(5000) % 16 == 49 % 16); /* lengths are rounded */
        if (vault_manifest_name(&s->vault, l.items[i].name, &named)) {
            assert_int_equal(named.at, 1000);
        }
    }
    assert_int_equal(vault_sealed_size(5000), vault_sealed_size(5100));
    vault_listing_done(&l);
}

static void test_recovery(void **state)
{
    struct scene *s = *state;
    OWN(secret) struct secret *words = recovery_new();
    OWN(secret) struct secret *others = recovery_new();
    OWN(secret) struct secret *master = keyring_random();
    OWN(secret) struct secret *found = NULL;
    uint64_t generation = 0;
    OWN(buf) struct buf sealed = {.max = 4096};

    assert_ok(recovery_seal(s->from, "recovery.sealed", secret_slice(words), master, 1, &s->e),
              s->e);
    assert_ok(file_read_all(s->from, "recovery.sealed", &sealed, &s->e), s->e);
    s->view.recovery = buf_slice(&sealed);
    scene_be_vault_of(s, master);
    scene_back_up(s, 1000);
    assert_false(
        vault_recover(s->folder, secret_slice(others), 0, UINT64_MAX, &found, &generation, &s->e));
    assert_int_equal(s->e.kind, ERROR_DENIED);
    assert_ok(
        vault_recover(s->folder, secret_slice(words), 0, UINT64_MAX, &found, &generation, &s->e),
        s->e);
    assert_true(secret_equal(secret_slice(found), secret_slice(master)));
}

/* The vaults before and after a rotation in one store, the next key's form in the former vault as well. */
static void test_recovery_of_two_generations(void **state)
{
    struct scene *s = *state;
    OWN(secret) struct secret *words = recovery_new();

    for (uint64_t of = 1; of <= 2; of++) {
        OWN(secret) struct secret *master = keyring_random();
        OWN(secret) struct secret *found = NULL;
        OWN(buf) struct buf sealed = {.max = 4096};
        uint64_t generation = 0;
        assert_ok(recovery_seal(s->from, "r", secret_slice(words), master, of, &s->e), s->e);
        assert_ok(file_read_all(s->from, "r", &sealed, &s->e), s->e);
        s->view.recovery = buf_slice(&sealed);
        if (of == 2) { /* before the restart */
            scene_back_up(s, 2000);
            assert_ok(vault_recover(s->folder, secret_slice(words), 0, UINT64_MAX, &found,
                                    &generation, &s->e),
                      s->e);
            assert_int_equal(generation, 1);
            secret_free(TAKE(found, NULL));
        }
        scene_be_vault_of(s, master);
        scene_back_up(s, 3000);
        assert_ok(vault_recover(s->folder, secret_slice(words), 1, UINT64_MAX, &found, &generation,
                                &s->e),
                  s->e);
        assert_int_equal(generation, of);
        assert_true(secret_equal(secret_slice(found), secret_slice(master)));
        if (of == 2) {
            secret_free(TAKE(found, NULL));
            assert_ok(vault_recover(s->folder, secret_slice(words), 2, UINT64_MAX, &found,
                                    &generation, &s->e),
                      s->e);
            assert_int_equal(generation, 1); /* the newer vault has no number 2 */
            secret_free(TAKE(found, NULL));
            assert_ok(
                vault_recover(s->folder, secret_slice(words), 0, 2, &found, &generation, &s->e),
                s->e);
            assert_int_equal(generation, 1); /* nothing of the newer one opened */
            secret_free(TAKE(found, NULL));
            assert_false(
                vault_recover(s->folder, secret_slice(words), 0, 1, &found, &generation, &s->e));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(round),        SCENE_TEST(only_what_is_new),
        SCENE_TEST(goes_on),      SCENE_TEST(rolled_back),
        SCENE_TEST(foreign),      SCENE_TEST(recovery),
        SCENE_TEST(says_nothing), SCENE_TEST(another_past),
        SCENE_TEST(locks),        SCENE_TEST(recovery_of_two_generations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
