/* A vault becomes a data directory again, or some letters of it files. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"
#include "cli/place.h"
#include "cli/print.h"
#include "cli/restore.h"
#include "cli/restore_letters.h"
#include "config/config.h"
#include "host/file.h"
#include "keyring/keyring.h"
#include "vault/fetch.h"

/* A vault that was opened with the recovery key. */
struct opened {
    struct place place;
    struct vault vault;
    bool open;
    struct vault_manifest manifest;
};

static bool read_number(struct cli *c, uint64_t *number, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "number", 0);

    *number = 0;
    return !text || (slice_decimal(slice_text(text), UINT64_MAX, number) && *number) ||
           error_set(e, ERROR_INPUT, "--number takes the number of a backup");
}

/* Where from: what is named, or the target of the configuration. */
static bool find_url(struct cli *c, struct slice *url, struct error *e)
{
    const struct settings *s = NULL;

    *url = slice_text(arguments_text(&c->arguments, "from", 0));
    if (url->len) {
        return true;
    }
    if (!cli_settings(c, &s, e)) {
        return error_add(e, "name a directory, or with --from a backup target");
    }
    *url = s->backup.target;
    return url->len ||
           error_set(e, ERROR_INPUT, "name a directory, or with --from a backup target");
}

static bool open_with(struct cli *c, struct opened *o, uint64_t number, const struct master *master,
                      struct error *e)
{
    OWN(secret) struct secret *key = keyring_derive(master->key, "backup");

    vault_init(&o->vault, place_store(&o->place), key);
    o->open = true;
    return vault_find(&o->vault, number, NULL, &c->arena, &o->manifest, e);
}

/* In the vault of the newest master key; when no backup opens there, in that of the one before. */
static bool find_backup(struct cli *c, struct opened *o, const struct secret *typed,
                        uint64_t number, struct master *master, struct error *e)
{
    uint64_t below = UINT64_MAX;
    struct error why = {.kind = ERROR_NONE};

    while (vault_recover(place_store(&o->place), secret_slice(typed), number, below, &master->key,
                         &master->generation, e)) {
        if (open_with(c, o, number, master, e)) {
            if (below != UINT64_MAX) {
                buf_add_text(&c->out, "There are newer backups that do not open: this one is from "
                                      "before a rotation of the master key.\n");
            }
            return true;
        }
        if (e->kind != ERROR_CORRUPT) {
            return false;
        }
        why = below == UINT64_MAX ? *e : why;
        vault_done(&o->vault);
        o->open = false;
        below = master->generation;
        secret_free(TAKE(master->key, NULL));
    }
    *e = below == UINT64_MAX ? *e : why;
    return false;
}

/* The place first: what fetches from outside is a process of its own, begun before there is a key here. */
static bool open_vault(struct cli *c, struct opened *o, struct master *master, struct error *e)
{
    OWN(secret) struct secret *typed = NULL;
    struct slice url;
    uint64_t number = 0;

    return read_number(c, &number, e) && find_url(c, &url, e) && place_open(c, url, &o->place, e) &&
           restore_ask_key(c, &typed, e) && find_backup(c, o, typed, number, master, e);
}

static void close_vault(struct opened *o)
{
    if (o->open) {
        vault_done(&o->vault);
    }
    place_close(&o->place);
}

static bool is_apart(const struct vault_file *f)
{
    return f->directory.len == 0 && slice_equal(f->name, SLICE("postern.conf"));
}

/* The configuration is small: one piece. */
static bool read_config(struct cli *c, struct opened *o, struct slice *out, struct error *e)
{
    const struct vault_file *files = o->manifest.files.items;

    for (size_t i = 0; i < o->manifest.files.count; i++) {
        char name[STORE_NAME_MAX + 1];
        struct slice bytes;
        if (!is_apart(&files[i]) || files[i].size > CONFIG_FILE_MAX ||
            vault_pieces(&files[i]) != 1) {
            continue;
        }
        vault_data_name(&o->vault, vault_piece(&files[i], 0).name, name);
        if (!vault_get(&o->vault, name, &bytes, NULL, e)) {
            return false;
        }
        *out = arena_copy(&c->arena, bytes);
        return true;
    }
    return error_set(e, ERROR_CORRUPT, "the backup holds no postern.conf");
}

static bool fetch_file(struct opened *o, const struct vault_file *f, int data, struct arena *arena,
                       struct error *e)
{
    const char *directory = f->directory.len ? arena_text(arena, f->directory) : ".";
    OWN(fd) int to = -1;

    return files_make_below(data, directory, 0700, &to, e) &&
           vault_fetch_file(&o->vault, f, to, restore_mode(f->directory), e) &&
           file_sync_folder(to, e);
}

static bool fetch_all(struct restore *r, struct opened *o, struct error *e)
{
    const struct vault_file *files = o->manifest.files.items;

    for (size_t i = 0; i < o->manifest.files.count; i++) {
        if (!is_apart(&files[i]) && !fetch_file(o, &files[i], r->data, &r->cli->arena, e)) {
            return false;
        }
    }
    return true;
}

static void say_which(struct cli *c, const struct opened *o)
{
    struct slice at = print_time(&c->arena, o->manifest.at);

    buf_printf(&c->out, "backup number %llu of %.*s, %llu records\n",
               (unsigned long long)o->manifest.number, SLICE_ARG(at),
               (unsigned long long)o->manifest.records);
}

static bool restore_all(struct cli *c, struct opened *o, const struct master *master,
                        struct error *e)
{
    struct restore r = {.cli = c,
                        .from = -1,
                        .data = -1,
                        .note = o->manifest.note,
                        .records = o->manifest.records,
                        .master = *master};

    bool made = read_config(c, o, &r.config, e) && restore_open_data(&r, e) &&
                fetch_all(&r, o, e) && restore_finish(&r, e);
    own_fd(&r.data);
    if (made) {
        buf_add_text(&c->out, "An empty machine cannot tell whether a newer backup was withheld: "
                              "compare number and time with the last report.\n");
    }
    return made;
}

bool restore_from_vault(struct cli *c, struct error *e)
{
    struct opened o = {.place = PLACE_NONE};
    OWN(master) struct master master = {0};
    bool letters =
        arguments_text(&c->arguments, "letter", 0) || arguments_text(&c->arguments, "account", 0);

    bool made = open_vault(c, &o, &master, e);
    if (made) {
        say_which(c, &o);
        made = letters ? restore_letters(c, &o.vault, &o.manifest, master.key, e)
                       : restore_all(c, &o, &master, e);
    }
    close_vault(&o);
    return made;
}
