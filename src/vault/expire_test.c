/* What is removed, and what is not. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "keyring/keyring.h"
#include "vault/vault_scene_test.h"

static void test_expires(void **state)
{
    struct scene *s = *state;

    scene_back_up(s, 1000);
    scene_write(s, 1, 0, 5000, 20);
    scene_back_up(s, 2000);
    scene_write(s, 1, 0, 5000, 21);
    scene_back_up(s, 3000);
    assert_int_equal(scene_count(s), 10);
    assert_ok(vault_expire(&s->vault, 2000, &s->made, &s->e), s->e);
    assert_int_equal(s->made.removed, 2); /* the manifest, and the state that it alone named */
    assert_int_equal(s->made.oldest_at, 2000);
    assert_ok(vault_expire(&s->vault, 99999, &s->made, &s->e), s->e);
    assert_int_equal(s->made.oldest_at, 3000); /* the newest stays */
    scene_compare(s, 0);
}

/* Change one byte of an object, whatever it is: they are random. */
static void flip(struct scene *s, const char *name)
{
    OWN(fd) int fd = openat(s->store, name, O_RDWR | O_CLOEXEC);
    uint8_t byte = 0;

    assert_int_equal(pread(fd, &byte, 1, 60), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 60), 1);
}

/* Change one byte of an object whose name has this behind the prefix; size 0: cut it. */
static void damage(struct scene *s, const char *kind, bool cut)
{
    struct vault_listing l = {0};

    assert_ok(vault_list(&s->vault, kind, &l, &s->e), s->e);
    assert_true(l.count > 0);
    flip(s, l.items[0].name);
    OWN(fd) int fd = openat(s->store, l.items[0].name, O_RDWR | O_CLOEXEC);
    assert_true(!cut || ftruncate(fd, 61) == 0);
    vault_listing_done(&l);
}

/* An object's name says which bytes' name it is, whole or not at all. */
static void test_names(void **state)
{
    struct scene *s = *state;
    uint8_t own[VAULT_NAME_LEN];
    uint8_t back[VAULT_NAME_LEN];
    char name[STORE_NAME_MAX + 1];

    vault_own_name(&s->vault, SLICE("bytes"), own);
    vault_data_name(&s->vault, SLICE_ARRAY(own), name);
    assert_true(vault_data_own(&s->vault, name, back));
    assert_memory_equal(own, back, sizeof(own));
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) { /* a digit may be another digit */
        char before = name[i];
        name[i] = 'X';
        assert_false(vault_data_own(&s->vault, name, back));
        name[i] = before;
    }
    (void)snprintf(name + len, sizeof(name) - len, ".new");
    assert_false(vault_data_own(&s->vault, name, back));
    name[len - 1] = 0;
    assert_false(vault_data_own(&s->vault, name, back));
}

static void test_damage(void **state)
{
    struct scene *s = *state;
    OWN(arena) struct arena arena = {.max = 1 << 24};
    struct vault_manifest m;
    struct vault_seen seen;

    scene_back_up(s, 1000);
    damage(s, "d-", false);
    assert_ok(vault_find(&s->vault, 1, NULL, &arena, &m, &s->e), s->e);
    assert_ok(vault_look(&s->vault, &m, false, &seen, &s->e), s->e);
    assert_int_equal(seen.missing + seen.damaged, 0); /* that it is there is all that was asked */
    assert_ok(vault_look(&s->vault, &m, true, &seen, &s->e), s->e);
    assert_int_equal(seen.damaged, 1);
    assert_ok(vault_look(&s->vault, &m, true, &seen, &s->e), s->e);
    assert_int_equal(seen.missing, 1); /* it was taken away */
    scene_back_up(s, 2000);
    assert_int_equal(s->made.put, 1); /* and is made good */
    scene_compare(s, 1);
    damage(s, "d-", true);
    scene_back_up(s, 3000);
    assert_int_equal(s->made.put, 1); /* a length that is wrong is seen without fetching */
    scene_compare(s, 0);
}

static void test_damaged_manifest(void **state)
{
    struct scene *s = *state;

    scene_back_up(s, 1000);
    damage(s, "m-", false);
    scene_back_up(s, 2000);
    assert_true(s->made.rolled_back); /* the one we know is not there as it was */
    assert_int_equal(s->made.backup.number, 2);
    assert_ok(vault_expire(&s->vault, 0, &s->made, &s->e), s->e);
    assert_int_equal(s->made.damaged, 1);
    scene_compare(s, 2);
}

