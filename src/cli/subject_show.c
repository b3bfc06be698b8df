/* What became of a person's request for erasure: all of it for the file, and what he can be told. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/files.h"
#include "cli/print.h"
#include "cli/subject.h"

/* ── subject show ── */

bool subject_put(struct cli *c, int fd, struct error *e)
{
    struct slice bytes = buf_slice(&c->out);

    if (fd < 0) {
        cli_flush(c);
        return true;
    }
    if (!files_write(fd, bytes, e)) {
        return false;
    }
    buf_reset(&c->out);
    return true;
}

/* Go over all that was kept: into groups, or on lines. */
static bool each_part(struct cli *c, const struct subject_row *row, struct subject_groups *all,
                      int fd, struct error *e)
{
    struct subject_letters_ask ask = {row->from, row->end};
    struct subject_letters_answer answer;

    do {
        if (!cli_ask(c, CLI_KEEPER, &subject_letters, &ask, &answer, NULL, CLI_ASK_MS, e)) {
            return false;
        }
        const struct subject_record *parts = answer.parts.items;
        for (size_t i = 0; i < answer.parts.count; i++) {
            if (!slice_equal(parts[i].request, row->begun.request)) {
                continue;
            }
            if (all) {
                subject_group_letters(c, all, &parts[i].grounds, &parts[i].letters);
            } else {
                subject_say_letters(c, &parts[i].grounds, &parts[i].letters);
            }
        }
        ask.from = answer.next;
        if (!all && !subject_put(c, fd, e)) {
            return false;
        }
    } while (answer.next);
    return true;
}

static struct slice request_text(struct cli *c, struct slice bytes)
{
    struct letter_id id;
    char text[LETTER_ID_TEXT] = "?";

    if (letter_id_from(bytes, &id)) {
        letter_id_text(&id, text);
    }
    return arena_copy(&c->arena, slice_text(text));
}

static void say_head(struct cli *c, const struct subject_row *row)
{
    const struct subject_record *b = &row->begun;

    buf_printf(&c->out, "Request for erasure %llu\n\n", (unsigned long long)b->number);
    buf_printf(&c->out, "Person      %.*s\n",
               SLICE_ARG(print_cleaned(&c->arena, subject_persons(c, b))));
    buf_printf(&c->out, "Why         %.*s\n", SLICE_ARG(print_cleaned(&c->arena, b->reason)));
    buf_printf(&c->out, "Asked by    %.*s, request %.*s, approved by another person%s\n",
               SLICE_ARG(print_cleaned(&c->arena, b->by)), SLICE_ARG(request_text(c, b->request)),
               row->runs > 1 ? "; not for the first time" : "");
    buf_printf(&c->out, "Carried out %.*s to %.*s\n",
               SLICE_ARG(print_time(&c->arena, row->begun_at)),
               SLICE_ARG(row->ended.state == SUBJECT_ENDED ? print_time(&c->arena, row->ended_at)
                                                           : SLICE("now: it is not ended")));
    buf_printf(&c->out, "Looked at   letters whose first record is before %llu of the ledger\n\n",
               (unsigned long long)b->head);
}

static void say_backups(struct cli *c, const struct subject_row *row)
{
    const struct subject_record *n = &row->ended;

    if (n->state != SUBJECT_ENDED || n->erased == 0) {
        return;
    }
    if (n->backups == 0) {
        buf_add_text(&c->out,
                     "Backups     the daemon makes none; copies that a person made hold the "
                     "keys of what was erased until he removes them\n");
    } else if (row->gone) {
        buf_add_text(&c->out, "Backups     none holds the keys of what was erased any more\n");
    } else {
        buf_printf(&c->out,
                   "Backups     made before hold the keys of what was erased, the last of them "
                   "until %.*s; then `postern subject show` says that none does\n",
                   SLICE_ARG(print_time(&c->arena, n->backups)));
    }
}

/* For the file: all of it. */
static bool say_all(struct cli *c, const struct subject_row *row, const struct subject_groups *all,
                    int fd, struct error *e)
{
    const struct subject_record *n = &row->ended;
    uint64_t found = n->erased + n->kept;

    say_head(c, row);
    buf_printf(&c->out, "Found       %llu letters\n", (unsigned long long)found);
    buf_printf(&c->out,
               "Erased      %llu of them, and %llu that belonged to them (reports about them, "
               "repetitions)\n",
               (unsigned long long)n->erased, (unsigned long long)n->along);
    buf_printf(&c->out, "Kept        %llu of them\n", (unsigned long long)n->kept);
    subject_say_groups(c, all);
    if (n->unread) {
        buf_printf(&c->out,
                   "Not told    %llu other letters could not be read whole, and may be meant: "
                   "`postern search has:unread` lists them\n",
                   (unsigned long long)n->unread);
    }
    say_backups(c, row);
    if (n->state == SUBJECT_ENDED && n->erased) {
        buf_printf(&c->out,
                   "Proof       `postern disposal certificate %.*s` says which records, and "
                   "postern-verify proves it\n",
                   SLICE_ARG(request_text(c, n->request)));
    }
    if (n->due) {
        buf_printf(&c->out,
                   "Next        what is kept is erased when its time is over, first on %.*s, by "
                   "`postern subject again %llu`\n",
                   SLICE_ARG(subject_day(c, n->due)), (unsigned long long)n->number);
    }
    buf_add_text(&c->out,
                 "\nA hold is for legal claims (GDPR: Article 17(3)(e)); a rule is a legal "
                 "obligation (Article 17(3)(b))\nonly where it names a law. Whether these laws "
                 "hold here is for a lawyer to say.\n");
    if (n->kept) {
        buf_add_text(&c->out, "\nKept letters: until when by that rule, and why\n");
    }
    return subject_put(c, fd, e) && (!n->kept || each_part(c, row, NULL, fd, e));
}

bool cli_subject_show(struct cli *c, struct error *e)
{
    const char *path = arguments_text(&c->arguments, "output", 0);
    bool answer_only = arguments_flag(&c->arguments, "answer");
    struct subject_groups *all = arena_alloc(&c->arena, sizeof(*all));
    struct subject_list_ask ask = {0};
    struct subject_list_answer answer;
    OWN(fd) int fd = -1;

    if (!subject_number(c, &ask.number, e) ||
        !cli_ask(c, CLI_KEEPER, &subject_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct subject_row *row = answer.rows.items;
    if (!each_part(c, row, all, -1, e)) {
        return false;
    }
    if (path && strcmp(path, "-") != 0) {
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0) {
            return error_errno(e, ERROR_CONFIG, "%s", path);
        }
    }
    bool said = answer_only ? subject_tell(c, row, all, fd, e) : say_all(c, row, all, fd, e);
    if (fd >= 0 && (!said || fsync(fd) != 0)) {
        (void)unlink(path);
        return !said ? false : error_errno(e, ERROR_BUSY, "%s", path);
    }
    return said;
}
