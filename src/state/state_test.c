#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/file.h"
#include "host/thread.h"
#include "keyring/former.h"
#include "keyring/keyring.h"
#include "state/state.h"
#include "tests/test.h"

struct place {
    char folder[64];
    char path[128];
    char copy[128];
    struct secret *key;
};

static int set_up(void **state)
{
    static struct place p;
    (void)snprintf(p.folder, sizeof(p.folder), "/tmp/state-test-XXXXXX");
    assert_non_null(mkdtemp(p.folder));
    (void)snprintf(p.path, sizeof(p.path), "%s/state.db", p.folder);
    (void)snprintf(p.copy, sizeof(p.copy), "%s/copy.db", p.folder);
    p.key = keyring_random();
    *state = &p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char journal[160];
    (void)unlink(p->path);
    (void)unlink(p->copy);
    (void)snprintf(journal, sizeof(journal), "%s-journal", p->path);
    (void)unlink(journal);
    (void)snprintf(journal, sizeof(journal), "%s-journal", p->copy);
    (void)unlink(journal);
    assert_int_equal(rmdir(p->folder), 0);
    secret_free(p->key);
    return 0;
}

static struct state *opened(const char *path, const struct secret *key)
{
    struct state *s = NULL;
    struct error e;
    assert_ok(state_open(path, key, &s, &e), e);
    return s;
}

static void put_account(struct state *s, const char *name, const char *display)
{
    struct error e;
    struct slice addresses[] = {SLICE_INIT("sales@example.test"), SLICE_INIT("info@example.test")};
    struct account a = {
        .name = slice_text(name),
        .addresses = {addresses, 2},
        .display = slice_text(display),
        .verifier = SLICE("\x01sealed"),
        .created_at = 1700000000000
    };
    assert_ok(state_account_put(s, &a, &e), e);
}

static void accounts_come_back(void **state)
{
    struct place *p = *state;
    struct error e;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct account a;
    bool found = false;
    {
        OWN(state) struct state *s = opened(p->path, p->key);
        put_account(s, "zoe@example.test", "Zo\xc3\xab");
        put_account(s, "adam@example.test", "Adam");
        put_account(s, "adam@example.test", "Adam Again");
    }
    OWN(state) struct state *s = opened(p->path, p->key);
    assert_ok(state_account_get(s, SLICE("zoe@example.test"), &arena, &a, &found, &e), e);
    assert_true(found);
    assert_slice(a.display, "Zo\xc3\xab");
    assert_slice(a.verifier, "\x01sealed");
    assert_int_equal(a.addresses.count, 2);
    assert_slice(((struct slice *)a.addresses.items)[1], "info@example.test");
    assert_int_equal(a.created_at, 1700000000000);
    assert_int_equal(a.role, ACCOUNT_EMPLOYEE); /* written without one */
    a.role = ACCOUNT_AUDITOR;
    assert_ok(state_account_put(s, &a, &e), e);
    assert_ok(state_account_get(s, SLICE("zoe@example.test"), &arena, &a, &found, &e), e);
    assert_int_equal(a.role, ACCOUNT_AUDITOR);
    assert_ok(state_account_get(s, SLICE("nobody@example.test"), &arena, &a, &found, &e), e);
    assert_false(found);

    struct account *all = NULL;
    size_t count = 0;
    assert_ok(state_accounts(s, &arena, &all, &count, &e), e);
    assert_int_equal(count, 2);
    assert_slice(all[0].display, "Adam Again");
    assert_slice(all[1].name, "zoe@example.test");
}

static void many_accounts(void **state)
{
    struct place *p = *state;
    struct error e;
    OWN(arena) struct arena arena = {.max = 4 << 20};
    OWN(state) struct state *s = opened(p->path, p->key);
    struct account *all = NULL;
    size_t count = 9;
    assert_ok(state_accounts(s, &arena, &all, &count, &e), e);
    assert_int_equal(count, 0);
    for (int i = 0; i < 40; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "user%02d@example.test", i);
        put_account(s, name, "x");
    }
    assert_ok(state_accounts(s, &arena, &all, &count, &e), e);
    assert_int_equal(count, 40);
    assert_slice(all[39].name, "user39@example.test");
}

