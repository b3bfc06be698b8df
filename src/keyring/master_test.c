#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "host/file.h"
#include "keyring/former.h"
#include "keyring/keyring.h"
#include "keyring/master.h"
#include "keyring/master_list.h"
#include "keyring/recovery.h"
#include "tests/test.h"

#define NAME     "master.key"
#define NAME_NEW "master.key.new"
#define LIBRARY  "/usr/lib/softhsm/libsofthsm2.so"

static int folder = -1;
static char path[] = "/tmp/postern-master-XXXXXX";

static int begin(void **unused)
{
    (void)unused;
    if (!mkdtemp(path)) {
        return 1;
    }
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0;
}

static int end(void **unused)
{
    char command[128];

    (void)unused;
    (void)close(folder);
    (void)snprintf(command, sizeof(command), "rm -r %s", path);
    return system(command); /* NOLINT(cert-env33-c): of our own path */
}

/* Answers with its context, and counts. */
struct answers {
    const char *text;
    int asked;
};

static bool answer(void *context, const char *question, struct secret **out, struct error *e)
{
    struct answers *a = context;

    (void)question;
    a->asked++;
    if (!a->text) {
        return error_set(e, ERROR_CONFIG, "nobody is there");
    }
    *out = secret_copy(slice_text(a->text));
    return true;
}

static bool opens(const char *name, const char *secret, struct master *m, struct error *e)
{
    struct answers a = {secret, 0};
    const struct master_asker asker = {answer, &a};

    return master_open(folder, name, &asker, m, e);
}

static bool is_there(const char *name)
{
    struct stat st;
    return fstatat(folder, name, &st, 0) == 0;
}

static void new_key(const struct secret *key, uint64_t generation)
{
    struct error e;
    (void)unlinkat(folder, NAME, 0);
    (void)unlinkat(folder, NAME_NEW, 0);
    assert_ok(master_write(folder, NAME, key, generation, &e), e);
}

static bool wrap(const struct master_way *way, const struct secret *key, uint64_t generation,
                 struct error *e)
{
    return master_prepare(folder, NAME, way, key, generation, e) && master_commit(folder, NAME, e);
}

