/* What a backup holds, frozen: a copy of the state, then the ledger's end, which is a commit. Segments before
 * the last change only by becoming packs, against which a lock is held; of the last only what stands before
 * that end counts. The signer's files are asked for; they are sealed under its key. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#include "host/memfd.h"
#include "keeper/backups.h"
#include "keeper/internal.h"
#include "ledger/copy.h"
#include "requests/backup.h"

#define LOCK_WAIT_MS 60000 /* records are packed and erased in much less */
#define LOCK_LOOK_US 50000

static const struct slice ledger_folder = SLICE_INIT("ledger");
static const struct slice record_keys_folder = SLICE_INIT("record-keys");
static const struct slice state_folder = SLICE_INIT("state");
static const struct slice keys_folder = SLICE_INIT("keys");

void backup_sight_drop(struct backup_sight *s)
{
    own_fd(&s->lock);
    own_fd(&s->state);
    own_fd(&s->keys);
    *s = (struct backup_sight){.lock = -1, .state = -1, .keys = -1};
}

static bool lock_packs(struct keeper *k, int *lock, struct error *e)
{
    int64_t until = clock_steady_ms() + LOCK_WAIT_MS;

    while (!ledger_copy_lock(k->options.record_keys, lock, e)) {
        if (e->kind != ERROR_BUSY || clock_steady_ms() > until || atomic_load(&k->closing)) {
            return false;
        }
        (void)usleep(LOCK_LOOK_US);
    }
    return true;
}

/* The copy has no name any more when it is read, so nothing of it is left behind. */
static bool copy_state(struct keeper *k, int *fd, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    const char *path = arena_text(&arena, arena_printf(&arena, "%s.view", k->options.state_path));

    (void)unlink(path);
    if (!state_backup(k->state, path, e)) {
        return false;
    }
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    (void)unlink(path);
    return *fd >= 0 || error_errno(e, ERROR_BUSY, "the state's copy");
}

/* ── the list ── */

struct listing {
    struct backup_file *files;
    size_t count;
    struct arena *arena;
    const struct ledger_head *head;
};

static bool add(struct listing *l, struct slice directory, struct slice name, uint64_t size,
                bool grows, struct error *e)
{
    if (l->count == BACKUP_FILES_MAX) {
        return error_set(e, ERROR_LIMIT, "there are too many files");
    }
    l->files[l->count++] = (struct backup_file){directory, arena_copy(l->arena, name), size, grows};
    return true;
}

static bool add_open(struct listing *l, struct slice directory, const char *name, int fd,
                     struct error *e)
{
    struct stat about;

    return fstat(fd, &about) != 0
               ? error_errno(e, ERROR_BUSY, "%s", name)
               : add(l, directory, slice_text(name), (uint64_t)about.st_size, false, e);
}

static bool needs(int folder, bool is_ledger, const char *name, uint32_t last)
{
    return is_ledger ? ledger_copy_needs(folder, name, last)
                     : ledger_copy_needs_key(folder, name, last);
}

static bool add_entry(struct listing *l, int folder, bool is_ledger, const char *name,
                      struct error *e)
{
    struct stat about;
    char last[32];

    if (fstatat(folder, name, &about, AT_SYMLINK_NOFOLLOW) != 0) {
        return error_errno(e, ERROR_BUSY, "%s", name);
    }
    (void)snprintf(last, sizeof(last), "%010u.seg", (unsigned)l->head->segment);
    uint64_t size = strcmp(name, last) == 0 ? l->head->offset : (uint64_t)about.st_size;
    return add(l, is_ledger ? ledger_folder : record_keys_folder, slice_text(name), size, is_ledger,
               e);
}

/* Whether a key file is needed is told by the ledger's folder. */
static bool add_folder(struct keeper *k, struct listing *l, bool is_ledger, struct error *e)
{
    int folder = is_ledger ? k->options.ledger_directory : k->options.record_keys;
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    bool ok = true;

    if (!entries) {
        own_fd(&copy);
        return error_errno(e, ERROR_BUSY, "list a folder");
    }
    for (const struct dirent *d = readdir(entries); d && ok; d = readdir(entries)) {
        if (needs(k->options.ledger_directory, is_ledger, d->d_name, l->head->segment)) {
            ok = add_entry(l, folder, is_ledger, d->d_name, e);
        }
    }
    (void)closedir(entries);
    return ok;
}