static void levels_and_values(void **state)
{
    struct place *p = *state;
    struct error e;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(state) struct state *s = opened(p->path, p->key);
    uint64_t level = 9;
    assert_ok(state_level_get(s, SLICE("partner.test"), &level, &e), e);
    assert_int_equal(level, 0);
    assert_ok(state_level_put(s, SLICE("partner.test"), 2, &e), e);
    assert_ok(state_level_put(s, SLICE("partner.test"), 3, &e), e);
    assert_ok(state_level_get(s, SLICE("partner.test"), &level, &e), e);
    assert_int_equal(level, 3);
    bool gone = false;
    assert_ok(state_level_put(s, SLICE("worse.test"), 3, &e), e);
    assert_ok(state_level_delete(s, SLICE("worse.test"), &gone, &e), e);
    assert_true(gone);
    assert_ok(state_level_get(s, SLICE("worse.test"), &level, &e), e);
    assert_int_equal(level, 0);
    assert_ok(state_level_delete(s, SLICE("worse.test"), &gone, &e), e);
    assert_false(gone);

    struct slice value;
    bool found = true;
    assert_ok(state_value_get(s, SLICE("a"), &arena, &value, &found, &e), e);
    assert_false(found);
    assert_ok(state_value_put(s, SLICE("a"),
                              SLICE("1\0"
                                    "2"),
                              &e),
              e);
    assert_ok(state_value_get(s, SLICE("a"), &arena, &value, &found, &e), e);
    assert_true(found && value.len == 3);
    assert_ok(state_value_delete(s, SLICE("a"), &found, &e), e);
    assert_true(found);
    assert_ok(state_value_delete(s, SLICE("a"), &found, &e), e);
    assert_false(found);

    static uint8_t much[STATE_VALUE_MAX + 1];
    assert_false(state_value_put(s, SLICE("a"), SLICE_ARRAY(much), &e));
    assert_int_equal(e.kind, ERROR_LIMIT);
}

static bool file_holds(const char *path, const char *word)
{
    struct error e;
    OWN(buf) struct buf all = {.max = 16 << 20};
    assert_ok(file_read_all(AT_FDCWD, path, &all, &e), e);
    return memmem(all.ptr, all.len, word, strlen(word)) != NULL;
}

static void expect_level(struct state *s, unsigned number, uint64_t expected)
{
    char where[32];
    uint64_t level = 99;
    struct error e;

    (void)snprintf(where, sizeof(where), "d%u.test", number);
    assert_ok(state_level_get(s, slice_text(where), &level, &e), e);
    assert_int_equal(level, expected);
}

/* So many that some of them share a place in memory. */
static void what_was_written_last_is_read(void **state)
{
    const struct place *p = *state;
    struct state *s = opened(p->path, p->key);
    char where[32];
    struct error e;
    bool found = false;

    for (unsigned round = 1; round < 4; round++) {
        for (unsigned i = 0; i < 60; i++) {
            expect_level(s, i, round - 1);
            (void)snprintf(where, sizeof(where), "d%u.test", i);
            assert_ok(state_level_put(s, slice_text(where), round, &e), e);
            expect_level(s, i, round);
            expect_level(s, i, round);
        }
    }
    for (unsigned i = 0; i < 60; i += 2) {
        (void)snprintf(where, sizeof(where), "d%u.test", i);
        assert_ok(state_level_delete(s, slice_text(where), &found, &e), e);
        assert_true(found);
        expect_level(s, i, 0);
        expect_level(s, i + 1, 3);
    }
    for (unsigned i = 0; i < 2000; i++) {
        expect_level(s, i, i < 60 && i % 2 ? 3 : 0);
    }
    state_close(s);
}