static void keeps_it_as_it_is(void **unused)
{
    OWN(secret) struct secret *made = NULL;
    OWN(secret) struct secret *none = NULL;
    OWN(master) struct master m = {0};
    OWN(master) struct master no = {0};
    OWN(buf) struct buf text = {.max = 1000};
    struct error e = {0};

    (void)unused;
    assert_false(opens(NAME, NULL, &m, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_ok(master_create(folder, NAME, &made, &e), e);
    assert_ok(opens(NAME, NULL, &m, &e), e);
    assert_true(secret_equal(secret_slice(made), secret_slice(m.key)));
    assert_int_equal(m.generation, 1);
    assert_false(master_create(folder, NAME, &none, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);

    assert_ok(file_read_all(folder, NAME, &text, &e), e);
    for (size_t i = 0; i < text.len; i++) {
        text.ptr[i] ^= 1;
        assert_ok(file_replace(folder, "bad.key", buf_slice(&text), 0600, &e), e);
        assert_false(opens("bad.key", NULL, &no, &e));
        text.ptr[i] ^= 1;
    }
    text.ptr[sizeof("postern-master-key ") - 1] = '3';
    assert_ok(file_replace(folder, "bad.key", buf_slice(&text), 0600, &e), e);
    assert_false(opens("bad.key", NULL, &no, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_non_null(strstr(e.text, "newer"));

    assert_int_equal(fchmodat(folder, NAME, 0640, 0), 0);
    assert_false(opens(NAME, NULL, &no, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_int_equal(fchmodat(folder, NAME, 0600, 0), 0);
}

static void a_later_generation_says_so(void **unused)
{
    OWN(secret) struct secret *key = keyring_random();
    OWN(master) struct master m = {0};
    OWN(master) struct master look = {0};
    struct error e;

    (void)unused;
    new_key(key, 7);
    assert_ok(opens(NAME, NULL, &m, &e), e);
    assert_int_equal(m.generation, 7);
    assert_true(secret_equal(secret_slice(m.key), secret_slice(key)));
    assert_ok(master_look(folder, NAME, &look, &e), e);
    assert_int_equal(look.generation, 7);
    assert_null(look.key);
}

static void a_passphrase_keeps_it(void **unused)
{
    OWN(secret) struct secret *key = keyring_random();
    OWN(secret) struct secret *passphrase = secret_copy(SLICE("twelve words or so"));
    OWN(secret) struct secret *short_one = secret_copy(SLICE("eleven char"));
    struct master_way way = {.kept = MASTER_PASSPHRASE, .passphrase = short_one};
    OWN(master) struct master m = {0};
    OWN(master) struct master no = {0};
    OWN(buf) struct buf text = {.max = 1000};
    char hex[65];
    struct error e;

    (void)unused;
    new_key(key, 3);
    assert_false(wrap(&way, key, 3, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    way.passphrase = passphrase;
    assert_ok(wrap(&way, key, 3, &e), e);
    assert_false(is_there(NAME_NEW));
    assert_ok(opens(NAME, "twelve words or so", &m, &e), e);
    assert_int_equal(m.generation, 3);
    assert_int_equal(m.kept, MASTER_PASSPHRASE);
    assert_true(secret_equal(secret_slice(m.key), secret_slice(key)));
    assert_false(opens(NAME, "twelve words or sO", &no, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
    assert_false(opens(NAME, NULL, &no, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);

    /* Neither key nor passphrase stand in it, and no part of the line can be changed. */
    assert_ok(file_read_all(folder, NAME, &text, &e), e);
    for (size_t i = 0; i < 32; i++) {
        (void)snprintf(hex + 2 * i, 3, "%02x", key->ptr[i]);
    }
    assert_null(memmem(text.ptr, text.len, hex, 16));
    assert_null(memmem(text.ptr, text.len, "twelve", 6));
    uint8_t *generation = memmem(text.ptr, text.len, " 3 ", 3);
    assert_non_null(generation);
    generation[1] = '2';
    assert_ok(file_replace(folder, "bad.key", buf_slice(&text), 0600, &e), e);
    assert_false(opens("bad.key", "twelve words or so", &no, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
}

static void what_was_not_finished_is_destroyed(void **unused)
{
    static const struct master_way as_it_is = {.kept = MASTER_FILE};
    OWN(secret) struct secret *key = keyring_random();
    OWN(secret) struct secret *other = keyring_random();
    OWN(master) struct master m = {0};
    OWN(master) struct master after = {0};
    struct error e;

    (void)unused;
    new_key(key, 1);
    assert_ok(master_prepare(folder, NAME, &as_it_is, other, 2, &e), e);
    assert_true(is_there(NAME_NEW));
    assert_ok(opens(NAME, NULL, &m, &e), e); /* not in force yet */
    assert_true(secret_equal(secret_slice(m.key), secret_slice(key)));

    /* Its bytes are overwritten before the name goes: seen through a descriptor that stays. */
    OWN(fd) int kept = openat(folder, NAME_NEW, O_RDONLY);
    assert_ok(master_tidy(folder, NAME, &e), e);
    assert_false(is_there(NAME_NEW));
    uint8_t bytes[200];
    ssize_t n = pread(kept, bytes, sizeof(bytes), 0);
    assert_true(n > 64);
    for (ssize_t i = 0; i < n; i++) {
        assert_int_equal(bytes[i], 0);
    }

    /* And so are those of the former form. */
    OWN(fd) int former = openat(folder, NAME, O_RDONLY);
    assert_ok(wrap(&as_it_is, other, 2, &e), e);
    assert_int_equal(pread(former, bytes, sizeof(bytes), 0) > 64, 1);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[40], 0);
    assert_ok(opens(NAME, NULL, &after, &e), e);
    assert_int_equal(after.generation, 2);
    assert_true(secret_equal(secret_slice(after.key), secret_slice(other)));
    assert_ok(master_tidy(folder, NAME, &e), e);
    assert_true(is_there(NAME));
}

/* -- a token -- */

static bool make_token(void)
{
    char command[2048];
    OWN(buf) struct buf config = {.max = 1000};
    char file[64];
    struct error e;

    if (access(LIBRARY, F_OK) != 0) {
        return false;
    }
    buf_printf(&config, "directories.tokendir = %s/tokens\nobjectstore.backend = file\n", path);
    (void)snprintf(file, sizeof(file), "%s/softhsm2.conf", path);
    assert_ok(file_create(folder, "softhsm2.conf", buf_slice(&config), 0600, &e), e);
    assert_int_equal(setenv("SOFTHSM2_CONF", file, 1), 0);
    (void)snprintf(command, sizeof(command),
                   "cd %s && mkdir tokens && exec >log 2>&1 && "
                   "softhsm2-util --init-token --free --label safe --pin 4321 --so-pin 8765 && "
                   "openssl genrsa -out rsa.pem 2048 && "
                   "openssl pkcs8 -topk8 -nocrypt -in rsa.pem -out rsa.p8 && "
                   "softhsm2-util --import rsa.p8 --token safe --label postern --id 01 --pin 4321",
                   path);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): of our own text */
    return true;
}

static void a_token_keeps_it(void **unused)
{
    static const char uri[] = "pkcs11:token=safe;object=postern?module-path=" LIBRARY;
    OWN(secret) struct secret *key = keyring_random();
    OWN(secret) struct secret *pin = secret_copy(SLICE("4321"));
    OWN(secret) struct secret *wrong = secret_copy(SLICE("1234"));
    struct master_way way = {.kept = MASTER_TOKEN, .uri = uri, .pin = wrong};
    OWN(master) struct master m = {0};
    OWN(master) struct master no = {0};
    OWN(master) struct master plain = {0};
    struct error e;

    (void)unused;
    if (!make_token()) {
        print_message("softhsm2 is not installed\n");
        skip();
    }
    new_key(key, 1);
    assert_false(wrap(&way, key, 1, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
    way.pin = pin;
    way.uri = "pkcs11:token=other;object=postern?module-path=" LIBRARY;
    assert_false(wrap(&way, key, 1, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    way.uri = "pkcs11:token=safe;object=other?module-path=" LIBRARY;
    assert_false(wrap(&way, key, 1, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    way.uri = "pkcs11:token=safe;object=postern?module-path=/nowhere.so";
    assert_false(wrap(&way, key, 1, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    way.uri = "token=safe";
    assert_false(wrap(&way, key, 1, &e));
    assert_int_equal(e.kind, ERROR_INPUT);
    assert_ok(opens(NAME, NULL, &plain, &e), e); /* nothing was changed by all that */

    way.uri = uri;
    assert_ok(wrap(&way, key, 1, &e), e);
    assert_ok(opens(NAME, "4321", &m, &e), e);
    assert_int_equal(m.kept, MASTER_TOKEN);
    assert_true(secret_equal(secret_slice(m.key), secret_slice(key)));
    assert_false(opens(NAME, "9999", &no, &e));
    assert_int_equal(e.kind, ERROR_DENIED);

    /* The library is in no process but the child that asked it. */
    OWN(buf) struct buf maps = {.max = 1 << 20};
    OWN(fd) int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    ssize_t n = 0;
    do {
        uint8_t *room = buf_room(&maps, 4096);
        n = room ? read(fd, room, 4096) : -1;
        maps.len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    assert_int_equal(n, 0);
    assert_null(memmem(maps.ptr, maps.len, "softhsm", 7));
}

static void the_recovery_key_follows_generations(void **unused)
{
    OWN(secret) struct secret *master = keyring_random();
    OWN(secret) struct secret *typed = recovery_new();
    OWN(secret) struct secret *back = NULL;
    OWN(secret) struct secret *none = NULL;
    OWN(buf) struct buf text = {.max = 1000};
    uint64_t generation = 0;
    struct error e;

    (void)unused;
    assert_ok(recovery_seal(folder, "recovery.sealed", secret_slice(typed), master, 12, &e), e);
    assert_ok(recovery_open(folder, "recovery.sealed", secret_slice(typed), &back, &generation, &e),
              e);
    assert_int_equal(generation, 12);
    assert_true(secret_equal(secret_slice(back), secret_slice(master)));
    assert_ok(file_read_all(folder, "recovery.sealed", &text, &e), e);
    uint8_t *number = memmem(text.ptr, text.len, " 12 ", 4);
    assert_non_null(number);
    number[2] = '3';
    assert_ok(file_replace(folder, "bad.sealed", buf_slice(&text), 0600, &e), e);
    assert_false(recovery_open(folder, "bad.sealed", secret_slice(typed), &none, &generation, &e));
    assert_int_equal(e.kind, ERROR_DENIED);
}

static void former_keys_stand_in_a_list(void **unused)
{
    OWN(secret) struct secret *first = keyring_random();
    OWN(secret) struct secret *second = keyring_random();
    const struct master now = {.key = keyring_random(), .generation = 5};
    const struct master earliest = {.key = first, .generation = 1};
    OWN(master_list) struct master_list l = {.since_ms = 77};
    OWN(master_list) struct master_list back = {0};
    OWN(master_list) struct master_list none = {0};
    OWN(buf) struct buf text = {.max = 8000};
    char name[64];
    uint8_t id[KEYRING_ID_LEN];
    struct error e;

    (void)unused;
    assert_ok(master_list_read(folder, &earliest, &none, &e), e); /* has no file */
    assert_int_equal(none.count, 0);
    assert_false(master_list_read(folder, &now, &none, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_ok(master_list_add(&l, 1, 0, first, &e), e);
    assert_ok(master_list_add(&l, 4, 55, second, &e), e);
    assert_ok(master_list_write(folder, &now, &l, &e), e);
    assert_ok(master_list_read(folder, &now, &back, &e), e);
    assert_int_equal(back.count, 2);
    assert_int_equal(back.since_ms, 77);
    assert_int_equal(back.former[1].generation, 4);
    assert_int_equal(back.former[1].since_ms, 55);
    assert_true(secret_equal(secret_slice(back.former[1].key), secret_slice(second)));

    keyring_id(now.key, id);
    (void)snprintf(name, sizeof(name), "former-keys-%02x%02x%02x%02x%02x%02x%02x%02x", id[0], id[1],
                   id[2], id[3], id[4], id[5], id[6], id[7]);
    assert_true(master_list_is(name));
    assert_false(master_list_is("former-keys-0"));
    assert_ok(file_read_all(folder, name, &text, &e), e);
    assert_null(memmem(text.ptr, text.len, second->ptr, 8));
    for (size_t at = 0; at < text.len; at += 37) { /* no byte of it can be changed */
        OWN(master_list) struct master_list bad = {0};
        text.ptr[at] ^= 1;
        assert_ok(file_replace(folder, name, buf_slice(&text), 0600, &e), e);
        assert_false(master_list_read(folder, &now, &bad, &e));
        text.ptr[at] ^= 1;
    }
    assert_ok(file_replace(folder, name, buf_slice(&text), 0600, &e), e);

    /* One less: the former content is overwritten. */
    OWN(fd) int former = openat(folder, name, O_RDONLY);
    assert_true(master_list_take(&l, 1));
    assert_false(master_list_take(&l, 1));
    assert_ok(master_list_write(folder, &now, &l, &e), e);
    uint8_t bytes[100];
    assert_int_equal(pread(former, bytes, sizeof(bytes), 100), sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        assert_int_equal(bytes[i], 0);
    }
    assert_true(master_list_take(&l, 4));
    assert_ok(master_list_write(folder, &now, &l, &e), e);
    master_list_done(&back);
    assert_ok(master_list_read(folder, &now, &back, &e), e);
    assert_int_equal(back.count, 0);
    secret_free(now.key);
}

static void lists_of_two_keys_never_meet(void **unused)
{
    OWN(secret) struct secret *first = keyring_random();
    const struct master now = {.key = keyring_random(), .generation = 5};
    const struct master other = {.key = keyring_random(), .generation = 5};
    OWN(master_list) struct master_list l = {0};
    OWN(master_list) struct master_list back = {0};
    struct error e;

    (void)unused;
    assert_ok(master_list_add(&l, 1, 0, first, &e), e);
    assert_ok(master_list_write(folder, &now, &l, &e), e);
    assert_ok(master_list_write(folder, &other, &l, &e), e);
    assert_ok(master_list_read(folder, &now, &back, &e), e);
    assert_ok(master_list_tidy(folder, other.key, &e), e);
    master_list_done(&back);
    assert_false(master_list_read(folder, &now, &back, &e));
    assert_ok(master_list_read(folder, &other, &back, &e), e);
    for (unsigned i = 1; i < MASTER_FORMER_MAX; i++) {
        assert_ok(master_list_add(&l, i + 1, 0, first, &e), e);
    }
    assert_false(master_list_add(&l, 99, 0, first, &e));
    assert_int_equal(e.kind, ERROR_LIMIT);
    secret_free(now.key);
    secret_free(other.key);
}

static void former_keys_are_found_by_name(void **unused)
{
    OWN(secret) struct secret *now = keyring_random();
    OWN(secret) struct secret *former = keyring_random();
    OWN(secret) struct secret *other = keyring_random();
    uint8_t id[KEYRING_ID_LEN];

    (void)unused;
    keyring_id(former, id);
    assert_null(keyring_find(now, id));
    assert_null(keyring_former(now, 0));
    keyring_former_add(now, former);
    assert_true(secret_equal(secret_slice(keyring_find(now, id)), secret_slice(former)));
    assert_true(secret_equal(secret_slice(keyring_former(now, 0)), secret_slice(former)));
    assert_null(keyring_former(now, 1));
    assert_null(keyring_find(other, id)); /* of another key it is none */
    keyring_id(now, id);
    assert_ptr_equal(keyring_find(now, id), now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_it_as_it_is),
        cmocka_unit_test(a_later_generation_says_so),
        cmocka_unit_test(a_passphrase_keeps_it),
        cmocka_unit_test(what_was_not_finished_is_destroyed),
        cmocka_unit_test(a_token_keeps_it),
        cmocka_unit_test(the_recovery_key_follows_generations),
        cmocka_unit_test(former_keys_stand_in_a_list),
        cmocka_unit_test(lists_of_two_keys_never_meet),
        cmocka_unit_test(former_keys_are_found_by_name),
    };
    return cmocka_run_group_tests_name("master", tests, begin, end);
}
