/* Accounts that come from directories (LDAP, Active Directory). */
#include "requests/directory.h"

#include <stdio.h>

#include "cli/options.h"
#include "cli/print.h"
#include "cli/verbs_directory.h"

#define RUN_MS (15 * 60 * 1000) /* a large one is read, and each change recorded */

const struct argument_option directory_sync_options[] = {
    OPTION("close", 0, "COUNT", "close as many accounts as this, though they are many"),
    OPTION("drop", 0, "COUNT", "take as many contacts away as this, though they are many"),
    OPTION_END,
};

static void print_lines(struct cli *c, const struct directory_report *r)
{
    const struct slice *lines = r->lines.items;

    for (size_t i = 0; i < r->lines.count; i++) {
        buf_add_text(&c->out, "  ");
        print_clean(&c->out, lines[i]);
        buf_add_byte(&c->out, '\n');
    }
    if (r->more) {
        buf_printf(&c->out, "  and %llu more\n", (unsigned long long)r->more);
    }
}

static void print_counts(struct cli *c, const struct directory_report *r, const char *were,
                         const char *contacts)
{
    buf_printf(&c->out,
               "%llu people; %s: %llu added, %llu changed, %llu closed, %llu opened; %llu left "
               "out\n",
               (unsigned long long)r->people, were, (unsigned long long)r->added,
               (unsigned long long)r->changed, (unsigned long long)r->closed,
               (unsigned long long)r->opened, (unsigned long long)r->left_out);
    if (r->fills_book) {
        buf_printf(&c->out,
                   "  %llu contacts; %s: %llu added, %llu changed, %llu removed; %llu left out\n",
                   (unsigned long long)r->contacts, contacts, (unsigned long long)r->contacts_added,
                   (unsigned long long)r->contacts_changed, (unsigned long long)r->contacts_removed,
                   (unsigned long long)r->contacts_left_out);
    }
}

static bool run(struct cli *c, bool test, uint64_t close, uint64_t drop, struct error *e)
{
    const struct admin_directory_run_ask ask = {slice_text(c->arguments.words[0]), test, close,
                                                drop};
    struct directory_report report;

    if (!cli_ask(c, CLI_KEEPER, &admin_directory_run, &ask, &report, NULL, RUN_MS, e)) {
        return false;
    }
    if (report.server.len) {
        buf_printf(&c->out, "read from ");
        print_clean(&c->out, report.server);
        buf_add_byte(&c->out, '\n');
        print_lines(c, &report);
        bool would = test || report.failure.len;
        print_counts(c, &report, would ? "would be" : "accounts",
                     would ? "would be" : "address book");
    }
    if (report.failure.len) {
        cli_flush(c);
        return error_set(e, ERROR_BUSY, "%.*s", SLICE_ARG(report.failure));
    }
    return true;
}

bool cli_directory_sync(struct cli *c, struct error *e)
{
    static const char *const names[] = {"close", "drop"};
    uint64_t counts[2] = {0, 0};

    for (int i = 0; i < 2; i++) {
        const char *text = arguments_text(&c->arguments, names[i], 0);
        if (text && !slice_decimal(slice_text(text), UINT32_MAX, &counts[i])) {
            return error_set(e, ERROR_INPUT, "--%s wants a number, as the alarm said it", names[i]);
        }
    }
    return run(c, false, counts[0], counts[1], e);
}

bool cli_directory_test(struct cli *c, struct error *e)
{
    return run(c, true, 0, 0, e);
}

static void print_status(struct cli *c, const struct directory_report *r)
{
    buf_printf(
        &c->out, "%.*s: %s%.*s\n", SLICE_ARG(r->directory),
        r->running   ? "being read now"
        : r->next_at ? "next "
                     : "due",
        SLICE_ARG(r->running || !r->next_at ? SLICE_NONE : print_time(&c->arena, r->next_at)));
    if (r->ended_at == 0) {
        buf_add_text(&c->out, "  none has ended since the start\n");
        return;
    }
    buf_printf(&c->out, "  last ended %.*s", SLICE_ARG(print_time(&c->arena, r->ended_at)));
    if (r->server.len) {
        buf_add_text(&c->out, ", read from ");
        print_clean(&c->out, r->server);
    }
    buf_add_byte(&c->out, '\n');
    if (r->failure.len) {
        buf_add_text(&c->out, "  it failed: ");
        print_clean(&c->out, r->failure);
        buf_add_byte(&c->out, '\n');
        c->status = CLI_NOTHING;
        return;
    }
    buf_add_text(&c->out, "  ");
    print_counts(c, r, "accounts", "address book");
}

bool cli_directory_status(struct cli *c, struct error *e)
{
    struct admin_directories_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_directories, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct directory_report *all = answer.directories.items;
    for (size_t i = 0; i < answer.directories.count; i++) {
        print_status(c, &all[i]);
    }
    if (answer.directories.count == 0) {
        (void)fprintf(stderr, "There is none: postern.conf has no section [directory NAME].\n");
        c->status = CLI_NOTHING;
    }
    return true;
}
