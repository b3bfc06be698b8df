/* The process that makes backups: asks the keeper what is due, seals what the keeper lets it read, stores it. */
#include "processes/backup.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/memfd.h"
#include "host/thread.h"
#include "keyring/former.h"
#include "keyring/recovery.h"
#include "places/places.h"
#include "processes/roles.h"

#define LOOK_EVERY_US 250000
#define ASK_MS        30000
#define VIEW_MS       (5 * 60 * 1000)
#define ARENA_BYTES   ((size_t)64 << 20)
#define OWN_FILES     2
#define LOCKS_MAX     ((size_t)64 << 20)

/* One run. */
struct job {
    struct backup_process *b;
    struct arena *arena;
    struct vault_source_file *files;
    size_t count;
};

/* What this process has itself. */
static const struct slice config_name = SLICE_INIT("postern.conf");
static const struct slice recovery_name = SLICE_INIT("recovery.sealed");

/* recovery.sealed, if what it opens is the master key in force: while a rotation waits for a restart it is the next
 * one, under which nothing of this vault is sealed. */
static struct slice recovery_of(const struct backup_process *b)
{
    struct slice sealed = role_file(b->role, "recovery");
    uint64_t generation = 0;
    struct error e;

    return sealed.len && recovery_look_bytes(sealed, &generation, &e) &&
                   generation == role_master(b->role)->generation
               ? sealed
               : SLICE_NONE;
}

static bool open_file(void *context, const struct vault_source_file *f, int *fd, struct error *e)
{
    struct job *j = context;
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct backup_open_ask ask = {f->directory, f->name};

    if (f->directory.len == 0) {
        bool config = slice_equal(f->name, config_name);
        return memfd_from("file", config ? role_config(j->b->role) : recovery_of(j->b), fd, e);
    }
    return ipc_call(j->b->keeper, &keeper_backup_open, &ask, -1, NULL, fd, &arena, ASK_MS, e);
}

static bool take_files(struct job *j, int list, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {0};
    struct backup_files files;

    if (!memfd_map(list, BACKUP_FILES_BYTES_MAX, &map, e) ||
        !cbor_read(arena_copy(j->arena, map.bytes), &backup_files_schema, j->arena, &files, e)) {
        return false;
    }
    const struct backup_file *f = files.files.items;
    j->files = arena_array(j->arena, files.files.count + OWN_FILES, sizeof(*j->files));
    j->files[j->count++] =
        (struct vault_source_file){SLICE_NONE, config_name, role_config(j->b->role).len, false};
    if (recovery_of(j->b).len) {
        j->files[j->count++] =
            (struct vault_source_file){SLICE_NONE, recovery_name, recovery_of(j->b).len, false};
    }
    for (size_t i = 0; i < files.files.count; i++) {
        j->files[j->count++] =
            (struct vault_source_file){f[i].directory, f[i].name, f[i].size, f[i].grows};
    }
    return true;
}

static bool has_place(const struct backup_process *b, struct error *e)
{
    return !b->is_folder || b->folder >= 0 ||
           error_set(e, ERROR_CONFIG,
                     "the folder of `backup-target` cannot be used: make it, empty and root's, and "
                     "restart posternd");
}

static bool make(struct job *j, const struct backup_next *next, struct backup_record *record,
                 struct vault_made *made, struct error *e)
{
    struct vault_known known = {.number = next->number};
    struct backup_view view;
    OWN(fd) int list = -1;

    if (next->digest.len == DIGEST_LEN) {
        (void)memcpy(known.digest, next->digest.ptr, DIGEST_LEN);
    }
    if (!has_place(j->b, e) ||
        !ipc_call(j->b->keeper, &keeper_backup_view, NULL, -1, &view, &list, j->arena, VIEW_MS,
                  e) ||
        !take_files(j, list, e)) {
        return false;
    }
    record->at = view.at;
    record->records = view.records;
    const struct vault_source source = {j->files, j->count, open_file, j};
    const struct vault_view frozen = {.at = view.at,
                                      .records = view.records,
                                      .note = view.note,
                                      .recovery = recovery_of(j->b),
                                      .program = SLICE("postern"),
                                      .locks = role_settings(j->b->role)->backup.lock_ms > 0,
                                      .taken = &j->b->locks};
    buf_reset(&j->b->locks);
    j->b->locking = 0;
    if (!vault_run(&j->b->vault, &source, &frozen, &known, made, e)) {
        return false;
    }
    vault_names_sort(&j->b->locks);
    j->b->locking = j->b->locks.full ? 0 : made->backup.number;
    return true;
}

/* The key of a former vault, which one of the former master keys gives. */
static const struct secret *key_of(const struct backup_process *b, struct slice prefix)
{
    const struct secret *key = NULL;
    char own[VAULT_PREFIX_LEN + 1];

    for (size_t n = 0; (key = keyring_former(role_key(b->role, "backup"), n)); n++) {
        vault_prefix(key, own);
        if (slice_equal(prefix, slice_text(own))) {
            return key;
        }
    }
    return NULL;
}

