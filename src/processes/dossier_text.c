/* The part of the evidence that people read. Every value stands behind a label on one line, so that no text from outside can end
 * it. */
#include "letter/account_role.h"
#include "processes/certificate_proof.h"
#include "processes/dossier.h"

#define TEXT_ARENA   ((size_t)64 << 20) /* of one letter, or of all else */
#define TAIL_MAX     ((size_t)64 << 10) /* what stands behind the letters */
#define ORDER_KINDS  5
#define STATUS_KINDS 6

/* What was read of the records. */
struct told {
    const struct dossier *x;
    struct buf *out;
    struct arena *arena;
    size_t at; /* in the list */
};

static const struct opened *next(struct told *t)
{
    return &t->x->file.list[t->at++];
}

static bool read_body(const struct told *t, const struct opened *r,
                      const struct cbor_schema *schema, void *value, struct error *e)
{
    return cbor_read(r->body, schema, t->arena, value, e) ||
           error_add(e, "record %llu", (unsigned long long)r->seq);
}

static void add_line(const struct told *t, const char *label, struct slice value)
{
    certificate_line(t->out, t->arena, label, value);
}

static struct slice or_text(struct slice text, const char *otherwise)
{
    return text.len ? text : slice_text(otherwise);
}

/* ── the suspension ── */

static void tell_signs(const struct told *t, const struct suspension_record *s)
{
    const struct suspension_sign *signs = s->signs.items;

    if (s->points) {
        add_line(t, "  points",
                 arena_printf(t->arena, "%llu, by table %llu of signs",
                              (unsigned long long)s->points, (unsigned long long)s->version));
    }
    for (size_t i = 0; i < s->signs.count; i++) {
        add_line(t, "  sign",
                 arena_printf(t->arena, "%.*s: %llu, %llu points", SLICE_ARG(signs[i].name),
                              (unsigned long long)signs[i].value,
                              (unsigned long long)signs[i].points));
    }
}

static bool tell_suspension(struct told *t, struct error *e)
{
    static const char *const released[] = {"what was held stays held", "what was held went on",
                                           "what was held was cancelled"};
    const struct opened *r = next(t);
    struct suspension_record s;

    if (!read_body(t, r, &suspension_record_schema, &s, e)) {
        return false;
    }
    bool begun = s.state == SUSPENSION_BEGUN;
    add_line(t, begun ? "Suspended" : "Released",
             arena_printf(t->arena, "%s by %.*s%s%s; record %llu",
                          certificate_time(t->arena, r->time_ms),
                          SLICE_ARG(or_text(s.by, "its signs")), s.role ? ", " : "",
                          s.role ? account_role_name(s.role) : "", (unsigned long long)r->seq));
    add_line(t, "  because", s.reason);
    tell_signs(t, &s);
    add_line(t, "  client", s.client);
    add_line(t, "  named",
             begun ? arena_printf(t->arena, "%zu letters", s.letters.len / LETTER_ID_LEN)
                   : slice_text(released[s.released <= 2 ? s.released : 0]));
    return true;
}

/* ── what the account did ── */

static bool tell_sign_in(struct told *t, const struct opened *r, struct error *e)
{
    struct sign_in s;

    if (!read_body(t, r, &sign_in_schema, &s, e)) {
        return false;
    }
    struct slice with = s.passkey.len ? s.passkey : or_text(s.app_name, "");
    add_line(t, s.accepted ? "  signed in" : "  refused",
             arena_printf(t->arena, "%s from %.*s by %.*s%s%.*s%s%.*s%s%.*s; record %llu",
                          certificate_time(t->arena, r->time_ms), SLICE_ARG(or_text(s.client, "?")),
                          SLICE_ARG(or_text(s.mechanism, "?")), with.len ? ", " : "",
                          SLICE_ARG(with), s.device.len ? ", machine " : "", SLICE_ARG(s.device),
                          s.reason.len ? ": " : "", SLICE_ARG(s.reason),
                          (unsigned long long)r->seq));
    return true;
}

static bool tell_limit(struct told *t, const struct opened *r, struct error *e)
{
    static const char *const measures[] = {
        "?", "letters", "recipients", "addresses", "first-time recipients", "bytes"};
    struct limit_record l;

    if (!read_body(t, r, &limit_record_schema, &l, e)) {
        return false;
    }
    add_line(t, "  limit",
             arena_printf(t->arena, "%s: %llu %s within %s and %llu more, of %llu; record %llu",
                          certificate_time(t->arena, r->time_ms), (unsigned long long)l.had,
                          measures[l.measure <= 5 ? l.measure : 0],
                          l.window == 1 ? "an hour" : "a day", (unsigned long long)l.added,
                          (unsigned long long)l.most, (unsigned long long)r->seq));
    return true;
}

