/* Is the archive whole? */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/anchors.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "host/file.h"
#include "ledger/checkpoint.h"
#include "requests/admin.h"
#include "requests/reader.h"
#include "requests/signer.h"

#define CHUNK       512
#define NOTE_MAX    4096
#define ANCHOR_MODE 0644 /* of a new anchor file: a checkpoint is there to be shown */

/* The last note of a file to which one was appended behind the other, as anchor files are: text and
 * signature are separated by an empty line, and so are the notes. */
static struct slice last_note(struct slice text)
{
    size_t end = text.len;
    unsigned gaps = 0;

    while (end && text.ptr[end - 1] == '\n') {
        end--;
    }
    size_t from = end;
    while (from > 1 && gaps < 2) {
        from--;
        gaps += text.ptr[from] == '\n' && text.ptr[from - 1] == '\n';
    }
    end += end < text.len; /* the note's own line end */
    return gaps == 2 ? slice_of(text.ptr + from + 1, end - from - 1) : slice_head(text, end);
}

static bool read_note(struct cli *c, const char *path, struct slice *note, struct error *e)
{
    OWN(buf) struct buf text = {.max = NOTE_MAX + CHUNK};

    if (strcmp(path, "-") == 0) {
        path = "/dev/stdin";
    }
    OWN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", path);
    }
    for (;;) {
        ssize_t n = read(fd, buf_room(&text, CHUNK), CHUNK);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return error_errno(e, ERROR_CONFIG, "%s", path);
        }
        if (n == 0) {
            break;
        }
        text.len += (size_t)n;
        buf_drop(&text, text.len > NOTE_MAX ? text.len - NOTE_MAX : 0);
    }
    *note = arena_copy(&c->arena, last_note(buf_slice(&text)));
    return slice_is_utf8(*note) || error_set(e, ERROR_INPUT, "%s: no checkpoint", path);
}

static void print_faults(struct cli *c, const struct cbor_list *list)
{
    const struct reader_fault *faults = list->items;

    for (size_t i = 0; i < list->count; i++) {
        buf_printf(&c->out,
                   "segment %llu, byte %llu, record %llu: ", (unsigned long long)faults[i].segment,
                   (unsigned long long)faults[i].offset, (unsigned long long)faults[i].seq);
        print_clean(&c->out, faults[i].what);
        buf_add_byte(&c->out, '\n');
    }
}

/* Which anchors say that what the ledger holds now is what it held then. The one that the ledger was
 * checked against is the newest, and all before it are over beginnings of the same tree. */
static void print_anchors(struct cli *c, const struct anchor *anchors, size_t count)
{
    for (uint64_t kind = ANCHOR_FILE; kind <= ANCHOR_TIMESTAMP; kind++) {
        const struct anchor *newest = NULL;
        for (size_t i = 0; i < count; i++) {
            newest = anchors[i].record.kind == kind ? &anchors[i] : newest;
        }
        if (!newest) {
            continue;
        }
        bool stamped = kind == ANCHOR_TIMESTAMP;
        struct slice when = print_time(&c->arena, stamped ? newest->record.token_at : newest->time);
        buf_printf(&c->out, "%s %.*s, the first %llu records: ",
                   stamped ? "time-stamped" : "with somebody else since", SLICE_ARG(when),
                   (unsigned long long)newest->size);
        print_clean(&c->out, newest->record.anchored_to);
        buf_add_text(&c->out,
                     stamped ? "\n    a change to them shows against the stamp: `ledger anchors "
                               "--output DIR` writes it out\n"
                             : "\n    a rollback before that shows against the copy there\n");
    }
}

static void print_proof(struct cli *c, bool since, const struct anchor *anchors, size_t count)
{
    buf_add_text(&c->out,
                 since ? "whole, and it continues the ledger of the checkpoint\n" : "whole\n");
    print_anchors(c, anchors, count);
    if (!since) {
        buf_add_text(&c->out,
                     "That the end was not cut off shows only against a checkpoint that somebody "
                     "else kept:\n--since FILE (anchor-mail, anchor-file and timestamp-url send "
                     "them out)\n");
    }
}

static bool verdict(struct cli *c, const struct reader_verify_answer *answer, struct error *e)
{
    struct slice root = print_hex(&c->arena, answer->root);

    print_faults(c, &answer->faults);
    buf_printf(&c->out, "%llu record%s in %llu segment%s, root %.*s\n",
               (unsigned long long)answer->records, answer->records == 1 ? "" : "s",
               (unsigned long long)answer->segments, answer->segments == 1 ? "" : "s",
               SLICE_ARG(root));
    if (answer->faults.count) {
        return error_set(e, ERROR_CORRUPT, "the ledger is not whole: %s%zu fault%s",
                         answer->faults.count == READER_FAULTS_MAX ? "at least " : "",
                         answer->faults.count, answer->faults.count == 1 ? "" : "s");
    }
    return true;
}

static bool verify(struct cli *c, struct slice note, struct reader_verify_answer *answer,
                   struct error *e)
{
    const struct reader_verify_ask ask = {.since = note};

    return cli_ask(c, CLI_READER, &reader_verify, &ask, answer, NULL, CLI_LONG_MS, e) &&
           verdict(c, answer, e);
}

