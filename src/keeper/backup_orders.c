/* What people order of backups, and what they are shown. */
#include <stdio.h>

#include "keeper/admin.h"
#include "keeper/backup_state.h"
#include "keeper/backups.h"
#include "keeper/handlers.h"
#include "keeper/internal.h"

bool keeper_on_backup_order(void *ctx, struct ipc_request *r, struct error *e)
{
    static const char *const verbs[] = {
        [BACKUP_RUN] = "backup now", [BACKUP_TRY] = "backup try", [BACKUP_LOOK] = "backup verify"};
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct backups *b = admin->keeper->backups;
    const struct backup_order_ask *ask = r->ask;
    struct backup_order_answer *answer = r->answer;
    struct ledger_head head;

    if (backups_settings(b)->target.len == 0) {
        return error_set(e, ERROR_CONFIG, "`backup-target` is not set: there is no place for it");
    }
    if (ask->order == BACKUP_NOTHING) {
        return error_set(e, ERROR_INPUT, "nothing was ordered");
    }
    if (!keeper_admin_record(admin, verbs[ask->order], SLICE_NONE, ask->reason, e)) {
        return false;
    }
    ledger_head(b->k->ledger, &head);
    answer->records = head.size;
    (void)pthread_mutex_lock(&b->lock);
    b->hurried = ask->order;
    (void)snprintf(b->by, sizeof(b->by), "%.*s", SLICE_ARG(admin->caller.by));
    answer->reports = b->reports;
    answer->life = (uint64_t)b->k->started_at;
    (void)pthread_mutex_unlock(&b->lock);
    return true;
}

bool keeper_on_backups(void *ctx, struct ipc_request *r, struct error *e)
{
    struct backups *b = keeper_admin_of(ctx, r)->keeper->backups;
    struct backups_answer *answer = r->answer;
    OWN(buf) struct buf text = {.max = BACKUP_STORY_MAX};
    struct backup_story s;

    (void)pthread_mutex_lock(&b->lock);
    cbor_write(&text, &backup_story_schema, &b->story);
    *answer = (struct backups_answer){
        .reports = b->reports, .busy = b->busy, .life = (uint64_t)b->k->started_at};
    (void)pthread_mutex_unlock(&b->lock);
    if (!cbor_read(arena_copy(r->arena, buf_slice(&text)), &backup_story_schema, r->arena, &s, e)) {
        return false;
    }
    answer->place = backups_settings(b)->target;
    answer->keep_ms = (uint64_t)backups_settings(b)->keep_ms;
    answer->oldest_at = s.oldest_at;
    answer->left = backups_left(b, r->arena, &answer->more_left);
    answer->lines = s.lines;
    return true;
}