/* What is old here, and in the vaults from before a rotation that lie in the same place. */
static bool expire(struct backup_process *b, const struct backup_next *next,
                   struct vault_made *made, struct slice *ended, size_t *n_ended, struct error *e)
{
    const struct backup_left *left = next->left.items;
    bool ok = vault_expire(&b->vault, next->before, made, e);

    for (size_t i = 0; i < next->left.count && ok; i++) {
        struct vault_former f = {.prefix = left[i].prefix,
                                 .key = key_of(b, left[i].prefix),
                                 .last_at = left[i].last_at,
                                 .last.number = left[i].number};
        bool gone = false;
        if (left[i].digest.len == DIGEST_LEN) {
            (void)memcpy(f.last.digest, left[i].digest.ptr, DIGEST_LEN);
        }
        ok = vault_expire_former(&b->vault, &f, next->before, made, &gone, e);
        if (gone) {
            ended[(*n_ended)++] = f.prefix;
        }
    }
    return ok || error_add(e, "the backup was made, but old ones could not be removed");
}

static void back_up(struct backup_process *b, const struct backup_next *next, struct arena *arena)
{
    struct job j = {.b = b, .arena = arena};
    struct vault_made made = {0};
    struct backup_record record = {.place = role_settings(b->role)->backup.target,
                                   .prefix = slice_text(b->vault.prefix)};
    struct slice ended[BACKUPS_LEFT_MAX];
    size_t n_ended = 0;
    struct error e = {0};

    bool ok = make(&j, next, &record, &made, &e);
    record.digest = ok ? SLICE_ARRAY(made.backup.digest) : SLICE_NONE;
    if (ok) { /* what is old may be erased here meanwhile; without the view's end it is as before */
        (void)!ipc_call(b->keeper, &keeper_backup_end, NULL, -1, NULL, NULL, arena, ASK_MS, &e);
        ok = expire(b, next, &made, ended, &n_ended, &e);
    }
    record.reason = ok ? SLICE_NONE : slice_text(e.text);
    record.number = made.backup.number;
    record.files = made.files;
    record.bytes = made.bytes;
    record.put = made.put;
    record.put_bytes = made.put_bytes;
    record.removed = made.removed;
    record.oldest_at =
        ok ? made.oldest_at : 0; /* of a run that did not end it is no answer: as before */
    record.damaged = made.damaged;
    record.kept = made.kept;
    record.rolled_back = made.rolled_back;
    record.ended = (struct cbor_list){ended, n_ended};
    if (!ipc_call(b->keeper, &keeper_backup_made, &record, -1, NULL, NULL, arena, ASK_MS, &e)) {
        log_event(LOG_ERROR, "backup.unreported", LOG_TEXT("reason", e.text));
    }
}

static void try_out(struct backup_process *b, const struct backup_next *next, struct arena *arena)
{
    struct trial_record record = {.kind = next->order == BACKUP_TRY ? TRIAL_RESTORE : TRIAL_OBJECTS,
                                  .place = role_settings(b->role)->backup.target};
    int64_t began = clock_steady_ms();
    struct error e;

    if (!has_place(b, &e)) {
        record.reason = arena_copy(arena, slice_text(e.text));
    } else if (next->order == BACKUP_TRY) {
        backup_try(b, next, arena, &record);
    } else {
        backup_look(b, next, arena, &record);
    }
    record.took_ms = (uint64_t)(clock_steady_ms() - began);
    if (!ipc_call(b->keeper, &keeper_backup_tried, &record, -1, NULL, NULL, arena, ASK_MS, &e)) {
        log_event(LOG_ERROR, "backup.unreported", LOG_TEXT("reason", e.text));
    }
}

static void work(struct backup_process *b)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    const struct backup_next_ask ask = {slice_text(b->vault.prefix),
                                        role_settings(b->role)->backup.target};
    struct backup_next next;
    struct error e;

    if (role_settings(b->role)->backup.target.len == 0 ||
        !ipc_call(b->keeper, &keeper_backup_next, &ask, -1, &next, NULL, &arena, ASK_MS, &e)) {
        return;
    }
    if (next.order == BACKUP_RUN) {
        back_up(b, &next, &arena);
    } else if (next.order != BACKUP_NOTHING) {
        try_out(b, &next, &arena);
    } else if (next.lock_due && has_place(b, &e)) {
        backup_relock(b, &next, &arena);
    }
}

static void work_on(void *process)
{
    struct backup_process *b = process;

    thread_background();
    for (;;) {
        work(b);
        (void)usleep(LOOK_EVERY_US);
    }
}

bool backup_run(struct role *r, struct error *e)
{
    static struct backup_process b; /* its thread uses it until the process ends */

    b = (struct backup_process){
        .role = r, .keeper = role_pool(r, "keeper"), .folder = role_directory(r, "backup-target")};
    buf_init(&b.locks, LOCKS_MAX);
    b.is_folder = slice_starts(role_settings(r)->backup.target, SLICE("file:///"));
    vault_init(&b.vault,
               b.is_folder ? store_folder(&b.folder) : places_remote(role_pool(r, "courier")),
               role_key(r, "backup"));
    if (!thread_start("backup", THREAD_STACK_LARGE, work_on, &b, e)) {
        return false;
    }
    role_ready(r);
    role_wait(r); /* what was stored until then is found by the next run */
    return true;
}
