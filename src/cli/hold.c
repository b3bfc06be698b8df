/* Holds: letters that stay, whatever rules and people say. */
#include <stdio.h>

#include "cli/approvals.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "requests/holds.h"

/* All words behind the name, as they would be searched for. */
static struct slice query_of(struct cli *c)
{
    OWN(buf) struct buf query = {.max = 65536};

    for (size_t i = 1; i < c->arguments.n_words; i++) {
        buf_add_text(&query, i > 1 ? " " : "");
        buf_add_text(&query, c->arguments.words[i]);
    }
    return arena_copy(&c->arena, buf_slice(&query));
}

static bool letters_of(struct cli *c, struct slice *letters, struct error *e)
{
    size_t count = arguments_count(&c->arguments, "letter");
    uint8_t *bytes = arena_alloc(&c->arena, count * LETTER_ID_LEN + 1);

    if (count > HOLD_LETTERS_MAX) {
        return error_set(e, ERROR_INPUT,
                         "at most %d letters at once: add the others to the same "
                         "name afterwards",
                         HOLD_LETTERS_MAX);
    }
    for (size_t i = 0; i < count; i++) {
        struct letter_id id;
        if (!cli_letter(arguments_text(&c->arguments, "letter", i), &id, e)) {
            return false;
        }
        (void)memcpy(bytes + i * LETTER_ID_LEN, id.bytes, LETTER_ID_LEN);
    }
    *letters = slice_of(bytes, count * LETTER_ID_LEN);
    return true;
}

bool cli_hold_add(struct cli *c, struct error *e)
{
    struct hold_record ask = {.name = slice_text(c->arguments.words[0]),
                              .state = HOLD_PLACED,
                              .query = query_of(c),
                              .by = SLICE("-"),
                              .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};

    if (!letters_of(c, &ask.letters, e) ||
        !cli_ask(c, CLI_KEEPER, &hold_add, &ask, NULL, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "held by %s from now on; `postern hold show %s` counts\n",
               c->arguments.words[0], c->arguments.words[0]);
    return true;
}

bool cli_hold_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"HOLD", "SINCE", "BY", "QUERY", "LETTERS", "WHY"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 6};
    const struct hold_list_ask ask = {0};
    struct hold_list_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &hold_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.rows.count == 0) {
        (void)fprintf(stderr, "Nothing is held.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    const struct hold_row *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        size_t letters = rows[i].letters.len / LETTER_ID_LEN;
        const struct slice cells[] = {rows[i].name,
                                      print_time(&c->arena, rows[i].since),
                                      rows[i].by,
                                      rows[i].query,
                                      letters ? arena_printf(&c->arena, "%zu", letters)
                                              : SLICE("-"),
                                      rows[i].reason};
        print_row(&columns, cells);
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}

static void show_row(struct cli *c, const struct hold_row *r)
{
    char text[LETTER_ID_TEXT];
    struct letter_id id;

    buf_printf(&c->out, "%.*s  by %.*s: %.*s\n", SLICE_ARG(print_time(&c->arena, r->since)),
               SLICE_ARG(print_cleaned(&c->arena, r->by)),
               SLICE_ARG(print_cleaned(&c->arena, r->reason)));
    if (r->query.len) {
        buf_printf(&c->out, "  query   %.*s\n", SLICE_ARG(print_cleaned(&c->arena, r->query)));
    }
    if (r->query.len && r->not_counted) {
        buf_add_text(&c->out, "  finds   cannot be counted now; it holds all the same\n");
    } else if (r->query.len) {
        buf_printf(&c->out, "  finds   %s%llu letters\n", r->more ? "more than " : "",
                   (unsigned long long)r->found);
    }
    for (size_t at = 0; at + LETTER_ID_LEN <= r->letters.len; at += LETTER_ID_LEN) {
        if (letter_id_from(slice_of(r->letters.ptr + at, LETTER_ID_LEN), &id)) {
            letter_id_text(&id, text);
            buf_printf(&c->out, "  letter  %s\n", text);
        }
    }
}

bool cli_hold_show(struct cli *c, struct error *e)
{
    const struct hold_list_ask ask = {slice_text(c->arguments.words[0])};
    struct hold_list_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &hold_list, &ask, &answer, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    const struct hold_row *rows = answer.rows.items;
    buf_printf(&c->out, "hold %s\n", c->arguments.words[0]);
    for (size_t i = 0; i < answer.rows.count; i++) {
        show_row(c, &rows[i]);
    }
    if (answer.indexed < answer.archived) {
        buf_printf(&c->out,
                   "%llu of %llu letters are in the index; the others are looked at when "
                   "they would be destroyed.\n",
                   (unsigned long long)answer.indexed, (unsigned long long)answer.archived);
    }
    return true;
}

bool cli_hold_release(struct cli *c, struct error *e)
{
    const struct hold_release_ask ask = {slice_text(c->arguments.words[0]),
                                         slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct admin_asked answer;

    if (!cli_ask(c, CLI_KEEPER, &hold_release, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    approvals_say(c, &answer);
    return true;
}
