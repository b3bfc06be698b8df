/* A bounce, a delay warning or a success notice is itself a letter: recorded, protected, queued and
 * archived like every other, with the null reverse-path, so that none is ever made about it. */
#include "base/clock.h"
#include "base/log.h"

#include "host/memfd.h"
#include "keeper/internal.h"
#include "keyring/keyring.h"
#include "stages/receipts/receipts.h"

#define NOTICE_MAX ((size_t)60 << 20)

/* One notice while it is made. */
struct making {
    struct keeper *keeper;
    struct queue_entry *entry;
    const struct facts *about;
    struct arena *arena;
    struct receipt_recipient *recipients;
    size_t *due;
    size_t n_due;
};

static enum receipt_state state_of(const struct recipient_outcome *o, bool late)
{
    switch (o->status) {
    case DELIVERY_DELIVERED:
    case DELIVERY_RELAYED:
        return RECEIPT_SENT_PLAIN;
    case DELIVERY_FAILED:
        return RECEIPT_FAILED;
    default:
        return late ? RECEIPT_LATE : RECEIPT_WAITING;
    }
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
                                             const struct evidence *evidence,
                                             const struct recipient_outcome *o, bool late)
{
    const struct recipient *r = &((const struct recipient *)m->about->recipients.items)[o->index];
    const struct settings *settings = m->keeper->options.settings(m->keeper->options.context);
    bool answered = o->code != 0;
    struct receipt_recipient out = {
        .state = state_of(o, late),
        .notify = (unsigned)r->notify,
        .delay_reported = m->entry->warned,
        .about = {.address = o->address,
                  .original = r->orcpt,
                  .status = o->enhanced.len ? o->enhanced : slice_text(default_status(o)),
                  .remote_mta = answered ? evidence->host : SLICE_NONE,
                  .diagnostic = answered ? o->reply : SLICE_NONE,
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

/* Write the report; one that does not fit with the whole letter goes with its header alone. */
static bool write_report(struct making *m, struct slice copy, struct buf *out, bool *utf8,
                         struct error *e)
{
    const struct settings *settings = m->keeper->options.settings(m->keeper->options.context);
    const struct slice *domains = settings->general.domains.items;
    struct receipt_letter letter = {
        .reverse_path = m->about->reverse_path,
        .envelope_id = m->about->envelope_id,
        .return_full = m->about->dsn_return == RETURN_FULL,
        .copy = copy,
        .header_len = header_length(copy),
        .subject = m->about->subject,
        .host = settings->general.hostname,
        .from = arena_printf(m->arena, "postmaster@%.*s", SLICE_ARG(domains[0])),
        .arrived_ms = (int64_t)m->about->received_at,
        .now_ms = clock_wall_ms(),
    };

    keyring_random_bytes(letter.random, sizeof(letter.random));
    receipts_write(out, &letter, m->recipients, m->due, m->n_due, m->arena, utf8);
    if (out->full && letter.return_full) {
        buf_reset(out);
        letter.return_full = false;
        receipts_write(out, &letter, m->recipients, m->due, m->n_due, m->arena, utf8);
    }
    return !out->full || error_set(e, ERROR_LIMIT, "a notice does not fit");
}

static uint64_t kind_of(const struct making *m)
{
    enum receipt_state state = m->recipients[m->due[0]].state;

    if (state == RECEIPT_FAILED) {
        return NOTICE_FAILURE;
    }
    return state == RECEIPT_LATE ? NOTICE_DELAY : NOTICE_SUCCESS;
}

static struct notice notice_of(const struct making *m, const struct letter_id *id)
{
    struct slice *names = arena_array(m->arena, m->n_due, sizeof(*names));

    for (size_t i = 0; i < m->n_due; i++) {
        names[i] = m->recipients[m->due[i]].about.address;
    }
    return (struct notice){
        .id = m->about->id,
        .notice = letter_id_slice(id),
        .kind = kind_of(m),
        .ruling = m->entry->ruling,
        .recipients = {names, m->n_due}
    };
}

static bool record_notice(struct making *m, struct slice report, bool utf8, struct error *e)
{
    OWN(buf) struct buf body = {.max = 1 << 20};
    struct recipient to = {.address = m->about->reverse_path, .notify = NOTIFY_NEVER};
    const struct letter_id id = letter_id_new();
    struct notice n = notice_of(m, &id);
    struct own_letter letter = {
        .id = id,
        .to = {&to, 1},
        .subject = SLICE("Delivery status notification"),
        .about = m->about->id,
        .utf8 = utf8,
        .bytes = report
    };

    cbor_write(&body, &notice_schema, &n);
    if (body.full) {
        return error_set(e, ERROR_LIMIT, "a notice does not fit");
    }
    letter.with = (struct ledger_record){RECORD_NOTICE, buf_slice(&body)};
    if (!keeper_write_letter(m->keeper, &letter, e)) {
        return false;
    }
    m->entry->warned = m->entry->warned || n.kind == NOTICE_DELAY;
    return true;
}

bool keeper_notify(struct keeper *k, struct queue_entry *entry, const struct facts *f,
                   const struct evidence *evidence, const struct recipient_outcome *outcomes,
                   size_t n_outcomes, bool late, struct arena *arena, struct error *e)
{
    struct making m = {.keeper = k, .entry = entry, .about = f, .arena = arena};
    OWN(buf) struct buf report = {.max = NOTICE_MAX};
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    OWN(fd) int copy = -1;
    bool utf8 = false;

    m.recipients = arena_array(arena, n_outcomes + 1, sizeof(*m.recipients));
    m.due = arena_array(arena, n_outcomes + 1, sizeof(*m.due));
    for (size_t i = 0; i < n_outcomes; i++) {
        m.recipients[i] = recipient_of(&m, evidence, &outcomes[i], late);
    }
    m.n_due = receipts_due(f->reverse_path, m.recipients, n_outcomes, m.due);
    if (m.n_due == 0) {
        return true;
    }
    return parcel_copy(k, entry->parcel, arena, &copy, e) &&
           memfd_map(copy, 2 * (size_t)LETTER_BYTES_MAX, &map, e) &&
           write_report(&m, map.bytes, &report, &utf8, e) &&
           record_notice(&m, buf_slice(&report), utf8, e);
}
