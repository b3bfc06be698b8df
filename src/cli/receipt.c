#include "cli/receipt.h"

#include "cli/print.h"
#include "cli/timeline.h"
#include "letter/findings.h"
#include "letter/redecision.h"

#define FLUSH_BYTES                                                                                \
    ((size_t)64 << 10) /* what is written out at once: a letter may have a thousand recipients */
#define ARENA_BYTES ((size_t)16 << 20) /* for what is said of one */

static const char *clean(struct arena *arena, struct slice s)
{
    return arena_text(arena, print_cleaned(arena, s));
}

static void line(struct buf *out, const char *label, const char *text)
{
    if (text[0]) {
        buf_printf(out, "    %-13s%s\n", label, text);
    }
}

/* What is done: "smime, over a connection that is encrypted or better". */
static const char *protection(const struct ruling *r, struct arena *arena)
{
    if (guard_goes_back(r->guard)) {
        return "goes back to its sender";
    }
    const char *held = r->hold ? "held for a person; then " : "";
    const char *level = timeline_level(r->level);

    return r->method
               ? (const char *)arena_printf(arena, "%s%s, over a connection that is %s or better",
                                            held, rung_name(r->method), level)
                     .ptr
               : (const char *)arena_printf(arena, "%sa connection that is %s or better", held,
                                            level)
                     .ptr;
}

static const char *metadata(const struct ruling *r)
{
    return r->clean == CLEAN_REQUIRE  ? "taken out of its files, all of it"
           : r->clean == CLEAN_REMOVE ? "taken out of its files, where that can be done"
                                      : "";
}

static const char *policy_of(const struct decision *d, const struct ruling *r, struct arena *arena)
{
    if (r->policy.len == 0) {
        return "none: [domain] or outbound-tls";
    }
    struct slice digest = print_hex(arena, slice_head(d->policy_digest, 4));
    return (const char *)arena_printf(arena, "%s, version %llu (%.*s)", clean(arena, r->policy),
                                      (unsigned long long)d->policy_version, SLICE_ARG(digest))
        .ptr;
}

void receipt_ruling(const struct decision *d, const struct ruling *r, struct arena *arena,
                    struct buf *out)
{
    const struct ruling_try *tried = r->tried.items;

    line(out, "protected by", protection(r, arena));
    line(out, "policy", policy_of(d, r, arena));
    for (size_t i = 0; i < r->tried.count; i++) {
        line(out, i ? "" : "steps",
             (const char *)arena_printf(arena, "%s %s: %s",
                                        i + 1 == r->tried.count ? "taken" : "not  ",
                                        rung_name(tried[i].rung), clean(arena, tried[i].why))
                 .ptr);
    }
    line(out, "metadata", metadata(r));
    line(out, "because", clean(arena, r->reason));
}

/* ── JSON ── */

void receipt_json_text(struct slice text, struct buf *out)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c < ' ') {
            buf_printf(out, "\\u%04x", c);
        } else {
            buf_add_text(out, c == '"' || c == '\\' ? "\\" : "");
            buf_add_byte(out, c);
        }
    }
    buf_add_byte(out, '"');
}

static void member(struct buf *out, const char *name, struct slice text)
{
    buf_printf(out, ",\"%s\":", name);
    receipt_json_text(text, out);
}

void receipt_ruling_json(const struct decision *d, const struct ruling *r, struct buf *out)
{
    const struct ruling_try *tried = r->tried.items;
    const char *outcome = guard_goes_back(r->guard) ? "return" : r->hold ? "hold" : "send";

    member(out, "outcome", slice_text(outcome));
    member(out, "method", slice_text(r->method ? rung_name(r->method) : ""));
    member(out, "level", slice_text(timeline_level(r->level)));
    member(out, "policy", r->policy);
    buf_printf(out, ",\"metadata\":\"%s\"",
               r->clean == CLEAN_REQUIRE  ? "require"
               : r->clean == CLEAN_REMOVE ? "remove"
                                          : "keep");
    buf_printf(out, ",\"version\":%llu", (unsigned long long)d->policy_version);
    member(out, "reason", r->reason);
    buf_add_text(out, ",\"steps\":[");
    for (size_t i = 0; i < r->tried.count; i++) {
        buf_printf(out, "%s{\"step\":\"%s\",\"taken\":%s,\"why\":", i ? "," : "",
                   rung_name(tried[i].rung), i + 1 == r->tried.count ? "true" : "false");
        receipt_json_text(tried[i].why, out);
        buf_add_byte(out, '}');
    }
    buf_add_byte(out, ']');
}

