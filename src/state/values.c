/* Small values under names. */
#include "base/arena.h"

#include "state/internal.h"
#include "state/state.h"

bool state_value_get(struct state *s, struct slice name, struct arena *arena, struct slice *value,
                     bool *found, struct error *e)
{
    OWN(buf) struct buf plain = {.max = STORE_VALUE_MAX};
    bool there = false;
    if (!store_get(s->store, STORE_VALUE, name, &plain, &there, e)) {
        return false;
    }
    if (there) {
        *value = arena_copy(arena, buf_slice(&plain));
    }
    *found = there;
    return true;
}

bool state_value_next(struct state *s, uint8_t place[static STATE_PLACE_LEN], struct arena *arena,
                      struct slice *value, bool *found, struct error *e)
{
    OWN(buf) struct buf plain = {.max = STORE_VALUE_MAX};

    if (!store_next(s->store, STORE_VALUE, place, &plain, found, e)) {
        return false;
    }
    if (*found) {
        *value = arena_copy(arena, buf_slice(&plain));
    }
    return true;
}

bool state_value_put(struct state *s, struct slice name, struct slice value, struct error *e)
{
    return store_put(s->store, STORE_VALUE, name, value, e);
}

bool state_values_put(struct state *s, const struct slice *names, const struct slice *values,
                      size_t n, struct error *e)
{
    return store_put_many(s->store, STORE_VALUE, names, values, n, e);
}

bool state_value_delete(struct state *s, struct slice name, bool *found, struct error *e)
{
    return store_delete(s->store, STORE_VALUE, name, found, e);
}
