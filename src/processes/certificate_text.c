/* The part of a certificate that people read. Every value stands behind a label on one line, so that no text from
 * outside can end it. */
#include "base/bytes.h"

#include "letter/account_role.h"
#include "letter/retention.h"
#include "processes/certificate_proof.h"

#define BACKUPS     "; backups made until now"
#define RULE_STARTS 5 /* as docs/ledger-format.md section 11 numbers them */

/* What was read of the records. */
struct told {
    const struct certificate *c;
    struct buf *out;
    struct arena *arena;
    size_t letters;
    struct verdict_record done;
};

static void add_line(struct told *t, const char *label, struct slice value)
{
    certificate_line(t->out, t->arena, label, value);
}

/* "2026-11-29T20:16:33.000Z by anna@example.test (uid 0), officer" */
static void add_who(struct told *t, const char *label, const struct opened *r, struct slice by,
                    struct slice at, uint64_t role)
{
    bool other = at.len && !slice_equal(at, by);

    add_line(t, label,
             arena_printf(t->arena, "%s by %.*s%s%.*s%s, %s; record %llu",
                          certificate_time(t->arena, r->time_ms), SLICE_ARG(by), other ? " (" : "",
                          SLICE_ARG(other ? at : SLICE_NONE), other ? ")" : "",
                          role ? account_role_name(role) : "in no role",
                          (unsigned long long)r->seq));
}

static bool read_body(struct told *t, const struct opened *r, const struct cbor_schema *schema,
                      void *value, struct error *e)
{
    return cbor_read(r->body, schema, t->arena, value, e) ||
           error_add(e, "record %llu", (unsigned long long)r->seq);
}

/* ── one record ── */

static bool tell_request(struct told *t, const struct opened *r, struct error *e)
{
    struct request_record request;

    if (!read_body(t, r, &request_record_schema, &request, e)) {
        return false;
    }
    buf_printf(t->out, "CERTIFICATE OF %s\n\n",
               request.kind == REQUEST_DISPOSAL ? "DISPOSAL" : "ERASURE");
    add_line(t, "Request", t->c->id_text);
    add_who(t, "Asked", r, request.by, request.at, request.role);
    add_line(t, "  for", request.object);
    add_line(t, "  because", request.reason);
    return true;
}

static bool tell_verdict(struct told *t, const struct opened *r, struct error *e)
{
    struct verdict_record v;

    if (!read_body(t, r, &verdict_record_schema, &v, e)) {
        return false;
    }
    if (v.verdict == VERDICT_APPROVED) {
        add_who(t, "Approved", r, v.by, v.at, v.role);
        add_line(t, "  because", v.reason);
        return true;
    }
    t->done = v;
    add_line(t, v.verdict == VERDICT_DONE ? "Done" : "Given up",
             arena_printf(t->arena, "%s; record %llu", certificate_time(t->arena, r->time_ms),
                          (unsigned long long)r->seq));
    add_line(t, "  with", v.reason);
    return true;
}

static bool tell_disposal(struct told *t, const struct opened *r, struct error *e)
{
    struct disposal_record d;

    if (!read_body(t, r, &disposal_record_schema, &d, e)) {
        return false;
    }
    if (d.state == DISPOSAL_BEGUN) {
        add_line(t, "Begun",
                 arena_printf(t->arena, "%s; record %llu", certificate_time(t->arena, r->time_ms),
                              (unsigned long long)r->seq));
        return true;
    }
    add_line(t, "Held back",
             arena_printf(t->arena,
                          "%llu by holds, %llu by rules that still run, %llu that could not be "
                          "decided about",
                          (unsigned long long)d.held, (unsigned long long)d.kept,
                          (unsigned long long)d.busy));
    const struct disposal_hold *holds = d.holds.items;
    for (size_t i = 0; i < d.holds.count; i++) {
        add_line(t, "  by hold",
                 arena_printf(t->arena, "%.*s: %llu letters", SLICE_ARG(holds[i].name),
                              (unsigned long long)holds[i].letters));
    }
    add_line(t, "  by hold", d.more ? SLICE("others as well, which are not named") : SLICE_NONE);
    return true;
}

/* Who asked, who approved, when, how many were held back: in the order of the ledger. */
static bool tell_acts(struct told *t, struct error *e)
{
    for (size_t i = 0; i < t->c->n; i++) {
        const struct opened *r = &t->c->list[i];
        bool told = r->type == RECORD_REQUEST    ? tell_request(t, r, e)
                    : r->type == RECORD_VERDICT  ? tell_verdict(t, r, e)
                    : r->type == RECORD_DISPOSAL ? tell_disposal(t, r, e)
                                                 : true;
        if (!told) {
            return false;
        }
    }
    return true;
}

/* ── the letters ── */

static struct slice numbers_of(struct arena *arena, struct slice numbers)
{
    OWN(buf) struct buf out = {.max = (size_t)64 << 10};

    for (size_t at = 0; at + 8 <= numbers.len; at += 8) {
        buf_printf(&out, " %llu", (unsigned long long)get64(numbers.ptr + at));
    }
    return arena_copy(arena, buf_slice(&out));
}

