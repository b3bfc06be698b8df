/* Backups that the daemon makes: having one made now, tried, verified, and what is known of them. */
#include <unistd.h>

#include "base/clock.h"

#include "cli/cli.h"
#include "cli/print.h"
#include "requests/backup.h"

#define LOOK_EVERY_US 200000

static const char *order_text(uint64_t order)
{
    static const char *const names[] = {[BACKUP_NOTHING] = "-",
                                        [BACKUP_RUN] = "backup",
                                        [BACKUP_TRY] = "trial restore",
                                        [BACKUP_LOOK] = "verification"};

    return order <= BACKUP_LOOK ? names[order] : "unknown";
}

static bool ask(struct cli *c, struct backups_answer *answer, struct error *e)
{
    return cli_ask(c, CLI_KEEPER, &admin_backups, NULL, answer, NULL, CLI_ASK_MS, e);
}

/* Once more when the keeper died meanwhile: it has a successor soon. */
static bool ask_patiently(struct cli *c, struct backups_answer *answer, struct error *e)
{
    return ask(c, answer, e) || (e->kind == ERROR_BUSY && ask(c, answer, e));
}

/* Wait for one report more than there were, of the keeper that was asked. */
static bool wait_for(struct cli *c, uint64_t life, uint64_t reports, struct backups_answer *answer,
                     struct error *e)
{
    int64_t until = clock_steady_ms() + CLI_LONG_MS;

    for (;;) {
        if (!ask_patiently(c, answer, e)) {
            return false;
        }
        if (answer->life != life) {
            return error_set(e, ERROR_BUSY,
                             "posternd's keeper was started again meanwhile: `postern backup list` "
                             "shows whether it was done, otherwise order it again");
        }
        if (answer->reports > reports && answer->lines.count) {
            return true;
        }
        if (clock_steady_ms() > until) {
            return error_set(e, ERROR_BUSY,
                             "it goes on: `postern backup list` shows when it is done");
        }
        (void)usleep(LOOK_EVERY_US);
    }
}

