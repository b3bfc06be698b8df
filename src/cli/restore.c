/* A backup becomes a data directory again. */
#include "cli/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#include "cli/cli.h"
#include "cli/files.h"
#include "cli/manifest.h"
#include "cli/master.h"
#include "cli/prove.h"
#include "cli/recovery_key.h"
#include "host/file.h"
#include "keyring/keyring.h"
#include "keyring/master_list.h"
#include "keyring/recovery.h"
#include "state/state.h"

#define KEYS         RESTORE_RECORD_KEYS
#define NOTE_MAX     4096
#define MODE_LEDGER  0640 /* the reader is of the group that posternd gives the directory to */
#define MODE_PRIVATE 0600

static bool read_file(struct restore *r, const char *name, size_t max, struct slice *out,
                      struct error *e)
{
    OWN(buf) struct buf text = {.max = max};

    if (!file_read_all(r->from, name, &text, e)) {
        return false;
    }
    *out = arena_copy(&r->cli->arena, buf_slice(&text));
    return true;
}

static bool open_backup(struct restore *r, const char *path, struct error *e)
{
    struct slice list;

    r->from = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->from < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", path);
    }
    if (faccessat(r->from, MANIFEST_NAME, F_OK, 0) != 0) {
        return error_set(e, ERROR_CONFIG, "%s holds no backup, or one that was not finished", path);
    }
    return read_file(r, MANIFEST_NAME, MANIFEST_MAX, &list, e) &&
           manifest_read(list, &r->cli->arena, &r->manifest, e) &&
           read_file(r, "postern.conf", CONFIG_FILE_MAX, &r->config, e) &&
           read_file(r, "checkpoint", NOTE_MAX, &r->note, e);
}

/* Settings from the file in force, or from the one that will be. */
static bool find_settings(struct restore *r, const struct settings **s, struct error *e)
{
    struct cli *c = r->cli;
    struct settings *own = arena_alloc(&c->arena, sizeof(*own));

    if (access(c->config_path, F_OK) == 0) {
        return cli_settings(c, s, e);
    }
    r->with_config = true;
    *s = own;
    *e = (struct error){ERROR_NONE, ""};
    return settings_read(r->config, "the backup's postern.conf", &c->arena, own, NULL, e);
}

bool restore_open_data(struct restore *r, struct error *e)
{
    const struct settings *s = NULL;
    bool empty = false;

    if (!find_settings(r, &s, e)) {
        return false;
    }
    r->data_path = (const char *)s->general.data_directory.ptr;
    if (!files_make_directory(r->data_path, 0711, &r->cli->arena, &r->data, e) ||
        !files_is_empty(r->data, &empty, e)) {
        return error_add(e, "data directory");
    }
    return empty ||
           error_set(e, ERROR_CONFIG,
                     "the data directory %s is not empty: move away what is in it, or name "
                     "another in %s",
                     r->data_path, r->cli->config_path);
}

bool restore_ask_key(struct cli *c, struct secret **typed, struct error *e)
{
    return recovery_key_ask(c, typed, e);
}

static bool open_master(struct restore *r, struct error *e)
{
    OWN(secret) struct secret *typed = NULL;

    if (manifest_find(&r->manifest, "", "master.key")) {
        return cli_master(r->cli, r->from, &r->master, e);
    }
    return restore_ask_key(r->cli, &typed, e) &&
           recovery_open(r->from, "recovery.sealed", secret_slice(typed), &r->master.key,
                         &r->master.generation, e);
}

static bool find_master(struct restore *r, struct error *e)
{
    return open_master(r, e) && cli_master_former(r->from, &r->master, "ledger", e) &&
           cli_master_former(r->from, &r->master, "state", e);
}

/* ── files ── */

/* What has its own way to its place. */
static bool is_apart(const struct manifest_file *f)
{
    return f->directory.len == 0 &&
           (strcmp(f->name, "master.key") == 0 || strcmp(f->name, "postern.conf") == 0);
}

mode_t restore_mode(struct slice directory)
{
    bool shared = slice_equal(directory, SLICE("ledger")) || slice_equal(directory, SLICE(KEYS));

    return shared ? MODE_LEDGER : MODE_PRIVATE;
}

