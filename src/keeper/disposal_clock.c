/* The time that disposals believe: kept in the state, so that a restart does not begin anew. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/admin.h"
#include "keeper/disposal.h"
#include "keeper/internal.h"
#include "requests/disposal.h"

#define CLOCK_NAME "disposal/clock"
#define KEEP_MS    60000

bool disposal_clock_open(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = STATE_VALUE_MAX * 2};
    struct catalog_counts counts;
    struct slice value;
    uint64_t kept = 0;
    bool found = false;

    if (!state_value_get(k->state, SLICE(CLOCK_NAME), &arena, &value, &found, e) ||
        !catalog_counts(k->tail.catalog, &counts, e)) {
        return false;
    }
    if (found && !slice_decimal(value, INT64_MAX, &kept)) {
        kept = 0;
    }
    trusted_clock_begin(&k->approvals.clock, (int64_t)kept, !found && counts.letters == 0,
                        clock_wall_ms(), clock_steady_ms());
    return true;
}

void disposal_clock_keep(struct keeper *k)
{
    char text[24];
    struct error e;

    (void)pthread_mutex_lock(&k->approvals.lock);
    (void)snprintf(text, sizeof(text), "%lld", (long long)k->approvals.clock.at);
    (void)pthread_mutex_unlock(&k->approvals.lock);
    if (!state_value_put(k->state, SLICE(CLOCK_NAME), slice_text(text), &e)) {
        log_event(LOG_WARNING, "disposal.clock", LOG_TEXT("reason", e.text));
    }
}

void disposal_clock_step(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->approvals.lock);
    trusted_clock_step(&k->approvals.clock, clock_wall_ms(), clock_steady_ms());
    (void)pthread_mutex_unlock(&k->approvals.lock);
    if (clock_steady_ms() >= k->approvals.kept_at + KEEP_MS) {
        k->approvals.kept_at = clock_steady_ms();
        disposal_clock_keep(k);
    }
}

struct trusted_clock disposal_clock_now(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->approvals.lock);
    struct trusted_clock clock = k->approvals.clock;
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return clock;
}

bool disposal_clock_believed(const struct trusted_clock *clock, struct error *e)
{
    return !clock->doubted ||
           error_set(e, ERROR_BUSY,
                     "the clock went further than time did, or nothing ran for more than a day: "
                     "when it is right, an officer says `postern disposal clock --reason TEXT`");
}

bool keeper_on_disposal_clock(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct disposal_clock_ask *ask = r->ask;
    char now[CLOCK_TEXT_MAX];

    clock_rfc3339(clock_wall_ms(), now);
    if (slice_trim(ask->reason).len == 0) {
        return error_set(e, ERROR_INPUT, "give --reason TEXT: how you know that it is %s", now);
    }
    if (!keeper_admin_record(keeper_admin_of(ctx, r), "disposal clock", slice_text(now),
                             ask->reason, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&k->approvals.lock);
    trusted_clock_confirm(&k->approvals.clock, clock_wall_ms(), clock_steady_ms());
    (void)pthread_mutex_unlock(&k->approvals.lock);
    disposal_clock_keep(k);
    return true;
}
