#include "cli/timeline.h"

#include "cli/print.h"
#include "cli/timeline_findings.h"
#include "cli/timeline_more.h"
#include "letter/findings.h"
#include "letter/redecision.h"
#include "letter/retention.h"

struct timeline {
    struct arena *arena;
    struct buf *out;
    const struct facts *facts; /* once their record was met */
    struct decision decision;  /* with what was decided once more, as far as it was met */
};

/* Text from outside, for a %.*s: SLICE_ARG(clean(t, s)) would evaluate it twice. */
static const char *clean(struct timeline *t, struct slice s)
{
    return arena_text(t->arena, print_cleaned(t->arena, s));
}

static const char *id_text(struct timeline *t, struct slice bytes)
{
    char text[LETTER_ID_TEXT] = "?";
    struct letter_id id;

    if (letter_id_from(bytes, &id)) {
        letter_id_text(&id, text);
    }
    return arena_text(t->arena, slice_text(text));
}

static const char *size_text(struct timeline *t, uint64_t size)
{
    return arena_text(t->arena, print_size(t->arena, size));
}

static const char *hex(struct timeline *t, struct slice bytes)
{
    return arena_text(t->arena, print_hex(t->arena, bytes));
}

static const char *time_of(struct timeline *t, uint64_t ms)
{
    return arena_text(t->arena, print_time_ms(t->arena, ms));
}

const char *timeline_level(uint64_t level)
{
    static const char *const words[] = {"none", "cleartext", "encrypted", "verified",
                                        "authenticated"};

    return level < sizeof(words) / sizeof(words[0]) ? words[level] : "unknown";
}

/* A line of detail; nothing when the text is empty. */
static void detail(struct timeline *t, const char *label, const char *text)
{
    if (text[0]) {
        buf_printf(t->out, "    %-12s%s\n", label, text);
    }
}

static void detail_slice(struct timeline *t, const char *label, struct slice text)
{
    detail(t, label, clean(t, text));
}

/* ── one function for each type of record ── */

static const char *transport(struct timeline *t, struct slice version, struct slice cipher)
{
    if (version.len == 0) {
        return "no TLS";
    }
    return arena_text(t->arena, arena_printf(t->arena, "%s, %s", clean(t, version),
                                             cipher.len ? clean(t, cipher) : "cipher unknown"));
}

/* All recipients of an envelope. */
static const char *envelope_text(struct timeline *t, const struct facts *f)
{
    OWN(buf) struct buf text = {.max = LETTER_RECIPIENTS_MAX * (LETTER_ADDRESS_MAX + 2) * 8};
    const struct recipient *to = f->recipients.items;

    for (size_t i = 0; i < f->recipients.count; i++) {
        buf_printf(&text, "%s%s", i ? ", " : "", clean(t, to[i].address));
    }
    return arena_text(t->arena, buf_slice(&text));
}

/* Those that its account was in then. */
static void groups_line(struct timeline *t, const struct facts *f)
{
    const struct slice *groups = f->groups.items;
    struct slice all = SLICE_NONE;

    for (size_t i = 0; i < f->groups.count; i++) {
        all = arena_printf(t->arena, "%.*s%s%.*s", SLICE_ARG(all), i ? ", " : "",
                           SLICE_ARG(groups[i]));
    }
    detail_slice(t, "groups", all);
}

static void on_imported(struct timeline *t, const struct facts *f)
{
    const struct source *s = &f->source;

    buf_add_text(t->out, "imported and recorded; it was not sent from here\n");
    detail_slice(t, "source", s->name);
    detail_slice(t, "owner", s->owner);
    groups_line(t, f);
    timeline_place(s, t->arena, t->out);
    detail_slice(t, "flags", s->flags);
    if (s->envelope) {
        detail_slice(t, "sent by", f->reverse_path.len ? f->reverse_path : SLICE("<>"));
        detail(t, "sent to", envelope_text(t, f));
    }
    if (s->received_at) {
        detail(t, "there since", time_of(t, s->received_at));
    }
    detail(t, "import", id_text(t, s->import));
}

/* "board@example.test, granted by anna@example.test" */
static void behalf_line(struct timeline *t, const struct behalf *b)
{
    if (b->from.len == 0) {
        return;
    }
    struct slice text =
        arena_printf(t->arena, "%s, granted by %s", clean(t, b->from), clean(t, b->by));
    if (b->approved_by.len) {
        text = arena_printf(t->arena, "%.*s and %s", SLICE_ARG(text), clean(t, b->approved_by));
    }
    text = arena_printf(t->arena, "%.*s on %s", SLICE_ARG(text), time_of(t, b->since));
    if (b->until) {
        text = arena_printf(t->arena, "%.*s until %s", SLICE_ARG(text), time_of(t, b->until));
    }
    detail(t, "for", arena_text(t->arena, text));
}

