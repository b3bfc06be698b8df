#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "keyring/keyring.h"
#include "keyring/recovery.h"
#include "tests/test.h"
#include "vault/fetch.h"

#define FILES  3
#define LEDGER SLICE("ledger")

/* A store in a folder that fails when it is told to, files to back up, and a vault of both. */
struct scene {
    char path[64];
    int from, to, store;
    struct store folder;
    unsigned puts_left;   /* then it is full */
    unsigned gets_absent; /* so many it says are not there */
    unsigned gets_wrong;  /* then so many come with another byte */
    struct secret *key;
    struct vault vault;
    struct vault_source_file files[FILES];
    struct vault_source source;
    struct vault_view view;
    struct vault_known known;
    struct vault_made made;
    struct error e;
};

static bool scene_put(void *context, struct slice name, struct slice bytes, struct error *e)
{
    struct scene *s = context;

    if (s->puts_left == 0) {
        return error_set(e, ERROR_BUSY, "full");
    }
    s->puts_left--;
    return s->folder.ops->put(s->folder.context, name, bytes, e);
}

static bool scene_get(void *context, struct slice name, struct buf *out, struct error *e)
{
    struct scene *s = context;
    if (s->gets_absent) {
        s->gets_absent--;
        return error_set(e, ERROR_CORRUPT, "status 404");
    }
    bool got = s->folder.ops->get(s->folder.context, name, out, e);
    if (got && s->gets_wrong) {
        s->gets_wrong--;
        out->ptr[out->len - 1] ^= 1;
    }
    return got;
}

static bool scene_list(void *context, struct slice prefix, store_visit *visit, void *visitor,
                       struct error *e)
{
    struct scene *s = context;
    return s->folder.ops->list(s->folder.context, prefix, visit, visitor, e);
}

static bool scene_remove(void *context, struct slice name, struct error *e)
{
    struct scene *s = context;
    return s->folder.ops->remove(s->folder.context, name, e);
}

static const struct store_ops scene_ops = {scene_put, scene_get, scene_list, scene_remove};

static bool scene_open(void *context, const struct vault_source_file *f, int *fd, struct error *e)
{
    struct scene *s = context;
    char name[64];

    (void)snprintf(name, sizeof(name), "%.*s", SLICE_ARG(f->name));
    *fd = openat(s->from, name, O_RDONLY | O_CLOEXEC);
    return *fd >= 0 || error_errno(e, ERROR_CONFIG, "%s", name);
}