static bool restore_file(struct restore *r, const struct manifest_file *f, struct error *e)
{
    OWN(fd) int from = -1;
    OWN(fd) int to = -1;
    struct files_copy done;
    mode_t mode = restore_mode(f->directory);
    const char *directory = f->directory.len ? arena_text(&r->cli->arena, f->directory) : ".";

    from = openat(r->from, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (from < 0) {
        return error_errno(e, ERROR_CORRUPT, "%s", directory);
    }
    if (!files_make_below(r->data, directory, 0700, &to, e) ||
        !files_copy(from, f->name, to, f->name, mode, f->copy.size, &done, e)) {
        return false;
    }
    return memcmp(done.digest, f->copy.digest, DIGEST_LEN) == 0
               ? file_sync_folder(to, e)
               : error_set(e, ERROR_CORRUPT, "%s/%s is not what was backed up", directory, f->name);
}

static bool restore_files(struct restore *r, struct error *e)
{
    for (size_t i = 0; i < r->manifest.count; i++) {
        if (!is_apart(&r->manifest.files[i]) && !restore_file(r, &r->manifest.files[i], e)) {
            return false;
        }
    }
    return true;
}

/* ── what makes it usable ── */

/* What was delivered after the backup would be delivered again, so a person says go. */
static bool pause_queue(struct restore *r, struct error *e)
{
    OWN(secret) struct secret *key = keyring_derive(r->master.key, "state");
    OWN(state) struct state *state = NULL;
    const char *path =
        (const char *)arena_printf(&r->cli->arena, "%s/state/state.db", r->data_path).ptr;

    return state_open(path, key, &state, e) &&
           (arguments_flag(&r->cli->arguments, "resume") ||
            state_value_put(state, SLICE(STATE_QUEUE_PAUSED), SLICE("restored"), e));
}

static bool prove(struct restore *r, struct error *e)
{
    OWN(fd) int ledger = openat(r->data, "ledger", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    OWN(fd) int keys = openat(r->data, KEYS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return ledger >= 0 ? prove_ledger(r->cli, ledger, keys, r->master.key, r->note, r->records, e)
                       : error_set(e, ERROR_CORRUPT, "the backup holds no ledger");
}

static bool restore_config(struct restore *r, struct error *e)
{
    const char *path = r->cli->config_path;
    const char *slash = strrchr(path, '/');
    struct slice above =
        slash ? slice_of(path, slash == path ? 1 : (size_t)(slash - path)) : SLICE(".");
    OWN(fd) int folder = -1;

    return !r->with_config || (files_make_directory(arena_text(&r->cli->arena, above), 0755,
                                                    &r->cli->arena, &folder, e) &&
                               file_create(folder, slash ? slash + 1 : path, r->config, 0644, e));
}

/* A vault holds no list of former keys: nothing in it needs one once the ledger was verified with this key alone. */
static bool begin_list(struct restore *r, struct error *e)
{
    const struct master_list none = {.since_ms = clock_wall_ms()};

    return r->master.generation == 1 || master_list_write(r->data, &r->master, &none, e);
}

/* As it was kept in the backup; one that was recovered lies there as it is. */
static bool restore_master(struct restore *r, struct error *e)
{
    const struct manifest_file *f =
        r->from >= 0 ? manifest_find(&r->manifest, "", "master.key") : NULL;
    struct files_copy done;

    if (!f) {
        return (r->from >= 0 || begin_list(r, e)) &&
               master_write(r->data, "master.key", r->master.key, r->master.generation, e);
    }
    return files_copy(r->from, "master.key", r->data, "master.key", MODE_PRIVATE, f->copy.size,
                      &done, e) &&
           file_sync_folder(r->data, e);
}

bool restore_finish(struct restore *r, struct error *e)
{
    struct cli *c = r->cli;

    /* master.key last: without it posternd does not start on something half restored. */
    if (!prove(r, e) || !pause_queue(r, e) || !restore_config(r, e) || !restore_master(r, e)) {
        return false;
    }
    buf_printf(&c->out, "restored to %s\n", r->data_path);
    if (r->with_config) {
        buf_printf(&c->out,
                   "%s came from the backup, and nothing proves who wrote it: read it before you "
                   "start posternd, above all the files and programs that it names.\n",
                   c->config_path);
    }
    if (!arguments_flag(&c->arguments, "resume")) {
        buf_add_text(&c->out,
                     "Delivery is paused: what was delivered after the backup would be delivered "
                     "again.\nLook at `postern queue list`, cancel what must not go, then "
                     "`postern queue resume`.\n");
    }
    return true;
}

bool cli_restore(struct cli *c, struct error *e)
{
    struct restore r = {.cli = c, .from = -1, .data = -1};

    if (c->arguments.n_words == 0) {
        return restore_from_vault(c, e);
    }
    bool made = open_backup(&r, c->arguments.words[0], e) && restore_open_data(&r, e) &&
                find_master(&r, e) && restore_files(&r, e);
    r.records = r.manifest.records;
    made = made && restore_finish(&r, e);
    master_done(&r.master);
    own_fd(&r.from);
    own_fd(&r.data);
    return made;
}
