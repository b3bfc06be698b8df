#include "processes/auth_end_point.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/log.h"

#include "host/tls.h"

struct end_point {
    size_t len; /* 0: none */
    uint8_t bytes[TLS_END_POINT_MAX];
};

struct end_points {
    pthread_mutex_t lock;
    struct end_point known[END_POINTS]; /* guarded by lock, as the next; newest first */
};

struct end_points *end_points_new(void)
{
    struct end_points *p = calloc(1, sizeof(*p));

    if (!p) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&p->lock, NULL);
    return p;
}

void end_points_free(struct end_points *p)
{
    if (p) {
        (void)pthread_mutex_destroy(&p->lock);
        free(p);
    }
}

static struct slice slice_of_point(const struct end_point *point)
{
    return slice_of(point->bytes, point->len);
}

/* Under the lock. */
static bool is_known(const struct end_points *p, struct slice binding)
{
    bool known = false;

    for (size_t i = 0; i < END_POINTS; i++) {
        known = known || (p->known[i].len && slice_equal(binding, slice_of_point(&p->known[i])));
    }
    return known;
}

void end_points_note(struct end_points *p, struct slice certificate)
{
    struct end_point now = {0};
    struct error e;

    if (!tls_end_point(certificate, now.bytes, &now.len, &e)) {
        log_event(LOG_WARNING, "auth.no_end_point", LOG_TEXT("reason", e.text));
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    if (!is_known(p, slice_of_point(&now))) {
        (void)memmove(&p->known[1], &p->known[0], (END_POINTS - 1) * sizeof(now));
        p->known[0] = now;
    }
    (void)pthread_mutex_unlock(&p->lock);
}

bool end_points_know(struct end_points *p, struct slice binding)
{
    (void)pthread_mutex_lock(&p->lock);
    bool known = is_known(p, binding);
    (void)pthread_mutex_unlock(&p->lock);
    return known;
}
