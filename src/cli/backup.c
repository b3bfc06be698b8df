/* A copy of everything that cannot be made again, while the daemon runs.
 *
 * The keeper freezes a view: a copy of the state, then the ledger's end, which is a commit. Segments
 * before the last never change but by becoming packs, against which a lock is held; of the last only
 * what stands before that end is copied, so that nothing half written comes along. Catalog and index are
 * derived and stay behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"

#include "cli/cli.h"
#include "cli/files.h"
#include "cli/manifest.h"
#include "cli/master.h"
#include "cli/prove.h"
#include "host/file.h"
#include "keyring/master_list.h"
#include "ledger/copy.h"
#include "requests/admin.h"

#define KEYS         "record-keys"
#define LOCK_WAIT_S  60 /* records are packed and erased in much less */
#define LOCK_LOOK_US 50000

struct backup {
    struct cli *cli;
    int data; /* what is copied */
    int ledger;
    int to; /* the backup */
    struct admin_backup_answer view;
    struct buf manifest;
    const char *directory; /* under way */
    int from_directory, to_directory;
    uint64_t segments; /* copied, as segments or packs */
    bool has_state;
};

static bool copy(struct backup *b, int from, const char *name, int to, const char *as,
                 uint64_t length, struct error *e)
{
    struct files_copy done;

    if (!files_copy(from, name, to, as, 0600, length, &done, e)) {
        return false;
    }
    manifest_add(&b->manifest, b->directory, as, &done);
    return true;
}

static bool copy_segment(void *context, const char *name, struct error *e)
{
    struct backup *b = context;
    char last[32];

    if (!ledger_copy_needs(b->from_directory, name, (uint32_t)b->view.segment)) {
        return true;
    }
    (void)snprintf(last, sizeof(last), "%010u.seg", (unsigned)b->view.segment);
    b->segments++;
    return copy(b, b->from_directory, name, b->to_directory, name,
                strcmp(name, last) == 0 ? b->view.segment_bytes : FILES_WHOLE, e);
}

static bool copy_record_key(void *context, const char *name, struct error *e)
{
    struct backup *b = context;

    return !ledger_copy_needs_key(b->ledger, name, (uint32_t)b->view.segment) ||
           copy(b, b->from_directory, name, b->to_directory, name, FILES_WHOLE, e);
}

/* A key that is just being written has a name that ends so, and its own final name soon. */
static bool copy_key(void *context, const char *name, struct error *e)
{
    struct backup *b = context;
    size_t len = strlen(name);

    return (len > 4 && strcmp(name + len - 4, ".new") == 0) ||
           copy(b, b->from_directory, name, b->to_directory, name, FILES_WHOLE, e);
}

