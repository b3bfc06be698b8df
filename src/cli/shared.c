#include "cli/shared.h"

#include <stdlib.h>

struct holding {
    struct slice address; /* lower case */
    const struct admin_user *user;
};

struct shared {
    struct holding *all; /* by address */
    size_t count;
};

static struct slice lower(struct slice s, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, s.len + 1);

    for (size_t i = 0; i < s.len; i++) {
        copy[i] = ascii_lower(s.ptr[i]);
    }
    return slice_of(copy, s.len);
}

static int compare(const void *a, const void *b)
{
    const struct holding *x = a;
    const struct holding *y = b;

    return slice_compare(x->address, y->address);
}

const struct shared *shared_find(const struct admin_users *users, struct arena *arena)
{
    const struct admin_user *all = users->users.items;
    struct shared *s = arena_alloc(arena, sizeof(*s));
    size_t room = 1;

    for (size_t i = 0; i < users->users.count; i++) {
        room += 1 + all[i].addresses.count;
    }
    *s = (struct shared){arena_array(arena, room, sizeof(*s->all)), 0};
    for (size_t i = 0; i < users->users.count; i++) {
        const struct slice *also = all[i].addresses.items;
        s->all[s->count++] = (struct holding){lower(all[i].account, arena), &all[i]};
        for (size_t n = 0; n < all[i].addresses.count; n++) {
            s->all[s->count++] = (struct holding){lower(also[n], arena), &all[i]};
        }
    }
    qsort(s->all, s->count, sizeof(*s->all), compare);
    return s;
}

static bool has_another(const struct shared *s, struct slice address, const struct admin_user *user)
{
    size_t low = 0;
    size_t high = s->count;
    bool another = false;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(s->all[middle].address, address) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (size_t i = low; i < s->count && slice_equal(s->all[i].address, address); i++) {
        another = another || s->all[i].user != user;
    }
    return another;
}

struct slice shared_text(const struct shared *s, const struct admin_user *user, struct arena *arena)
{
    const struct slice *items = user->addresses.items;
    struct slice all = SLICE_NONE;

    for (size_t i = 0; i < user->addresses.count; i++) {
        bool shared = has_another(s, lower(items[i], arena), user);
        all = arena_printf(arena, "%.*s%s%.*s%s", SLICE_ARG(all), i ? ", " : "",
                           SLICE_ARG(items[i]), shared ? " (shared)" : "");
    }
    return all;
}

bool shared_name(const struct shared *s, const struct admin_user *user)
{
    return has_another(s, user->account, user);
}