static void tell_letter(struct told *t, const struct removed_letter *l, uint64_t removal)
{
    char text[LETTER_ID_TEXT] = "?";
    struct letter_id id;

    if (letter_id_from(l->id, &id)) {
        letter_id_text(&id, text);
    }
    buf_printf(t->out, "  %s  facts %llu  removal %llu", text, (unsigned long long)l->seq,
               (unsigned long long)removal);
    if (l->until) {
        buf_printf(t->out, "  kept until %s", certificate_time(t->arena, (int64_t)l->until));
    }
    if (l->rules.len) {
        buf_printf(t->out, "  rules%.*s", SLICE_ARG(numbers_of(t->arena, l->rules)));
    }
    if (l->records.len) {
        buf_printf(t->out, "  records%.*s", SLICE_ARG(numbers_of(t->arena, l->records)));
    }
    buf_add_byte(t->out, '\n');
    t->letters++;
}

static bool tell_removals(struct told *t, struct error *e)
{
    for (size_t i = 0; i < t->c->n; i++) {
        struct removal removal;
        arena_reset(t->arena);
        if (t->c->list[i].type != RECORD_REMOVAL) {
            continue;
        }
        if (!read_body(t, &t->c->list[i], &removal_schema, &removal, e)) {
            return false;
        }
        const struct removed_letter *letters = removal.letters.items;
        for (size_t j = 0; j < removal.letters.count; j++) {
            tell_letter(t, &letters[j], t->c->list[i].seq);
        }
    }
    return true;
}

static bool tell_letters(struct told *t, struct error *e)
{
    OWN(arena) struct arena arena = {.max = (size_t)16 << 20};
    struct told one_by_one = *t;

    one_by_one.arena = &arena;
    buf_add_text(t->out, "\nDestroyed letters, with the numbers of their records in the ledger\n");
    bool ok = tell_removals(&one_by_one, e);
    t->letters = one_by_one.letters;
    return ok;
}

static bool tell_rules(struct told *t, struct error *e)
{
    static const char *const starts[RULE_STARTS] = {
        "a day unknown to this program", "when it was sent", "the end of that calendar year",
        "the end of that fiscal year", "a day that was set"};
    bool any = false;

    for (size_t i = 0; i < t->c->n; i++) {
        const struct opened *r = &t->c->list[i];
        struct rule rule;
        if (r->type != RECORD_RULE) {
            continue;
        }
        if (!read_body(t, r, &rule_schema, &rule, e)) {
            return false;
        }
        buf_add_text(t->out, any ? "" : "\nRules by which their time was over\n");
        any = true;
        add_line(t, "  class",
                 arena_printf(t->arena, "%.*s, kept %.*s from %s", SLICE_ARG(rule.class),
                              SLICE_ARG(rule.term),
                              starts[rule.start < RULE_STARTS ? rule.start : 0]));
        add_line(t, "    about", rule.title);
        add_line(t, "    law", rule.citation);
        add_line(t, "    source", rule.source);
        add_line(t, "    advice", rule.advice);
        add_line(t, "    signed", rule.signed_off_by);
        add_who(t, "    set", r, rule.by, rule.at, rule.role);
    }
    return true;
}

/* ── the end ── */

static void tell_backups(struct told *t)
{
    struct slice said = t->done.reason;

    while (said.len && !slice_starts(said, SLICE(BACKUPS))) {
        said = slice_from(said, 1);
    }
    add_line(t, "Backups",
             said.len ? slice_from(said, 2)
                      : SLICE("the daemon kept none when this was done; copies that were made "
                              "otherwise may hold the keys"));
}

bool certificate_text(const struct certificate *c, struct buf *out, struct error *e)
{
    OWN(arena) struct arena arena = {.max = (size_t)64 << 20};
    OWN(buf) struct buf letters = {.max = out->max};
    struct told t = {.c = c, .out = out, .arena = &arena};

    buf_add_text(out, "postern-disposal-certificate 1\n\n");
    if (!tell_acts(&t, e)) {
        return false;
    }
    t.out = &letters;
    if (!tell_letters(&t, e)) {
        return false;
    }
    t.out = out;
    buf_printf(out,
               "%-13s%zu letters with what belongs to them, %zu records; their keys are gone\n",
               "Destroyed", t.letters, c->n_destroyed);
    tell_backups(&t);
    if (!tell_rules(&t, e)) {
        return false;
    }
    buf_add(out, buf_slice(&letters));
    buf_add_text(out,
                 "\nWhat follows is for postern-verify, which needs the public key alone:\n\n"
                 "    postern-verify --certificate THIS-FILE --key KEY-FILE\n\nIt reads who "
                 "asked, who approved and how much was destroyed from the records, shows that "
                 "these\nand those that were destroyed are in the tree of the signed checkpoint at "
                 "the end, and that\nthis text was recorded there (docs/ledger-format.md, section "
                 "14).\n\n");
    return !(out->full || letters.full) ||
           error_set(e, ERROR_LIMIT, "there is more to say of it than fits into a certificate");
}
