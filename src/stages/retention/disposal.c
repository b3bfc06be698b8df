#include "stages/retention/disposal.h"

#define SLEW 100 /* a clock that is corrected may be so much faster: one in a hundred */

void trusted_clock_begin(struct trusted_clock *c, int64_t kept, bool fresh, int64_t wall,
                         int64_t steady)
{
    *c = (struct trusted_clock){.at = kept, .steady = steady};
    if (kept <= 0) {
        c->at = fresh ? wall : 0;
        c->doubted = !fresh;
        return;
    }
    c->doubted = wall - kept > TRUSTED_JUMP_MS;
    if (!c->doubted && wall > kept) {
        c->at = wall;
    }
}

void trusted_clock_step(struct trusted_clock *c, int64_t wall, int64_t steady)
{
    int64_t passed = steady > c->steady ? steady - c->steady : 0;
    int64_t most = c->at + passed + passed / SLEW;

    c->steady = steady;
    c->doubted = c->doubted || wall - most > TRUSTED_JUMP_MS;
    if (wall > c->at) {
        c->at = wall < most ? wall : most;
    }
}

void trusted_clock_confirm(struct trusted_clock *c, int64_t wall, int64_t steady)
{
    *c = (struct trusted_clock){.at = wall, .steady = steady};
}

int64_t trusted_clock_now(const struct trusted_clock *c, int64_t wall)
{
    return wall < c->at ? wall : c->at;
}

enum disposal_verdict disposal_judge(const struct disposal_order *order,
                                     const struct trusted_clock *clock, int64_t wall,
                                     const struct disposal_letter *letter)
{
    int64_t now = trusted_clock_now(clock, wall);

    if (letter->seq >= order->head) {
        return DISPOSAL_UNASKED;
    }
    if (clock->doubted || now <= 0) {
        return DISPOSAL_DOUBT;
    }
    if (!letter->ruled) {
        return DISPOSAL_UNRULED;
    }
    if (letter->until == 0 || letter->until > order->before || letter->until > (uint64_t)now) {
        return DISPOSAL_KEPT;
    }
    return letter->held ? DISPOSAL_HELD : letter->at_rest ? DISPOSAL_DESTROY : DISPOSAL_BUSY;
}
