/* A person asks that letters of or about him are erased: what would be, asking for it, and what became of it. */
#include "cli/subject.h"

#include <stdio.h>

#include "cli/approvals.h"
#include "cli/print.h"

/* ── erase --subject ── */

/* What stands on the command line: addresses with commas between them, texts. */
static bool read_meant(struct cli *c, struct cbor_list *addresses, struct cbor_list *words,
                       struct error *e)
{
    struct slice *texts = arena_array(&c->arena, SUBJECT_ADDRESSES_MAX + 1, sizeof(*texts));
    struct slice *others = arena_array(&c->arena, SUBJECT_WORDS_MAX + 1, sizeof(*others));
    size_t n = 0;

    for (size_t i = 0; i < arguments_count(&c->arguments, "subject"); i++) {
        struct slice rest = slice_text(arguments_text(&c->arguments, "subject", i));
        while (rest.len && n <= SUBJECT_ADDRESSES_MAX) {
            texts[n++] = slice_trim(slice_cut(rest, ',', &rest));
        }
    }
    size_t m = arguments_count(&c->arguments, "words");
    if (n > SUBJECT_ADDRESSES_MAX || m > SUBJECT_WORDS_MAX) {
        return error_set(e, ERROR_INPUT, "at most %d addresses and %d texts go into one request",
                         SUBJECT_ADDRESSES_MAX, SUBJECT_WORDS_MAX);
    }
    for (size_t i = 0; i < m; i++) {
        others[i] = slice_text(arguments_text(&c->arguments, "words", i));
    }
    *addresses = (struct cbor_list){texts, n};
    *words = (struct cbor_list){others, m};
    return true;
}

static void say_searched(struct cli *c, const struct subject_preview_answer *first)
{
    buf_printf(&c->out, "Searched: %llu of %llu letters%s.\n", (unsigned long long)first->indexed,
               (unsigned long long)first->archived,
               first->indexed < first->archived
                   ? "; what is not searched yet is not found: wait until `postern status` shows "
                     "that the index holds all"
                   : "");
    if (first->unread) {
        buf_printf(&c->out,
                   "Not found, and perhaps meant: %llu letters that could not be read whole; "
                   "`postern search has:unread` lists them.\n",
                   (unsigned long long)first->unread);
    }
    if (first->named) {
        buf_printf(&c->out,
                   "Not among them: %llu letters that name an address in their text alone; give "
                   "it to --words as well when they are meant.\n",
                   (unsigned long long)first->named);
    }
    if (first->left) {
        buf_printf(&c->out,
                   "The rules in force are still to be applied to %llu letters: they may be kept "
                   "longer or less long.\n",
                   (unsigned long long)first->left);
    }
    if (first->doubted) {
        buf_add_text(&c->out, "The clock is not believed: nothing is erased until an officer says "
                              "`postern disposal clock --reason TEXT`.\n");
    }
}

static bool preview(struct cli *c, struct subject_preview_ask *ask, struct error *e)
{
    struct subject_groups *all = arena_alloc(&c->arena, sizeof(*all));
    struct subject_preview_answer first = {0};
    struct subject_preview_answer a = {0};
    uint64_t found = 0;
    uint64_t free = 0;
    uint64_t kept = 0;

    do {
        if (!cli_ask(c, CLI_KEEPER, &subject_preview, ask, &a, NULL, CLI_LONG_MS, e)) {
            return false;
        }
        first = ask->next ? first : a;
        free += a.free;
        kept += a.kept;
        found += a.free + a.kept;
        subject_group_letters(c, all, &a.grounds, &a.letters);
        subject_say_letters(c, &a.grounds, &a.letters);
        cli_flush(c);
        ask->head = a.head;
        ask->next = a.next;
    } while (a.next);
    buf_printf(&c->out, "%s%llu letters found: %llu would be erased, %llu kept.\n",
               kept ? "\n" : "", (unsigned long long)found, (unsigned long long)free,
               (unsigned long long)kept);
    subject_say_groups(c, all);
    say_searched(c, &first);
    buf_add_text(&c->out, "Nothing is erased yet. Each letter is read and weighed again when "
                          "another person has approved it.\n");
    return true;
}

static bool reason_of(struct cli *c, struct slice *reason, struct error *e)
{
    *reason = slice_text(arguments_text(&c->arguments, "reason", 0));
    return reason->len || error_set(e, ERROR_INPUT,
                                    "give --reason TEXT: who asked, and when; it stands in the "
                                    "ledger");
}

static bool ask_or_preview(struct cli *c, struct subject_ask_ask *ask, struct error *e)
{
    struct admin_asked answer;

    if (arguments_flag(&c->arguments, "preview")) {
        struct subject_preview_ask look = {.addresses = ask->addresses,
                                           .words = ask->words,
                                           .number = ask->number,
                                           .reason = ask->reason};
        return preview(c, &look, e);
    }
    if (!cli_ask(c, CLI_KEEPER, &subject_ask, ask, &answer, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    approvals_say(c, &answer);
    return true;
}

bool subject_is_meant(struct cli *c)
{
    return arguments_count(&c->arguments, "subject") || arguments_count(&c->arguments, "words") ||
           arguments_flag(&c->arguments, "preview");
}

bool subject_erase(struct cli *c, struct error *e)
{
    struct subject_ask_ask ask = {0};

    if (c->arguments.n_words) {
        return error_set(e, ERROR_INPUT,
                         "either a letter is erased, by its ID, or those of a person, by --subject "
                         "and --words");
    }
    return reason_of(c, &ask.reason, e) && read_meant(c, &ask.addresses, &ask.words, e) &&
           ask_or_preview(c, &ask, e);
}

bool cli_subject_again(struct cli *c, struct error *e)
{
    struct subject_ask_ask ask = {0};

    return subject_number(c, &ask.number, e) && reason_of(c, &ask.reason, e) &&
           ask_or_preview(c, &ask, e);
}

/* ── subject list ── */

static struct slice state_of(struct cli *c, const struct subject_row *row)
{
    if (row->ended.state != SUBJECT_ENDED) {
        return SLICE("being carried out");
    }
    if (row->due) {
        return arena_printf(&c->arena, "over for some: postern subject again %llu",
                            (unsigned long long)row->begun.number);
    }
    return row->ended.due ? arena_printf(&c->arena, "first over on %.*s",
                                         SLICE_ARG(subject_day(c, row->ended.due)))
                          : SLICE("done");
}

bool cli_subject_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"NUMBER", "PERSON", "CARRIED OUT", "ERASED",
                                        "KEPT",   "STATE",  "WHY"};
    struct print_columns columns = {
        .arena = &c->arena, .heads = heads, .count = 7, .right = 1U << 0 | 1U << 3 | 1U << 4};
    const struct subject_list_ask ask = {0};
    struct subject_list_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &subject_list, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.rows.count == 0) {
        (void)fprintf(stderr, "No request for erasure was approved.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    const struct subject_row *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        const struct subject_record *n = &rows[i].ended;
        const struct slice cells[] = {
            arena_printf(&c->arena, "%llu", (unsigned long long)rows[i].begun.number),
            subject_persons(c, &rows[i].begun),
            print_time(&c->arena, rows[i].begun_at),
            arena_printf(&c->arena, "%llu", (unsigned long long)n->erased),
            arena_printf(&c->arena, "%llu", (unsigned long long)n->kept),
            state_of(c, &rows[i]),
            rows[i].begun.reason};
        print_row(&columns, cells);
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}