static struct slice with_note(struct timeline *t, struct slice s, struct slice note)
{
    return note.len ? arena_printf(t->arena, "%.*s (%.*s)", SLICE_ARG(s), SLICE_ARG(note)) : s;
}

static void on_facts(struct timeline *t, const void *value)
{
    const struct facts *f = value;

    if (f->kind == LETTER_NOTICE) {
        buf_printf(t->out, "made by Postern, about letter %s\n", id_text(t, f->about));
        return;
    }
    if (f->kind == LETTER_IMPORTED) {
        on_imported(t, f);
        return;
    }
    if (f->kind == LETTER_REPEAT) {
        buf_printf(t->out, "accepted again: the same letter as %s, not sent twice\n",
                   id_text(t, f->repeat_of));
    } else {
        buf_printf(t->out, "accepted and recorded%s\n", f->drill ? ": a drill, never leaves" : "");
    }
    detail_slice(t, "account", with_note(t, f->account, f->mechanism));
    behalf_line(t, &f->behalf);
    detail_slice(t, "app password", with_note(t, f->app_name, f->app));
    groups_line(t, f);
    detail_slice(t, "client",
                 arena_printf(t->arena, "%.*s%s%.*s, calls itself %.*s", SLICE_ARG(f->client),
                              f->country.len ? " in " : "", SLICE_ARG(f->country),
                              SLICE_ARG(f->helo)));
    detail(t, "transport", transport(t, f->tls_version, f->tls_cipher));
}

static void on_findings(struct timeline *t, const void *value)
{
    timeline_findings(value, t->arena, t->out);
}

/* The addresses that a ruling is about. */
static const char *addresses(struct timeline *t, struct slice indexes)
{
    const struct recipient *all = t->facts ? t->facts->recipients.items : NULL;
    OWN(buf) struct buf text = {.max = LETTER_RECIPIENTS_MAX * (LETTER_ADDRESS_MAX + 2) * 8};

    for (size_t i = 0; all && i + 1 < indexes.len; i += 2) {
        size_t at = (size_t)indexes.ptr[i] << 8 | indexes.ptr[i + 1];
        if (at < t->facts->recipients.count) {
            buf_add_text(&text, text.len ? ", " : "");
            print_clean(&text, all[at].address);
        }
    }
    return arena_text(t->arena, buf_slice(&text));
}

/* Which copy they get, where there are several, and what protects its content. */
static void ruling_copy(struct timeline *t, const struct ruling *r)
{
    if (r->copy || r->method) {
        detail(t, "  get",
               (const char *)arena_printf(t->arena, "copy %llu, its content %s%s",
                                          (unsigned long long)(r->copy ? r->copy : 1),
                                          r->method ? "protected by " : "as it is",
                                          r->method ? rung_name(r->method) : "")
                   .ptr);
    }
}

static void write_rulings(struct timeline *t, const struct cbor_list *rulings)
{
    const struct ruling *r = rulings->items;

    for (size_t i = 0; i < rulings->count; i++) {
        buf_printf(t->out, "    %s: %s or better, %s%s%s (%s)\n", clean(t, r[i].domain),
                   timeline_level(r[i].level), r[i].hold ? "held for a person, " : "",
                   r[i].route.len ? "by way of " : "by MX", clean(t, r[i].route),
                   clean(t, r[i].reason));
        detail(t, "  for", addresses(t, r[i].recipients));
        ruling_copy(t, &r[i]);
    }
}

static void on_decision(struct timeline *t, const void *value)
{
    const struct decision *d = value;

    t->decision = *d;
    buf_add_text(t->out, d->drill ? "decided: of a drill, nothing leaves\n" : "decided\n");
    write_rulings(t, &d->rulings);
    timeline_need(&d->need, t->arena, t->out);
}

/* What stood there before was held, and is not due any more. */
static void on_redecision(struct timeline *t, const void *value)
{
    const struct redecision *r = value;
    struct error e;

    if (!redecision_apply(r, t->arena, &t->decision, &e)) {
        buf_printf(t->out, "decided once more: %s\n", e.text);
        return;
    }
    timeline_redecision(r, t->arena, t->out);
    write_rulings(t, &r->rulings);
}

/* Who gets a copy, by the decision; nothing where there is only one, which all get. */
static void copy_recipients(struct timeline *t, uint64_t copy)
{
    const struct ruling *r = t->decision.rulings.items;

    for (size_t i = 0; i < t->decision.rulings.count; i++) {
        if (r[i].copy && r[i].copy == copy) {
            detail(t, "for", addresses(t, r[i].recipients));
        }
    }
}

