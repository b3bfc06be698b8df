/* A bounce, a delay warning or a success notice is itself a letter: recorded, protected, queued and
 * archived like every other, with the null reverse-path, so that none is ever made about it.
 *
 * Invariant: an outcome and the notices that are due because of it are one commit. So no crash
 * leaves a failure in the ledger of which the sender is never told, and none tells it twice. */
#include "base/clock.h"
#include "base/log.h"

#include "formats/mail/facts.h"
#include "host/memfd.h"
#include "keeper/consent.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keyring/keyring.h"
#include "stages/receipts/receipts.h"

#define NOTICE_MAX   ((size_t)60 << 20)
#define RECORD_MAX   ((size_t)16 << 20) /* of an outcome or a notice's record */
#define NOTICE_KINDS 3
#define OUTSIDE_MAX  ((size_t)1 << 20) /* of a protected copy's header that is looked at */

/* The notices of one outcome, while they are made. */
struct making {
    struct keeper *keeper;
    struct parcel *parcel;
    struct queue_entry *entry; /* NULL: none was ever tried */
    const struct facts *about;
    const struct outcome *outcome;
    struct arena *arena;
    uint64_t which; /* copy of the parcel */
    bool
        hidden; /* its content is protected: the notice says no more of the letter than the copy does */
    bool
        closed; /* nor less well protected than its policy or REQUIRETLS wants: it says which letter it is, no more */
    struct slice copy; /* the letter as it was sent; empty when it cannot be had */
    struct receipt_recipient *recipients;
};

/* One of them, to fewer recipients than the outcome has. */
struct notice_making {
    enum notice_kind kind;
    size_t *due;
    size_t n_due;
    struct buf report;
    struct buf record;
};

/* "Relayed" by a next hop that offers DSN: it was told what the sender wants to know, and says so
 * itself; otherwise its taking the letter is the last that will be known. */
static enum receipt_state state_of(const struct evidence *evidence,
                                   const struct recipient_outcome *o, bool late)
{
    switch (o->status) {
    case DELIVERY_DELIVERED:
    case DELIVERY_RELAYED:
        return evidence->dsn ? RECEIPT_SENT : RECEIPT_SENT_PLAIN;
    case DELIVERY_FAILED:
        return RECEIPT_FAILED;
    default:
        return late ? RECEIPT_LATE : RECEIPT_WAITING;
    }
}

static enum notice_kind kind_of(const struct receipt_recipient *r)
{
    if (r->state == RECEIPT_FAILED) {
        return NOTICE_FAILURE;
    }
    return r->state == RECEIPT_LATE ? NOTICE_DELAY : NOTICE_SUCCESS;
}

static const char *default_status(const struct recipient_outcome *o)
{
    switch (o->status) {
    case DELIVERY_DELIVERED:
    case DELIVERY_RELAYED:
        return "2.0.0";
    case DELIVERY_FAILED:
        return "5.0.0";
    default:
        return "4.0.0";
    }
}

static struct receipt_recipient recipient_of(const struct making *m,
                                             const struct recipient_outcome *o, bool late)
{
    const struct recipient *r = &((const struct recipient *)m->about->recipients.items)[o->index];
    const struct settings *settings = m->keeper->options.settings(m->keeper->options.context);
    const struct evidence *evidence = &m->outcome->evidence;
    bool answered = o->code != 0;
    struct receipt_recipient out = {
        .state = state_of(evidence, o, late),
        .notify = (unsigned)r->notify,
        .delay_reported = m->entry->warned,
        .about = {.address = o->address,
                  .original = r->orcpt,
                  .status = o->enhanced.len ? o->enhanced : slice_text(default_status(o)),
                  .remote_mta = answered ? evidence->host : SLICE_NONE,
                  .diagnostic = answered ? arena_printf(m->arena, "%u %.*s", (unsigned)o->code,
                  SLICE_ARG(o->reply))
                                         : SLICE_NONE,
                  .reason = answered ? SLICE_NONE : o->reply,
                  .last_attempt_ms = (int64_t)evidence->ended_at,
                  .retry_until_ms =
                      (int64_t)m->entry->queued_at + settings->delivery.queue_lifetime_ms},
    };
    return out;
}