static bool read_keys(const struct backup_sight *s, struct memfd_map *map, struct arena *arena,
                      struct signer_files *files, struct error *e)
{
    return memfd_map(s->keys, SIGNER_FILES_BYTES_MAX, map, e) &&
           cbor_read(map->bytes, &signer_files_schema, arena, files, e);
}

static bool add_keys(struct listing *l, const struct backup_sight *s, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {0};
    struct signer_files files;

    if (!read_keys(s, &map, l->arena, &files, e)) {
        return false;
    }
    const struct signer_file *f = files.files.items;
    for (size_t i = 0; i < files.files.count; i++) {
        if (!add(l, keys_folder, f[i].name, f[i].bytes.len, false, e)) {
            return false;
        }
    }
    return true;
}

static bool list_files(struct keeper *k, const struct backup_sight *s,
                       const struct ledger_head *head, struct arena *arena, int *fd,
                       struct error *e)
{
    OWN(buf) struct buf text = {.max = BACKUP_FILES_BYTES_MAX};
    struct listing l = {.files = arena_array(arena, BACKUP_FILES_MAX, sizeof(*l.files)),
                        .arena = arena,
                        .head = head};

    if (!add_open(&l, state_folder, "state.db", s->state, e) || !add_keys(&l, s, e) ||
        !add_folder(k, &l, false, e) || !add_folder(k, &l, true, e)) {
        return false;
    }
    const struct backup_files files = {
        {l.files, l.count}
    };
    cbor_write(&text, &backup_files_schema, &files);
    return !text.full ? memfd_from("backup-files", buf_slice(&text), fd, e)
                      : error_set(e, ERROR_LIMIT, "there are too many files");
}

bool backup_sight_take(struct keeper *k, struct backup_sight *s, struct backup_view *view,
                       struct arena *arena, int *answer_fd, uint8_t root[static 32],
                       struct error *e)
{
    struct ledger_head head;

    if (!lock_packs(k, &s->lock, e) ||
        !ipc_call(k->options.signer, &signer_files, NULL, -1, NULL, &s->keys, arena, KEEPER_ASK_MS,
                  e) ||
        !keeper_checkpoint(k, arena, &view->note, e) || !copy_state(k, &s->state, e)) {
        return false;
    }
    ledger_head(k->ledger, &head); /* after the state: it may know more than the state, not less */
    s->last = head.segment;
    view->at = (uint64_t)clock_wall_ms();
    view->records = head.size;
    (void)memcpy(root, head.root, LEDGER_ROOT_LEN);
    return list_files(k, s, &head, arena, answer_fd, e);
}

/* ── opening ── */

static bool open_key(const struct backup_sight *s, struct slice name, struct arena *arena, int *fd,
                     struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {0};
    struct signer_files files;

    if (!read_keys(s, &map, arena, &files, e)) {
        return false;
    }
    const struct signer_file *f = files.files.items;
    for (size_t i = 0; i < files.files.count; i++) {
        if (slice_equal(f[i].name, name)) {
            return memfd_from("key-file", f[i].bytes, fd, e);
        }
    }
    return error_set(e, ERROR_DENIED, "there is no such key file");
}

static bool open_below(struct keeper *k, const struct backup_sight *s, bool is_ledger,
                       const char *name, int *fd, struct error *e)
{
    int folder = is_ledger ? k->options.ledger_directory : k->options.record_keys;

    if (strchr(name, '/') || !needs(k->options.ledger_directory, is_ledger, name, s->last)) {
        return error_set(e, ERROR_DENIED, "%s is not part of the view", name);
    }
    *fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return *fd >= 0 || error_errno(e, ERROR_BUSY, "%s", name);
}

bool backup_sight_open(struct keeper *k, const struct backup_sight *s, struct slice directory,
                       struct slice name, struct arena *arena, int *fd, struct error *e)
{
    bool is_ledger = slice_equal(directory, ledger_folder);

    if (s->lock < 0) {
        return error_set(e, ERROR_DENIED, "no view is held");
    }
    if (is_ledger || slice_equal(directory, record_keys_folder)) {
        return open_below(k, s, is_ledger, arena_text(arena, name), fd, e);
    }
    if (slice_equal(directory, keys_folder)) {
        return open_key(s, name, arena, fd, e);
    }
    if (!slice_equal(directory, state_folder)) {
        return error_set(e, ERROR_DENIED, "there is no such folder in the view");
    }
    *fd = fcntl(s->state, F_DUPFD_CLOEXEC, 0);
    return *fd >= 0 || error_errno(e, ERROR_BUSY, "the state's copy");
}
