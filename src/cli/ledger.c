/* Is the archive whole? */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "requests/admin.h"
#include "requests/reader.h"

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

static bool verdict(struct cli *c, bool since, const struct reader_verify_answer *answer,
                    struct error *e)
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
    if (since && !answer->since_checked) {
        return error_set(e, ERROR_CORRUPT,
                         "every record is whole, but this ledger does not begin with the one of "
                         "the checkpoint: it was rolled back, or is another");
    }
    buf_add_text(&c->out,
                 since ? "whole, and it continues the ledger of the checkpoint\n" : "whole\n");
    if (!since) {
        buf_add_text(&c->out,
                     "That the end was not cut off shows only against a checkpoint that somebody "
                     "else kept:\n--since FILE (anchor-mail and anchor-file send them out)\n");
    }
    return true;
}

bool cli_ledger_verify(struct cli *c, struct error *e)
{
    const char *since = arguments_text(&c->arguments, "since", 0);
    struct reader_verify_ask ask = {.since = SLICE_NONE};
    struct reader_verify_answer answer;

    return (!since || read_note(c, since, &ask.since, e)) &&
           cli_ask(c, CLI_READER, &reader_verify, &ask, &answer, NULL, CLI_LONG_MS, e) &&
           verdict(c, since != NULL, &answer, e);
}

static bool append_note(const char *path, struct slice note, struct error *e)
{
    OWN(fd) int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, ANCHOR_MODE);

    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, "anchor-file %s", path);
    }
    /* One write of a few hundred bytes: two commands at once leave two whole notes. */
    ssize_t n = write(fd, note.ptr, note.len);
    if (n < 0 || (size_t)n != note.len || write(fd, "\n", 1) != 1 || fsync(fd) != 0) {
        return error_errno(e, ERROR_BUSY, "anchor-file %s: write", path);
    }
    return true;
}

/* Every file is tried, whatever became of the one before. */
static bool append_to_anchors(struct cli *c, struct slice note, struct error *e)
{
    const struct config_list *files = &c->settings->archive.anchor_file;
    bool all = true;

    for (size_t i = 0; i < files->count; i++) {
        struct error why;
        const struct slice *paths = files->items;
        if (!append_note((const char *)paths[i].ptr, note, &why) && all) {
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
