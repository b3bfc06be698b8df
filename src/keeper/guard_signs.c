/* Signs that no letter brings along: an account is judged when it is seen, and not by the next letter. */
#include "base/clock.h"
#include "base/log.h"

#include "keeper/guard_state.h"
#include "keeper/internal.h"
#include "keeper/suspend.h"

/* What its own limits allow beyond those of all; NULL: nothing. */
static const struct limits *raised(struct keeper *k, const struct guarded *x, int64_t now_ms,
                                   struct limits *out)
{
    const struct limits all = guard_limits(k, &x->own, 0, now_ms);

    if (x->lately_until <= (uint64_t)now_ms) {
        return NULL;
    }
    for (unsigned w = 0; w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            uint64_t own = x->lately.most[w][m];
            out->most[w][m] = own > all.most[w][m] ? own : 0;
        }
    }
    return out;
}

void guard_judge(struct keeper *k, struct guarded *x, int64_t now_ms, struct signs_verdict *verdict)
{
    struct limits own = {0};

    signs_judge(&x->signs, &x->count, raised(k, x, now_ms, &own), now_ms, verdict);
}

bool guard_tips(struct keeper *k, struct guarded *x, int64_t now_ms, struct signs_verdict *verdict)
{
    uint64_t score = k->options.settings(k->options.context)->limits.suspend_score;

    guard_judge(k, x, now_ms, verdict);
    bool tips = !x->closed && score && verdict->sum - verdict->large >= score;
    x->closed = x->closed || tips;
    return tips;
}

bool guard_know(struct keeper *k, struct slice account, uint64_t number, struct arena *arena)
{
    struct error e;
    bool known = guard_know_own(k, account, number, arena, &e);

    if (!known) {
        log_event(LOG_ERROR, "limits.unknown", LOG_TEXT("reason", e.text));
    }
    return known;
}

void guard_sign_in_failed(struct keeper *k, struct slice account)
{
    struct guard *g = k->guard;

    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = guard_account(g, guard_number(k, account));
    limits_note(&x->count, LIMITS_FAILURES, 1, clock_wall_ms());
    (void)pthread_mutex_unlock(&g->lock);
}

/* Whether a status says that there is no such recipient (RFC 3463 section 3.2); 5.1.7 and 5.1.8 are about the sender, and
 * nobody cancels an address with these. */
static bool is_no_recipient(struct slice enhanced)
{
    return slice_equal(enhanced, SLICE("5.1.1")) || slice_equal(enhanced, SLICE("5.1.2")) ||
           slice_equal(enhanced, SLICE("5.1.3")) || slice_equal(enhanced, SLICE("5.1.6")) ||
           slice_equal(enhanced, SLICE("5.1.10"));
}

uint64_t guard_bounces_of(const struct outcome *outcome)
{
    const struct recipient_outcome *all = outcome->recipients.items;
    uint64_t n = 0;

    for (size_t i = 0; i < outcome->recipients.count; i++) {
        n += all[i].status == DELIVERY_FAILED && is_no_recipient(all[i].enhanced);
    }
    return n;
}

void guard_bounced(struct keeper *k, const struct facts *f, uint64_t recipients,
                   struct arena *arena)
{
    struct guard *g = k->guard;
    uint64_t number = guard_number(k, f->account);
    int64_t now_ms = clock_wall_ms();
    struct signs_verdict verdict = {0};

    bool known = guard_know(k, f->account, number, arena);
    (void)pthread_mutex_lock(&g->lock);
    struct guarded *x = guard_account(g, number);
    limits_note(&x->count, LIMITS_BOUNCES, recipients, now_ms);
    bool stolen = known && guard_tips(k, x, now_ms, &verdict);
    (void)pthread_mutex_unlock(&g->lock);
    if (stolen) {
        suspension_by_signs(k, f->account, f->client, &verdict, arena);
    }
}