static size_t header_length(struct slice letter)
{
    const uint8_t *at = letter.len ? memmem(letter.ptr, letter.len, "\r\n\r\n", 4) : NULL;

    return at ? (size_t)(at - letter.ptr) + 2 : letter.len;
}

/* Of a protected copy what stands outside, which is not the letter's own where that is hidden. */
static struct slice subject_of(const struct making *m)
{
    static const struct mail_limits limits = {.letter_bytes = UINT64_MAX,
                                              .header_bytes = OUTSIDE_MAX,
                                              .field_bytes = OUTSIDE_MAX,
                                              .line_bytes = OUTSIDE_MAX,
                                              .fields = 1000};
    struct mail_header header;
    struct mail_facts facts;

    if (!m->hidden) {
        return m->about->subject;
    }
    mail_header_read(m->copy, &limits, true, m->arena, &header);
    mail_facts_read(&header, true, m->arena, &facts);
    return facts.subject;
}

/* The way back need not keep the promise that the way there had to, nor what a policy would not let go: RFC 8689 section 5 lets go
 * what says nothing of the letter, but which one it was. */
static struct slice redacted(const struct making *m)
{
    return m->about->message_id.len
               ? arena_printf(m->arena, "Message-ID: %.*s\r\n\r\n", SLICE_ARG(m->about->message_id))
               : SLICE("\r\n");
}

/* Write the report; one that does not fit with the whole letter goes with its header alone. */
static bool write_report(const struct making *m, struct notice_making *n)
{
    const struct settings *settings = m->keeper->options.settings(m->keeper->options.context);
    const struct slice *domains = settings->general.domains.items;
    bool utf8 = false;
    const struct slice copy = m->closed ? redacted(m) : m->copy;
    struct receipt_letter letter = {
        .reverse_path = m->about->reverse_path,
        .envelope_id = m->about->envelope_id,
        .return_full = m->about->dsn_return == RETURN_FULL && !m->closed,
        .copy = copy,
        .header_len = header_length(copy),
        .subject = m->closed ? SLICE_NONE : subject_of(m),
        .host = settings->general.hostname,
        .from = arena_printf(m->arena, "postmaster@%.*s", SLICE_ARG(domains[0])),
        .arrived_ms = (int64_t)m->about->received_at,
        .now_ms = clock_wall_ms(),
    };

    keyring_random_bytes(letter.random, sizeof(letter.random));
    receipts_write(&n->report, &letter, m->recipients, n->due, n->n_due, m->arena, &utf8);
    if (n->report.full && letter.return_full) {
        buf_reset(&n->report);
        letter.return_full = false;
        receipts_write(&n->report, &letter, m->recipients, n->due, n->n_due, m->arena, &utf8);
    }
    return utf8;
}

static void write_record(const struct making *m, struct notice_making *n,
                         const struct letter_id *id)
{
    struct slice *names = arena_array(m->arena, n->n_due, sizeof(*names));

    for (size_t i = 0; i < n->n_due; i++) {
        names[i] = m->recipients[n->due[i]].about.address;
    }
    const struct notice notice = {
        .id = m->about->id,
        .notice = letter_id_slice(id),
        .kind = n->kind,
        .ruling = m->entry ? m->entry->ruling : 0,
        .recipients = {names, n->n_due}
    };
    cbor_write(&n->record, &notice_schema, &notice);
}

/* Make a notice of one kind, with the record that says so. */
static bool make_notice(const struct making *m, struct notice_making *n, struct own_letter *letter)
{
    struct recipient *to = arena_array(m->arena, 1, sizeof(*to));

    *to = (struct recipient){.address = m->about->reverse_path, .notify = NOTIFY_NEVER};
    *letter = (struct own_letter){
        .id = letter_id_new(),
        .to = {to, 1},
        .subject = SLICE("Delivery status notification"),
        .about = m->about->id,
        .groups = m->about->groups,
        .utf8 = write_report(m, n),
    };
    write_record(m, n, &letter->id);
    if (n->report.full || n->record.full) {
        keeper_alert(m->keeper, "notice-failed", "A notice does not fit and was not sent");
        return false;
    }
    letter->bytes = buf_slice(&n->report);
    letter->with = (struct ledger_record){RECORD_NOTICE, buf_slice(&n->record)};
    return true;
}