static void nothing_is_readable_on_disk(void **state)
{
    struct place *p = *state;
    struct error e;
    struct stat about;
    OWN(state) struct state *s = opened(p->path, p->key);
    put_account(s, "zanzibar@example.test", "Quetzal");
    assert_ok(state_level_put(s, SLICE("xylophone.test"), 2, &e), e);
    assert_ok(state_value_put(s, SLICE("walrus"), SLICE("platypus"), &e), e);
    static const char *const words[] = {"zanzibar", "Quetzal", "xylophone",   "walrus",
                                        "platypus", "sales@",  "example.test"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        assert_false(file_holds(p->path, words[i]));
    }
    assert_int_equal(stat(p->path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void edit(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK) {
        fail_msg("%s", why);
    }
    (void)sqlite3_close(db);
}

static void what_is_deleted_is_gone(void **state)
{
    struct place *p = *state;
    struct error e;
    bool found;
    OWN(state) struct state *s = opened(p->path, p->key);
    assert_ok(state_value_put(s, SLICE("a"), SLICE("secret"), &e), e);
    OWN(buf) struct buf before = {.max = 1 << 20};
    assert_ok(file_read_all(AT_FDCWD, p->path, &before, &e), e);
    assert_ok(state_value_delete(s, SLICE("a"), &found, &e), e);
    OWN(buf) struct buf after = {.max = 1 << 20};
    assert_ok(file_read_all(AT_FDCWD, p->path, &after, &e), e);
    /* The rows were the last thing on their page: its end held the sealed value. */
    assert_int_equal(before.len, after.len);
    size_t changed = 0;
    size_t zeroed = 0;
    for (size_t i = 200; i < before.len; i++) { /* behind the file's header */
        changed += before.ptr[i] != after.ptr[i];
        zeroed += before.ptr[i] != 0 && after.ptr[i] == 0;
    }
    assert_true(changed > 80 && zeroed > 80);
}

static void swapped_rows_are_noticed(void **state)
{
    struct place *p = *state;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct account a;
    bool found;
    {
        OWN(state) struct state *s = opened(p->path, p->key);
        put_account(s, "one@example.test", "One");
        put_account(s, "two@example.test", "Two");
    }
    edit(p->path, "UPDATE sealed SET value = (SELECT value FROM sealed AS other WHERE kind = 2 AND"
                  " other.id <> sealed.id) WHERE kind = 2 AND id = (SELECT min(id) FROM sealed"
                  " WHERE kind = 2)");
    OWN(state) struct state *s = opened(p->path, p->key);
    struct error one = {0};
    struct error two = {0};
    bool one_ok = state_account_get(s, SLICE("one@example.test"), &arena, &a, &found, &one);
    bool two_ok = state_account_get(s, SLICE("two@example.test"), &arena, &a, &found, &two);
    assert_true(one_ok != two_ok);
    assert_int_equal((one_ok ? two : one).kind, ERROR_CORRUPT);
}

static void other_files_are_refused(void **state)
{
    struct place *p = *state;
    struct error e;
    struct state *s = opened(p->path, p->key);
    state_close(s);
    s = NULL;

    OWN(secret) struct secret *other = keyring_random();
    assert_false(state_open(p->path, other, &s, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_non_null(strstr(e.text, "another master key"));

    edit(p->path, "PRAGMA user_version = 2");
    assert_false(state_open(p->path, p->key, &s, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_non_null(strstr(e.text, "newer Postern"));
    edit(p->path, "PRAGMA user_version = 1; PRAGMA application_id = 5");
    assert_false(state_open(p->path, p->key, &s, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);

    int fd = open(p->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_int_equal(write(fd,
                           "this is no database, but long enough to look like one ........."
                           "................................................................",
                           120),
                     120);
    assert_int_equal(close(fd), 0);
    assert_false(state_open(p->path, p->key, &s, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    assert_false(state_open("/nonexistent/state.db", p->key, &s, &e));
    assert_int_equal(e.kind, ERROR_CONFIG);
    assert_null(s);
}

struct writer {
    struct state *s;
    atomic_bool stop;
    uint64_t wrote;
};

static void write_on(void *argument)
{
    struct writer *w = argument;
    struct error e;
    while (!atomic_load(&w->stop)) {
        w->wrote++;
        if (!state_level_put(w->s, SLICE("a.test"), w->wrote, &e) ||
            !state_level_put(w->s, SLICE("b.test"), w->wrote, &e)) {
            return;
        }
    }
}

static void backups_are_whole_while_others_write(void **state)
{
    struct place *p = *state;
    struct error e;
    pthread_t thread;
    OWN(state) struct state *s = opened(p->path, p->key);
    static uint8_t filler[100000];
    for (int i = 0; i < 12; i++) { /* more pages than are copied at a time */
        char name = (char)('a' + i);
        assert_ok(state_value_put(s, slice_of(&name, 1), SLICE_ARRAY(filler), &e), e);
    }
    struct writer w = {.s = s};
    assert_ok(thread_start_joinable("writer", THREAD_STACK_LARGE, write_on, &w, &thread, &e), e);
    bool ok = state_backup(s, p->copy, &e);
    atomic_store(&w.stop, true);
    thread_join(thread);
    assert_ok(ok, e);
    assert_false(state_backup(s, p->copy, &e)); /* never over an existing file */
    assert_int_equal(e.kind, ERROR_CONFIG);

    OWN(state) struct state *copy = opened(p->copy, p->key);
    uint64_t a = 0;
    uint64_t b = 0;
    assert_ok(state_level_get(copy, SLICE("a.test"), &a, &e), e);
    assert_ok(state_level_get(copy, SLICE("b.test"), &b, &e), e);
    assert_true(a == b || a == b + 1);
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct slice value;
    bool found = false;
    assert_ok(state_value_get(copy, SLICE("l"), &arena, &value, &found, &e), e);
    assert_true(found && value.len == sizeof(filler));
}

static void put_some(struct state *s)
{
    struct error e;
    const struct account anna = {
        .name = SLICE("anna@a.test"), .display = SLICE("Anna"), .created_at = 7};

    assert_ok(state_account_put(s, &anna, &e), e);
    assert_ok(state_level_put(s, SLICE("b.test"), 3, &e), e);
    assert_ok(state_value_put(s, SLICE("note"), SLICE("kept"), &e), e);
}

static void expect_some(struct state *s)
{
    struct error e;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct account account;
    struct account *all = NULL;
    struct slice value;
    uint64_t level = 0;
    size_t count = 0;
    bool found = false;

    assert_ok(state_account_get(s, SLICE("anna@a.test"), &arena, &account, &found, &e), e);
    assert_true(found && slice_equal(account.display, SLICE("Anna")));
    assert_ok(state_accounts(s, &arena, &all, &count, &e), e);
    assert_int_equal(count, 1);
    assert_ok(state_level_get(s, SLICE("b.test"), &level, &e), e);
    assert_int_equal(level, 3);
    assert_ok(state_value_get(s, SLICE("note"), &arena, &value, &found, &e), e);
    assert_true(found && slice_equal(value, SLICE("kept")));
}

/* Twice, so that the key of the names is carried along. */
static void a_new_key_seals_all_anew(void **state)
{
    struct place *p = *state;
    OWN(secret) struct secret *second = keyring_random();
    OWN(secret) struct secret *third = keyring_random();
    struct state *none = NULL;
    struct error e;

    struct state *s = opened(p->path, p->key);
    put_some(s);
    state_close(s);
    assert_false(
        state_open(p->path, second, &none, &e)); /* nobody said that it follows the first */
    assert_int_equal(e.kind, ERROR_CONFIG);
    keyring_former_add(second, p->key);
    s = opened(p->path, second);
    expect_some(s);
    put_some(s); /* the same rows: their names have the same hashes */
    expect_some(s);
    state_close(s);
    assert_false(state_open(p->path, p->key, &none, &e)); /* the first opens nothing any more */
    assert_int_equal(e.kind, ERROR_CONFIG);

    keyring_former_add(third, second);
    keyring_former_add(third, p->key);
    s = opened(p->path, third);
    expect_some(s);
    state_close(s);
    assert_false(state_open(p->path, second, &none, &e));
}

/* A crash in the middle leaves the journal, and with it all of the old. */
static void a_crash_while_sealing_anew(void **state)
{
    struct place *p = *state;
    OWN(secret) struct secret *second = keyring_random();
    static uint8_t filler[100000];
    struct error e;

    struct state *s = opened(p->path, p->key);
    put_some(s);
    for (int i = 0; i < 60; i++) {
        char name = (char)('a' + i);
        assert_ok(state_value_put(s, slice_of(&name, 1), SLICE_ARRAY(filler), &e), e);
    }
    state_close(s);
    keyring_former_add(second, p->key);
    for (useconds_t wait = 200; wait < 40000; wait += wait / 2) {
        pid_t child = fork();
        if (child == 0) {
            struct state *in_child = NULL;
            _exit(state_open(p->path, second, &in_child, &e) ? 0 : 1);
        }
        (void)usleep(wait);
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    s = opened(p->path, second);
    expect_some(s);
    state_close(s);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(accounts_come_back),
        TEST(many_accounts),
        TEST(levels_and_values),
        TEST(nothing_is_readable_on_disk),
        TEST(what_was_written_last_is_read),
        TEST(what_is_deleted_is_gone),
        TEST(swapped_rows_are_noticed),
        TEST(other_files_are_refused),
        TEST(backups_are_whole_while_others_write),
        TEST(a_new_key_seals_all_anew),
        TEST(a_crash_while_sealing_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
