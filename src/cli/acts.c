/* Who did what at the command line, when and why. */
#include "requests/acts.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/print.h"
#include "letter/account_role.h"
#include "letter/case.h"
#include "letter/disposal.h"
#include "letter/guard.h"
#include "letter/redecision.h"
#include "letter/subject.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     100000

/* One act as it is shown. */
struct line {
    struct slice who;
    struct slice role;
    struct slice what;
    struct slice object;
    struct slice reason;
    bool refused;
};

static struct slice named(struct cli *c, struct slice by, struct slice at)
{
    return at.len && !slice_equal(at, by)
               ? arena_printf(&c->arena, "%.*s (%.*s)", SLICE_ARG(by), SLICE_ARG(at))
               : by;
}

static struct slice role_text(uint64_t role)
{
    return role ? slice_text(account_role_name(role)) : SLICE_NONE;
}

static struct slice id_text(struct cli *c, struct slice bytes)
{
    char text[LETTER_ID_TEXT] = "?";
    struct letter_id id;

    if (letter_id_from(bytes, &id)) {
        letter_id_text(&id, text);
    }
    return arena_copy(&c->arena, slice_text(text));
}

static void from_act(struct cli *c, const struct act *a, struct line *l)
{
    *l = (struct line){.who = named(c, a->by, a->at),
                       .role = role_text(a->role),
                       .what = a->verb,
                       .object = a->detail.len
                                     ? arena_printf(&c->arena, "%.*s%s%.*s", SLICE_ARG(a->object),
                                                    a->object.len ? ": " : "", SLICE_ARG(a->detail))
                                     : a->object,
                       .reason = a->reason,
                       .refused = a->refused};
}

static void from_order(struct cli *c, const struct order *o, struct line *l)
{
    static const char *const verbs_of[] = {"?", "queue hold", "queue release", "queue retry",
                                           "queue cancel"};
    *l = (struct line){.who = o->by,
                       .what = slice_text(o->kind <= ORDER_CANCEL ? verbs_of[o->kind] : "?"),
                       .object = arena_printf(&c->arena, "%.*s%s%.*s", SLICE_ARG(id_text(c, o->id)),
                                              o->domain.len ? " " : "", SLICE_ARG(o->domain)),
                       .reason = o->reason};
}

static void from_sign_in(struct cli *c, const struct sign_in *s, struct line *l)
{
    *l = (struct line){
        .who = s->account.len ? arena_printf(&c->arena, "%.*s (%.*s)", SLICE_ARG(s->account),
                                             SLICE_ARG(s->client))
                              : s->client,
        .what = SLICE("login"),
        .object = s->passkey.len ? arena_printf(&c->arena, "passkey %.*s", SLICE_ARG(s->passkey))
                                 : SLICE_NONE,
        .reason = s->reason,
        .refused = !s->accepted};
}

static void from_request(struct cli *c, const struct request_record *r, struct line *l)
{
    *l = (struct line){.who = named(c, r->by, r->at),
                       .role = role_text(r->role),
                       .what = arena_printf(&c->arena, "ask: %s", request_kind_name(r->kind)),
                       .object = arena_printf(&c->arena, "%.*s (request %.*s)",
                                              SLICE_ARG(r->object), SLICE_ARG(id_text(c, r->id))),
                       .reason = r->reason};
}

static void from_verdict(struct cli *c, const struct verdict_record *v, struct line *l)
{
    *l = (struct line){.who = named(c, v->by, v->at),
                       .role = role_text(v->role),
                       .what = slice_text(request_verdict_name(v->verdict)),
                       .object =
                           arena_printf(&c->arena, "request %.*s", SLICE_ARG(id_text(c, v->id))),
                       .reason = v->reason};
}

static void from_hold(struct cli *c, const struct hold_record *h, struct line *l)
{
    size_t letters = h->letters.len / LETTER_ID_LEN;

    *l = (struct line){
        .who = named(c, h->by, h->at),
        .role = role_text(h->role),
        .what = h->state == HOLD_RELEASED ? SLICE("hold release") : SLICE("hold add"),
        .object = letters ? arena_printf(&c->arena, "%.*s: %.*s%s%zu letters", SLICE_ARG(h->name),
                                         SLICE_ARG(h->query), h->query.len ? ", " : "", letters)
                          : arena_printf(&c->arena, "%.*s%s%.*s", SLICE_ARG(h->name),
                                         h->query.len ? ": " : "", SLICE_ARG(h->query)),
        .reason = h->reason};
}

