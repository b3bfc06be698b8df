#include "keeper/admin.h"

#include <unistd.h>

#include "base/log.h"

#include "keeper/internal.h"
#include "ledger/checkpoint.h"

struct keeper_admin *keeper_admin_of(struct keeper *k, const struct ipc_request *r)
{
    struct keeper_admin *admin = r->caller;

    if (!admin || admin->keeper != k) {
        arena_panic("a request came past the gate");
    }
    return admin;
}

bool keeper_admin_act(struct keeper_admin *admin, struct act *act, struct error *e)
{
    act->by = admin->caller.by;
    act->at = admin->caller.at;
    act->role = admin->role;
    log_event(LOG_INFO, "admin.act", LOG_SLICE("verb", act->verb),
              LOG_SLICE("by", admin->caller.at));
    return keeper_record_one(admin->keeper, LEDGER_AWAITED, RECORD_ADMIN, &act_schema, act, e);
}

bool keeper_admin_record(struct keeper_admin *admin, const char *verb, struct slice object,
                         struct slice reason, struct error *e)
{
    struct act act = {.verb = slice_text(verb), .object = object, .reason = reason};

    return keeper_admin_act(admin, &act, e);
}

bool keeper_on_dkim_new(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct signer_new_ask *ask = r->ask;
    struct slice object = arena_printf(r->arena, "%.*s._domainkey.%.*s", SLICE_ARG(ask->name),
                                       SLICE_ARG(ask->domain));

    if (ask->kind != KEY_DKIM_RSA && ask->kind != KEY_DKIM_ED25519) {
        return error_set(e, ERROR_INPUT, "only DKIM keys are made here");
    }
    if (!keeper_admin_record(admin, "dkim new", object, SLICE_NONE, e) ||
        !ipc_call(admin->keeper->options.signer, &signer_new_key, ask, -1, r->answer, NULL,
                  r->arena, KEEPER_KEYGEN_MS, e)) {
        return false;
    }
    keeper_keys_changed(admin->keeper);
    return true;
}

bool keeper_on_dkim_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);

    return ipc_call(admin->keeper->options.signer, &signer_list, NULL, -1, r->answer, NULL,
                    r->arena, KEEPER_ASK_MS, e);
}

/* Rows gathered under the queue's lock. */
struct listing {
    struct arena *arena;
    struct admin_queue_row *rows;
    size_t count;
    size_t room;
};

/* A busy entry is another thread's, but for what never changes. */
static void list_entry(void *context, const struct queue_entry *entry)
{
    struct listing *l = context;

    if (l->count < l->room) {
        struct admin_queue_row *row = &l->rows[l->count];
        *row = (struct admin_queue_row){
            .id = arena_copy(l->arena, letter_id_slice(&entry->parcel->id)),
            .domain = arena_copy(l->arena, entry->domain),
            .state = ADMIN_SENDING,
            .queued_at = entry->queued_at};
        if (!entry->busy) {
            row->recipients = entry->n_pending;
            row->state = entry->job     ? ADMIN_SENDING
                         : entry->waits ? ADMIN_NEEDS_APPROVAL
                                        : entry->state;
            row->attempt = entry->attempt;
            row->next_at = entry->next_at;
            row->reason = letter_text(l->arena, entry->reason, 900);
        }
    }
    l->count++;
}

#define QUEUE_ROWS_MAX 10000 /* listed at once; `total` tells how many there are */

bool keeper_on_queue_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct admin_queue *answer = r->answer;
    struct listing l = {.arena = r->arena, .room = QUEUE_ROWS_MAX};

    (void)e;
    l.rows = arena_array(r->arena, l.room, sizeof(*l.rows));
    queue_each(admin->keeper->queue, list_entry, &l);
    answer->rows = (struct cbor_list){l.rows, l.count < l.room ? l.count : l.room};
    answer->total = l.count;
    return true;
}

bool keeper_on_checkpoint(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct checkpoint_record *answer = r->answer;

    if (!keeper_checkpoint(admin->keeper, r->arena, &answer->note, e) ||
        !keeper_anchor(admin->keeper, answer->note, r->arena, e)) {
        return false;
    }
    anchors_hurry(admin->keeper->anchors);
    return true;
}

bool keeper_on_anchored(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct checkpoint_record *ask = r->ask;
    struct checkpoint c;

    if (ask->kind != ANCHOR_FILE || ask->anchored_to.len == 0 || ask->token.len ||
        ask->letter.len) {
        return error_set(e, ERROR_INPUT, "only files are anchored from outside");
    }
    if (!checkpoint_read(ask->note, &c, e) ||
        !keeper_record_one(admin->keeper, LEDGER_PATIENT, RECORD_CHECKPOINT, &checkpoint_schema,
                           ask, e)) {
        return false;
    }
    anchors_done(admin->keeper->anchors, ANCHOR_FILE, c.size);
    return true;
}

bool keeper_on_rebuild(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    struct admin_done *answer = r->answer;
    struct ledger_head head;

    if (!keeper_admin_record(admin, "catalog rebuild", SLICE_NONE, SLICE_NONE, e)) {
        return false;
    }
    ledger_head(k->ledger, &head);
    tail_rebuild(k);
    answer->count = head.size;
    return retention_renew(k, e) && indexer_rebuild(k, head.size, e); /* from the catalog */
}

bool keeper_on_backup(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    struct admin_backup_answer *answer = r->answer;
    struct ledger_head head;

    if (!keeper_admin_record(admin, "backup", SLICE_NONE, SLICE_NONE, e) ||
        !keeper_checkpoint(k, r->arena, &answer->note, e)) {
        return false;
    }
    answer->state = arena_printf(r->arena, "%s.backup", k->options.state_path);
    const char *path = arena_text(r->arena, answer->state);
    (void)unlink(path);
    if (!state_backup(k->state, path, e)) {
        return false;
    }
    ledger_head(k->ledger, &head); /* after the state: it may know more than the state, not less */
    answer->ledger_size = head.size;
    answer->segment = head.segment;
    answer->segment_bytes = head.offset;
    return true;
}