static void on_sealed(struct timeline *t, const void *value)
{
    const struct sealed *s = value;
    const struct slice *signatures = s->signatures.items;
    const struct slice *protection = s->protection.items;

    buf_printf(t->out, "copy %llu made%s%s\n", (unsigned long long)s->copy,
               s->method ? ", its content protected by " : "",
               s->method ? rung_name(s->method) : "");
    copy_recipients(t, s->copy);
    detail(t, "size", size_text(t, s->size));
    detail(t, "SHA-256", hex(t, s->digest));
    for (size_t i = 0; i < s->protection.count; i++) {
        detail_slice(t, "protected", protection[i]);
    }
    for (size_t i = 0; i < s->metadata.count; i++) {
        detail_slice(t, "metadata", ((const struct slice *)s->metadata.items)[i]);
    }
    for (size_t i = 0; i < s->signatures.count; i++) {
        detail_slice(t, "signed", signatures[i]);
    }
    if (s->signatures.count == 0) {
        detail(t, "signed", "no");
    }
}

static void on_intent(struct timeline *t, const void *value)
{
    const struct intent *i = value;

    buf_printf(t->out, "attempt %llu to %s begins\n", (unsigned long long)i->attempt,
               clean(t, i->domain));
    detail(
        t, "host",
        (const char *)arena_printf(t->arena, "%s %s", clean(t, i->host), clean(t, i->address)).ptr);
}

const char *timeline_status(uint64_t status)
{
    static const char *const words[] = {
        "?",        "delivered", "handed to the smart host; beyond it unknown",
        "deferred", "FAILED",    "UNKNOWN: lost before the reply"};

    return status < sizeof(words) / sizeof(words[0]) ? words[status] : "?";
}

static void write_evidence(struct timeline *t, const struct evidence *v)
{
    if (v->host.len || v->address.len) {
        detail(t, "host",
               (const char *)arena_printf(
                   t->arena, "%s %s%s%s", clean(t, v->host), clean(t, v->address),
                   v->helo_name.len ? ", calls itself " : "", clean(t, v->helo_name))
                   .ptr);
        detail(t, "transport", transport(t, v->tls_version, v->tls_cipher));
        detail(t, "DNS", v->dnssec ? "secure (DNSSEC)" : "not secured by DNSSEC");
    }
    if (v->certificate.len) {
        detail(t, "certificate",
               (const char *)arena_printf(t->arena, "SHA-256 %s", hex(t, v->certificate)).ptr);
    }
    detail_slice(t, "verdict", v->verdict);
    detail_slice(t, "published", v->published);
    detail_slice(t, "proof", v->proof);
    if (v->level) {
        detail(t, "level", timeline_level(v->level));
    }
    if (v->started_at && v->ended_at >= v->started_at) {
        detail(t, "took",
               (const char *)arena_printf(
                   t->arena, "%s, from %s to %s",
                   arena_text(t->arena, print_duration(t->arena, v->ended_at - v->started_at)),
                   time_of(t, v->started_at), time_of(t, v->ended_at))
                   .ptr);
    }
}

static void on_outcome(struct timeline *t, const void *value)
{
    const struct outcome *o = value;
    const struct recipient_outcome *r = o->recipients.items;

    if (o->attempt) {
        buf_printf(t->out, "attempt %llu to %s ended\n", (unsigned long long)o->attempt,
                   clean(t, o->domain));
    } else {
        buf_printf(t->out, "settled for %s without an attempt\n", clean(t, o->domain));
    }
    write_evidence(t, &o->evidence);
    for (size_t i = 0; i < o->recipients.count; i++) {
        buf_printf(t->out, "    %s: %s", clean(t, r[i].address), timeline_status(r[i].status));
        buf_printf(t->out, r[i].code ? " (%llu" : "%.0llu", (unsigned long long)r[i].code);
        buf_printf(t->out, "%s%s%s%s%s\n", r[i].code || !r[i].enhanced.len ? "" : " (",
                   r[i].code && r[i].enhanced.len ? " " : "", clean(t, r[i].enhanced),
                   r[i].code || r[i].enhanced.len ? ") " : " ", clean(t, r[i].reply));
    }
    if (o->retry_at) {
        detail(t, "next try", time_of(t, o->retry_at));
    }
}