/* ── of a letter that is there ── */

/* What is known of one letter. */
struct letter {
    const struct facts *facts;
    const struct decision *decision; /* with what was decided once more */
    const struct outcome **last;     /* of each recipient */
    const struct recipient_outcome **said;
    const struct sealed **copies; /* in the order of their records */
    size_t n_copies;
};

/* NULL when it cannot be read. */
static const void *open_record(const struct reader_record *r, const struct cbor_schema *schema,
                               struct arena *arena, struct error *e)
{
    void *value = arena_alloc(arena, schema->size);

    if (!cbor_read(r->body, schema, arena, value, e)) {
        e->kind = ERROR_CORRUPT;
        (void)error_add(e, "record %llu", (unsigned long long)r->seq);
        return NULL;
    }
    return value;
}

static bool read_facts(const struct reader_record *r, struct letter *l, struct arena *arena,
                       struct error *e)
{
    const struct facts *f = open_record(r, &facts_schema, arena, e);

    if (!f) {
        return false;
    }
    l->facts = f;
    l->last = arena_array(arena, f->recipients.count + 1, sizeof(const struct outcome *));
    l->said = arena_array(arena, f->recipients.count + 1, sizeof(const struct recipient_outcome *));
    return true;
}

static bool read_outcome(const struct reader_record *r, struct letter *l, struct arena *arena,
                         struct error *e)
{
    const struct outcome *o = open_record(r, &outcome_schema, arena, e);

    if (!o) {
        return false;
    }
    const struct recipient_outcome *all = o->recipients.items;
    for (size_t i = 0; i < o->recipients.count; i++) {
        if (all[i].index < l->facts->recipients.count) {
            l->last[all[i].index] = o;
            l->said[all[i].index] = &all[i];
        }
    }
    return true;
}

static bool read_redecision(const struct reader_record *r, struct letter *l, struct arena *arena,
                            struct error *e)
{
    const struct redecision *again = open_record(r, &redecision_schema, arena, e);
    struct decision *merged = arena_alloc(arena, sizeof(*merged));

    if (!again) {
        return false;
    }
    *merged = *l->decision;
    l->decision = merged;
    return redecision_apply(again, arena, merged, e);
}

static bool read_sealed(const struct reader_record *r, struct letter *l, struct arena *arena,
                        struct error *e)
{
    const struct sealed *copy = open_record(r, &sealed_schema, arena, e);

    if (copy) {
        l->copies[l->n_copies++] = copy;
    }
    return copy != NULL;
}

static bool read_record(const struct reader_record *r, struct letter *l, struct arena *arena,
                        struct error *e)
{
    if (r->type == RECORD_SEALED) {
        return read_sealed(r, l, arena, e);
    }
    if (r->type == RECORD_FACTS && !l->facts) {
        return read_facts(r, l, arena, e);
    }
    if (r->type == RECORD_DECISION) {
        l->decision = open_record(r, &decision_schema, arena, e);
        return l->decision != NULL;
    }
    if (r->type == RECORD_REDECISION && l->decision) {
        return read_redecision(r, l, arena, e);
    }
    return r->type != RECORD_OUTCOME || !l->facts || read_outcome(r, l, arena, e);
}

static bool is_for(const struct ruling *r, size_t recipient)
{
    bool is = false;

    for (size_t k = 0; k + 1 < r->recipients.len && !is; k += 2) {
        is = ((size_t)r->recipients.ptr[k] << 8 | r->recipients.ptr[k + 1]) == recipient;
    }
    return is;
}

/* The copy that a ruling sends, as it was made last; NULL: none was. */
static const struct sealed *copy_of(const struct letter *l, const struct ruling *r)
{
    const struct sealed *found = NULL;

    for (size_t i = 0; i < l->n_copies; i++) {
        found = l->copies[i]->copy == (r->copy ? r->copy : 1) ? l->copies[i] : found;
    }
    return found;
}

