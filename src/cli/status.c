/* How it is going. */

#include "cli/cli.h"
#include "cli/print.h"
#include "requests/admin.h"
#include "requests/reader.h"

static void add(struct print_columns *columns, const char *name, struct slice value)
{
    const struct slice cells[] = {slice_text(name), value};

    print_row(columns, cells);
}

/* A query that asks for nothing still tells how much of the archive can be found. */
static bool add_coverage(struct cli *c, struct print_columns *columns, struct error *e)
{
    struct reader_search_ask ask = {.query = SLICE("after:2200-01-01"), .limit = 1};
    struct reader_search_answer answer;

    if (!cli_ask(c, CLI_READER, &reader_search, &ask, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    add(columns, "index.letters",
        arena_printf(&c->arena, "%llu of %llu", (unsigned long long)answer.indexed,
                     (unsigned long long)answer.archived));
    return true;
}

bool cli_status(struct cli *c, struct error *e)
{
    struct print_columns columns = {.arena = &c->arena, .count = 2};
    struct admin_status_answer answer;
    struct error silent;

    if (!cli_ask(c, CLI_KEEPER, &admin_status, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct admin_fact *facts = answer.facts.items;
    for (size_t i = 0; i < answer.facts.count; i++) {
        const struct slice cells[] = {facts[i].name, facts[i].value};
        print_row(&columns, cells);
    }
    if (!add_coverage(c, &columns, &silent)) {
        add(&columns, "index.letters", slice_text(silent.text));
    }
    print_columns(&columns, 0, &c->out);
    return true;
}