static bool read_case(struct cli *c, const struct reader_record *from, struct line *l,
                      struct error *e)
{
    static const char *const acts[] = {"case",      "case open",  "case add", "case remove",
                                       "case note", "case close", "case hold"};
    struct case_record r;

    if (!cbor_read(from->body, &case_record_schema, &c->arena, &r, e)) {
        return false;
    }
    size_t letters = r.letters.len / LETTER_ID_LEN;
    *l = (struct line){
        .who = named(c, r.by, r.at),
        .role = role_text(r.role),
        .what = slice_text(acts[r.state <= CASE_HELD ? r.state : 0]),
        .object = letters ? arena_printf(&c->arena, "%.*s: %.*s%s%zu letters", SLICE_ARG(r.name),
                                         SLICE_ARG(r.query), r.query.len ? ", " : "", letters)
                          : arena_printf(&c->arena, "%.*s%s%.*s", SLICE_ARG(r.name),
                                         r.query.len ? ": " : "", SLICE_ARG(r.query)),
        .reason = r.reason};
    return true;
}

static bool read_disposal(struct cli *c, const struct reader_record *r, struct line *l,
                          struct error *e)
{
    struct disposal_record d;

    if (!cbor_read(r->body, &disposal_record_schema, &c->arena, &d, e)) {
        return false;
    }
    *l = (struct line){
        .who = SLICE("-"),
        .what = d.state == DISPOSAL_ENDED ? SLICE("disposal ended") : SLICE("disposal begun"),
        .object = arena_printf(&c->arena, "request %.*s: %llu destroyed, %llu held",
                               SLICE_ARG(id_text(c, d.request)), (unsigned long long)d.destroyed,
                               (unsigned long long)d.held)};
    return true;
}

static bool read_subject(struct cli *c, const struct reader_record *r, struct line *l,
                         struct error *e)
{
    struct subject_record s;

    if (!cbor_read(r->body, &subject_record_schema, &c->arena, &s, e)) {
        return false;
    }
    *l = (struct line){
        .who = SLICE("-"),
        .what =
            s.state == SUBJECT_ENDED ? SLICE("erase subject ended") : SLICE("erase subject begun"),
        .object = arena_printf(&c->arena, "number %llu, request %.*s: %llu erased, %llu kept",
                               (unsigned long long)s.number, SLICE_ARG(id_text(c, s.request)),
                               (unsigned long long)s.erased, (unsigned long long)s.kept)};
    return true;
}

static bool read_consent(struct cli *c, const struct reader_record *r, struct line *l,
                         struct error *e)
{
    static const char *const verbs_of[] = {"?", "letter waits", "letter approve", "letter refuse",
                                           "letter timed out"};
    struct consent_record v;

    if (!cbor_read(r->body, &consent_record_schema, &c->arena, &v, e)) {
        return false;
    }
    *l = (struct line){.who = v.by.len ? named(c, v.by, v.at) : SLICE("-"),
                       .role = role_text(v.role),
                       .what = slice_text(verbs_of[v.state <= CONSENT_TIMED_OUT ? v.state : 0]),
                       .object = arena_printf(&c->arena, "%.*s: rule %.*s",
                                              SLICE_ARG(id_text(c, v.id)), SLICE_ARG(v.rule)),
                       .reason = v.reason};
    return true;
}

static bool read_redecision(struct cli *c, const struct reader_record *r, struct line *l,
                            struct error *e)
{
    struct redecision d;

    if (!cbor_read(r->body, &redecision_schema, &c->arena, &d, e)) {
        return false;
    }
    *l = (struct line){.who = named(c, d.by, d.at),
                       .role = role_text(d.role),
                       .what = SLICE("queue decide"),
                       .object = id_text(c, d.id),
                       .reason = d.reason};
    return true;
}

/* By signs, or by a letter to a decoy. */
static bool read_suspension(struct cli *c, const struct reader_record *r, struct line *l,
                            struct error *e)
{
    struct suspension_record s;

    if (!cbor_read(r->body, &suspension_record_schema, &c->arena, &s, e)) {
        return false;
    }
    *l = (struct line){.who = SLICE("postern"),
                       .what = s.state == SUSPENSION_BEGUN ? SLICE("account suspended")
                                                           : SLICE("account released"),
                       .object = s.account,
                       .reason = s.reason};
    return true;
}

/* What takes two persons, and holds. */
static bool read_docket(struct cli *c, const struct reader_record *r, struct line *l,
                        struct error *e)
{
    struct request_record request;
    struct verdict_record verdict;
    struct hold_record hold;

