#include "keeper/suspension_end.h"

#include "keeper/internal.h"

#define RELEASED_MAX 2
#define REASON_MAX   4000 /* bytes, as in the record */
#define RECORD_MAX   16384

static const struct cbor_field end_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct suspension_end, account, LETTER_ADDRESS_MAX),
    CBOR_FIELD(2, CBOR_UINT, struct suspension_end, state, SUSPENSION_ENDED),
    CBOR_FIELD(3, CBOR_UINT, struct suspension_end, at, 0),
    CBOR_OPTIONAL(4, CBOR_TEXT, struct suspension_end, by, LETTER_ADDRESS_MAX),
    CBOR_OPTIONAL(5, CBOR_TEXT, struct suspension_end, reason, REASON_MAX),
    CBOR_OPTIONAL(11, CBOR_UINT, struct suspension_end, role, 4),
    CBOR_OPTIONAL(12, CBOR_UINT, struct suspension_end, released, RELEASED_MAX),
    CBOR_OPTIONAL(13, CBOR_UINT, struct suspension_end, seq, 0),
    CBOR_OPTIONAL(14, CBOR_UINT, struct suspension_end, kept_seq, 0),
    CBOR_OPTIONAL(15, CBOR_UINT, struct suspension_end, kept_at, 0),
    CBOR_OPTIONAL(16, CBOR_UINT, struct suspension_end, kept, RELEASED_MAX),
};
const struct cbor_schema suspension_end_schema = CBOR_SCHEMA(end_fields, struct suspension_end);

void suspension_end_settle(struct suspension_end *end, uint64_t records)
{
    if (end->seq == 0 && end->released != SUSPENSION_SENT_ON) {
        end->kept_at = end->at;
    }
    if (end->seq >= records) {
        end->seq = 0;
    }
    if (end->kept_seq >= records) {
        end->kept_seq = 0;
    }
    if (end->kept_seq == 0) {
        end->kept = 0;
    }
}

void suspension_end_next(struct suspension_end *end, const struct suspension_record *ended,
                         uint64_t seq)
{
    end->account = ended->account;
    end->state = ended->state;
    end->at = ended->at;
    end->released = ended->released;
    end->seq = seq;
    end->by = end->reason = SLICE_NONE; /* the record says it */
    end->role = 0;
    if (ended->released != SUSPENSION_SENT_ON) {
        end->kept_seq = seq;
        end->kept_at = ended->at;
        end->kept = ended->released;
    }
}

bool suspension_end_is_behind(const struct suspension_end *end, uint64_t seq, uint64_t received_at,
                              uint64_t *letters)
{
    *letters = end->kept;
    return end->kept_seq ? seq < end->kept_seq : received_at < end->kept_at;
}

static struct slice row_name(struct slice account, struct arena *arena)
{
    return arena_printf(arena, "released/%.*s", SLICE_ARG(account));
}

bool suspension_end_of(struct keeper *k, struct slice account, struct arena *arena,
                       struct suspension_end *out, struct error *e)
{
    struct slice value = SLICE_NONE;
    struct ledger_head head;
    bool found = false;

    *out = (struct suspension_end){.at = 0};
    if (!state_value_get(k->state, row_name(account, arena), arena, &value, &found, e) ||
        (found && !cbor_read(value, &suspension_end_schema, arena, out, e))) {
        return false;
    }
    ledger_head(k->ledger, &head);
    suspension_end_settle(out, head.size);
    return true;
}

static bool record(struct keeper *k, const struct suspension_record *ended, struct ledger_ref *ref,
                   struct error *e)
{
    OWN(buf) struct buf body = {.max = RECORD_MAX};

    cbor_write(&body, &suspension_record_schema, ended);
    const struct ledger_record r = {RECORD_SUSPENSION, buf_slice(&body)};
    return body.full ? error_set(e, ERROR_LIMIT, "the end of a suspension does not fit: say less")
                     : keeper_record(k, LEDGER_AWAITED, &r, 1, ref, e);
}

bool suspension_end_record(struct keeper *k, const struct suspension_record *ended,
                           struct arena *arena, struct suspension_end *out, struct error *e)
{
    OWN(buf) struct buf value = {.max = STATE_VALUE_MAX};
    struct ledger_ref ref = {.seq = 0};

    if (!suspension_end_of(k, ended->account, arena, out, e) || !record(k, ended, &ref, e)) {
        return false;
    }
    suspension_end_next(out, ended, ref.seq);
    cbor_write(&value, &suspension_end_schema, out);
    return state_value_put(k->state, row_name(ended->account, arena), buf_slice(&value), e);
}