/* Share the recipients that must be told of out among the kinds; returns how many there are. */
static size_t find_due(struct making *m, bool late, struct notice_making *notices)
{
    const struct recipient_outcome *outcomes = m->outcome->recipients.items;
    size_t n = m->outcome->recipients.count;
    size_t *due = arena_array(m->arena, n + 1, sizeof(*due));

    m->recipients = arena_array(m->arena, n + 1, sizeof(*m->recipients));
    for (size_t i = 0; i < n; i++) {
        m->recipients[i] = recipient_of(m, &outcomes[i], late);
    }
    size_t n_due = receipts_due(m->about->reverse_path, m->recipients, n, due);
    for (size_t k = 0; k < NOTICE_KINDS; k++) {
        notices[k].kind = (enum notice_kind)(NOTICE_FAILURE + k);
        notices[k].due = arena_array(m->arena, n_due + 1, sizeof(*due));
        buf_init(&notices[k].report, NOTICE_MAX);
        buf_init(&notices[k].record, RECORD_MAX);
    }
    for (size_t i = 0; i < n_due; i++) {
        struct notice_making *to = &notices[kind_of(&m->recipients[due[i]]) - NOTICE_FAILURE];
        to->due[to->n_due++] = due[i];
    }
    return n_due;
}

/* A letter whose copy cannot be read any more is still reported on, without its header. */
static void open_copy(struct making *m, struct memfd_map *map)
{
    struct parcel_copy *which = parcel_copy_at(m->parcel, m->which);
    OWN(fd) int copy = -1;
    struct error e = {.text = "a ruling names a copy that was not made"};

    if (which && parcel_copy(m->keeper, m->parcel, which, &copy, &e) &&
        memfd_map(copy, 2 * (size_t)LETTER_BYTES_MAX, map, &e)) {
        m->copy = map->bytes;
        return;
    }
    log_event(LOG_ERROR, "notice.without_header", LOG_TEXT("reason", e.text));
    keeper_alert(m->keeper, "copy-unreadable", e.text);
}

/* Record the outcome with the notices, at most one of each kind. */
static bool record_all(struct making *m, struct notice_making *notices, size_t n_due,
                       struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    OWN(buf) struct buf outcome = {.max = RECORD_MAX};
    struct own_letter letters[NOTICE_KINDS];
    size_t n = 0;
    bool warning = false;

    if (n_due) {
        open_copy(m, &map);
    }
    for (size_t k = 0; k < NOTICE_KINDS; k++) {
        if (notices[k].n_due && make_notice(m, &notices[k], &letters[n])) {
            warning = warning || notices[k].kind == NOTICE_DELAY;
            n++;
        }
    }
    cbor_write(&outcome, &outcome_schema, m->outcome);
    if (outcome.full) {
        return error_set(e, ERROR_LIMIT, "an outcome does not fit into a record");
    }
    const struct ledger_record first = {RECORD_OUTCOME, buf_slice(&outcome)};
    if (!keeper_write_letters(m->keeper, first, letters, n, e)) {
        return false;
    }
    m->entry->warned = m->entry->warned || warning;
    return true;
}

static void count_bounces(struct keeper *k, const struct facts *f, const struct outcome *outcome,
                          struct arena *arena)
{
    uint64_t n = guard_bounces_of(outcome);

    if (n) {
        guard_bounced(k, f, n, arena);
    }
}

bool keeper_record_outcome(struct keeper *k, struct queue_entry *entry, const struct facts *f,
                           const struct outcome *outcome, bool late, struct arena *arena,
                           struct error *e)
{
    struct facts about = *f;

    if (guard_is_scanner(entry->guard)) { /* nothing hands malware on */
        about.dsn_return = RETURN_HEADERS;
    }
    struct making m = {.keeper = k,
                       .parcel = entry->parcel,
                       .entry = entry,
                       .which = entry->copy,
                       .hidden = rung_hides(entry->method),
                       .closed = f->require_tls || entry->closed,
                       .about = &about,
                       .outcome = outcome,
                       .arena = arena};
    struct notice_making notices[NOTICE_KINDS] = {0};
    size_t n_due = find_due(&m, late, notices);
    bool recorded = record_all(&m, notices, n_due, e);