static bool tell_act(struct told *t, const struct opened *r, struct error *e)
{
    struct act a;

    if (!read_body(t, r, &act_schema, &a, e)) {
        return false;
    }
    add_line(t, a.refused ? "  refused" : "  act",
             arena_printf(t->arena, "%s by %.*s: %.*s %.*s%s%.*s; record %llu",
                          certificate_time(t->arena, r->time_ms), SLICE_ARG(a.by),
                          SLICE_ARG(a.verb), SLICE_ARG(a.object), a.reason.len ? ": " : "",
                          SLICE_ARG(a.reason), (unsigned long long)r->seq));
    return true;
}

static bool tell_did(struct told *t, struct error *e)
{
    const struct opened *r = next(t);

    switch (r->type) {
    case RECORD_SIGN_IN:
        return tell_sign_in(t, r, e);
    case RECORD_LIMIT:
        return tell_limit(t, r, e);
    default:
        return tell_act(t, r, e);
    }
}

/* ── a letter ── */

/* What became of it for one recipient, as it stands last. */
struct fate {
    uint64_t status; /* 0: nothing was tried */
    int64_t at_ms;
    struct slice host, tls, reply;
};

static bool read_outcome(const struct told *t, const struct opened *r, struct fate *fates, size_t n,
                         struct error *e)
{
    struct outcome o;

    if (!read_body(t, r, &outcome_schema, &o, e)) {
        return false;
    }
    const struct recipient_outcome *list = o.recipients.items;
    for (size_t i = 0; i < o.recipients.count; i++) {
        if (list[i].index < n) {
            fates[list[i].index] = (struct fate){list[i].status, r->time_ms, o.evidence.host,
                                                 o.evidence.tls_version, list[i].reply};
        }
    }
    return true;
}

static bool tell_order(const struct told *t, const struct opened *r, struct error *e)
{
    static const char *const kinds[ORDER_KINDS] = {"?", "held", "released", "tried again",
                                                   "cancelled"};
    struct order o;

    if (!read_body(t, r, &order_schema, &o, e)) {
        return false;
    }
    add_line(t, "  order",
             arena_printf(t->arena, "%s %s by %.*s%s%.*s; record %llu",
                          certificate_time(t->arena, r->time_ms),
                          kinds[o.kind < ORDER_KINDS ? o.kind : 0], SLICE_ARG(o.by),
                          o.reason.len ? ": " : "", SLICE_ARG(o.reason),
                          (unsigned long long)r->seq));
    return true;
}

static bool tell_decision(const struct told *t, const struct opened *r, struct error *e)
{
    struct decision d;

    if (!read_body(t, r, &decision_schema, &d, e)) {
        return false;
    }
    const struct ruling *rulings = d.rulings.items;
    for (size_t i = 0; i < d.rulings.count; i++) {
        if (rulings[i].hold) {
            add_line(t, "  held",
                     arena_printf(t->arena, "%s for %.*s: %.*s; record %llu",
                                  certificate_time(t->arena, r->time_ms),
                                  SLICE_ARG(rulings[i].domain), SLICE_ARG(rulings[i].reason),
                                  (unsigned long long)r->seq));
        }
    }
    return true;
}

static void tell_facts(const struct told *t, const struct opened *r, const struct facts *f)
{
    char id[LETTER_ID_TEXT] = "?";
    struct letter_id bytes;
    OWN(buf) struct buf digest = {.max = 100};

    if (letter_id_from(f->id, &bytes)) {
        letter_id_text(&bytes, id);
    }
    certificate_hex(&digest, f->digest);
    buf_add_byte(t->out, '\n');
    add_line(t, "Letter", slice_text(id));
    add_line(t, "  taken in",
             arena_printf(t->arena, "%s from %.*s by %.*s%s%.*s; record %llu",
                          certificate_time(t->arena, r->time_ms),
                          SLICE_ARG(or_text(f->client, "?")), SLICE_ARG(or_text(f->mechanism, "?")),
                          f->app_name.len ? ", " : "", SLICE_ARG(f->app_name),
                          (unsigned long long)r->seq));
    add_line(t, "  bytes",
             arena_printf(t->arena, "%llu with SHA-256 %.*s", (unsigned long long)f->size,
                          SLICE_ARG(buf_slice(&digest))));
    add_line(t, "  from", f->from);
    add_line(t, "  subject", f->subject);
    add_line(t, "  message-id", f->message_id);
}

static void tell_fate(const struct told *t, const struct recipient *to, const struct fate *fate)
{
    static const char *const said[STATUS_KINDS] = {
        "has not left",      "taken by its server", "taken by the smart host",
        "was put off there", "refused for good",    "lost: nobody knows whether it was taken"};
    const char *what = said[fate->status < STATUS_KINDS ? fate->status : 0];

    add_line(t, "  to",
             fate->status == 0
                 ? arena_printf(t->arena, "%.*s: %s", SLICE_ARG(to->address), what)
                 : arena_printf(t->arena, "%.*s: %s %s, %.*s, %.*s: %.*s", SLICE_ARG(to->address),
                                what, certificate_time(t->arena, fate->at_ms),
                                SLICE_ARG(or_text(fate->host, "no server")),
                                SLICE_ARG(or_text(fate->tls, "no TLS")), SLICE_ARG(fate->reply)));
}

