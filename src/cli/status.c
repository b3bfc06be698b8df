/* How it is going. */
#include "cli/cli.h"
#include "cli/print.h"
#include "cli/processes.h"
#include "requests/admin.h"

/* Numbers that a person reads better otherwise. */
static struct slice readable(struct cli *c, const struct admin_fact *fact)
{
    static const struct slice bytes[] = {SLICE_INIT("ledger.bytes"), SLICE_INIT("disk.free_bytes")};
    uint64_t value = 0;

    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        if (slice_equal(fact->name, bytes[i]) && slice_decimal(fact->value, UINT64_MAX, &value)) {
            struct slice size = print_size(&c->arena, value);
            return arena_printf(&c->arena, "%.*s (%.*s)", SLICE_ARG(fact->value), SLICE_ARG(size));
        }
    }
    return fact->value;
}

static void add_processes(struct cli *c, struct print_columns *columns)
{
    struct process_view *views = arena_array(&c->arena, PROCESSES_MAX, sizeof(*views));
    size_t count = c->supervisor ? processes_list(c->supervisor, &c->arena, views) : 0;

    for (size_t i = 0; i < count; i++) {
        struct slice size = print_size(&c->arena, views[i].resident_bytes);
        const struct slice cells[] = {
            arena_printf(&c->arena, "process.%.*s", SLICE_ARG(views[i].role)),
            arena_printf(&c->arena, "pid %d, %.*s resident", (int)views[i].pid, SLICE_ARG(size))};
        print_row(columns, cells);
    }
}

bool cli_status(struct cli *c, struct error *e)
{
    struct print_columns columns = {.arena = &c->arena, .count = 2};
    struct admin_status_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_status, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct admin_fact *facts = answer.facts.items;
    for (size_t i = 0; i < answer.facts.count; i++) {
        const struct slice cells[] = {facts[i].name, readable(c, &facts[i])};
        print_row(&columns, cells);
    }
    add_processes(c, &columns);
    print_columns(&columns, 0, &c->out);
    return true;
}
