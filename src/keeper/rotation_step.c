#include "keeper/rotation_step.h"

static bool has_passed(uint64_t since, uint64_t ms, uint64_t now)
{
    return now >= since && now - since >= ms;
}

static enum rotation_act step_publish(const struct dkim_rotation *r, const struct rotation_times *t,
                                      uint64_t now, bool published)
{
    if (!published) {
        if (r->seen_since) {
            return ROTATION_LOST;
        }
        return has_passed(r->told_at, t->remind_ms, now) ? ROTATION_REMIND : ROTATION_REST;
    }
    if (r->seen_since == 0) {
        return ROTATION_SEEN;
    }
    return has_passed(r->seen_since, t->seen_ms, now) ? ROTATION_SWITCH : ROTATION_REST;
}

enum rotation_act rotation_step(const struct dkim_rotation *r, const struct rotation_times *t,
                                uint64_t now, bool published)
{
    switch (r->phase) {
    case ROTATION_PUBLISH:
        return step_publish(r, t, now, published);
    case ROTATION_RETIRE:
        return has_passed(r->since, t->retire_ms, now) ? ROTATION_DESTROY : ROTATION_REST;
    default:
        return t->every_ms && t->made_at && has_passed(t->made_at, t->every_ms, now)
                   ? ROTATION_BEGIN
                   : ROTATION_REST;
    }
}

uint64_t rotation_pause_ms(unsigned failures)
{
    const uint64_t minute = 60000;

    return failures < 2 ? 10 * minute : failures == 2 ? 60 * minute : 24 * 60 * minute;
}
