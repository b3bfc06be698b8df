/* What takes two persons: what waits, and the second person's yes or no. */
#include "cli/approvals.h"

#include <stdio.h>

#include "cli/print.h"
#include "letter/account_role.h"

static struct slice id_text(struct cli *c, struct slice bytes)
{
    struct letter_id id;
    char text[LETTER_ID_TEXT] = "?";

    if (letter_id_from(bytes, &id)) {
        letter_id_text(&id, text);
    }
    return arena_copy(&c->arena, slice_text(text));
}

void approvals_say(struct cli *c, const struct admin_asked *asked)
{
    if (asked->id.len == 0) {
        return;
    }
    struct slice id = id_text(c, asked->id);
    buf_printf(&c->out, "asked: %.*s, which takes a second person\n",
               SLICE_ARG(print_cleaned(&c->arena, asked->object)));
    buf_printf(
        &c->out,
        "request %.*s waits until %.*s; %.*s may say\n  postern approve %.*s --reason TEXT\n",
        SLICE_ARG(id), SLICE_ARG(print_time(&c->arena, asked->expires_at)),
        SLICE_ARG(print_cleaned(&c->arena, asked->who)), SLICE_ARG(id));
}

static struct slice state_of(struct cli *c, const struct admin_request *r)
{
    return r->approved_by.len
               ? arena_printf(&c->arena, "approved by %.*s, still to be done",
                              SLICE_ARG(r->approved_by))
               : arena_printf(&c->arena, "waits for %.*s",
                              SLICE_ARG(r->who.len ? r->who : SLICE("nobody there")));
}

bool cli_approvals(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"REQUEST", "WHAT",  "OF WHAT", "ASKED BY",
                                        "WHY",     "UNTIL", "STATE"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 7};
    struct admin_requests_answer answer;

    if (!cli_ask(c, CLI_KEEPER, &admin_requests, NULL, &answer, NULL, CLI_ASK_MS, e)) {
        return false;
    }
    if (answer.requests.count == 0) {
        (void)fprintf(stderr, "Nothing waits.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    const struct admin_request *requests = answer.requests.items;
    for (size_t i = 0; i < answer.requests.count; i++) {
        const struct admin_request *r = &requests[i];
        const struct slice cells[] = {
            id_text(c, r->id), slice_text(request_kind_name(r->kind)), r->object,     r->by,
            r->reason,         print_time(&c->arena, r->expires_at),   state_of(c, r)};
        print_row(&columns, cells);
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}

static void tell(struct cli *c, const struct admin_verdict_answer *a)
{
    struct slice object = print_cleaned(&c->arena, a->object);
    struct slice said = print_cleaned(&c->arena, a->said);

    switch (a->state) {
    case VERDICT_DONE:
        buf_printf(&c->out, "approved and done: %.*s\n%.*s\n", SLICE_ARG(object), SLICE_ARG(said));
        break;
    case VERDICT_FAILED:
        buf_printf(&c->out, "approved, but it cannot be done: %.*s\n%.*s\n", SLICE_ARG(object),
                   SLICE_ARG(said));
        c->status = CLI_NOTHING;
        break;
    case VERDICT_APPROVED:
        buf_printf(&c->out, "approved; it will be done as soon as it can be: %.*s\n%.*s\n",
                   SLICE_ARG(object), SLICE_ARG(said));
        break;
    default:
        buf_printf(&c->out, "%s: %.*s\n", request_verdict_name(a->state), SLICE_ARG(object));
        break;
    }
}

static bool verdict(struct cli *c, uint64_t verdict, const char *verb, struct error *e)
{
    const char *reason = arguments_text(&c->arguments, "reason", 0);
    struct admin_verdict_answer answer;
    struct letter_id id;

    if (!reason) {
        return error_set(e, ERROR_INPUT, "postern %s wants --reason TEXT; it stands in the ledger",
                         verb);
    }
    if (!letter_id_parse(slice_text(c->arguments.words[0]), &id)) {
        return error_set(e, ERROR_INPUT, "`%s` is no request's id: `postern approvals` lists them",
                         c->arguments.words[0]);
    }
    const struct admin_verdict_ask ask = {letter_id_slice(&id), verdict, slice_text(reason)};
    if (!cli_ask(c, CLI_KEEPER, &admin_verdict, &ask, &answer, NULL, CLI_LONG_MS, e)) {
        return false;
    }
    tell(c, &answer);
    return true;
}

bool cli_approve(struct cli *c, struct error *e)
{
    return verdict(c, VERDICT_APPROVED, "approve", e);
}

bool cli_refuse(struct cli *c, struct error *e)
{
    return verdict(c, VERDICT_REFUSED, "refuse", e);
}

bool cli_withdraw(struct cli *c, struct error *e)
{
    return verdict(c, VERDICT_WITHDRAWN, "withdraw", e);
}
