/* Old segments become packs, one after the other, in the background. What is recorded meanwhile does not
 * wait: ledger/packing.c holds no lock of the ledger's while it reads and writes. */
#include "keeper/packing.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "host/thread.h"
#include "keeper/internal.h"
#include "keeper/reseals.h"

#define LOOK_EVERY_US  500000
#define NOTHING_MS     1000 /* until the next look when there is nothing to do */
#define FIRST_PAUSE_MS 1000 /* after a failure; doubled with each further one */
#define LAST_PAUSE_MS  (INT64_C(30) * 60 * 1000)
#define PACK_RECORDS   2                           /* the pack's, and its commit */
#define ROLL_RECORDS   4                           /* an end and a start, and theirs */
#define PATIENCE_MS    (INT64_C(24) * 3600 * 1000) /* a backup or a busy disk may take so long */

/* Times are the steady clock's. */
struct packing {
    int64_t begun_at; /* the segment that is written */
    int64_t next_at;
    int64_t pause_ms;
    int64_t failing_at; /* since then; 0: it does not */
    uint64_t own;       /* records that were made here */
    uint64_t others;    /* those of everybody else when that segment began */
};

static uint64_t count_others(struct keeper *k, const struct packing *p)
{
    struct ledger_head head;

    ledger_head(k->ledger, &head);
    return head.size - p->own;
}

static void succeeded(struct packing *p, uint64_t records)
{
    p->own += records;
    p->pause_ms = p->failing_at = 0;
}

static void failed(struct keeper *k, struct packing *p, const struct error *why)
{
    int64_t now = clock_steady_ms();

    p->failing_at = p->failing_at ? p->failing_at : now;
    p->pause_ms = p->pause_ms == 0                  ? FIRST_PAUSE_MS
                  : p->pause_ms * 2 < LAST_PAUSE_MS ? p->pause_ms * 2
                                                    : LAST_PAUSE_MS;
    p->next_at = now + p->pause_ms;
    log_event(LOG_WARNING, "ledger.unpacked", LOG_TEXT("reason", why->text));
    if (why->kind != ERROR_BUSY || now - p->failing_at >= PATIENCE_MS) {
        keeper_alert(k, "packing-failed", why->text);
    }
}

/* A segment that is never full would never be packed. One in which nothing is but the records of packs
 * is left: ending it would make the next like it. */
static bool roll_if_old(struct keeper *k, struct packing *p, int64_t age_ms, struct error *e)
{
    int64_t now = clock_steady_ms();

    if (now - p->begun_at < age_ms || count_others(k, p) <= p->others) {
        return true;
    }
    if (!ledger_roll(k->ledger, e)) {
        return false;
    }
    succeeded(p, ROLL_RECORDS);
    p->begun_at = now;
    p->others = count_others(k, p);
    return true;
}

static void look(struct keeper *k, struct packing *p, int64_t age_ms)
{
    struct error e = {0};
    struct ledger_head head;
    bool packed = false;

    if (!roll_if_old(k, p, age_ms, &e) ||
        !ledger_pack(k->ledger, clock_wall_ms() - age_ms, &packed, &e)) {
        failed(k, p, &e);
    } else if (packed) {
        succeeded(p, PACK_RECORDS);
        tail_wake(k);
        ledger_head(k->ledger, &head);
        log_event(LOG_INFO, "ledger.packed", LOG_NUMBER("bytes", (int64_t)head.stored_bytes));
    } else {
        p->next_at = clock_steady_ms() + NOTHING_MS;
    }
}

void keeper_pack(void *keeper)
{
    struct keeper *k = keeper;
    struct reseals resealing = {.next_at = 0};
    uint64_t records = 0;
    struct packing p = {.begun_at = clock_steady_ms()};

    thread_background();
    p.others = count_others(k, &p);
    while (!atomic_load(&k->closing)) {
        const struct settings *s = k->options.settings(k->options.context);
        if (s->archive.pack_after_ms && clock_steady_ms() >= p.next_at) {
            look(k, &p, s->archive.pack_after_ms);
        }
        reseals_step(k, &resealing, &records);
        p.own += records;
        (void)usleep(LOOK_EVERY_US);
    }
}
