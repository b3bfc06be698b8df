/* Disposals and erasures: which there were, and what proves one. */
#include "base/clock.h"

#include "host/memfd.h"
#include "keyring/digest.h"
#include "processes/certificate_proof.h"
#include "requests/disposal.h"

#define TEXT_MAX  ((size_t)128 << 20) /* of what people read */
#define PROOF_MAX ((size_t)512 << 20) /* and of what follows */

/* ── a certificate ── */

static struct slice object_of(const struct certificate *c, const struct buf *text,
                              struct arena *arena)
{
    OWN(buf) struct buf object = {.max = 200};
    uint8_t digest[DIGEST_LEN];

    digest_of(buf_slice(text), SLICE_NONE, digest);
    buf_printf(&object, "request %.*s text ", SLICE_ARG(c->id_text));
    certificate_hex(&object, SLICE_ARRAY(digest));
    return arena_copy(arena, buf_slice(&object));
}

static struct slice request_of(const struct certificate *c, struct arena *arena)
{
    return arena_printf(arena, "request %.*s", SLICE_ARG(c->id_text));
}

/* Whoever asks too early has a record made of it, behind which the end of the erasing is seen the next time. */
static bool gather(struct certificate *c, struct desk *d, const struct ipc_request *r,
                   uint64_t size, struct error *e)
{
    const struct disposal_certificate_ask *ask = r->ask;
    struct error unrecorded;

    if (certificate_gather(c, d, ask->id, size, e)) {
        return true;
    }
    if (c->put_off) {
        (void)!reader_record(d->reader, r, "certificate put off", request_of(c, r->arena),
                             ask->reason, 0, &unrecorded);
    }
    return false;
}

/* First the text, of which a record is made; then, with a checkpoint over that record, the proof of both. */
bool reader_on_certificate(void *reader, struct ipc_request *r, struct error *e)
{
    const struct disposal_certificate_ask *ask = r->ask;
    OWN(certificate) struct certificate c = {.n = 0};
    OWN(buf) struct buf out = {.max = ask->note.len ? PROOF_MAX : TEXT_MAX};
    OWN(desk) struct desk d = {0};
    struct checkpoint to = {.size = 0};

    if ((ask->note.len && !checkpoint_read(ask->note, &to, e)) || !desk_open(reader, &d, e) ||
        !gather(&c, &d, r, to.size, e)) {
        return false;
    }
    if (ask->note.len) {
        certificate_drop_made(&c);
        return certificate_proof(&c, d.reader->ledger_directory, ask->note, &to, &out, e) &&
               reader_record(reader, r, "certificate proof", request_of(&c, r->arena), ask->reason,
                             c.n_destroyed, e) &&
               memfd_from("proof", buf_slice(&out), &r->answer_fd, e);
    }
    return certificate_text(&c, &out, e) &&
           reader_record(reader, r, "certificate", object_of(&c, &out, r->arena), ask->reason,
                         c.n_destroyed, e) &&
           memfd_from("certificate", buf_slice(&out), &r->answer_fd, e);
}

/* ── the list ── */

struct listing {
    struct desk *desk;
    struct arena *arena;
    struct disposal_row *rows; /* in the order in which they were asked for */
    size_t n;
    uint64_t number; /* how many there were before those that are listed */
};

static struct disposal_row *row_of(struct listing *l, struct slice id)
{
    for (size_t i = l->n; i-- > 0;) {
        if (slice_equal(l->rows[i].id, id)) {
            return &l->rows[i];
        }
    }
    return NULL;
}

static void add_request(struct listing *l, const struct ledger_entry *entry,
                        const struct request_record *r)
{
    struct request_erase erase;
    struct error e;

    if (r->kind != REQUEST_DISPOSAL && r->kind != REQUEST_ERASE && r->kind != REQUEST_SUBJECT) {
        return;
    }
    l->number++;
    if (l->n == DISPOSALS_LISTED_MAX) { /* the oldest makes room */
        (void)memmove(l->rows, l->rows + 1, (l->n - 1) * sizeof(*l->rows));
        l->n--;
    }
    struct disposal_row *row = &l->rows[l->n++];
    *row = (struct disposal_row){.number = l->number,
                                 .id = arena_copy(l->arena, r->id),
                                 .kind = r->kind,
                                 .by = arena_copy(l->arena, r->by),
                                 .reason = arena_copy(l->arena, r->reason),
                                 .asked_at = (uint64_t)entry->time_ms,
                                 .expires_at = r->expires_at};
    if (r->kind == REQUEST_ERASE &&
        cbor_read(r->arguments, &request_erase_schema, &l->desk->arena, &erase, &e)) {
        row->letters = erase.letters.len / 8;
    }
}

