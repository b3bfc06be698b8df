/* A trial restore: what a restore on an empty machine would do, into a folder that is empty before and after. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "host/file.h"
#include "keyring/keyring.h"
#include "ledger/checkpoint.h"
#include "ledger/reader.h"
#include "ledger/verify.h"
#include "letter/records.h"
#include "processes/backup.h"
#include "state/state.h"

#define LETTERS_WANTED 20
#define PICKS          400 /* places looked at for them */
#define FORWARD        50  /* records looked at from each */
#define ARENA_BYTES    ((size_t)256 << 20)
#define SPARE_BYTES    ((uint64_t)256 << 20)

static const char *const folders[] = {"ledger", "record-keys", "state", "keys"};
#define FOLDERS (sizeof(folders) / sizeof(folders[0]))

struct trial {
    struct backup_process *b;
    const struct backup_next *next;
    struct trial_record *record;
    struct arena *arena;
    int top;
    int folders[FOLDERS];
    struct vault_manifest manifest;
};

/* ── the folder ── */

static bool empty_folder(int folder, struct error *e)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    bool ok = true;

    if (!entries) {
        own_fd(&copy);
        return error_errno(e, ERROR_BUSY, "the folder for trials");
    }
    for (const struct dirent *d = readdir(entries); d && ok; d = readdir(entries)) {
        bool self = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
        ok = self || unlinkat(folder, d->d_name, 0) == 0 || errno == EISDIR || errno == EPERM ||
             error_errno(e, ERROR_BUSY, "remove %s", d->d_name);
    }
    (void)closedir(entries);
    return ok;
}

/* Remove what a trial has left, this one or one that was interrupted. */
static bool clear(int top, struct error *e)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        OWN(fd) int fd = openat(top, folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (fd >= 0 && (!empty_folder(fd, e) || unlinkat(top, folders[i], AT_REMOVEDIR) != 0)) {
            return error_set(e, ERROR_BUSY, "the folder for trials cannot be emptied");
        }
    }
    return empty_folder(top, e);
}

static bool has_room(const struct trial *t, struct error *e)
{
    const struct vault_file *files = t->manifest.files.items;
    struct statvfs disk;
    uint64_t needed = SPARE_BYTES;

    for (size_t i = 0; i < t->manifest.files.count; i++) {
        needed += files[i].size;
    }
    if (fstatvfs(t->top, &disk) != 0) {
        return error_errno(e, ERROR_BUSY, "free space");
    }
    uint64_t watermark = role_settings(t->b->role)->archive.disk_watermark;
    return (uint64_t)disk.f_bavail * disk.f_frsize >= needed + watermark ||
           error_set(e, ERROR_LIMIT,
                     "there is no room for a trial restore: it needs %llu MiB above "
                     "`disk-watermark`",
                     (unsigned long long)(needed >> 20));
}

static int folder_of(const struct trial *t, struct slice name)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        if (slice_equal(name, slice_text(folders[i]))) {
            return t->folders[i];
        }
    }
    return name.len == 0 ? t->top : -1;
}

