/* Find letters. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "requests/reader.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     100000

/* One person's correspondents and subject need no more of a line, except where it is wide. */
static void add_hit(struct cli *c, struct print_columns *columns, const struct reader_hit *hit)
{
    char text[LETTER_ID_TEXT] = "?";
    struct letter_id id;

    if (letter_id_from(hit->id, &id)) {
        letter_id_text(&id, text);
    }
    const struct slice cells[] = {arena_copy(&c->arena, slice_text(text)),
                                  print_time(&c->arena, hit->received_at),
                                  print_size(&c->arena, hit->size),
                                  hit->from,
                                  hit->to,
                                  hit->subject};
    print_row(columns, cells);
}

static struct slice query_of(struct cli *c)
{
    OWN(buf) struct buf query = {.max = 1 << 16};

    for (size_t i = 0; i < c->arguments.n_words; i++) {
        buf_add_text(&query, i ? " " : "");
        buf_add_text(&query, c->arguments.words[i]);
    }
    return arena_copy(&c->arena, buf_slice(&query));
}

static bool limit_of(struct cli *c, uint64_t *limit, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "limit", 0);

    *limit = LIMIT_DEFAULT;
    return !text || (slice_decimal(slice_text(text), LIMIT_MAX, limit) && *limit > 0) ||
           error_set(e, ERROR_INPUT, "--limit wants a number from 1 to %d, not `%s`", LIMIT_MAX,
                     text);
}

static bool order_of(struct cli *c, uint64_t *order, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "order", 0);

    static const char *const orders[] = {"archived", "relevance", "date"}; /* enum search_order */

    *order = 0;
    while (text && *order < 3 && strcmp(text, orders[*order]) != 0) {
        (*order)++;
    }
    return *order < 3 ||
           error_set(e, ERROR_INPUT, "--order wants `archived`, `date` or `relevance`, not `%s`",
                     text);
}

/* What was searched, and what could not be: always, so that nobody takes a part for all. */
static void say_coverage(const struct reader_search_answer *answer)
{
    if (answer->more) {
        (void)fprintf(stderr, "There are more: --after %.*s shows what follows.\n",
                      SLICE_ARG(answer->next));
    }
    (void)fprintf(stderr, "Searched: %llu of %llu letters%s.\n",
                  (unsigned long long)answer->indexed, (unsigned long long)answer->archived,
                  answer->indexed < answer->archived ? "; the others are not indexed yet" : "");
    if (answer->unread) {
        (void)fprintf(stderr,
                      "In %llu of them not all content could be read; `postern search has:unread` "
                      "lists them, `postern show ID` says why.\n",
                      (unsigned long long)answer->unread);
    }
}

bool cli_search(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"ID", "RECEIVED", "SIZE", "FROM", "TO", "SUBJECT"};
    struct print_columns columns = {
        .arena = &c->arena, .heads = heads, .count = 6, .right = 1U << 2};
    struct reader_search_ask ask = {
        .query = query_of(c),
        .reason = slice_text(arguments_text(&c->arguments, "reason", 0)),
        .case_name = slice_text(arguments_text(&c->arguments, "case", 0))};
    struct reader_search_answer answer = {.more = true};
    uint64_t limit = 0;
    uint64_t shown = 0;

    if (!limit_of(c, &limit, e) || !order_of(c, &ask.order, e)) {
        return false;
    }
    if (!ask.query.len && !ask.case_name.len) {
        (void)fprintf(stderr, "postern: say what to look for, `postern help search`; or name a "
                              "--case\n");
        c->status = CLI_USAGE;
        return true;
    }
    ask.after = slice_text(arguments_text(&c->arguments, "after", 0));
    while (answer.more && shown < limit) {
        ask.limit = limit - shown < READER_HITS_MAX ? limit - shown : READER_HITS_MAX;
        if (!cli_ask(c, CLI_READER, &reader_search, &ask, &answer, NULL, CLI_ASK_MS, e)) {
            return false;
        }
        const struct reader_hit *hits = answer.hits.items;
        for (size_t i = 0; i < answer.hits.count; i++) {
            add_hit(c, &columns, &hits[i]);
        }
        ask.after = answer.next;
        shown += answer.hits.count;
    }
    if (shown) {
        print_columns(&columns, cli_columns(), &c->out);
        cli_flush(c);
    } else {
        (void)fprintf(stderr, "Nothing was found.\n");
        c->status = CLI_NOTHING;
    }
    say_coverage(&answer);
    return true;
}
