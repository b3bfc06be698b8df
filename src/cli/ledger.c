/* Is the archive whole? */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "requests/admin.h"
#include "requests/reader.h"

#define NOTE_MAX 4096

static bool read_note(struct cli *c, const char *path, struct slice *note, struct error *e)
{
    OWN(buf) struct buf text = {.max = NOTE_MAX + 512};

    if (strcmp(path, "-") == 0) {
        path = "/dev/stdin";
    }
    OWN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_errno(e, ERROR_CONFIG, "%s", path);
    }
    for (;;) {
        uint8_t *room = buf_room(&text, 512);
        ssize_t n = room ? read(fd, room, 512) : -1;
        if (n < 0 && room && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return error_set(e, ERROR_INPUT, "%s: no checkpoint, or unreadable", path);
        }
        if (n == 0) {
            break;
        }
        text.len += (size_t)n;
    }
    *note = arena_copy(&c->arena, buf_slice(&text));
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
    buf_printf(&c->out, "%llu records in %llu segments, root %.*s\n",
               (unsigned long long)answer->records, (unsigned long long)answer->segments,
               SLICE_ARG(root));
    if (answer->faults.count) {
        return error_set(e, ERROR_CORRUPT, "the ledger is not whole: %s%zu faults",
                         answer->faults.count == READER_FAULTS_MAX ? "at least " : "",
                         answer->faults.count);
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

bool cli_checkpoint(struct cli *c, struct error *e)
{
    struct checkpoint_record answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_checkpoint, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_add(&c->out, answer.note);
    return true;
}