    if (r->type == RECORD_HOLD) {
        if (!cbor_read(r->body, &hold_record_schema, &c->arena, &hold, e)) {
            return false;
        }
        from_hold(c, &hold, l);
        return true;
    }
    if (r->type == RECORD_REQUEST) {
        if (!cbor_read(r->body, &request_record_schema, &c->arena, &request, e)) {
            return false;
        }
        from_request(c, &request, l);
        return true;
    }
    if (!cbor_read(r->body, &verdict_record_schema, &c->arena, &verdict, e)) {
        return false;
    }
    from_verdict(c, &verdict, l);
    return true;
}

static bool read_line(struct cli *c, const struct reader_record *r, struct line *l, struct error *e)
{
    struct act act;
    struct order order;
    struct sign_in sign_in;

    switch (r->type) {
    case RECORD_ORDER:
        if (!cbor_read(r->body, &order_schema, &c->arena, &order, e)) {
            return false;
        }
        from_order(c, &order, l);
        return true;
    case RECORD_SIGN_IN:
        if (!cbor_read(r->body, &sign_in_schema, &c->arena, &sign_in, e)) {
            return false;
        }
        from_sign_in(c, &sign_in, l);
        return true;
    case RECORD_DISPOSAL:
        return read_disposal(c, r, l, e);
    case RECORD_CASE:
        return read_case(c, r, l, e);
    case RECORD_CONSENT:
        return read_consent(c, r, l, e);
    case RECORD_REDECISION:
        return read_redecision(c, r, l, e);
    case RECORD_SUSPENSION:
        return read_suspension(c, r, l, e);
    case RECORD_SUBJECT:
        return read_subject(c, r, l, e);
    case RECORD_HOLD:
    case RECORD_REQUEST:
    case RECORD_VERDICT:
        return read_docket(c, r, l, e);
    default:
        if (!cbor_read(r->body, &act_schema, &c->arena, &act, e)) {
            return false;
        }
        from_act(c, &act, l);
        return true;
    }
}

/* Whether the options ask for it: --by names an account or "uid 0", --refused those alone. */
static bool is_wanted(struct cli *c, const struct line *l)
{
    const char *by = arguments_text(&c->arguments, "by", 0);

    return (l->refused || !arguments_flag(&c->arguments, "refused")) &&
           (!by || slice_starts_nocase(l->who, slice_text(by)));
}

static bool add(struct cli *c, struct print_columns *columns, const struct reader_record *r,
                uint64_t *shown, struct error *e)
{
    struct line l;

    if (!read_line(c, r, &l, e)) {
        return error_add(e, "record %llu", (unsigned long long)r->seq);
    }
    if (is_wanted(c, &l)) {
        struct slice what =
            l.refused ? arena_printf(&c->arena, "REFUSED %.*s", SLICE_ARG(l.what)) : l.what;
        const struct slice cells[] = {
            print_time(&c->arena, r->time), l.who, l.role, what, l.object, l.reason};
        print_row(columns, cells);
        (*shown)++;
    }
    return true;
}

static bool limit_of(struct cli *c, uint64_t *limit, struct error *e)
{
    const char *text = arguments_text(&c->arguments, "limit", 0);

    *limit = LIMIT_DEFAULT;
    return !text || (slice_decimal(slice_text(text), LIMIT_MAX, limit) && *limit > 0) ||
           error_set(e, ERROR_INPUT, "--limit wants a number from 1 to %d, not `%s`", LIMIT_MAX,
                     text);
}

bool cli_acts(struct cli *c, struct error *e)
{
    static const char *const heads[] = {"WHEN", "WHO", "ROLE", "WHAT", "OF WHAT", "WHY"};
    struct print_columns columns = {.arena = &c->arena, .heads = heads, .count = 6};
    struct reader_acts_ask ask = {.reason = slice_text(arguments_text(&c->arguments, "reason", 0))};
    struct reader_acts_answer answer = {.next = 1};
    uint64_t limit = 0;
    uint64_t shown = 0;

    if (!limit_of(c, &limit, e)) {
        return false;
    }
    while (answer.next && shown < limit) {
        if (!cli_ask(c, CLI_READER, &reader_acts, &ask, &answer, NULL, CLI_ASK_MS, e)) {
            return false;
        }
        const struct reader_record *acts = answer.acts.items;
        for (size_t i = answer.acts.count; i-- > 0 && shown < limit;) {
            if (!add(c, &columns, &acts[i], &shown, e)) {
                return false;
            }
        }
        ask.before = answer.next;
    }
    if (shown == 0) {
        (void)fprintf(stderr, "Nothing was found.\n");
        c->status = CLI_NOTHING;
        return true;
    }
    print_columns(&columns, cli_columns(), &c->out);
    return true;
}
