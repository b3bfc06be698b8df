/* What waits to be delivered, and orders about it. */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "cli/cli.h"
#include "cli/print.h"
#include "requests/admin.h"
#include "requests/redecide.h"

static struct slice id_text(struct cli *c, struct slice bytes)
{
    char text[LETTER_ID_TEXT] = "?";
    struct letter_id id;

    if (letter_id_from(bytes, &id)) {
        letter_id_text(&id, text);
    }
    return arena_copy(&c->arena, slice_text(text));
}

static struct slice state_text(uint64_t state)
{
    return state == QUEUE_HELD             ? SLICE("held")
           : state == ADMIN_SENDING        ? SLICE("sending")
           : state == ADMIN_NEEDS_APPROVAL ? SLICE("not approved")
                                           : SLICE("waiting");
}

bool cli_queue_list(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"ID",    "DOMAIN", "RECIPIENTS", "STATE",
                                        "TRIES", "QUEUED", "NEXT TRY",   "REASON"};
    struct print_columns columns = {
        .arena = &c->arena, .heads = heads, .count = 8, .right = 1U << 2 | 1U << 4};
    struct admin_queue answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_queue_list, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct admin_queue_row *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        bool waiting = rows[i].state == QUEUE_WAITING;
        const struct slice cells[] = {
            id_text(c, rows[i].id),
            rows[i].domain,
            arena_printf(&c->arena, "%llu", (unsigned long long)rows[i].recipients),
            state_text(rows[i].state),
            arena_printf(&c->arena, "%llu", (unsigned long long)rows[i].attempt),
            print_time(&c->arena, rows[i].queued_at),
            print_time(&c->arena, waiting ? rows[i].next_at : 0),
            rows[i].reason};
        print_row(&columns, cells);
    }
    print_columns(&columns, cli_columns(), &c->out);
    cli_flush(c);
    if (answer.total > answer.rows.count) {
        (void)fprintf(stderr, "These are the first %zu of %llu.\n", answer.rows.count,
                      (unsigned long long)answer.total);
    }
    return true;
}

/* ── orders ── */

static bool give_order(struct cli *c, enum order_kind kind, struct slice id, struct admin_done *sum,
                       struct error *e)
{
    struct order order = {
        .id = id, .kind = kind, .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct admin_done answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_order, &order, &answer, NULL, CLI_ASK_MS, e)) {
        return error_add(e, "%.*s", SLICE_ARG(id_text(c, id)));
    }
    sum->count += answer.count;
    sum->later += answer.later;
    return true;
}

/* Rows of one letter stand behind each other or not: an order is about all of them, given once. */
static bool was_before(const struct admin_queue_row *rows, size_t at)
{
    for (size_t i = at; i-- > 0;) {
        if (slice_equal(rows[i].id, rows[at].id)) {
            return true;
        }
    }
    return false;
}

static bool order_all(struct cli *c, enum order_kind kind, struct admin_done *sum, struct error *e)
{
    struct admin_queue answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_queue_list, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    const struct admin_queue_row *rows = answer.rows.items;
    for (size_t i = 0; i < answer.rows.count; i++) {
        bool fits =
            kind == ORDER_CANCEL || (rows[i].state == QUEUE_HELD) == (kind == ORDER_RELEASE);
        if (fits && !was_before(rows, i) && !give_order(c, kind, rows[i].id, sum, e)) {
            return false;
        }
    }
    return true;
}

static bool order(struct cli *c, enum order_kind kind, const char *done, struct error *e)
{
    bool all = arguments_flag(&c->arguments, "all");
    struct admin_done sum = {0};
    struct letter_id id;

    if (all == (c->arguments.n_words > 0)) {
        return error_set(e, ERROR_INPUT, "give the letters' ids, or --all");
    }
    if (all && !order_all(c, kind, &sum, e)) {
        return false;
    }
    for (size_t i = 0; i < c->arguments.n_words; i++) {
        if (!cli_letter(c->arguments.words[i], &id, e) ||
            !give_order(c, kind, letter_id_slice(&id), &sum, e)) {
            return false;
        }
    }
    buf_printf(&c->out, "%s: %llu\n", done, (unsigned long long)sum.count);
    if (sum.later) {
        buf_printf(&c->out,
                   "%llu being delivered just now: %s when the attempt ends, if it fails\n",
                   (unsigned long long)sum.later, done);
    }
    if (sum.count + sum.later == 0) {
        (void)fprintf(stderr, "Nothing of that waits; what is being delivered just now cannot be "
                              "changed so.\n");
        c->status = CLI_NOTHING;
    }
    return true;
}

bool cli_queue_retry(struct cli *c, struct error *e)
{
    return order(c, ORDER_RETRY, "tried at once", e);
}

bool cli_queue_cancel(struct cli *c, struct error *e)
{
    return order(c, ORDER_CANCEL, "cancelled", e);
}

bool cli_queue_hold(struct cli *c, struct error *e)
{
    return order(c, ORDER_HOLD, "held", e);
}

bool cli_queue_release(struct cli *c, struct error *e)
{
    return order(c, ORDER_RELEASE, "released", e);
}

/* One letter after the other: each may have to wait for directories and servers. */
bool cli_queue_decide(struct cli *c, struct error *e)
{
    const char *reason = arguments_text(&c->arguments, "reason", 0);

    for (size_t i = 0; i < c->arguments.n_words; i++) {
        struct letter_decide_answer answer;
        struct letter_id id;
        if (!cli_letter(c->arguments.words[i], &id, e)) {
            return false;
        }
        const struct letter_decide_ask ask = {letter_id_slice(&id), slice_text(reason)};
        if (!cli_ask(c, CLI_KEEPER, &letter_decide, &ask, &answer, NULL, CLI_LONG_MS, e)) {
            return error_add(e, "%.*s", SLICE_ARG(id_text(c, ask.id)));
        }
        buf_printf(&c->out, "%.*s: recipients to whom it goes: %llu; for whom it stays held: %llu",
                   SLICE_ARG(id_text(c, ask.id)), (unsigned long long)answer.sent,
                   (unsigned long long)answer.held);
        if (answer.held) {
            buf_printf(&c->out, ", because: %.*s", SLICE_ARG(print_cleaned(&c->arena, answer.why)));
            c->status = CLI_NOTHING;
        }
        buf_add_text(&c->out, "\n");
        cli_flush(c);
    }
    return true;
}

static bool pause_queue(struct cli *c, bool paused, struct error *e)
{
    struct admin_pause_ask ask = {.paused = paused,
                                  .reason = slice_text(arguments_text(&c->arguments, "reason", 0))};

    return cli_ask(c, CLI_KEEPER, &admin_pause, &ask, NULL, NULL, CLI_ASK_MS, e);
}

bool cli_queue_pause(struct cli *c, struct error *e)
{
    if (!pause_queue(c, true, e)) {
        return false;
    }
    buf_add_text(&c->out, "paused, also after a restart: letters are taken and recorded, none is "
                          "delivered;\n`postern queue resume` goes on\n");
    return true;
}

bool cli_queue_resume(struct cli *c, struct error *e)
{
    if (!pause_queue(c, false, e)) {
        return false;
    }
    buf_add_text(&c->out, "resumed\n");
    return true;
}
