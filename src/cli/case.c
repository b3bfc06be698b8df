/* Cases: letters that somebody gathers for a reason. */
#include <stdio.h>

#include "cli/approvals.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "letter/account_role.h"
#include "requests/cases.h"

static struct slice option_of(struct cli *c, const char *name)
{
    return slice_text(arguments_text(&c->arguments, name, 0));
}

/* Ids behind the name. */
static bool letters_of(struct cli *c, struct slice *letters, struct error *e)
{
    size_t count = c->arguments.n_words - 1;
    uint8_t *bytes = arena_alloc(&c->arena, count * LETTER_ID_LEN + 1);

    for (size_t i = 0; i < count; i++) {
        struct letter_id id;
        if (!cli_letter(c->arguments.words[i + 1], &id, e)) {
            return false;
        }
        (void)memcpy(bytes + i * LETTER_ID_LEN, id.bytes, LETTER_ID_LEN);
    }
    *letters = slice_of(bytes, count * LETTER_ID_LEN);
    return true;
}

static bool act(struct cli *c, struct case_record *r, struct case_act_answer *answer,
                struct error *e)
{
    r->name = slice_text(c->arguments.words[0]);
    r->by = SLICE("-");
    return cli_ask(c, CLI_KEEPER, &case_act, r, answer, NULL, CLI_LONG_MS, e);
}

/* ── what is done ── */

bool cli_case_open(struct cli *c, struct error *e)
{
    struct case_record r = {.state = CASE_OPENED,
                            .query = option_of(c, "query"),
                            .reason = option_of(c, "reason"),
                            .hold = arguments_flag(&c->arguments, "hold")};
    struct case_act_answer answer;
    const char *name = c->arguments.words[0];

    if (!letters_of(c, &r.letters, e) || !act(c, &r, &answer, e)) {
        return false;
    }
    buf_printf(&c->out, "case %s is open: `postern search --case %s` finds in it%s\n", name, name,
               answer.hold ? "; what is added to it is held from now on" : "");
    return true;
}

bool cli_case_add(struct cli *c, struct error *e)
{
    struct case_record r = {
        .state = CASE_ADDED, .query = option_of(c, "query"), .reason = option_of(c, "reason")};
    struct case_act_answer answer;

    if (!letters_of(c, &r.letters, e) || !act(c, &r, &answer, e)) {
        return false;
    }
    buf_printf(&c->out, "added to case %s%s\n", c->arguments.words[0],
               answer.hold ? ", and held" : "");
    return true;
}

bool cli_case_remove(struct cli *c, struct error *e)
{
    struct case_record r = {
        .state = CASE_REMOVED, .query = option_of(c, "query"), .reason = option_of(c, "reason")};
    struct case_act_answer answer;

    if (!letters_of(c, &r.letters, e) || !act(c, &r, &answer, e)) {
        return false;
    }
    buf_printf(&c->out, "removed from case %s%s\n", c->arguments.words[0],
               answer.hold ? "; its hold keeps them all the same" : "");
    return true;
}

bool cli_case_note(struct cli *c, struct error *e)
{
    OWN(buf) struct buf text = {.max = 4096};
    struct case_record r = {.state = CASE_NOTED};
    struct case_act_answer answer;

    for (size_t i = 1; i < c->arguments.n_words; i++) {
        buf_add_text(&text, i > 1 ? " " : "");
        buf_add_text(&text, c->arguments.words[i]);
    }
    r.reason = arena_copy(&c->arena, buf_slice(&text));
    if (!act(c, &r, &answer, e)) {
        return false;
    }
    buf_printf(&c->out, "noted in case %s\n", c->arguments.words[0]);
    return true;
}

