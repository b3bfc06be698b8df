#include "keeper/suspensions.h"

#include <stdlib.h>

#include "keeper/internal.h"
#include "keeper/suspend.h"

struct suspended_name {
    struct suspended_name *next;
    size_t len;
    uint8_t bytes[];
};

static struct slice name_of(const struct suspended_name *x)
{
    return slice_of(x->bytes, x->len);
}

void suspensions_close(struct suspensions *s)
{
    while (s->first) {
        struct suspended_name *x = s->first;
        s->first = x->next;
        free(x);
    }
    s->count = 0;
}

/* Where it stands, or the end; under the lock. */
static struct suspended_name **find(struct suspensions *s, struct slice account)
{
    struct suspended_name **at = &s->first;

    while (*at && !slice_equal(name_of(*at), account)) {
        at = &(*at)->next;
    }
    return at;
}

void suspensions_add(struct keeper *k, struct slice account)
{
    struct suspensions *s = &k->suspensions;

    (void)pthread_mutex_lock(&s->lock);
    struct suspended_name **at = find(s, account);
    if (!*at) {
        struct suspended_name *x = calloc(1, sizeof(*x) + account.len);
        if (!x) {
            arena_panic("out of memory");
        }
        x->len = account.len;
        if (account.len) {
            (void)memcpy(x->bytes, account.ptr, account.len);
        }
        *at = x;
        /* -fanalyzer: the list holds what *at was set to */
        s->count++;
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static void forget(struct suspensions *s, struct slice account)
{
    (void)pthread_mutex_lock(&s->lock);
    struct suspended_name **at = find(s, account);
    struct suspended_name *x = *at;
    if (x) {
        *at = x->next;
        free(x);
        s->count--;
    }
    (void)pthread_mutex_unlock(&s->lock);
}

bool suspensions_drop(struct keeper *k, struct slice account, struct arena *arena, bool *found,
                      struct error *e)
{
    if (!state_value_delete(k->state, suspension_row(account, arena), found, e)) {
        return false;
    }
    forget(&k->suspensions, account);
    return true;
}

/* Another value may read like one: it counts as one only where it stands in the place of one. */
static bool add_if_one(struct keeper *k, struct slice value, struct arena *arena, struct error *e)
{
    struct suspension_record r;
    struct suspension_record row;
    bool found = false;
    struct error none;

    if (!cbor_read(value, &suspension_record_schema, arena, &r, &none) ||
        r.state != SUSPENSION_BEGUN) {
        return true;
    }
    if (!suspension_of(k, r.account, arena, &row, &found, e)) {
        return false;
    }
    if (found) {
        suspensions_add(k, r.account);
    }
    return true;
}

bool suspensions_read(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    uint8_t place[STATE_PLACE_LEN] = {0};
    bool found = true;

    while (found) {
        struct slice value = SLICE_NONE;
        arena_reset(&arena);
        if (!state_value_next(k->state, place, &arena, &value, &found, e) ||
            (found && !add_if_one(k, value, &arena, e))) {
            return false;
        }
    }
    return true;
}

uint64_t suspensions_count(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->suspensions.lock);
    uint64_t count = k->suspensions.count;
    (void)pthread_mutex_unlock(&k->suspensions.lock);
    return count;
}

size_t suspensions_list(struct keeper *k, struct arena *arena, struct slice **names)
{
    struct suspensions *s = &k->suspensions;
    size_t n = 0;

    (void)pthread_mutex_lock(&s->lock);
    struct slice *out = arena_array(arena, s->count + 1, sizeof(*out));
    for (const struct suspended_name *x = s->first; x; x = x->next) {
        out[n++] = arena_copy(arena, name_of(x));
    }
    (void)pthread_mutex_unlock(&s->lock);
    *names = out;
    return n;
}
