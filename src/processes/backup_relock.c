/* Object Lock: a backup shares most objects with those before it, which were locked when they were stored. They are locked
 * for as long as it behind its end, some seconds' worth at a time, so that whatever else is ordered comes between.
 * The keeper remembers how far it came. */
#include "base/clock.h"
#include "base/log.h"

#include "processes/backup.h"
#include "vault/relock.h"

#define SLICE_MS 10000
#define ASK_MS   30000

/* What this process shared itself it knows. The manifest does not say what was there before: after a restart all objects of the
 * backup are locked for longer, those that it stored itself once more, rather than leave one out. */
static bool know_names(struct backup_process *b, uint64_t number, struct error *e)
{
    if (b->locking == number) {
        return true;
    }
    b->locking = 0;
    if (!vault_names_of(&b->vault, number, &b->locks, e)) {
        return false;
    }
    b->locking = number;
    return true;
}

static void take_place(struct slice s, uint8_t out[static VAULT_NAME_LEN])
{
    if (s.len == VAULT_NAME_LEN) {
        (void)memcpy(out, s.ptr, VAULT_NAME_LEN);
    }
}

void backup_relock(struct backup_process *b, const struct backup_next *next, struct arena *arena)
{
    struct vault_round r = {.wrapped = next->lock_wrapped};
    struct error e = {0};

    take_place(next->lock_from, r.from);
    take_place(next->lock_next, r.next);
    bool ok = know_names(b, next->number, &e) &&
              vault_relock(&b->vault, buf_slice(&b->locks), &r, clock_steady_ms() + SLICE_MS, &e);
    const struct backup_locked ask = {.number = next->number,
                                      .from = SLICE_ARRAY(r.from),
                                      .next = SLICE_ARRAY(r.next),
                                      .wrapped = r.wrapped,
                                      .done = r.done,
                                      .reason = ok ? SLICE_NONE : slice_text(e.text)};
    if (!ipc_call(b->keeper, &keeper_backup_locked, &ask, -1, NULL, NULL, arena, ASK_MS, &e)) {
        log_event(LOG_ERROR, "backup.unreported", LOG_TEXT("reason", e.text));
    }
}
