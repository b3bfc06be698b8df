#include "cli/restore_letters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"
#include "cli/restore.h"
#include "host/file.h"
#include "keyring/keyring.h"
#include "ledger/reader.h"
#include "letter/records.h"

#define WORK       "/var/tmp/postern-restore-XXXXXX"
#define ARENA_MAX  ((size_t)512 << 20)
#define MODE       0600
#define MODE_BELOW 0700

struct job {
    struct cli *cli;
    struct vault *v;
    const struct vault_manifest *m;
    const struct secret *master;
    char work[sizeof(WORK)];
    int top, ledger, keys;
    struct letter_id letter; /* that is wanted, unless an account is */
    struct slice account;
    const char *output;
    int directory;         /* for the letters of an account */
    struct letter_id last; /* the letter whose facts were read last ... */
    bool wanted;           /* ... and whether it is one of those */
    uint64_t found;
};

static bool is_needed(const struct vault_file *f)
{
    return slice_equal(f->directory, SLICE("ledger")) ||
           slice_equal(f->directory, SLICE(RESTORE_RECORD_KEYS));
}

static bool fetch(struct job *j, struct error *e)
{
    const struct vault_file *files = j->m->files.items;

    for (size_t i = 0; i < j->m->files.count; i++) {
        bool ledger = slice_equal(files[i].directory, SLICE("ledger"));
        if (is_needed(&files[i]) &&
            !vault_fetch_file(j->v, &files[i], ledger ? j->ledger : j->keys, MODE, e)) {
            return false;
        }
    }
    return true;
}

static bool open_work(struct job *j, struct error *e)
{
    if (!mkdtemp(j->work)) {
        return error_errno(e, ERROR_CONFIG, "%s", j->work);
    }
    j->top = open(j->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (j->top < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", j->work);
    }
    return files_make_below(j->top, "ledger", MODE_BELOW, &j->ledger, e) &&
           files_make_below(j->top, RESTORE_RECORD_KEYS, MODE_BELOW, &j->keys, e);
}

static bool remove_one(void *folder, const char *name, struct error *e)
{
    return unlinkat(*(int *)folder, name, 0) == 0 || error_errno(e, ERROR_BUSY, "%s", name);
}

/* What was fetched is sealed, so a failure here is a nuisance only. */
static void close_work(struct job *j)
{
    struct error ignored;

    if (j->ledger >= 0 && files_each(j->ledger, remove_one, &j->ledger, &ignored)) {
        (void)unlinkat(j->top, "ledger", AT_REMOVEDIR);
    }
    if (j->keys >= 0 && files_each(j->keys, remove_one, &j->keys, &ignored)) {
        (void)unlinkat(j->top, RESTORE_RECORD_KEYS, AT_REMOVEDIR);
    }
    (void)rmdir(j->work);
    own_fd(&j->ledger);
    own_fd(&j->keys);
    own_fd(&j->top);
    own_fd(&j->directory);
}

static bool write_out(struct job *j, struct slice bytes, struct error *e)
{
    char name[LETTER_ID_TEXT + 8];
    char text[LETTER_ID_TEXT];

    j->found++;
    if (j->directory < 0) {
        return file_create(AT_FDCWD, j->output, bytes, MODE, e);
    }
    letter_id_text(&j->last, text);
    (void)snprintf(name, sizeof(name), "%s.eml", text);
    return file_create(j->directory, name, bytes, MODE, e);
}

/* Facts come right before their content. */
static bool take(struct job *j, const struct ledger_entry *entry, struct arena *arena,
                 struct error *e)
{
    struct facts facts;
    struct content content;

    if (entry->type == RECORD_FACTS && !entry->erased) {
        if (!cbor_read(entry->body, &facts_schema, arena, &facts, e)) {
            return false;
        }
        j->wanted = j->account.len ? slice_equal_nocase(facts_owner(&facts), j->account)
                                   : slice_equal(facts.id, letter_id_slice(&j->letter));
        j->wanted = letter_id_from(facts.id, &j->last) && j->wanted;
        return true;
    }
    if (entry->type != RECORD_CONTENT || entry->erased || !j->wanted) {
        return true;
    }
    return cbor_read(entry->body, &content_schema, arena, &content, e) &&
           (!slice_equal(content.id, letter_id_slice(&j->last)) || write_out(j, content.bytes, e));
}

static bool scan(struct job *j, struct error *e)
{
    OWN(secret) struct secret *key = keyring_derive(j->master, "ledger");
    OWN(ledger_reader) struct ledger_reader *reader = NULL;
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    struct ledger_position at = {0};
    struct ledger_entry entry;

    if (!ledger_reader_open(j->ledger, key, &reader, e)) {
        return false;
    }
    ledger_reader_record_keys(reader, j->keys);
    for (;;) {
        enum ledger_next next = ledger_reader_next(reader, &at, NULL, &arena, &entry, e);
        if (next != LEDGER_ENTRY) {
            return next == LEDGER_AT_END;
        }
        if (!take(j, &entry, &arena, e)) {
            return false;
        }
        if (j->found && j->account.len == 0) {
            return true;
        }
        arena_reset(&arena);
    }
}

static bool read_wishes(struct job *j, struct error *e)
{
    const struct arguments *a = &j->cli->arguments;
    const char *letter = arguments_text(a, "letter", 0);

    j->account = slice_text(arguments_text(a, "account", 0));
    j->output = arguments_text(a, "output", 0);
    if (!j->output || (letter && j->account.len)) {
        return error_set(e, ERROR_INPUT,
                         "--letter ID or --account ADDRESS, and --output for where it goes");
    }
    return letter ? cli_letter(letter, &j->letter, e)
                  : files_make_directory(j->output, MODE_BELOW, &j->cli->arena, &j->directory, e);
}

bool restore_letters(struct cli *c, struct vault *v, const struct vault_manifest *m,
                     const struct secret *master, struct error *e)
{
    struct job j = {.cli = c,
                    .v = v,
                    .m = m,
                    .master = master,
                    .work = WORK,
                    .top = -1,
                    .ledger = -1,
                    .keys = -1,
                    .directory = -1};

    if (!read_wishes(&j, e)) {
        return false;
    }
    bool ok = open_work(&j, e) && fetch(&j, e) && scan(&j, e);
    close_work(&j);
    if (ok) {
        buf_printf(&c->out, "%llu letter%s written to %s\n", (unsigned long long)j.found,
                   j.found == 1 ? "" : "s", j.output);
        c->status = j.found ? c->status : CLI_NOTHING;
    }
    return ok;
}
