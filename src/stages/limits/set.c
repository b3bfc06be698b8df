#include "stages/limits/set.h"

#include <stdlib.h>

#include "base/arena.h"

#define ROOM_FIRST 64

/* Hashes come in, so their lowest bits spread them; a multiplication helps what does not. */
static size_t place_of(const struct set *s, uint64_t key)
{
    return (size_t)((key * 0x9e3779b97f4a7c15U) >> 20) & (s->room - 1);
}

/* Where the key is, or the free place where it would be. */
static size_t find(const struct set *s, uint64_t key)
{
    size_t at = place_of(s, key);

    while (s->keys[at] && s->keys[at] != key) {
        at = (at + 1) & (s->room - 1);
    }
    return at;
}

static void make(struct set *s, size_t room)
{
    s->room = room;
    s->count = 0;
    s->keys = calloc(room, sizeof(*s->keys));
    s->values = calloc(room, sizeof(*s->values));
    if (!s->keys || !s->values) {
        arena_panic("out of memory");
    }
}

/* Into new memory, without what is below `least`. */
static void move(struct set *s, size_t room, uint32_t least)
{
    struct set old = *s;

    make(s, room);
    for (size_t i = 0; i < old.room; i++) {
        if (old.keys[i] && old.values[i] >= least) {
            size_t at = find(s, old.keys[i]);
            s->keys[at] = old.keys[i];
            s->values[at] = old.values[i];
            s->count++;
        }
    }
    free(old.keys);
    free(old.values);
}

uint32_t set_get(const struct set *s, uint64_t key)
{
    return s->room ? s->values[find(s, key ? key : 1)] : 0;
}

bool set_put(struct set *s, uint64_t key, uint32_t value)
{
    key = key ? key : 1;
    if (!s->room) {
        make(s, ROOM_FIRST);
    }
    size_t at = find(s, key);
    if (s->keys[at] == 0) {
        if (value == 0) {
            return true;
        }
        if (s->max && s->count >= s->max) {
            return false;
        }
        if (2 * (s->count + 1) > s->room) {
            move(s, 2 * s->room, 0);
            at = find(s, key);
        }
        s->keys[at] = key;
        s->count++;
    }
    s->values[at] = value;
    return true;
}

void set_drop_below(struct set *s, uint32_t value)
{
    size_t kept = 0;
    size_t room = ROOM_FIRST;

    for (size_t i = 0; i < s->room; i++) {
        kept += s->keys[i] && s->values[i] >= value;
    }
    if (kept == s->count) {
        return;
    }
    while (2 * (kept + 1) > room) {
        room *= 2;
    }
    move(s, room, value);
}

void set_done(struct set *s)
{
    size_t max = s->max;

    free(s->keys);
    free(s->values);
    *s = (struct set){.max = max};
}
