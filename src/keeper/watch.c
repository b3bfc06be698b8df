/* What is done from time to time: signing the tree's head, looking at the clock and the disk. Its
 * own times are the steady clock's: a wall clock that was set back must not stop the checkpoints. */
#include "keeper/watch.h"

#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/backups.h"
#include "keeper/decoys.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keeper/secrets.h"
#include "keeper/smime_watch.h"

#define LOOK_EVERY_US 500000

int64_t watch_clock(struct watch *w, int64_t wall_ms, int64_t steady_ms)
{
    int64_t ahead = wall_ms - steady_ms;
    int64_t jump = w->begun ? ahead - w->ahead_ms : 0;

    w->begun = true;
    w->ahead_ms = ahead;
    return jump >= WATCH_JUMP_MS || jump <= -WATCH_JUMP_MS ? jump : 0;
}

bool watch_disk(struct watch *w, uint64_t free_bytes, uint64_t warning_bytes)
{
    bool low = free_bytes < warning_bytes;
    bool fell = low && !w->disk_low;

    w->disk_low = low;
    return fell;
}

static void look(struct keeper *k, struct watch *w, const struct settings *s)
{
    int64_t jump = watch_clock(w, clock_wall_ms(), clock_steady_ms());
    char sentence[ERROR_TEXT_MAX];
    struct statvfs disk;

    if (jump) {
        (void)snprintf(sentence, sizeof(sentence), "The clock jumped %s by %lld seconds",
                       jump > 0 ? "forwards" : "backwards",
                       (long long)((jump > 0 ? jump : -jump) / 1000));
        keeper_alert(k, "clock-jump", sentence);
    }
    if (statvfs(k->options.ledger_path, &disk) != 0) {
        return;
    }
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (watch_disk(w, free_bytes, s->archive.disk_warning)) {
        (void)snprintf(sentence, sizeof(sentence),
                       "The data directory's disk has %llu MiB free, less than `disk-warning`; "
                       "below `disk-watermark` no letter is accepted",
                       (unsigned long long)(free_bytes >> 20));
        keeper_alert(k, "disk-warning", sentence);
    }
}

/* When the tree's head is due to be signed, and what was signed last. */
struct signing_plan {
    int64_t signed_at; /* steady clock; 0: not yet */
    uint64_t size;
};

/* Nothing is signed twice: without a new record there is nothing new to say. */
static void sign_when_due(struct keeper *k, struct signing_plan *plan, const struct settings *s)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    int64_t now = clock_steady_ms();
    struct ledger_head head;
    struct slice note;
    struct error e;

    ledger_head(k->ledger, &head);
    bool due = !plan->signed_at || now >= plan->signed_at + s->archive.checkpoint_interval_ms;
    if (!due || head.size == plan->size) {
        return;
    }
    plan->signed_at = now; /* also when it fails: not again at once */
    if (!keeper_checkpoint(k, &arena, &note, &e)) {
        log_event(LOG_WARNING, "ledger.checkpoint_failed", LOG_TEXT("reason", e.text));
        return;
    }
    ledger_head(k->ledger, &head); /* with the checkpoint's own record */
    plan->size = head.size;
}

void keeper_watch(void *keeper)
{
    struct keeper *k = keeper;
    struct signing_plan plan = {0};
    struct watch w = {0};

    while (!atomic_load(&k->closing)) {
        const struct settings *s = k->options.settings(k->options.context);
        look(k, &w, s);
        backups_look(k->backups);
        decoys_look(k);
        policies_watch(k);
        guard_watch(k);
        smime_watch(k);
        secrets_watch(k);
        ledger_set_reserve(k->ledger, s->archive.disk_watermark);
        (void)usleep(LOOK_EVERY_US);
        sign_when_due(k, &plan, s);
    }
}
