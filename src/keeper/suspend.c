#include "keeper/suspend.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/guard.h"
#include "keeper/internal.h"

#define WHY_HELD "its sender is suspended: `postern account show`"

static struct slice state_name(struct slice account, struct arena *arena)
{
    return arena_printf(arena, "suspended/%.*s", SLICE_ARG(account));
}

bool suspension_of(struct keeper *k, struct slice account, struct arena *arena,
                   struct suspension_record *out, bool *found, struct error *e)
{
    struct slice value = SLICE_NONE;

    return state_value_get(k->state, state_name(account, arena), arena, &value, found, e) &&
           (!*found || cbor_read(value, &suspension_record_schema, arena, out, e));
}

/* In the queue first, then in the ledger: an offender must not win the race against the disk. */
static void hold_letter(struct keeper *k, const struct letter_id *id)
{
    struct order order = {.id = letter_id_slice(id),
                          .kind = ORDER_HOLD,
                          .by = SLICE("postern"),
                          .reason = SLICE(WHY_HELD)};
    uint64_t later = 0;
    struct error e;

    if (queue_order(k->queue, id, 0, QUEUE_HELD, 0, &later) + later &&
        !keeper_record_one(k, LEDGER_PATIENT, RECORD_ORDER, &order_schema, &order, &e)) {
        log_event(LOG_ERROR, "queue.not_recorded", LOG_TEXT("reason", e.text));
    }
}

static void hold_letters(struct keeper *k, struct slice ids)
{
    struct letter_id id;

    for (; ids.len >= LETTER_ID_LEN; ids = slice_from(ids, LETTER_ID_LEN)) {
        if (letter_id_from(slice_head(ids, LETTER_ID_LEN), &id)) {
            hold_letter(k, &id);
        }
    }
}

static bool keep(struct keeper *k, const struct suspension_record *r, struct arena *arena,
                 struct error *e)
{
    OWN(buf) struct buf value = {.max = STATE_VALUE_MAX};

    cbor_write(&value, &suspension_record_schema, r);
    return state_value_put(k->state, state_name(r->account, arena), buf_slice(&value), e);
}

static void tell(struct keeper *k, const struct suspension_record *r)
{
    char sentence[ERROR_TEXT_MAX];

    (void)snprintf(sentence, sizeof(sentence),
                   "%.*s sends no more: %.*s. Its sessions are ended, its letters of the last hour "
                   "held. See `postern account show`, then "
                   "`postern account release`",
                   SLICE_ARG(r->account), SLICE_ARG(slice_head(r->reason, 250)));
    log_event(LOG_WARNING, "account.suspended", LOG_NUMBER("points", r->points));
    keeper_alert(k, "account-suspended", sentence);
}

bool suspension_begin(struct keeper *k, struct suspension_record *r, struct arena *arena,
                      struct error *e)
{
    r->state = SUSPENSION_BEGUN;
    r->at = (uint64_t)clock_wall_ms();
    r->letters = guard_close(k, r->account, arena);
    sessions_end_account(k->sessions, r->account);
    hold_letters(k, r->letters);
    bool kept =
        keeper_record_one(k, LEDGER_AWAITED, RECORD_SUSPENSION, &suspension_record_schema, r, e) &&
        keep(k, r, arena, e);
    tell(k, r);
    return kept;
}

void suspension_by_signs(struct keeper *k, const struct facts *f,
                         const struct signs_verdict *verdict, struct arena *arena)
{
    struct suspension_sign *signs = arena_array(arena, SIGNS, sizeof(*signs));
    OWN(buf) struct buf reason = {.max = 3000};
    struct suspension_record r = {.account = f->account,
                                  .points = verdict->sum,
                                  .version = SIGNS_VERSION,
                                  .client = f->client};
    struct error e;
    size_t n = 0;

    for (size_t i = 0; i < SIGNS; i++) {
        if (verdict->points[i]) {
            signs[n++] = (struct suspension_sign){slice_text(signs_table[i].name),
                                                  verdict->value[i], verdict->points[i]};
        }
    }
    signs_sentence(verdict, &reason);
    r.signs = (struct cbor_list){signs, n};
    r.reason = buf_slice(&reason);
    if (!suspension_begin(k, &r, arena, &e)) {
        log_event(LOG_ERROR, "account.not_suspended", LOG_TEXT("reason", e.text));
    }
}

void suspension_hold(struct keeper *k, const struct facts *f, struct arena *arena,
                     struct decision *d)
{
    struct ruling *rulings = d->rulings.items;

    if (f->account.len == 0 || !guard_is_closed(k, f->account, arena)) {
        return;
    }
    for (size_t i = 0; i < d->rulings.count; i++) {
        rulings[i].hold = true;
        rulings[i].reason = SLICE(WHY_HELD);
    }
}

void suspension_hold_queued(struct keeper *k, const struct facts *f, const struct letter_id *id,
                            struct arena *arena)
{
    if (f->account.len && guard_is_closed(k, f->account, arena)) {
        hold_letter(k, id);
    }
}