static bool fetch_all(struct trial *t, struct error *e)
{
    const struct vault_file *files = t->manifest.files.items;

    for (size_t i = 0; i < FOLDERS; i++) {
        if (!file_make_folder(t->top, folders[i], 0700, e)) {
            return false;
        }
        t->folders[i] = openat(t->top, folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    for (size_t i = 0; i < t->manifest.files.count; i++) {
        int folder = folder_of(t, files[i].directory);
        if (folder < 0) {
            return error_set(e, ERROR_CORRUPT, "it holds a file in an unknown folder");
        }
        if (!vault_fetch_file(&t->b->vault, &files[i], folder, 0600, e)) {
            return false;
        }
        t->record->files++;
        t->record->bytes += files[i].size;
    }
    return true;
}

/* ── what is in it ── */

static void on_fault(void *context, const struct ledger_fault *f)
{
    struct error *first = context;

    if (first->kind == ERROR_NONE) {
        (void)error_set(first, ERROR_CORRUPT, "segment %u, record %llu: %s", f->segment,
                        (unsigned long long)f->seq, f->text);
    }
}

/* Every byte, seal and commitment; and the tree is that of the ledger as it was when the backup was made. */
static bool verify(struct trial *t, struct error *e)
{
    struct error first = {0};
    struct checkpoint since;
    struct ledger_verdict verdict;
    const struct ledger_verify_options options = {.key = role_key(t->b->role, "ledger"),
                                                  .record_keys = t->folders[1],
                                                  .since = &since,
                                                  .fault = on_fault,
                                                  .context = &first};

    if (!checkpoint_read(t->manifest.note, &since, e) ||
        !ledger_verify(t->folders[0], &options, &verdict, e)) {
        return error_add(e, "its ledger");
    }
    if (verdict.faults) {
        return error_set(e, ERROR_CORRUPT, "its ledger is not whole: %s", first.text);
    }
    if (!verdict.since_proved || verdict.size != t->manifest.records) {
        return error_set(e, ERROR_CORRUPT,
                         "its ledger is not the one that its checkpoint speaks of");
    }
    t->record->records = verdict.size;
    t->record->root = arena_copy(t->arena, SLICE_ARRAY(verdict.root));
    bool same = t->next->number != t->manifest.number || t->next->root.len == 0 ||
                slice_equal(t->next->root, t->record->root);
    return same || error_set(e, ERROR_CORRUPT, "its ledger has another root than the live one had");
}

static bool look_from(struct trial *t, struct ledger_reader *reader, uint64_t seq, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    struct ledger_ref ref;
    struct ledger_entry entry;

    if (!ledger_reader_find(reader, seq, &ref, e)) {
        return false;
    }
    struct ledger_position at = {ref.seq, ref.segment, ref.offset};
    for (int i = 0; i < FORWARD; i++) {
        struct content content;
        enum ledger_next next = ledger_reader_next(reader, &at, NULL, &arena, &entry, e);
        if (next != LEDGER_ENTRY) {
            return next == LEDGER_AT_END;
        }
        if (entry.type == RECORD_CONTENT && !entry.erased) {
            t->record->letters++;
            return cbor_read(entry.body, &content_schema, &arena, &content, e);
        }
        arena_reset(&arena);
    }
    return true;
}

/* Letters at random places, read by the code that reads them for people. */
static bool read_letters(struct trial *t, struct error *e)
{
    OWN(ledger_reader) struct ledger_reader *reader = NULL;
    uint64_t place = 0;

    if (!ledger_reader_open(t->folders[0], role_key(t->b->role, "ledger"), &reader, e)) {
        return error_add(e, "its ledger");
    }
    ledger_reader_record_keys(reader, t->folders[1]);
    uint64_t picks = t->record->records < PICKS ? t->record->records : PICKS;
    for (uint64_t i = 0; i < picks && t->record->letters < LETTERS_WANTED; i++) {
        keyring_random_bytes((uint8_t *)&place, sizeof(place));
        if (!look_from(t, reader, place % t->record->records, e)) {
            return error_add(e, "a letter of it");
        }
    }
    return true;
}

static bool open_state(struct trial *t, struct error *e)
{
    OWN(state) struct state *state = NULL;
    struct account *accounts = NULL;
    size_t count = 0;
    struct slice path = arena_printf(t->arena, "%s/state/state.db", role_path(t->b->role, "trial"));

    if (!state_open((const char *)path.ptr, role_key(t->b->role, "state"), &state, e) ||
        !state_accounts(state, t->arena, &accounts, &count, e)) {
        return error_add(e, "its state");
    }
    t->record->accounts = count;
    return true;
}

static bool find(struct trial *t, struct error *e)
{
    struct vault_known known = {.number = t->next->number};

    if (!vault_find(&t->b->vault, 0, &known, t->arena, &t->manifest, e)) {
        return false;
    }
    t->record->number = t->manifest.number;
    t->record->at = t->manifest.at;
    return true;
}

void backup_try(struct backup_process *b, const struct backup_next *next, struct arena *arena,
                struct trial_record *record)
{
    struct trial t = {
        .b = b,
        .next = next,
        .record = record,
        .arena = arena,
        .top = role_directory(b->role, "trial"),
        .folders = {-1, -1, -1, -1}
    };
    struct error e = {0};
    struct error left;

    bool good = clear(t.top, &e) && find(&t, &e) && has_room(&t, &e) && fetch_all(&t, &e) &&
                verify(&t, &e) && open_state(&t, &e) && read_letters(&t, &e);
    for (size_t i = 0; i < FOLDERS; i++) {
        own_fd(&t.folders[i]);
    }
    if (!clear(t.top, &left) && good) {
        good = false;
        e = left;
    }
    record->reason = good ? SLICE_NONE : arena_copy(arena, slice_text(e.text));
}

void backup_look(struct backup_process *b, const struct backup_next *next, struct arena *arena,
                 struct trial_record *record)
{
    struct trial t = {.b = b, .next = next, .record = record, .arena = arena};
    struct vault_seen seen = {0};
    struct error e = {0};

    bool good = find(&t, &e) && vault_look(&b->vault, &t.manifest, true, &seen, &e);
    record->files = t.manifest.files.count;
    record->bytes = seen.bytes;
    record->missing = seen.missing;
    record->damaged = seen.damaged;
    if (good && seen.missing + seen.damaged) {
        good = error_set(&e, ERROR_CORRUPT,
                         "%llu objects are missing and %llu damaged; the next backup stores again "
                         "what is still there to be stored",
                         (unsigned long long)seen.missing, (unsigned long long)seen.damaged);
    }
    record->reason = good ? SLICE_NONE : arena_copy(arena, slice_text(e.text));
}