bool cli_ledger_verify(struct cli *c, struct error *e)
{
    const char *since = arguments_text(&c->arguments, "since", 0);
    struct reader_verify_answer answer;
    struct slice note = SLICE_NONE;
    struct anchor *anchors = NULL;
    struct error unread;
    size_t count = 0;

    if (since && !read_note(c, since, &note, e)) {
        return false;
    }
    /* A damaged ledger is told by the verdict, not by the list of its anchors. */
    if (!anchors_read(c, &anchors, &count, &unread)) {
        count = 0;
    }
    if (!since && count) {
        note = anchors[count - 1].record.note;
    }
    if (!verify(c, note, &answer, e)) {
        return false;
    }
    if (note.len && !answer.since_checked) {
        return error_set(e, ERROR_CORRUPT,
                         since ? "every record is whole, but this ledger does not begin with the "
                                 "one of the checkpoint: it was rolled back, or is another"
                               : "every record is whole, but this ledger does not begin as its own "
                                 "last anchor says");
    }
    print_proof(c, since != NULL, anchors, count);
    return true;
}

/* A folder gets a file for each checkpoint, whole or not at all; one that is there stays. */
static bool drop_note(struct cli *c, int folder, struct slice note, struct error *e)
{
    struct checkpoint checkpoint;

    if (!checkpoint_read(note, &checkpoint, e)) {
        return false;
    }
    struct slice host = slice_cut(checkpoint.origin, '/', &(struct slice){0});
    const char *name =
        arena_text(&c->arena, arena_printf(&c->arena, "%.*s-%llu.checkpoint", SLICE_ARG(host),
                                           (unsigned long long)checkpoint.size));
    return file_create(folder, name, note, ANCHOR_MODE, e);
}

static bool append_note(const char *path, struct slice note, struct error *e)
{
    OWN(fd) int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, ANCHOR_MODE);

    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, "open");
    }
    /* One write of a few hundred bytes: two commands at once leave two whole notes. */
    ssize_t n = write(fd, note.ptr, note.len);
    if (n < 0 || (size_t)n != note.len || write(fd, "\n", 1) != 1 || fsync(fd) != 0) {
        return error_errno(e, ERROR_BUSY, "write");
    }
    return true;
}

/* Write it there, and have the keeper record that. */
static bool anchor_at(struct cli *c, struct slice path, struct slice note, struct error *e)
{
    const char *name = (const char *)path.ptr;
    const struct checkpoint_record done = {.note = note, .anchored_to = path, .kind = ANCHOR_FILE};
    OWN(fd) int folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool written = folder >= 0 ? drop_note(c, folder, note, e) : append_note(name, note, e);

    return (written || error_add(e, "anchor-file %s", name)) &&
           cli_ask(c, CLI_KEEPER, &admin_anchored, &done, NULL, NULL, CLI_ASK_MS, e);
}

/* Every file is tried, whatever became of the one before. */
static bool append_to_anchors(struct cli *c, struct slice note, struct error *e)
{
    const struct config_list *files = &c->settings->archive.anchor_file;
    bool all = true;

    for (size_t i = 0; i < files->count; i++) {
        struct error why;
        const struct slice *paths = files->items;
        if (!anchor_at(c, paths[i], note, &why) && all) {
            *e = why;
            all = false;
        }
    }
    return all;
}

bool cli_checkpoint(struct cli *c, struct error *e)
{
    struct checkpoint_record answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_checkpoint, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_add(&c->out, answer.note);
    return append_to_anchors(c, answer.note, e);
}

/* The raw key is the end of its SubjectPublicKeyInfo (RFC 8410 section 4). */
bool cli_ledger_key(struct cli *c, struct error *e)
{
    const struct settings *settings = NULL;
    struct signer_keys answer;

    if (!cli_settings(c, &settings, e) ||
        !cli_ask(c, CLI_KEEPER, &admin_dkim_list, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct slice *domains = settings->general.domains.items;
    const struct signer_key *keys = answer.keys.items;
    for (size_t i = 0; i < answer.keys.count; i++) {
        if (keys[i].kind == KEY_CHECKPOINT && keys[i].public.len > CHECKPOINT_KEY_LEN) {
            struct slice raw = slice_from(keys[i].public, keys[i].public.len - CHECKPOINT_KEY_LEN);
            checkpoint_verifier(arena_printf(&c->arena, "%.*s/ledger", SLICE_ARG(domains[0])),
                                raw.ptr, &c->out);
            buf_add_byte(&c->out, '\n');
            return true;
        }
    }
    return error_set(e, ERROR_CONFIG, "the signer has no key for checkpoints");
}

/* Sign a checkpoint now, have something proved in it, and print the proof. */
static bool prove(struct cli *c, const struct ipc_message *message, struct reader_prove_ask *ask,
                  struct error *e)
{
    struct checkpoint_record now;
    struct reader_prove_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_checkpoint, NULL, &now, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    ask->note = now.note;
    if (!cli_ask(c, CLI_READER, message, ask, &answer, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    buf_add(&c->out, answer.proof);
    return true;
}

bool cli_ledger_prove(struct cli *c, struct error *e)
{
    struct letter_id id;
    struct reader_prove_ask ask = {.note = SLICE_NONE};

    if (!cli_letter(c->arguments.words[0], &id, e)) {
        return false;
    }
    ask.id = letter_id_slice(&id);
    ask.reason = slice_text(arguments_text(&c->arguments, "reason", 0));
    return prove(c, &reader_prove, &ask, e);
}

bool cli_ledger_growth(struct cli *c, struct error *e)
{
    struct reader_prove_ask ask = {.note = SLICE_NONE};

    return read_note(c, c->arguments.words[0], &ask.since, e) && prove(c, &reader_growth, &ask, e);
}