    if (recorded && f->account.len) {
        count_bounces(k, f, outcome, arena);
    }
    for (size_t i = 0; i < NOTICE_KINDS; i++) {
        buf_done(&notices[i].report);
        buf_done(&notices[i].record);
    }
    return recorded;
}

/* ── a letter that nobody let go ── */

static struct receipt_recipient returned(const struct recipient *r, struct slice reason)
{
    return (struct receipt_recipient){
        .state = RECEIPT_FAILED,
        .notify = (unsigned)r->notify,
        .about = {.address = r->address,
                  .original = r->orcpt,
                  .status = SLICE("5.7.1"),
                  .reason = reason,
                  .last_attempt_ms = clock_wall_ms()}
    };
}

/* Of whom nothing was reported yet: what was cancelled before came back then. */
struct pending {
    const struct consent_letter *letter;
    bool *is; /* by their index among the facts' recipients */
};

static void add_pending(void *context, const struct queue_entry *entry)
{
    struct pending *p = context;

    if (!entry->waits ||
        memcmp(entry->parcel->id.bytes, p->letter->parcel->id.bytes, LETTER_ID_LEN) != 0) {
        return;
    }
    for (size_t i = 0; i < entry->n_pending; i++) {
        if (entry->pending[i] < p->letter->facts.recipients.count) {
            p->is[entry->pending[i]] = true;
        }
    }
}

/* One report is made of all its recipients: from a copy that is protected, if there is one, so that it tells no more than was to leave. */
static void choose_copy(struct making *m, const struct decision *d)
{
    const struct ruling *rulings = d->rulings.items;

    m->closed = m->about->require_tls;
    for (size_t i = 0; i < d->rulings.count; i++) {
        m->closed = m->closed || ruling_is_closed(&rulings[i]);
        if (rung_hides(rulings[i].method) && !m->hidden) {
            m->which = rulings[i].copy;
            m->hidden = true;
        }
    }
}

/* What a malware scanner keeps back comes back as its header: nothing hands malware on. */
static uint64_t return_of(const struct consent_letter *l)
{
    const struct ruling *rulings = l->decision.rulings.items;
    bool guarded = false;

    for (size_t i = 0; i < l->decision.rulings.count; i++) {
        guarded = guarded || guard_is_scanner(rulings[i].guard);
    }
    return guarded ? RETURN_HEADERS : l->facts.dsn_return;
}

bool keeper_return_letter(struct keeper *k, const struct consent_letter *l, struct slice reason,
                          struct ledger_record first, struct arena *arena, struct error *e)
{
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    struct facts f = l->facts;
    const struct recipient *all = f.recipients.items;
    size_t n = 0;
    struct making m = {.keeper = k, .parcel = l->parcel, .about = &f, .arena = arena};
    struct pending pending = {l, arena_array(arena, f.recipients.count + 1, sizeof(bool))};
    struct notice_making notice = {.kind = NOTICE_FAILURE};
    struct own_letter letter;

    f.dsn_return = return_of(l);
    choose_copy(&m, &l->decision);
    queue_each(k->queue, add_pending, &pending);
    m.recipients = arena_array(arena, f.recipients.count + 1, sizeof(*m.recipients));
    notice.due = arena_array(arena, f.recipients.count + 1, sizeof(*notice.due));
    for (size_t i = 0; i < f.recipients.count; i++) {
        if (pending.is[i]) {
            m.recipients[n++] = returned(&all[i], reason);
        }
    }
    notice.n_due = receipts_due(f.reverse_path, m.recipients, n, notice.due);
    buf_init(&notice.report, NOTICE_MAX);
    buf_init(&notice.record, RECORD_MAX);
    if (notice.n_due) {
        open_copy(&m, &map);
    }
    size_t letters = notice.n_due && make_notice(&m, &notice, &letter) ? 1 : 0;
    bool recorded = keeper_write_letters(k, first, &letter, letters, e);
    buf_done(&notice.report);
    buf_done(&notice.record);
    return recorded;
}