/* Not numbers say which is the oldest: one was made while the clock was ahead. */
static void test_oldest_by_time(void **state)
{
    struct scene *s = *state;

    scene_back_up(s, 9000);
    scene_back_up(s, 2000);
    scene_back_up(s, 3000);
    assert_ok(vault_expire(&s->vault, 1000, &s->made, &s->e), s->e);
    assert_int_equal(s->made.oldest_at, 2000);
    assert_int_equal(s->made.removed, 0);
}

/* To a machine with bad memory every backup looks damaged. */
static void test_damage_everywhere(void **state)
{
    struct scene *s = *state;
    struct vault_listing l = {0};

    for (uint64_t at = 1000; at <= 4000; at += 1000) {
        scene_back_up(s, at);
    }
    assert_ok(vault_list(&s->vault, "m-", &l, &s->e), s->e);
    assert_int_equal(l.count, 4);
    for (size_t i = 0; i < l.count - 1; i++) {
        flip(s, l.items[i].name);
    }
    vault_listing_done(&l);
    uint64_t before = scene_count(s);
    assert_false(vault_expire(&s->vault, 0, &s->made, &s->e));
    assert_int_equal(s->e.kind, ERROR_BUSY);
    assert_int_equal(scene_count(s), before);
}

/* Ask to remove everything that is too old; whether that went well, and nothing is gone if it did not. */
static bool try_to_expire(struct scene *s, unsigned absent, unsigned wrong)
{
    uint64_t before = scene_count(s);

    s->gets_absent = absent;
    s->gets_wrong = wrong;
    bool done = vault_expire(&s->vault, 99999, &s->made, &s->e);
    s->gets_absent = s->gets_wrong = 0;
    assert_true(done || scene_count(s) == before);
    assert_true(done || s->e.kind == ERROR_BUSY);
    return done;
}

/* A store that answers wrongly for a while does not lose us the backups. */
static void test_removes_nothing_on_a_bad_answer(void **state)
{
    struct scene *s = *state;
    OWN(arena) struct arena arena = {.max = 1 << 24};
    struct vault_manifest m;
    struct vault_seen seen;

    scene_back_up(s, 1000);
    scene_back_up(s, 2000);
    assert_false(try_to_expire(s, 1000, 0));
    assert_false(try_to_expire(s, 0, 1000));
    s->made.backup.digest[0] ^= 1; /* another under the number of the one just made */
    assert_false(try_to_expire(s, 0, 0));
    assert_non_null(strstr(s->e.text, "another one is listed under its number"));
    s->made.backup.digest[0] ^= 1;
    assert_true(try_to_expire(s, 0, 1));
    assert_int_equal(s->made.oldest_at, 2000);
    scene_compare(s, 0);

    uint64_t before = scene_count(s);
    assert_ok(vault_find(&s->vault, 0, NULL, &arena, &m, &s->e), s->e);
    s->gets_wrong = 1;
    assert_ok(vault_look(&s->vault, &m, true, &seen, &s->e), s->e);
    assert_int_equal(seen.missing + seen.damaged, 0);
    s->gets_absent = 1;
    assert_false(vault_look(&s->vault, &m, true, &seen, &s->e));
    assert_int_equal(s->e.kind, ERROR_BUSY);
    assert_int_equal(scene_count(s), before);
}

/* What is locked still is no failure, is not said to be gone, and goes later. */
static void test_locked(void **state)
{
    struct scene *s = *state;

    scene_back_up(s, 1000);
    scene_write(s, 1, 0, 5000, 20);
    scene_back_up(s, 2000);
    uint64_t all = scene_count(s);
    s->locked = true;
    assert_ok(vault_expire(&s->vault, 1500, &s->made, &s->e), s->e);
    assert_int_equal(s->made.kept, 2);
    assert_int_equal(s->made.removed, 0);
    assert_int_equal(s->made.oldest_at, 1000);
    s->locked = false;
    assert_ok(vault_expire(&s->vault, 1500, &s->made, &s->e), s->e);
    assert_int_equal(s->made.kept, 0);
    assert_int_equal(s->made.oldest_at, 2000);
    assert_int_equal(scene_count(s), all - 2);
}

/* The vault of a former key, beside the one in use. */
struct former {
    struct secret *key;
    char prefix[VAULT_PREFIX_LEN + 1];
    struct vault_former f;
};