bool cli_case_close(struct cli *c, struct error *e)
{
    const struct case_close_ask ask = {slice_text(c->arguments.words[0]), option_of(c, "reason")};
    struct admin_asked answer;

    if (!cli_ask(c, CLI_KEEPER, &case_close, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    buf_printf(&c->out, "case %s is closed%s\n", c->arguments.words[0],
               answer.id.len ? "; its hold goes on until another person approves its end" : "");
    approvals_say(c, &answer);
    return true;
}

bool cli_case_hold(struct cli *c, struct error *e)
{
    struct case_record r = {.state = CASE_HELD, .reason = option_of(c, "reason")};
    struct case_act_answer answer;
    const char *name = c->arguments.words[0];

    if (!act(c, &r, &answer, e)) {
        return false;
    }
    buf_printf(&c->out,
               "what is in case %s, and what is added to it, is held from now on; `postern hold "
               "show %s` counts\n",
               name, name);
    return true;
}

/* ── what there is ── */

typedef bool on_record(struct cli *c, void *context, const struct reader_record *from,
                       const struct case_record *r);

/* All records, page by page; *first is the first answer. */
static bool each_record(struct cli *c, struct slice name, on_record *take, void *context,
                        struct reader_cases_answer *first, struct error *e)
{
    struct reader_cases_ask ask = {.name = name, .reason = option_of(c, "reason")};
    struct reader_cases_answer answer = {.more = true};

    while (answer.more) {
        if (!cli_ask(c, CLI_READER, &reader_cases, &ask, &answer, NULL, CLI_LONG_MS, e)) {
            return false;
        }
        const struct reader_record *records = answer.records.items;
        for (size_t i = 0; i < answer.records.count; i++) {
            struct case_record r;
            if (!cbor_read(records[i].body, &case_record_schema, &c->arena, &r, e)) {
                return error_add(e, "record %llu", (unsigned long long)records[i].seq);
            }
            if (!take(c, context, &records[i], &r)) {
                return true;
            }
            ask.from = records[i].seq + 1;
        }
        if (first) {
            *first = answer;
            first = NULL;
        }
        answer.more = answer.more && answer.records.count;
    }
    return true;
}

struct listed {
    struct listed *next;
    struct case_view view;
};

static bool list_record(struct cli *c, void *context, const struct reader_record *from,
                        const struct case_record *r)
{
    struct listed **at = context;

    while (*at && !slice_equal((*at)->view.name, r->name)) {
        at = &(*at)->next;
    }
    if (!*at) {
        *at = arena_alloc(&c->arena, sizeof(**at));
    }
    case_fold(&(*at)->view, r, from->time, &c->arena);
    return true;
}

static struct slice number_of(struct cli *c, uint64_t n)
{
    return n ? arena_printf(&c->arena, "%llu", (unsigned long long)n) : SLICE("-");
}

bool cli_case_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"CASE",    "OPENED",  "BY",    "STATE", "HOLD",
                                        "QUERIES", "LETTERS", "NOTES", "WHY"};
    struct print_columns columns = {
        .arena = &c->arena, .heads = heads, .count = 9, .right = 1U << 5 | 1U << 6 | 1U << 7};
    struct listed *list = NULL;

    if (!each_record(c, SLICE_NONE, list_record, &list, NULL, e)) {
        return false;
    }
    if (!list) {
        (void)fprintf(stderr, "There are no cases: `postern case open` begins one.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    for (const struct listed *l = list; l; l = l->next) {
        const struct case_view *v = &l->view;
        const struct slice cells[] = {v->name,
                                      print_time(&c->arena, v->opened_at),
                                      v->by,
                                      v->closed_at ? SLICE("closed") : SLICE("open"),
                                      v->hold ? SLICE("yes") : SLICE("-"),
                                      number_of(c, v->n_queries),
                                      number_of(c, v->letters.n),
                                      number_of(c, v->notes),
                                      v->reason};
        print_row(&columns, cells);
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}

/* Its history, below what it is now. */
struct shown {
    struct case_view view;
    struct buf history;
};

static void show_letters(struct cli *c, struct buf *out, struct slice letters)
{
    char text[LETTER_ID_TEXT];
    struct letter_id id;

    (void)c;
    for (size_t at = 0; at + LETTER_ID_LEN <= letters.len; at += LETTER_ID_LEN) {
        if (letter_id_from(slice_of(letters.ptr + at, LETTER_ID_LEN), &id)) {
            letter_id_text(&id, text);
            buf_printf(out, "    letter  %s\n", text);
        }
    }
}

static bool show_record(struct cli *c, void *context, const struct reader_record *from,
                        const struct case_record *r)
{
    static const char *const states[] = {"?",    "opened", "added", "removed",
                                         "note", "closed", "held"};
    struct shown *s = context;
    struct slice reason = print_cleaned(&c->arena, r->reason);

    case_fold(&s->view, r, from->time, &c->arena);
    buf_printf(
        &s->history, "  %.*s  %s by %.*s%s%.*s\n", SLICE_ARG(print_time(&c->arena, from->time)),
        states[r->state <= CASE_HELD ? r->state : 0], SLICE_ARG(print_cleaned(&c->arena, r->by)),
        reason.len ? ": " : "", SLICE_ARG(reason));
    if (r->query.len) {
        buf_printf(&s->history, "    query   %.*s\n",
                   SLICE_ARG(print_cleaned(&c->arena, r->query)));
    }
    show_letters(c, &s->history, r->letters);
    return true;
}

static void say_count(struct cli *c, const struct reader_cases_answer *a)
{
    if (a->not_counted) {
        buf_add_text(&c->out, "Letters     cannot be counted now\n");
        return;
    }
    buf_printf(&c->out, "Letters     %llu\n", (unsigned long long)a->letters);
    if (a->indexed < a->archived) {
        buf_printf(&c->out,
                   "            %llu of %llu letters of the archive are in the index yet\n",
                   (unsigned long long)a->indexed, (unsigned long long)a->archived);
    }
}

bool cli_case_show(struct cli *c, struct error *e)
{
    struct shown s = {.history = {.max = (size_t)64 << 20}};
    struct reader_cases_answer first = {.letters = 0};
    bool told = each_record(c, slice_text(c->arguments.words[0]), show_record, &s, &first, e);

    if (told) {
        const struct case_view *v = &s.view;
        buf_printf(&c->out, "Case        %s, %s%s\n", c->arguments.words[0],
                   v->closed_at ? "closed" : "open",
                   v->hold ? "; `postern hold show` with its name shows what it holds" : "");
        buf_printf(&c->out, "Reason      %.*s\n", SLICE_ARG(print_cleaned(&c->arena, v->reason)));
        for (size_t i = 0; i < v->n_queries; i++) {
            buf_printf(&c->out, "Query       %.*s\n",
                       SLICE_ARG(print_cleaned(&c->arena, v->queries[i])));
        }
        say_count(c, &first);
        buf_add(&c->out, buf_slice(&s.history));
    }
    buf_done(&s.history);
    return told;
}