static bool order(struct cli *c, uint64_t what, struct error *e)
{
    const struct backup_order_ask asked = {what,
                                           slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct backup_order_answer ordered;
    struct backups_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_backup_order, &asked, &ordered, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    uint64_t seen = ordered.reports;
    for (;;) {
        if (!wait_for(c, ordered.life, seen, &answer, e)) {
            return false;
        }
        const struct backup_line *line = answer.lines.items;
        seen = answer.reports;
        if (line->order != what) {
            continue; /* another was under way */
        }
        if (what == BACKUP_RUN && !line->reason.len && line->records < ordered.records) {
            continue; /* likewise: one that began before what was recorded last */
        }
        if (line->reason.len) {
            return error_set(e, ERROR_BUSY, "%.*s", SLICE_ARG(line->reason));
        }
        struct slice size = print_size(&c->arena, line->bytes);
        buf_printf(&c->out, "%s of number %llu: ", order_text(what),
                   (unsigned long long)line->number);
        if (what != BACKUP_LOOK) {
            buf_printf(&c->out, "%llu records, ", (unsigned long long)line->records);
        }
        buf_printf(&c->out, "%.*s %s\n", SLICE_ARG(size),
                   what == BACKUP_RUN ? "stored" : "fetched and right");
        return true;
    }
}

bool cli_backup_now(struct cli *c, struct error *e)
{
    return order(c, BACKUP_RUN, e);
}

bool cli_backup_try(struct cli *c, struct error *e)
{
    return order(c, BACKUP_TRY, e);
}

bool cli_backup_verify(struct cli *c, struct error *e)
{
    return order(c, BACKUP_LOOK, e);
}

static void print_lines(struct cli *c, const struct backups_answer *answer)
{
    static const char *const heads[] = {"DONE",    "WHAT",  "NUMBER", "OF",
                                        "RECORDS", "BYTES", "OUTCOME"};
    struct print_columns columns = {
        .arena = &c->arena, .heads = heads, .count = 7, .right = 1 << 2 | 1 << 4 | 1 << 5};
    const struct backup_line *lines = answer->lines.items;

    for (size_t i = 0; i < answer->lines.count; i++) {
        const struct slice cells[] = {
            print_time(&c->arena, lines[i].time),
            slice_text(order_text(lines[i].order)),
            arena_printf(&c->arena, "%llu", (unsigned long long)lines[i].number),
            lines[i].at ? print_time(&c->arena, lines[i].at) : SLICE("-"),
            arena_printf(&c->arena, "%llu", (unsigned long long)lines[i].records),
            arena_printf(&c->arena, "%llu", (unsigned long long)lines[i].bytes),
            lines[i].reason.len ? lines[i].reason : SLICE("good")};
        print_row(&columns, cells);
    }
    print_columns(&columns, cli_columns(), &c->out);
}

/* Vaults that are not used any more, and who removes them. */
static void print_left(struct cli *c, const struct backups_answer *answer)
{
    static const char *const heads[] = {"OBJECTS", "LAST OF", "TOO OLD ON", "REMOVED BY", "TARGET"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 5};
    const struct backup_left *left = answer->left.items;

    if (answer->more_left) {
        buf_add_text(&c->out,
                     "There are vaults whose names were not kept: remove at former targets "
                     "what is older than the backups that are listed.\n");
    }
    if (answer->left.count == 0) {
        return;
    }
    buf_add_text(&c->out, "Backups from before a rotation of the master key, or at a former "
                          "target, hold keys destroyed since until they are removed:\n");
    for (size_t i = 0; i < answer->left.count; i++) {
        bool ours = slice_equal(left[i].place, answer->place);
        const struct slice cells[] = {arena_printf(&c->arena, "%.*s*", SLICE_ARG(left[i].prefix)),
                                      print_time(&c->arena, left[i].last_at),
                                      print_time(&c->arena, left[i].last_at + answer->keep_ms),
                                      ours ? SLICE("the daemon") : SLICE("a person"),
                                      left[i].place};
        print_row(&columns, cells);
    }
    print_columns(&columns, cli_columns(), &c->out);
}

static bool has_foreign(const struct backups_answer *answer)
{
    const struct backup_left *left = answer->left.items;

    for (size_t i = 0; i < answer->left.count; i++) {
        if (!slice_equal(left[i].place, answer->place)) {
            return true;
        }
    }
    return answer->more_left;
}

bool cli_backup_list(struct cli *c, struct error *e)
{
    struct backups_answer answer;

    if (!ask(c, &answer, e)) {
        return false;
    }
    if (answer.place.len == 0) {
        buf_add_text(&c->out, "The daemon makes no backups: `backup-target` is not set.\n");
    } else {
        buf_printf(&c->out, "target %.*s, kept for %llu days%s%s\n", SLICE_ARG(answer.place),
                   (unsigned long long)(answer.keep_ms / (UINT64_C(86400) * 1000)),
                   answer.busy ? ", under way: " : "", answer.busy ? order_text(answer.busy) : "");
    }
    if (answer.oldest_at) {
        struct slice at = print_time(&c->arena, answer.oldest_at);
        buf_printf(&c->out, "The oldest backup is of %.*s%s\n", SLICE_ARG(at),
                   has_foreign(&answer) ? "."
                                        : ": no backup holds a key that was destroyed before.");
    }
    print_left(c, &answer);
    if (answer.lines.count == 0) {
        c->status = CLI_NOTHING;
        return true;
    }
    print_lines(c, &answer);
    return true;
}

bool cli_backup_forget(struct cli *c, struct error *e)
{
    struct slice prefix = slice_text(c->arguments.words[0]);
    struct backup_forget_ask ask = {.place = slice_text(c->arguments.words[1]),
                                    .reason =
                                        slice_text(arguments_text(&c->arguments, "reason", 0))};

    ask.prefix = slice_cut(prefix, '*', &prefix); /* as the list shows it, or without the star */
    return cli_ask(c, CLI_KEEPER, &admin_backup_forget, &ask, NULL, NULL, CLI_ASK_MS, e);
}
