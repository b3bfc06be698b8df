/* Disposal: letters whose time is over. */
#include "requests/disposal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/approvals.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/print.h"
#include "host/memfd.h"
#include "requests/admin.h"
#include "requests/signer.h"
#include "stages/retention/term.h"

static bool before_of(struct cli *c, uint64_t *before, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "before", 0);
    int64_t day = 0;

    *before = 0;
    if (text && (!retention_day_read(slice_text(text), &day) || day <= 0)) {
        return error_set(e, ERROR_INPUT, "--before wants a day such as 2026-01-31, not `%s`", text);
    }
    *before = (uint64_t)day;
    return true;
}

static void list(struct cli *c, const char *what, const struct cbor_list *classes)
{
    const struct disposal_class *items = classes->items;

    for (size_t i = 0; i < classes->count; i++) {
        buf_printf(&c->out, "  %s %.*s: %llu letters\n", what,
                   SLICE_ARG(print_cleaned(&c->arena, items[i].name)),
                   (unsigned long long)items[i].letters);
    }
}

bool cli_disposal_preview(struct cli *c, struct error *e)
{
    struct disposal_preview_ask ask;
    struct disposal_preview_answer a;

    if (!before_of(c, &ask.before, e) ||
        !cli_ask(c, CLI_KEEPER, &disposal_preview, &ask, &a, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "%llu letters were over by %.*s\n", (unsigned long long)a.over,
               SLICE_ARG(print_time(&c->arena, a.before)));
    list(c, "class", &a.classes);
    buf_printf(&c->out, "of these %llu are held and stay\n", (unsigned long long)a.held);
    list(c, "by", &a.holds);
    if (a.busy) {
        buf_printf(&c->out, "%llu are not in the index yet\n", (unsigned long long)a.busy);
    }
    if (a.left) {
        buf_printf(&c->out, "the rules in force are still to be applied to %llu letters\n",
                   (unsigned long long)a.left);
    }
    if (a.doubted) {
        buf_printf(&c->out,
                   "the clock is not believed: it went further than time did, or nothing ran for "
                   "more than a day. Nothing is disposed of until an officer says `postern "
                   "disposal clock --reason TEXT`\n");
    }
    return true;
}

bool cli_disposal_ask(struct cli *c, struct error *e)
{
    struct disposal_ask_ask ask = {.reason =
                                       slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct admin_asked answer;

    if (!before_of(c, &ask.before, e) ||
        !cli_ask(c, CLI_KEEPER, &disposal_ask, &ask, &answer, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    approvals_say(c, &answer);
    return true;
}

bool cli_disposal_clock(struct cli *c, struct error *e)
{
    const struct disposal_clock_ask ask = {
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};

    if (!cli_ask(c, CLI_KEEPER, &disposal_clock, &ask, NULL, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_add_text(&c->out, "the clock is believed\n");
    return true;
}

/* ── what there was ── */

static struct slice state_of(const struct disposal_row *r, uint64_t now)
{
    if (r->state == VERDICT_APPROVED) {
        return SLICE("under way");
    }
    if (r->state) {
        return slice_text(request_verdict_name(r->state));
    }
    return now < r->expires_at ? SLICE("waits") : SLICE("expired");
}

static struct slice count_text(struct cli *c, const struct disposal_row *r, uint64_t count)
{
    bool done = r->state == VERDICT_DONE || r->state == VERDICT_FAILED || count;

    return done ? arena_printf(&c->arena, "%llu", (unsigned long long)count) : SLICE("-");
}

static struct slice id_of(struct cli *c, struct slice bytes)
{
    char text[LETTER_ID_TEXT] = "?";
    struct letter_id id;

    if (letter_id_from(bytes, &id)) {
        letter_id_text(&id, text);
    }
    return arena_copy(&c->arena, slice_text(text));
}

static bool ask_list(struct cli *c, struct disposal_list_answer *answer, struct error *e)
{
    const struct disposal_list_ask ask = {
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};

    return cli_ask(c, CLI_READER, &disposal_list, &ask, answer, NULL, CLI_LONG_MS, e);
}

bool cli_disposal_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"NUMBER",      "WHAT",      "STATE", "ASKED", "BY",
                                        "APPROVED BY", "DESTROYED", "HELD",  "LEFT",  "REQUEST"};
    struct print_columns columns = {.arena = &c->arena,
                                    .heads = heads,
                                    .count = 10,
                                    .right = 1U << 0 | 1U << 6 | 1U << 7 | 1U << 8};
    struct disposal_list_answer answer;

    if (!ask_list(c, &answer, e)) {
        return false;
    }
    if (answer.rows.count == 0) {
        (void)fprintf(stderr, "Nothing was disposed of or erased.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    const struct disposal_row *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        const struct disposal_row *r = &rows[i];
        const struct slice cells[] = {
            arena_printf(&c->arena, "%llu", (unsigned long long)r->number),
            r->kind == REQUEST_DISPOSAL ? SLICE("disposal") : SLICE("erasure"),
            state_of(r, answer.now),
            print_time(&c->arena, r->asked_at),
            r->by,
            r->approved_by.len ? r->approved_by : SLICE("-"),
            count_text(c, r, r->destroyed),
            count_text(c, r, r->held),
            count_text(c, r, r->left),
            id_of(c, r->id)};
        print_row(&columns, cells);
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}

/* The request of that number or id. */
static bool find_request(struct cli *c, struct slice *id, struct error *e)
{
    const char *text = c->arguments.words[0];
    struct disposal_list_answer answer;
    uint64_t number = 0;
    struct letter_id given;

    if (!slice_decimal(slice_text(text), UINT32_MAX, &number)) {
        if (!letter_id_parse(slice_text(text), &given)) {
            return error_set(e, ERROR_INPUT,
                             "`%s` is neither a number nor a request's id: `postern disposal list`",
                             text);
        }
        *id = arena_copy(&c->arena, letter_id_slice(&given));
        return true;
    }
    if (!ask_list(c, &answer, e)) {
        return false;
    }
    const struct disposal_row *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        if (rows[i].number == number) {
            *id = rows[i].id;
            return true;
        }
    }
    return error_set(e, ERROR_INPUT, "there is no number %s: `postern disposal list`", text);
}

static bool ask_part(struct cli *c, const struct disposal_certificate_ask *ask,
                     struct memfd_map *map, struct error *e)
{
    return cli_ask_bytes(c, &disposal_certificate, ask, CERTIFICATE_BYTES_MAX, map, e);
}

/* The text becomes a record; a checkpoint is signed over that, and everything is proved in its tree. */
bool cli_disposal_certificate(struct cli *c, struct error *e)
{
    const char *path = arguments_text(&c->arguments, "output", 0);
    struct disposal_certificate_ask ask = {
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};
    OWN(memfd_map) struct memfd_map text = {.bytes = SLICE_NONE};
    OWN(memfd_map) struct memfd_map proof = {.bytes = SLICE_NONE};
    struct checkpoint_record checkpoint;

    if (!find_request(c, &ask.id, e) || !ask_part(c, &ask, &text, e) ||
        !cli_ask(c, CLI_KEEPER, &admin_checkpoint, NULL, &checkpoint, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    ask.note = checkpoint.note;
    if (!ask_part(c, &ask, &proof, e)) {
        return false;
    }
    if (!path || strcmp(path, "-") == 0) {
        return files_write(STDOUT_FILENO, text.bytes, e) &&
               files_write(STDOUT_FILENO, proof.bytes, e);
    }
    if (!files_write_new_parts(path, text.bytes, proof.bytes, e)) {
        return false;
    }
    buf_printf(&c->out,
               "%s: keep it with the public key (`postern ledger key`); `postern-verify "
               "--certificate %s --key FILE` proves it\n",
               path, path);
    return true;
}