static bool copy_directory(struct backup *b, const char *name,
                           bool (*visit)(void *, const char *, struct error *), struct error *e)
{
    OWN(fd) int to = -1;
    OWN(fd) int from = openat(b->data, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (from < 0) {
        return error_errno(e, errno == EACCES ? ERROR_DENIED : ERROR_CONFIG, "%s", name);
    }
    if (!files_make_below(b->to, name, 0700, &to, e)) {
        return false;
    }
    b->directory = name;
    b->from_directory = from;
    b->to_directory = to;
    return (files_each(from, visit, b, e) && file_sync_folder(to, e)) || error_add(e, "%s", name);
}

/* The keeper names the copy by a path of its own view of the files; it lies in state/. */
static bool copy_state(void *context, const char *name, struct error *e)
{
    struct backup *b = context;
    const char *path = arena_text(&b->cli->arena, b->view.state);
    const char *slash = strrchr(path, '/');

    if (strcmp(name, slash ? slash + 1 : path) != 0) {
        return true;
    }
    b->has_state = true;
    return copy(b, b->from_directory, name, b->to_directory, "state.db", FILES_WHOLE, e) &&
           (unlinkat(b->from_directory, name, 0) == 0 ||
            error_errno(e, ERROR_BUSY, "remove %s", name));
}

/* Also of a rotation under way: the recovery key may open the one that is not in force yet. */
static bool copy_list(void *context, const char *name, struct error *e)
{
    struct backup *b = context;

    return !master_list_is(name) || copy(b, b->from_directory, name, b->to, name, FILES_WHOLE, e);
}

static bool copy_lists(struct backup *b, struct error *e)
{
    OWN(fd) int from = openat(b->data, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (from < 0) {
        return error_errno(e, errno == EACCES ? ERROR_DENIED : ERROR_CONFIG, "data directory");
    }
    b->from_directory = from;
    return files_each(from, copy_list, b, e);
}

static bool copy_top(struct backup *b, struct error *e)
{
    b->directory = "";
    if (!copy_lists(b, e) ||
        !copy(b, b->data, "recovery.sealed", b->to, "recovery.sealed", FILES_WHOLE, e)) {
        return false;
    }
    if (arguments_flag(&b->cli->arguments, "with-master-key") &&
        !copy(b, b->data, "master.key", b->to, "master.key", FILES_WHOLE, e)) {
        return false;
    }
    return copy(b, AT_FDCWD, b->cli->config_path, b->to, "postern.conf", FILES_WHOLE, e);
}

static bool copy_all(struct backup *b, struct error *e)
{
    manifest_begin(&b->manifest, b->view.ledger_size);
    if (!copy_top(b, e) || !copy_directory(b, "state", copy_state, e) ||
        !copy_directory(b, "keys", copy_key, e) || !copy_directory(b, KEYS, copy_record_key, e) ||
        !copy_directory(b, "ledger", copy_segment, e)) {
        return false;
    }
    return (!b->manifest.full && b->segments > 0 && b->has_state) ||
           error_set(e, ERROR_CORRUPT, "the data directory lacks a part of what there should be");
}

/* The checkpoint is what the copy is proved against, now and when it is restored. */
static bool finish(struct backup *b, struct error *e)
{
    OWN(master) struct master master = {0};
    OWN(fd) int ledger = openat(b->to, "ledger", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN(fd) int keys = openat(b->to, KEYS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return cli_master(b->cli, b->data, &master, e) &&
           cli_master_former(b->to, &master, "ledger", e) &&
           prove_ledger(b->cli, ledger, keys, master.key, b->view.note, b->view.ledger_size, e) &&
           file_create(b->to, "checkpoint", b->view.note, 0600, e) &&
           file_create(b->to, MANIFEST_NAME, buf_slice(&b->manifest), 0600, e);
}

static bool open_target(struct backup *b, const char *path, struct error *e)
{
    bool empty = false;

    if (!files_make_directory(path, 0700, &b->cli->arena, &b->to, e) ||
        !files_is_empty(b->to, &empty, e)) {
        return error_add(e, "backup");
    }
    return empty ||
           error_set(e, ERROR_CONFIG, "%s is not empty; a backup begins a directory", path);
}

static bool open_below(const struct backup *b, const char *name, int *fd, struct error *e)
{
    *fd = openat(b->data, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *fd >= 0 || error_errno(e, errno == EACCES ? ERROR_DENIED : ERROR_CONFIG,
                                   "the data directory is read directly: %s", name);
}

/* Two at once would take each other's copy of the state. */
static bool lock_state(struct backup *b, int *state, struct error *e)
{
    if (!open_below(b, "state", state, e)) {
        return false;
    }
    return flock(*state, LOCK_EX | LOCK_NB) == 0 ||
           error_set(e, ERROR_BUSY, "another backup is being made");
}

/* Before the keeper is asked for the view: what is packed or erased behind it would be missing. */
static bool lock_packs(struct backup *b, int *lock, struct error *e)
{
    OWN(fd) int keys = -1;
    int64_t until = clock_steady_ms() + LOCK_WAIT_S * 1000;

    if (!open_below(b, "ledger", &b->ledger, e) || !open_below(b, KEYS, &keys, e)) {
        return false;
    }
    while (!ledger_copy_lock(keys, lock, e)) {
        if (e->kind != ERROR_BUSY || clock_steady_ms() > until) {
            return false;
        }
        (void)usleep(LOCK_LOOK_US);
    }
    return true;
}

bool cli_backup(struct cli *c, struct error *e)
{
    const char *path = c->arguments.words[0];
    struct backup b = {
        .cli = c, .data = -1, .ledger = -1, .to = -1, .manifest = {.max = MANIFEST_MAX}};
    OWN(fd) int state = -1;
    OWN(fd) int packs = -1;

    bool made = cli_data(c, &b.data, e) && lock_state(&b, &state, e) && lock_packs(&b, &packs, e) &&
                open_target(&b, path, e) &&
                cli_ask(c, CLI_KEEPER, &admin_backup, NULL, &b.view, NULL, CLI_LONG_MS, e) &&
                copy_all(&b, e) && finish(&b, e);
    own_fd(&b.data);
    own_fd(&b.ledger);
    own_fd(&b.to);
    buf_done(&b.manifest);
    if (!made) {
        return false;
    }
    buf_printf(&c->out, "backed up to %s\n", path);
    if (!arguments_flag(&c->arguments, "with-master-key")) {
        buf_add_text(&c->out, "It opens with the recovery key that `postern init` gave out.\n");
    }
    return true;
}
