/* When no further recipient or host can become known. */
#include <stdio.h>

#include "base/log.h"

#include "keeper/guard_state.h"
#include "keeper/internal.h"

static bool became_full(const struct set *s, bool *told)
{
    bool full = s->max && s->count >= s->max;
    bool news = full && !*told;

    *told = *told || full;
    return news;
}

void guard_became_full(struct guard *g, bool *known, bool *links)
{
    (void)pthread_mutex_lock(&g->lock);
    *known = became_full(&g->known, &g->known_told);
    *links = became_full(&g->links, &g->links_told);
    (void)pthread_mutex_unlock(&g->lock);
}

void guard_known(struct keeper *k, uint64_t *recipients, uint64_t *links)
{
    (void)pthread_mutex_lock(&k->guard->lock);
    *recipients = k->guard->known.count;
    *links = k->guard->links.count;
    (void)pthread_mutex_unlock(&k->guard->lock);
}

static void tell(struct keeper *k, const char *what, uint64_t most, const char *then)
{
    char sentence[ERROR_TEXT_MAX];

    (void)snprintf(sentence, sizeof(sentence),
                   "%llu %s are known, which is as many as are remembered: further ones %s",
                   (unsigned long long)most, what, then);
    log_event(LOG_WARNING, "guard.full", LOG_TEXT("of", what), LOG_NUMBER("most", most));
    keeper_alert(k, "guard-full", sentence);
}

void guard_watch(struct keeper *k)
{
    bool known = false;
    bool links = false;

    guard_became_full(k->guard, &known, &links);
    if (known) {
        tell(k, "recipients and networks", GUARD_KNOWN_MAX,
             "count as first-time each time, so that limits of first-time recipients are reached "
             "sooner and accounts look stolen sooner; raise these limits");
    }
    if (links) {
        tell(k, "hosts of links", GUARD_LINKS_MAX,
             "are no sign any more that an account is stolen");
    }
}