static void leave_vault(struct scene *s, struct former *old)
{
    OWN(secret) struct secret *master = keyring_random();

    old->key = secret_copy(secret_slice(s->key));
    vault_prefix(old->key, old->prefix);
    old->f = (struct vault_former){.prefix = slice_text(old->prefix),
                                   .key = old->key,
                                   .last_at = s->view.at,
                                   .last = s->known};
    scene_be_vault_of(s, master);
}

static uint64_t count_named(struct scene *s, const char *prefix)
{
    struct vault v = {.store = s->vault.store};

    (void)snprintf(v.prefix, sizeof(v.prefix), "%s", prefix);
    struct vault_listing l = {0};
    assert_ok(vault_list(&v, "", &l, &s->e), s->e);
    uint64_t count = l.count;
    vault_listing_done(&l);
    return count;
}

static bool expire_old(struct scene *s, const struct former *old, uint64_t before, bool *ended)
{
    assert_ok(vault_expire(&s->vault, before, &s->made, &s->e), s->e);
    return vault_expire_former(&s->vault, &old->f, before, &s->made, ended, &s->e);
}

/* Backups from before a rotation go when they are too old, the last one with everything. */
static void test_former(void **state)
{
    struct scene *s = *state;
    struct former old;
    bool ended = false;

    scene_back_up(s, 1000);
    scene_write(s, 1, 0, 5000, 20);
    scene_back_up(s, 2000);
    leave_vault(s, &old);
    scene_back_up(s, 3000);
    uint64_t all = count_named(s, old.prefix);
    assert_ok(expire_old(s, &old, 1500, &ended), s->e);
    assert_false(ended);
    assert_int_equal(count_named(s, old.prefix), all - 2);
    assert_int_equal(s->made.oldest_at, 2000); /* of both */
    s->gets_absent = 1000;
    s->made.oldest_at = 3000;
    assert_false(vault_expire_former(&s->vault, &old.f, 1500, &s->made, &ended, &s->e));
    s->gets_absent = 0;
    assert_int_equal(s->e.kind, ERROR_BUSY);
    assert_int_equal(s->made.oldest_at, 2000); /* it is there still */
    old.f.last.digest[0] ^= 1;                 /* another than the last that we know */
    assert_false(expire_old(s, &old, 1500, &ended));
    assert_int_equal(count_named(s, old.prefix), all - 2);
    assert_ok(expire_old(s, &old, 2001, &ended), s->e);
    assert_true(ended);
    assert_int_equal(count_named(s, old.prefix), 0);
    assert_int_equal(s->made.oldest_at, 3000);
    scene_compare(s, 0);
    secret_free(old.key);
}

/* Without its key nothing goes before its last backup is too old; the vault in use is never a former one. */
static void test_former_without_its_key(void **state)
{
    struct scene *s = *state;
    struct former old;
    bool ended = false;

    scene_back_up(s, 1000);
    scene_back_up(s, 2000);
    leave_vault(s, &old);
    old.f.key = NULL;
    scene_back_up(s, 3000);
    uint64_t all = count_named(s, old.prefix);
    const struct former absent = {
        .f = {.prefix = SLICE("0123456789abcdef-"), .last_at = 2000}
    };
    assert_ok(expire_old(s, &absent, 1500, &ended), s->e);
    assert_false(ended); /* it may be there again tomorrow */
    assert_ok(expire_old(s, &absent, 2001, &ended), s->e);
    assert_true(ended);
    assert_ok(expire_old(s, &old, 1500, &ended), s->e);
    assert_false(ended);
    assert_int_equal(s->made.oldest_at, 1000);
    assert_int_equal(count_named(s, old.prefix), all);
    old.f.prefix = slice_text(s->vault.prefix);
    assert_false(expire_old(s, &old, 2001, &ended));
    old.f.prefix = SLICE("");
    assert_false(expire_old(s, &old, 2001, &ended));
    scene_compare(s, 0);
    old.f.prefix = slice_text(old.prefix);
    assert_ok(expire_old(s, &old, 2001, &ended), s->e);
    assert_true(ended);
    assert_int_equal(count_named(s, old.prefix), 0);
    scene_compare(s, 0);
    secret_free(old.key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(expires),
        SCENE_TEST(names),
        SCENE_TEST(damage),
        SCENE_TEST(damaged_manifest),
        SCENE_TEST(oldest_by_time),
        SCENE_TEST(damage_everywhere),
        SCENE_TEST(removes_nothing_on_a_bad_answer),
        SCENE_TEST(locked),
        SCENE_TEST(former),
        SCENE_TEST(former_without_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
