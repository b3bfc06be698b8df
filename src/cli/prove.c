#include "cli/prove.h"

#include "cli/print.h"
#include "keyring/keyring.h"
#include "ledger/verify.h"

static void on_fault(void *context, const struct ledger_fault *f)
{
    struct cli *c = context;

    buf_printf(&c->out, "segment %u, byte %llu, record %llu: ", f->segment,
               (unsigned long long)f->offset, (unsigned long long)f->seq);
    print_clean(&c->out, slice_text(f->text));
    buf_add_byte(&c->out, '\n');
}

bool prove_ledger(struct cli *c, int ledger, int keys, const struct secret *master,
                  struct slice note, uint64_t size, struct error *e)
{
    OWN(secret) struct secret *key = keyring_derive(master, "ledger");
    struct checkpoint since;
    struct ledger_verdict verdict;

    if (!checkpoint_read(note, &since, e)) {
        return error_add(e, "checkpoint");
    }
    const struct ledger_verify_options options = {
        .key = key,
        .record_keys = keys < 0 ? 0 : keys,
        .since = &since,
        .fault = on_fault,
        .context = c,
    };
    if (!ledger_verify(ledger, &options, &verdict, e)) {
        return error_add(e, "ledger");
    }
    if (verdict.faults) {
        return error_set(e, ERROR_CORRUPT, "the ledger is not whole: %llu faults",
                         (unsigned long long)verdict.faults);
    }
    if (!verdict.since_proved || verdict.size != size || verdict.tail_bytes) {
        return error_set(e, ERROR_CORRUPT,
                         "the ledger does not end where it should: %llu records, not %llu%s",
                         (unsigned long long)verdict.size, (unsigned long long)size,
                         verdict.since_proved ? "" : ", and the checkpoint is of another");
    }
    struct slice bytes = print_size(&c->arena, verdict.bytes);
    buf_printf(&c->out, "verified: %llu records in %llu segments, %.*s\n",
               (unsigned long long)verdict.size, (unsigned long long)verdict.segments,
               SLICE_ARG(bytes));
    return true;
}
