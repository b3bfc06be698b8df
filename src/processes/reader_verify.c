/* Verification reads every byte of the ledger, one piece at a time, and keeps the first faults. */
#include "base/log.h"

#include "ledger/verify.h"
#include "processes/reader.h"
#include "requests/reader.h"

#define WHAT_MAX 512 /* bytes of a fault's sentence */

struct faults {
    struct arena *arena;
    struct reader_fault *list;
    size_t count;
};

static void note(void *faults, const struct ledger_fault *fault)
{
    struct faults *f = faults;

    if (f->count < READER_FAULTS_MAX) {
        f->list[f->count++] = (struct reader_fault){
            .segment = fault->segment,
            .offset = fault->offset,
            .seq = fault->seq,
            .what = letter_text(f->arena, slice_text(fault->text), WHAT_MAX),
        };
    }
}

static bool verify(struct reader *reader, const struct reader_verify_ask *ask,
                   struct reader_verify_answer *answer, struct arena *arena, struct error *e)
{
    struct faults faults = {.arena = arena};
    struct ledger_verify_options options = {.key = reader->ledger_key,
                                            .record_keys = reader->record_keys,
                                            .fault = note,
                                            .context = &faults};
    struct ledger_verdict verdict;
    struct checkpoint since;

    if (ask->since.len && !checkpoint_read(ask->since, &since, e)) {
        return false;
    }
    options.since = ask->since.len ? &since : NULL;
    faults.list = arena_array(arena, READER_FAULTS_MAX, sizeof(*faults.list));
    if (!ledger_verify(reader->ledger_directory, &options, &verdict, e)) {
        return false;
    }
    *answer = (struct reader_verify_answer){
        .records = verdict.records,
        .segments = verdict.segments,
        .root = arena_copy(arena, slice_of(verdict.root, LEDGER_ROOT_LEN)),
        .since_checked = verdict.since_proved,
        .faults = {faults.list, faults.count},
        .faults_found = verdict.faults,
    };
    return true;
}

/* No content is shown, and it must be possible while the keeper cannot record: an act that is not
 * recorded is logged. */
bool reader_on_verify(void *ctx, struct ipc_request *r, struct error *e)
{
    struct reader *reader = ctx;
    const struct reader_verify_ask *ask = r->ask;
    struct reader_verify_answer *answer = r->answer;
    struct error why;

    if (atomic_exchange(&reader->verifying, true)) {
        return error_set(e, ERROR_BUSY, "the ledger is being verified already");
    }
    bool done = verify(reader, ask, answer, r->arena, e);
    atomic_store(&reader->verifying, false);
    if (done &&
        !reader_record(reader, r, "verify", SLICE_NONE, ask->reason, answer->records, &why)) {
        log_event(LOG_WARNING, "reading.unrecorded", LOG_TEXT("verb", "verify"),
                  LOG_TEXT("reason", why.text));
    }
    return done;
}
