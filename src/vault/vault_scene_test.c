#include "vault/vault_scene_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "keyring/keyring.h"

#define LEDGER SLICE("ledger")

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
    return s->locked ? error_set(e, ERROR_LIMIT, "locked")
                     : s->folder.ops->remove(s->folder.context, name, e);
}

static bool scene_renew(void *context, struct slice name, struct error *e)
{
    struct scene *s = context;

    (void)name;
    if (s->renewals_left && --s->renewals_left == 0) {
        return error_set(e, ERROR_BUSY, "it does not answer");
    }
    s->renewed += !s->no_renewal;
    return !s->no_renewal || error_set(e, ERROR_DENIED, "status 403");
}

static const struct store_ops scene_ops = {scene_put, scene_get, scene_list, scene_remove,
                                           scene_renew};

static bool scene_open(void *context, const struct vault_source_file *f, int *fd, struct error *e)
{
    struct scene *s = context;
    char name[64];

    (void)snprintf(name, sizeof(name), "%.*s", SLICE_ARG(f->name));
    *fd = openat(s->from, name, O_RDONLY | O_CLOEXEC);
    return *fd >= 0 || error_errno(e, ERROR_CONFIG, "%s", name);
}

void scene_write(struct scene *s, size_t which, uint64_t at, uint64_t size, unsigned salt)
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

int scene_setup(void **state)
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
    scene_write(s, 0, 0, 2 * VAULT_PIECE + 3000, 1);
    scene_write(s, 1, 0, 5000, 2);
    scene_write(s, 2, 0, 0, 3);
    s->source = (struct vault_source){s->files, SCENE_FILES, scene_open, s};
    s->view = (struct vault_view){.at = 1000,
                                  .records = 7,
                                  .note = SLICE("note"),
                                  .recovery = SLICE("recovery"),
                                  .program = SLICE("test")};
    *state = s;
    return 0;
}

int scene_teardown(void **state)
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

void scene_back_up(struct scene *s, uint64_t at)
{
    s->view.at = at;
    assert_ok(vault_run(&s->vault, &s->source, &s->view, &s->known, &s->made, &s->e), s->e);
    s->known = s->made.backup;
}

uint64_t scene_count(struct scene *s)
{
    struct vault_listing l = {0};

    assert_ok(vault_list(&s->vault, "", &l, &s->e), s->e);
    uint64_t count = l.count;
    vault_listing_done(&l);
    return count;
}

void scene_compare(struct scene *s, uint64_t number)
{
    OWN(arena) struct arena arena = {.max = 1 << 24};
    struct vault_manifest m;

    assert_ok(vault_find(&s->vault, number, &s->known, &arena, &m, &s->e), s->e);
    assert_int_equal(m.files.count, SCENE_FILES);
    for (size_t i = 0; i < SCENE_FILES; i++) {
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

void scene_be_vault_of(struct scene *s, const struct secret *master)
{
    OWN(secret) struct secret *key = keyring_derive(master, "backup");

    vault_done(&s->vault);
    vault_init(&s->vault, (struct store){&scene_ops, s}, key);
    s->known = (struct vault_known){0};
}