/* Fill a file from `at` on with bytes that depend on their place and on `salt`. */
static void write_file(struct scene *s, size_t which, uint64_t at, uint64_t size, unsigned salt)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "%.*s", SLICE_ARG(s->files[which].name));
    OWN(fd) int fd = openat(s->from, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    OWN(heap) uint8_t *bytes = malloc((size_t)size + 1);
    uint32_t x = 2463534242U + salt;

    assert_true(fd >= 0);
    for (uint64_t i = 0; i < size; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        bytes[i] = (uint8_t)x;
    }
    assert_int_equal(pwrite(fd, bytes, (size_t)size, (off_t)at), (ssize_t)size);
    s->files[which].size = at + size;
}

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));

    (void)snprintf(s->path, sizeof(s->path), "/tmp/vault-test-XXXXXX");
    assert_non_null(mkdtemp(s->path));
    OWN(fd) int above = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const char *const names[] = {"from", "to", "store"};
    int *const fds[] = {&s->from, &s->to, &s->store};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mkdirat(above, names[i], 0700), 0);
        *fds[i] = openat(above, names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    s->folder = store_folder(&s->store);
    s->puts_left = 1000;
    s->key = keyring_random();
    vault_init(&s->vault, (struct store){&scene_ops, s}, s->key);
    s->files[0] = (struct vault_source_file){LEDGER, SLICE("0000000001.seg"), 0, true};
    s->files[1] = (struct vault_source_file){SLICE("state"), SLICE("state.db"), 0, false};
    s->files[2] = (struct vault_source_file){SLICE_NONE, SLICE("postern.conf"), 0, false};
    write_file(s, 0, 0, 2 * VAULT_PIECE + 3000, 1);
    write_file(s, 1, 0, 5000, 2);
    write_file(s, 2, 0, 0, 3);
    s->source = (struct vault_source){s->files, FILES, scene_open, s};
    s->view = (struct vault_view){.at = 1000,
                                  .records = 7,
                                  .note = SLICE("note"),
                                  .recovery = SLICE("recovery"),
                                  .program = SLICE("test")};
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    char command[128];

    vault_done(&s->vault);
    secret_free(s->key);
    own_fd(&s->from);
    own_fd(&s->to);
    own_fd(&s->store);
    (void)snprintf(command, sizeof(command), "rm -r %s", s->path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a fixed command */
    free(s);
    return 0;
}

static void back_up(struct scene *s, uint64_t at)
{
    s->view.at = at;
    assert_ok(vault_run(&s->vault, &s->source, &s->view, &s->known, &s->made, &s->e), s->e);
    s->known = s->made.backup;
}

static uint64_t count_objects(struct scene *s)
{
    struct vault_listing l = {0};

    assert_ok(vault_list(&s->vault, "", &l, &s->e), s->e);
    uint64_t count = l.count;
    vault_listing_done(&l);
    return count;
}

/* Fetch backup `number` into an emptied folder and compare it with the files. */
static void compare(struct scene *s, uint64_t number)
{
    OWN(arena) struct arena arena = {.max = 1 << 24};
    struct vault_manifest m;

    assert_ok(vault_find(&s->vault, number, &s->known, &arena, &m, &s->e), s->e);
    assert_int_equal(m.files.count, FILES);
    for (size_t i = 0; i < FILES; i++) {
        const struct vault_file *f = &((struct vault_file *)m.files.items)[i];
        const char *name = arena_text(&arena, f->name);
        OWN(buf) struct buf a = {.max = 1 << 26};
        OWN(buf) struct buf b = {.max = 1 << 26};
        (void)unlinkat(s->to, name, 0);
        assert_ok(vault_fetch_file(&s->vault, f, s->to, 0600, &s->e), s->e);
        assert_ok(file_read_all(s->from, name, &a, &s->e), s->e);
        assert_ok(file_read_all(s->to, name, &b, &s->e), s->e);
        assert_true(slice_equal(buf_slice(&a), buf_slice(&b)));
        assert_int_equal(a.len, f->size);
    }
}

static void test_round(void **state)
{
    struct scene *s = *state;

    back_up(s, 1000);
    assert_int_equal(s->made.put, 4); /* three pieces and the state; the empty file has none */
    assert_int_equal(s->made.backup.number, 1);
    assert_int_equal(count_objects(s), 6); /* with the manifest and what the recovery key opens */
    assert_false(s->made.rolled_back);
    compare(s, 0);
}

static void test_only_what_is_new(void **state)
{
    struct scene *s = *state;

    back_up(s, 1000);
    back_up(s, 2000);
    assert_int_equal(s->made.put, 0);
    write_file(s, 0, s->files[0].size, 3 * VAULT_PIECE / 2, 9);
    back_up(s, 3000);
    assert_int_equal(s->made.put, 2); /* the small last piece with what follows */
    write_file(s, 1, 100, 10, 10);    /* the state may change anywhere */
    s->files[1].size = 5000;
    back_up(s, 4000);
    assert_int_equal(s->made.put, 1);
    assert_int_equal(s->made.backup.number, 4);
    compare(s, 4);
    write_file(s, 0, 100, 10, 11); /* another file of the same name and size: its head tells */
    s->files[0].size = 2 * VAULT_PIECE + 3000 + 3 * VAULT_PIECE / 2;
    back_up(s, 5000);
    assert_int_equal(s->made.put, 1);
    compare(s, 0);
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
    compare(s, 0);
}

static void test_expires(void **state)
{
    struct scene *s = *state;

    back_up(s, 1000);
    write_file(s, 1, 0, 5000, 20);
    back_up(s, 2000);
    write_file(s, 1, 0, 5000, 21);
    back_up(s, 3000);
    assert_int_equal(count_objects(s), 10);
    assert_ok(vault_expire(&s->vault, 2000, &s->made, &s->e), s->e);
    assert_int_equal(s->made.removed, 2); /* the manifest, and the state that it alone named */
    assert_int_equal(s->made.oldest_at, 2000);
    assert_ok(vault_expire(&s->vault, 99999, &s->made, &s->e), s->e);
    assert_int_equal(s->made.oldest_at, 3000); /* the newest stays */
    compare(s, 0);
}

/* Change one byte of an object whose name has this behind the prefix; size 0: cut it. */
static void damage(struct scene *s, const char *kind, bool cut)
{
    struct vault_listing l = {0};

    assert_ok(vault_list(&s->vault, kind, &l, &s->e), s->e);
    assert_true(l.count > 0);
    OWN(fd) int fd = openat(s->store, l.items[0].name, O_RDWR | O_CLOEXEC);
    uint8_t byte = 0;
    assert_int_equal(pread(fd, &byte, 1, 60), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, 60), 1);
    assert_true(!cut || ftruncate(fd, 61) == 0);
    vault_listing_done(&l);
}