static void add_verdict(struct listing *l, const struct ledger_entry *entry,
                        const struct verdict_record *v)
{
    struct disposal_row *row = row_of(l, v->id);

    if (!row) {
        return;
    }
    row->state = v->verdict;
    if (v->verdict == VERDICT_APPROVED) {
        row->approved_by = arena_copy(l->arena, v->by);
        row->approved_at = (uint64_t)entry->time_ms;
    } else {
        row->ended_at = (uint64_t)entry->time_ms;
    }
    if (v->verdict == VERDICT_DONE && row->kind == REQUEST_ERASE) {
        row->destroyed = row->letters;
    }
}

static void add_disposal(struct listing *l, const struct disposal_record *d)
{
    struct disposal_row *row = row_of(l, d->request);

    if (row && d->state == DISPOSAL_ENDED) {
        row->held = d->held;
        row->left = d->kept + d->busy;
    }
}

static void add_removal(struct listing *l, const struct removal *r)
{
    struct disposal_row *row = row_of(l, r->request);

    if (row && row->kind != REQUEST_ERASE) {
        row->destroyed += r->letters.count;
    }
}

static bool list_entry(struct listing *l, const struct ledger_entry *entry, struct error *e)
{
    struct arena *arena = &l->desk->arena;

    union {
        struct request_record request;
        struct verdict_record verdict;
        struct disposal_record disposal;
        struct removal removal;
    } v;

    switch (entry->type) {
    case RECORD_REQUEST:
        if (!cbor_read(entry->body, &request_record_schema, arena, &v.request, e)) {
            return false;
        }
        add_request(l, entry, &v.request);
        return true;
    case RECORD_VERDICT:
        if (!cbor_read(entry->body, &verdict_record_schema, arena, &v.verdict, e)) {
            return false;
        }
        add_verdict(l, entry, &v.verdict);
        return true;
    case RECORD_DISPOSAL:
        if (!cbor_read(entry->body, &disposal_record_schema, arena, &v.disposal, e)) {
            return false;
        }
        add_disposal(l, &v.disposal);
        return true;
    case RECORD_REMOVAL:
        if (!cbor_read(entry->body, &removal_schema, arena, &v.removal, e)) {
            return false;
        }
        add_removal(l, &v.removal);
        return true;
    default:
        return true;
    }
}

bool reader_on_disposals(void *reader, struct ipc_request *r, struct error *e)
{
    const struct disposal_list_ask *ask = r->ask;
    struct disposal_list_answer *answer = r->answer;
    enum ledger_next next = LEDGER_ENTRY;
    struct ledger_position at = {0};
    OWN(desk) struct desk d = {0};
    struct listing l = {.arena = r->arena,
                        .desk = &d,
                        .rows = arena_array(r->arena, DISPOSALS_LISTED_MAX, sizeof(*l.rows))};

    if (!desk_open(reader, &d, e)) {
        return false;
    }
    ledger_reader_only(d.ledger, RECORD_REMOVAL, RECORD_DISPOSAL);
    ledger_reader_leave_out(d.ledger, RECORD_CLASSES);
    while (next == LEDGER_ENTRY) {
        struct ledger_entry entry;
        arena_reset(&d.arena);
        next = ledger_reader_next(d.ledger, &at, NULL, &d.arena, &entry, e);
        if (next == LEDGER_FAILED ||
            (next == LEDGER_ENTRY && entry.body.len && !list_entry(&l, &entry, e))) {
            return false;
        }
    }
    answer->rows = (struct cbor_list){l.rows, l.n};
    answer->now = (uint64_t)clock_wall_ms();
    return reader_record(reader, r, "disposal list", SLICE_NONE, ask->reason, l.n, e);
}
