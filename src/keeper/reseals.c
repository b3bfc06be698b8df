#include "keeper/reseals.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/admin.h"
#include "keeper/internal.h"
#include "requests/reseal.h"

#define VALUE_ORDER    "ledger/reseal" /* made before, last record before, percent that is erased */
#define FIRST_PAUSE_MS 1000
#define LAST_PAUSE_MS  (INT64_C(30) * 60 * 1000)
#define NOTHING_MS     1000
#define DAY_LAST_MS    INT64_C(253402214400000) /* 9999-12-31 */
#define PACK_RECORDS   2                        /* the pack's, and its commit */

/* Between the control socket, which sets the order in the state, and the thread that removes it. */
static pthread_mutex_t order_lock = PTHREAD_MUTEX_INITIALIZER;

/* ── what a person ordered ── */

static bool read_order(struct slice text, struct ledger_reseal *out)
{
    uint64_t made = 0;
    uint64_t before = 0;
    uint64_t percent = 0;

    bool ok = slice_decimal(slice_cut(text, ' ', &text), INT64_MAX, &made) &&
              slice_decimal(slice_cut(text, ' ', &text), INT64_MAX, &before) &&
              slice_decimal(text, 100, &percent);
    *out = (struct ledger_reseal){.made_before_ms = (int64_t)made,
                                  .before_ms = before ? (int64_t)before : INT64_MIN,
                                  .erased_percent = (unsigned)percent};
    return ok;
}

bool keeper_on_reseal(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct keeper *k = admin->keeper;
    const struct admin_reseal_ask *ask = r->ask;
    uint64_t before = ask->all ? INT64_MAX : ask->before;
    char when[CLOCK_TEXT_MAX];

    clock_rfc3339((int64_t)(ask->before < DAY_LAST_MS ? ask->before : DAY_LAST_MS), when);
    struct slice what = ask->all      ? SLICE("all packs")
                        : ask->before ? arena_printf(r->arena, "packs before %s", when)
                                      : SLICE("packs of which something is erased");

    if (!keeper_admin_record(admin, "ledger reseal", what, SLICE_NONE, e)) {
        return false;
    }
    struct slice text = arena_printf(r->arena, "%lld %llu %u", (long long)clock_wall_ms() + 1,
                                     (unsigned long long)before, before ? 0 : 1);
    (void)pthread_mutex_lock(&order_lock);
    bool ok = state_value_put(k->state, SLICE(VALUE_ORDER), text, e);
    (void)pthread_mutex_unlock(&order_lock);
    return ok;
}

/* Take the order over, if there is another one than before. */
static bool look_for_order(struct keeper *k, struct reseals *r, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct slice text = SLICE_NONE;
    bool found = false;

    if (!state_value_get(k->state, SLICE(VALUE_ORDER), &arena, &text, &found, e)) {
        return false;
    }
    if (!found || slice_equal(text, slice_text(r->text))) {
        return true;
    }
    if (text.len >= sizeof(r->text) || !read_order(text, &r->order)) {
        return error_set(e, ERROR_CORRUPT,
                         "the order to seal packs anew is damaged: give it again");
    }
    (void)memcpy(r->text, text.ptr, text.len);
    r->text[text.len] = '\0';
    return true;
}

static bool order_is_done(struct keeper *k, struct reseals *r, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct slice text = SLICE_NONE;
    bool found = false;

    (void)pthread_mutex_lock(&order_lock);
    bool ok = state_value_get(k->state, SLICE(VALUE_ORDER), &arena, &text, &found, e);
    if (ok && found && slice_equal(text, slice_text(r->text))) {
        ok = state_value_delete(k->state, SLICE(VALUE_ORDER), &found, e);
    }
    (void)pthread_mutex_unlock(&order_lock);
    if (ok) {
        r->text[0] = '\0';
    }
    return ok;
}

/* ── what was erased ── */

/* Enough time after the last erasure, and after the start: whether it is to be looked for what they left. */
static bool own_is_due(struct keeper *k, struct reseals *r, const struct settings *s)
{
    uint64_t erasures = ledger_erasures(k->ledger);
    int64_t now = clock_steady_ms();

    if (!r->changed_at || erasures != r->erasures) {
        r->erasures = erasures;
        r->changed_at = now;
        r->begun = false;
    }
    if (!r->begun && s->archive.reseal_erased &&
        now - r->changed_at >= s->archive.reseal_after_ms) {
        r->begun = true;
        r->own = (struct ledger_reseal){.made_before_ms = INT64_MAX,
                                        .before_ms = INT64_MIN,
                                        .erased_percent = (unsigned)s->archive.reseal_erased};
    }
    return r->begun && !r->own.done && r->own.erased_percent;
}

/* ── one step ── */

/* What is damaged is said, and passed over; all else comes again. */
static void failed(struct keeper *k, struct reseals *r, struct ledger_reseal *order,
                   const struct error *why)
{
    log_event(LOG_WARNING, "ledger.not_resealed", LOG_TEXT("reason", why->text));
    if (why->kind == ERROR_CORRUPT || why->kind == ERROR_CONFIG) {
        keeper_alert(k, "reseal-failed", why->text);
        order->next++;
    }
    r->pause_ms = r->pause_ms == 0                  ? FIRST_PAUSE_MS
                  : r->pause_ms * 2 < LAST_PAUSE_MS ? r->pause_ms * 2
                                                    : LAST_PAUSE_MS;
    r->next_at = clock_steady_ms() + r->pause_ms;
}

static void make_next(struct keeper *k, struct reseals *r, struct ledger_reseal *order,
                      uint64_t *records)
{
    struct error e = {0};
    struct ledger_head head;
    bool did = false;

    if (!ledger_reseal(k->ledger, order, &did, &e) ||
        (order == &r->order && order->done && !order_is_done(k, r, &e))) {
        failed(k, r, order, &e);
        return;
    }
    r->pause_ms = 0;
    ledger_head(k->ledger, &head);
    atomic_store(&k->reseal_left,
                 order->done || order->next >= head.segment ? 0 : head.segment - order->next);
    if (did) {
        *records += PACK_RECORDS;
        log_event(LOG_INFO, "ledger.resealed", LOG_NUMBER("pack", (int64_t)order->next - 1),
                  LOG_NUMBER("bytes", (int64_t)head.stored_bytes));
        tail_wake(k);
    }
}

void reseals_step(struct keeper *k, struct reseals *r, uint64_t *records)
{
    const struct settings *s = k->options.settings(k->options.context);
    struct error e = {0};

    *records = 0;
    if (clock_steady_ms() < r->next_at) {
        return;
    }
    if (!look_for_order(k, r, &e)) {
        failed(k, r, &r->order, &e);
    } else if (r->text[0]) {
        make_next(k, r, &r->order, records);
    } else if (own_is_due(k, r, s)) {
        make_next(k, r, &r->own, records);
    } else {
        r->next_at = clock_steady_ms() + NOTHING_MS;
    }
}