static void test_damage(void **state)
{
    struct scene *s = *state;
    OWN(arena) struct arena arena = {.max = 1 << 24};
    struct vault_manifest m;
    struct vault_seen seen;

    back_up(s, 1000);
    damage(s, "d-", false);
    assert_ok(vault_find(&s->vault, 1, NULL, &arena, &m, &s->e), s->e);
    assert_ok(vault_look(&s->vault, &m, false, &seen, &s->e), s->e);
    assert_int_equal(seen.missing + seen.damaged, 0); /* that it is there is all that was asked */
    assert_ok(vault_look(&s->vault, &m, true, &seen, &s->e), s->e);
    assert_int_equal(seen.damaged, 1);
    assert_ok(vault_look(&s->vault, &m, true, &seen, &s->e), s->e);
    assert_int_equal(seen.missing, 1); /* it was taken away */
    back_up(s, 2000);
    assert_int_equal(s->made.put, 1); /* and is made good */
    compare(s, 1);
    damage(s, "d-", true);
    back_up(s, 3000);
    assert_int_equal(s->made.put, 1); /* a length that is wrong is seen without fetching */
    compare(s, 0);
}

static void test_damaged_manifest(void **state)
{
    struct scene *s = *state;

    back_up(s, 1000);
    damage(s, "m-", false);
    back_up(s, 2000);
    assert_true(s->made.rolled_back); /* the one we know is not there as it was */
    assert_int_equal(s->made.backup.number, 2);
    assert_ok(vault_expire(&s->vault, 0, &s->made, &s->e), s->e);
    assert_int_equal(s->made.damaged, 1);
    compare(s, 2);
}

static void test_rolled_back(void **state)
{
    struct scene *s = *state;
    OWN(arena) struct arena arena = {.max = 1 << 24};
    struct vault_listing l = {0};
    struct vault_manifest m;

    back_up(s, 1000);
    back_up(s, 2000);
    assert_ok(vault_list(&s->vault, "m-0000000002", &l, &s->e), s->e);
    assert_int_equal(l.count, 1);
    assert_int_equal(unlinkat(s->store, l.items[0].name, 0), 0);
    vault_listing_done(&l);
    assert_false(vault_find(&s->vault, 0, &s->known, &arena, &m, &s->e));
    assert_int_equal(s->e.kind, ERROR_CORRUPT);
    back_up(s, 3000);
    assert_true(s->made.rolled_back);
    assert_int_equal(s->made.backup.number, 3); /* no number is given twice */
    compare(s, 0);
}