/* What stands behind its facts, up to those of the next letter. */
static bool tell_rest(struct told *t, struct fate *fates, size_t n, struct error *e)
{
    bool told = true;

    while (told && t->at < t->x->file.n && t->x->file.list[t->at].type != RECORD_FACTS) {
        const struct opened *r = next(t);
        told = r->type == RECORD_ORDER      ? tell_order(t, r, e)
               : r->type == RECORD_DECISION ? tell_decision(t, r, e)
               : r->type == RECORD_OUTCOME  ? read_outcome(t, r, fates, n, e)
                                            : true;
    }
    return told;
}

static bool tell_letter(struct told *t, struct error *e)
{
    const struct opened *r = next(t);
    struct facts f;

    if (!read_body(t, r, &facts_schema, &f, e)) {
        return false;
    }
    struct fate *fates = arena_array(t->arena, f.recipients.count + 1, sizeof(*fates));
    const struct recipient *to = f.recipients.items;
    tell_facts(t, r, &f);
    if (!tell_rest(t, fates, f.recipients.count, e)) {
        return false;
    }
    for (size_t i = 0; i < f.recipients.count; i++) {
        tell_fate(t, &to[i], &fates[i]);
    }
    return true;
}

/* ── all of it ── */

static void tell_bounds(const struct told *t)
{
    const struct dossier *x = t->x;

    add_line(t, "Letters",
             arena_printf(t->arena,
                          "%zu: those that the suspension names, and those of the hour before; of "
                          "%zu that it names %zu are not in the archive any more",
                          x->n_letters, x->named, x->missing));
    add_line(
        t, "Looked at",
        arena_printf(t->arena,
                     "records up to %llu; sign-ins, limits and acts from a day before to a day "
                     "behind the suspension, or its end: %zu",
                     (unsigned long long)x->size, x->n_acts));
    if (x->letters_left_out || x->acts_left_out) {
        add_line(t, "Left out",
                 arena_printf(t->arena,
                              "there is more than fits: %zu letters, %zu sign-ins, limits and acts",
                              x->letters_left_out, x->acts_left_out));
    }
}

/* Those that fit. The records of the others are opened all the same. */
static bool tell_letters(struct told *t, struct error *e)
{
    struct buf *out = t->out;
    size_t untold = 0;

    while (t->at < t->x->file.n) {
        size_t before = out->len;
        bool full = out->full;
        arena_reset(t->arena);
        if (!tell_letter(t, e)) {
            return false;
        }
        if (!full && (out->full || out->len + TAIL_MAX > out->max)) {
            out->len = before;
            out->full = false;
            untold++;
        }
    }
    if (untold) {
        arena_reset(t->arena);
        buf_add_byte(out, '\n');
        add_line(t, "Not told",
                 arena_printf(t->arena,
                              "%zu letters, for the text is full: their records are below",
                              untold));
    }
    return true;
}

static bool tell_all(struct told *t, struct error *e)
{
    const struct dossier *x = t->x;

    while (t->at < x->n_suspensions) {
        if (!tell_suspension(t, e)) {
            return false;
        }
    }
    tell_bounds(t);
    buf_add_text(t->out, "\nWhat the account did, and what was done to it\n");
    while (t->at < x->n_suspensions + x->n_acts) {
        arena_reset(t->arena);
        if (!tell_did(t, e)) {
            return false;
        }
    }
    return tell_letters(t, e);
}

bool dossier_text(const struct dossier *x, struct buf *out, struct error *e)
{
    OWN(arena) struct arena arena = {.max = TEXT_ARENA};
    struct told t = {.x = x, .out = out, .arena = &arena};

    buf_add_text(out, "postern-suspension-evidence 1\n\nEVIDENCE OF A SUSPENSION\n\n");
    add_line(&t, "Account", x->account);
    if (!tell_all(&t, e)) {
        return false;
    }
    buf_add_text(out,
                 "\nA letter whose bytes somebody has is the one above when they have its SHA-256 "
                 "(`postern export`).\nWhat follows is for postern-verify, which needs the public "
                 "key alone:\n\n"
                 "    postern-verify --certificate THIS-FILE --key KEY-FILE\n\nIt reads the "
                 "suspension, the sign-ins and how many letters left from the records, shows that "
                 "these\nare in the tree of the signed checkpoint at the end, and that this text "
                 "was recorded there\n(docs/ledger-format.md, section 15).\n\n");
    return !out->full ||
           error_set(e, ERROR_LIMIT, "there is more to say of it than fits into a file");
}
