/* What proves a suspension, as one file to be taken away. */
#include "host/memfd.h"
#include "keyring/digest.h"
#include "processes/certificate_proof.h"
#include "processes/dossier.h"
#include "requests/evidence.h"

#define OBJECT_MAX 500

/* "suspension NUMBER of SIZE records text DIGEST of ACCOUNT" */
static struct slice object_of(uint64_t suspension, uint64_t size, struct slice digest,
                              struct slice account, struct arena *arena)
{
    OWN(buf) struct buf object = {.max = OBJECT_MAX};

    buf_printf(&object, "suspension %llu of %llu records text ", (unsigned long long)suspension,
               (unsigned long long)size);
    certificate_hex(&object, digest);
    buf_printf(&object, " of %.*s", SLICE_ARG(account));
    return arena_copy(arena, buf_slice(&object));
}

/* The record that binds the text. */
struct made {
    struct ledger_ref ref;
    uint64_t suspension, looked_at, count;
};

/* What its object says, if it is this text's. */
static bool read_object(struct slice object, const struct suspension_evidence_ask *ask,
                        struct arena *arena, struct made *made)
{
    struct slice rest = object;

    (void)slice_cut(rest, ' ', &rest);
    struct slice number = slice_cut(rest, ' ', &rest);
    (void)slice_cut(rest, ' ', &rest);
    struct slice size = slice_cut(rest, ' ', &rest);
    if (!slice_decimal(number, INT64_MAX, &made->suspension) ||
        !slice_decimal(size, INT64_MAX, &made->looked_at)) {
        return false;
    }
    for (int i = 0; i < 4; i++) { /* "records text DIGEST of" */
        (void)slice_cut(rest, ' ', &rest);
    }
    return slice_equal_nocase(rest, ask->account) &&
           slice_equal(object,
                       object_of(made->suspension, made->looked_at, ask->digest, rest, arena));
}

static void take_made(const struct suspension_evidence_ask *ask, const struct ledger_entry *entry,
                      struct arena *arena, struct made *made)
{
    struct made found = {.ref = entry->ref};
    struct error e;
    struct act act;

    if (cbor_read(entry->body, &act_schema, arena, &act, &e) &&
        slice_equal(act.verb, SLICE(EVIDENCE_VERB)) && !act.refused &&
        read_object(act.object, ask, arena, &found)) {
        found.count = act.count;
        *made = found;
    }
}

static bool find_made(struct desk *d, const struct suspension_evidence_ask *ask, uint64_t size,
                      struct made *made, struct error *e)
{
    struct ledger_position at = {0};
    enum ledger_next next = LEDGER_ENTRY;

    ledger_reader_only(d->ledger, RECORD_READING, RECORD_READING);
    while (next == LEDGER_ENTRY && at.seq < size) {
        struct ledger_entry entry;
        arena_reset(&d->arena);
        next = ledger_reader_next(d->ledger, &at, NULL, &d->arena, &entry, e);
        if (next == LEDGER_FAILED) {
            return false;
        }
        if (next == LEDGER_ENTRY && entry.ref.seq < size && entry.type == RECORD_READING &&
            entry.body.len) {
            take_made(ask, &entry, &d->arena, made);
        }
    }
    return made->looked_at ||
           error_set(
               e, ERROR_INPUT,
               "no text of this evidence was recorded before the checkpoint: ask for it first");
}

/* All that the text was made of, and the record that binds it. */
static bool gather_again(struct dossier *x, struct desk *d,
                         const struct suspension_evidence_ask *ask, uint64_t size, struct error *e)
{
    struct made made = {.looked_at = 0};
    struct ledger_entry entry;

    if (!find_made(d, ask, size, &made, e) ||
        !dossier_gather(x, d, ask->account, made.suspension, made.looked_at, e)) {
        return false;
    }
    if (x->file.n != made.count) {
        return error_set(e, ERROR_BUSY,
                         "something of it was destroyed meanwhile: ask for the evidence again");
    }
    arena_reset(&d->arena);
    if (!ledger_reader_get(d->ledger, made.ref, &d->arena, &entry, e) ||
        !certificate_keep_entry(&x->file, &entry, e)) {
        return false;
    }
    certificate_sort(&x->file);
    return true;
}

static bool give_proof(struct desk *d, struct ipc_request *r, const struct checkpoint *to,
                       struct error *e)
{
    const struct suspension_evidence_ask *ask = r->ask;
    OWN(dossier) struct dossier x = {.n_acts = 0};
    OWN(buf) struct buf out = {.max = EVIDENCE_PROOF_MAX};

    return gather_again(&x, d, ask, to->size, e) &&
           certificate_proof(&x.file, d->reader->ledger_directory, ask->note, to, &out, e) &&
           reader_record(d->reader, r, EVIDENCE_VERB " proof",
                         arena_printf(r->arena, "suspension %llu of %.*s",
                                      (unsigned long long)x.suspension, SLICE_ARG(x.account)),
                         ask->reason, x.n_letters, e) &&
           memfd_from("proof", buf_slice(&out), &r->answer_fd, e);
}

static bool give_text(struct desk *d, struct ipc_request *r, struct error *e)
{
    const struct suspension_evidence_ask *ask = r->ask;
    OWN(dossier) struct dossier x = {.n_acts = 0};
    OWN(buf) struct buf out = {.max = EVIDENCE_TEXT_MAX};
    uint8_t digest[DIGEST_LEN];

    if (!dossier_gather(&x, d, ask->account, ask->suspension, 0, e) || !dossier_text(&x, &out, e)) {
        return false;
    }
    digest_of(buf_slice(&out), SLICE_NONE, digest);
    return reader_record(d->reader, r, EVIDENCE_VERB,
                         object_of(x.suspension, x.size, SLICE_ARRAY(digest), x.account, r->arena),
                         ask->reason, x.file.n, e) &&
           memfd_from("evidence", buf_slice(&out), &r->answer_fd, e);
}

/* First the text, of which a record is made; then, with a checkpoint over that record, the proof of both. */
bool reader_on_evidence(void *reader, struct ipc_request *r, struct error *e)
{
    const struct suspension_evidence_ask *ask = r->ask;
    OWN(desk) struct desk d = {0};
    struct checkpoint to = {.size = 0};

    if (!reader_wants_reason(reader, r, EVIDENCE_VERB, ask->account, ask->reason, e) ||
        (ask->note.len && !checkpoint_read(ask->note, &to, e)) || !desk_open(reader, &d, e)) {
        return false;
    }
    return ask->note.len ? give_proof(&d, r, &to, e) : give_text(&d, r, e);
}