static void on_notice(struct timeline *t, const void *value)
{
    static const char *const words[] = {"?", "that it failed", "that it is late",
                                        "that it was delivered"};
    const struct notice *n = value;

    buf_printf(t->out, "sender told %s\n", n->kind < 4 ? words[n->kind] : "?");
    const struct slice *recipients = n->recipients.items;
    for (size_t i = 0; i < n->recipients.count; i++) {
        detail_slice(t, "about", recipients[i]);
    }
    detail(t, "notice", n->notice.len ? id_text(t, n->notice) : "none: the null path gets none");
}

static void on_order(struct timeline *t, const void *value)
{
    timeline_order(value, t->arena, t->out);
}

static void on_classes(struct timeline *t, const void *value)
{
    timeline_classes(value, t->arena, t->out);
}

static void on_consent(struct timeline *t, const void *value)
{
    timeline_consent(value, t->arena, t->out);
}

static void on_act(struct timeline *t, const void *value)
{
    const struct act *a = value;

    buf_printf(t->out, "%s by %s\n", clean(t, a->verb), clean(t, a->by));
    detail_slice(t, "reason", a->reason);
}

static const struct reader_row {
    uint64_t type;
    const struct cbor_schema *schema;
    void (*write)(struct timeline *t, const void *value);
} rows[] = {
    {RECORD_FACTS,      &facts_schema,          on_facts     },
    {RECORD_FINDINGS,   &findings_schema,       on_findings  },
    {RECORD_DECISION,   &decision_schema,       on_decision  },
    {RECORD_REDECISION, &redecision_schema,     on_redecision},
    {RECORD_SEALED,     &sealed_schema,         on_sealed    },
    {RECORD_INTENT,     &intent_schema,         on_intent    },
    {RECORD_OUTCOME,    &outcome_schema,        on_outcome   },
    {RECORD_NOTICE,     &notice_schema,         on_notice    },
    {RECORD_ORDER,      &order_schema,          on_order     },
    {RECORD_CLASSES,    &classes_schema,        on_classes   },
    {RECORD_CONSENT,    &consent_record_schema, on_consent   },
    {RECORD_ADMIN,      &act_schema,            on_act       },
    {RECORD_READING,    &act_schema,            on_act       },
};

static void head_line(struct timeline *t, const char *label, struct slice text)
{
    if (text.len) {
        buf_printf(t->out, "%-12s%s\n", label, clean(t, text));
    }
}

static void write_head(struct timeline *t, const struct facts *f)
{
    const struct recipient *r = f->recipients.items;

    buf_printf(t->out, "%-12s%s\n", "Letter", id_text(t, f->id));
    head_line(t, "Subject", f->subject);
    head_line(t, "From", f->from);
    head_line(t, "Sender", f->sender);
    head_line(t, "To", f->to);
    head_line(t, "Cc", f->cc);
    head_line(t, "Bcc", f->bcc);
    head_line(t, "Date", f->date);
    head_line(t, "Message-ID", f->message_id);
    buf_printf(t->out, "%-12s<%s>\n", "Envelope", clean(t, f->reverse_path));
    for (size_t i = 0; i < f->recipients.count; i++) {
        buf_printf(t->out, "%-12s<%s>\n", i ? "" : "  to", clean(t, r[i].address));
    }
    head_line(t, "Envelope-ID", f->envelope_id);
    buf_printf(t->out, "%-12s%s%s%s%s\n", "Size", size_text(t, f->size),
               f->body_8bit ? ", 8BITMIME" : "", f->smtputf8 ? ", SMTPUTF8" : "",
               f->require_tls    ? ", REQUIRETLS"
               : f->tls_optional ? ", TLS-Required: No"
                                 : "");
    buf_printf(t->out, "%-12s%s\n\n", "SHA-256", hex(t, f->digest));
}

static bool write_record(struct timeline *t, const struct reader_record *r,
                         const struct reader_row *row, struct error *e)
{
    void *value = arena_alloc(t->arena, row->schema->size);

    if (!cbor_read(r->body, row->schema, t->arena, value, e)) {
        e->kind = ERROR_CORRUPT;
        return error_add(e, "record %llu", (unsigned long long)r->seq);
    }
    if (row->type == RECORD_FACTS && !t->facts) {
        t->facts = value;
        write_head(t, value);
    }
    buf_printf(t->out, "%s  record %llu  ", time_of(t, r->time), (unsigned long long)r->seq);
    row->write(t, value);
    return true;
}

bool timeline_write(const struct reader_record *records, size_t count, struct arena *arena,
                    struct buf *out, struct error *e)
{
    struct timeline t = {.arena = arena, .out = out};

    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
            if (rows[k].type == records[i].type && !write_record(&t, &records[i], &rows[k], e)) {
                return false;
            }
        }
    }
    return true;
}