/* Whether a sentence about a copy says whose key or password it is, `who` or the sender's; *label names it. */
static bool is_about(struct slice sentence, struct slice who, struct arena *arena,
                     const char **label, struct slice *rest)
{
    const struct {
        struct slice begin;
        const char *label;
        bool whole; /* the beginning is said as well */
    } rows[] = {
        {arena_printf(arena,  "encrypted for %.*s: ", SLICE_ARG(who)),      "key", false},
        {arena_printf(arena,              "to %.*s: ",                                    SLICE_ARG(who)),                                       "key", false},
        {SLICE("password: "),    "password",false},
        {SLICE("signed "), "signature",          true                                       },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (slice_starts(sentence, rows[i].begin)) {
            *label = rows[i].label;
            *rest = slice_from(sentence, rows[i].whole ? 0 : rows[i].begin.len);
            return true;
        }
    }
    return false;
}

/* With whose key or what password his copy was made. */
static void write_keys(const struct letter *l, const struct ruling *r, struct slice who,
                       struct arena *arena, struct buf *out)
{
    const struct sealed *copy = r->method ? copy_of(l, r) : NULL;
    const struct slice *sentences = copy ? copy->protection.items : NULL;
    const char *label = NULL;
    struct slice rest = SLICE_NONE;

    for (size_t i = 0; copy && i < copy->protection.count; i++) {
        if (is_about(sentences[i], who, arena, &label, &rest)) {
            line(out, label, clean(arena, rest));
        }
    }
}

/* Why it was held before, when it was decided once more; then what holds. */
static void write_rulings(const struct letter *l, size_t recipient, struct arena *arena,
                          struct buf *out)
{
    const struct recipient *to = l->facts->recipients.items;
    const struct ruling *all = l->decision->rulings.items;

    for (size_t i = 0; i < l->decision->rulings.count; i++) {
        if (!is_for(&all[i], recipient)) {
            continue;
        }
        if (all[i].replaced) {
            line(out, "held before", clean(arena, all[i].reason));
        } else {
            receipt_ruling(l->decision, &all[i], arena, out);
            write_keys(l, &all[i], to[recipient].address, arena, out);
        }
    }
}

static void write_proof(const struct outcome *o, const struct recipient_outcome *said,
                        struct arena *arena, struct buf *out)
{
    const struct evidence *v = &o->evidence;

    line(out, "outcome",
         (const char *)arena_printf(arena, "%s on %.*s: %s", timeline_status(said->status),
                                    SLICE_ARG(print_time(arena, v->ended_at)),
                                    clean(arena, said->reply))
             .ptr);
    if (v->level) {
        line(
            out, "proof",
            (const char *)arena_printf(arena, "%s, %s%s%s%s%s", timeline_level(v->level),
                                       v->tls_version.len ? clean(arena, v->tls_version) : "no TLS",
                                       v->proof.len ? ", " : "", clean(arena, v->proof),
                                       v->host.len ? ", " : "", clean(arena, v->host))
                .ptr);
        line(out, "published",
             v->published.len
                 ? clean(arena, v->published)
                 : "nothing that proves which servers are the domain's (DANE, MTA-STS)");
    }
    if (v->certificate.len) {
        line(out, "certificate",
             arena_text(arena, arena_printf(arena, "SHA-256 %.*s",
                                            SLICE_ARG(print_hex(arena, v->certificate)))));
    }
}

static void write_one(const struct letter *l, size_t i, struct buf *out)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    const struct recipient *to = l->facts->recipients.items;

    buf_printf(out, "  <%s>\n", clean(&arena, to[i].address));
    write_rulings(l, i, &arena, out);
    if (l->last[i]) {
        write_proof(l->last[i], l->said[i], &arena, out);
    }
}

bool receipt_write(struct cli *c, const struct reader_record *records, size_t count,
                   struct error *e)
{
    struct letter l = {.copies = arena_array(&c->arena, count + 1, sizeof(struct sealed *))};

    for (size_t i = 0; i < count; i++) {
        if (!read_record(&records[i], &l, &c->arena, e)) {
            return false;
        }
    }
    if (!l.facts || !l.decision || l.decision->rulings.count == 0) {
        return true;
    }
    buf_add_text(&c->out, "\nReceipts\n");
    for (size_t i = 0; i < l.facts->recipients.count; i++) {
        write_one(&l, i, &c->out);
        if (c->out.len >= FLUSH_BYTES) {
            cli_flush(c);
        }
    }
    return true;
}