/* Ask to remove everything that is too old; whether that went well, and nothing is gone if it did not. */
static bool try_to_expire(struct scene *s, unsigned absent, unsigned wrong)
{
    uint64_t before = count_objects(s);

    s->gets_absent = absent;
    s->gets_wrong = wrong;
    bool done = vault_expire(&s->vault, 99999, &s->made, &s->e);
    s->gets_absent = s->gets_wrong = 0;
    assert_true(done || count_objects(s) == before);
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

    back_up(s, 1000);
    back_up(s, 2000);
    assert_false(try_to_expire(s, 1000, 0));
    assert_false(try_to_expire(s, 0, 1000));
    s->made.backup.digest[0] ^= 1; /* another under the number of the one just made */
    assert_false(try_to_expire(s, 0, 0));
    s->made.backup.digest[0] ^= 1;
    assert_true(try_to_expire(s, 0, 1));
    assert_int_equal(s->made.oldest_at, 2000);
    compare(s, 0);

    uint64_t before = count_objects(s);
    assert_ok(vault_find(&s->vault, 0, NULL, &arena, &m, &s->e), s->e);
    s->gets_wrong = 1;
    assert_ok(vault_look(&s->vault, &m, true, &seen, &s->e), s->e);
    assert_int_equal(seen.missing + seen.damaged, 0);
    s->gets_absent = 1;
    assert_false(vault_look(&s->vault, &m, true, &seen, &s->e));
    assert_int_equal(s->e.kind, ERROR_BUSY);
    assert_int_equal(count_objects(s), before);
}

/* A machine that was put back to backup 1 goes on in another way than backup 2 has it. */
static void test_another_past(void **state)
{
    struct scene *s = *state;
    const uint64_t common = 2 * VAULT_PIECE + 2000000;

    write_file(s, 0, 0, common, 1);
    back_up(s, 1000);
    struct vault_known first = s->known;
    write_file(s, 0, common, 1500000, 9);
    back_up(s, 2000);
    write_file(s, 0, common, 2500000, 77);
    s->known = first;
    back_up(s, 3000);
    compare(s, 0);
}

/* An object under another object's name, and a manifest of somebody else's making. */
static void test_foreign(void **state)
{
    struct scene *s = *state;
    struct vault_listing l = {0};
    struct slice bytes;
    char forged[STORE_NAME_MAX + 1];

    back_up(s, 1000);
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
    back_up(s, 2000);
    assert_int_equal(s->made.backup.number, 2);
    assert_ok(vault_expire(&s->vault, 1500, &s->made, &s->e), s->e);
    assert_int_equal(s->made.oldest_at, 2000); /* it did not pass for the newest */
    compare(s, 0);
}

static void test_says_nothing(void **state)
{
    struct scene *s = *state;
    struct vault_listing l = {0};
    struct vault_name named;

    back_up(s, 1000);
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

/* Go on with the vault of another master key. */
static void be_vault_of(struct scene *s, const struct secret *master)
{
    OWN(secret) struct secret *key = keyring_derive(master, "backup");

    vault_done(&s->vault);
    vault_init(&s->vault, (struct store){&scene_ops, s}, key);
    s->known = (struct vault_known){0};
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
    be_vault_of(s, master);
    back_up(s, 1000);
    assert_false(vault_recover(s->folder, secret_slice(others), 0, &found, &generation, &s->e));
    assert_int_equal(s->e.kind, ERROR_DENIED);
    assert_ok(vault_recover(s->folder, secret_slice(words), 0, &found, &generation, &s->e), s->e);
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
            back_up(s, 2000);
            assert_ok(vault_recover(s->folder, secret_slice(words), 0, &found, &generation, &s->e),
                      s->e);
            assert_int_equal(generation, 1);
            secret_free(TAKE(found, NULL));
        }
        be_vault_of(s, master);
        back_up(s, 3000);
        assert_ok(vault_recover(s->folder, secret_slice(words), 1, &found, &generation, &s->e),
                  s->e);
        assert_int_equal(generation, of);
        assert_true(secret_equal(secret_slice(found), secret_slice(master)));
        if (of == 2) {
            secret_free(TAKE(found, NULL));
            assert_ok(vault_recover(s->folder, secret_slice(words), 2, &found, &generation, &s->e),
                      s->e);
            assert_int_equal(generation, 1); /* the newer vault has no number 2 */
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(round),
        TEST(only_what_is_new),
        TEST(goes_on),
        TEST(expires),
        TEST(damage),
        TEST(damaged_manifest),
        TEST(rolled_back),
        TEST(foreign),
        TEST(recovery),
        TEST(says_nothing),
        TEST(removes_nothing_on_a_bad_answer),
        TEST(another_past),
        TEST(recovery_of_two_generations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
