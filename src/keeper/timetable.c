#include "keeper/timetable.h"

#include <stdlib.h>

#include "base/arena.h"

#include "keeper/queue.h"

static void put(struct timetable *t, size_t at, struct queue_entry *entry)
{
    t->slots[at] = entry;
    entry->heap_at = at;
}

static void rise(struct timetable *t, size_t at, struct queue_entry *entry)
{
    while (at > 1 && t->slots[at / 2]->due_at > entry->due_at) {
        put(t, at, t->slots[at / 2]);
        at /= 2;
    }
    put(t, at, entry);
}

static void sink(struct timetable *t, size_t at, struct queue_entry *entry)
{
    for (size_t child = 2 * at; child <= t->count; child = 2 * at) {
        if (child < t->count && t->slots[child + 1]->due_at < t->slots[child]->due_at) {
            child++;
        }
        if (t->slots[child]->due_at >= entry->due_at) {
            break;
        }
        put(t, at, t->slots[child]);
        at = child;
    }
    put(t, at, entry);
}

void timetable_add(struct timetable *t, struct queue_entry *entry)
{
    if (t->count + 1 >= t->room) {
        size_t room = t->room ? t->room * 2 : 64;
        struct queue_entry **moved = realloc(t->slots, room * sizeof(struct queue_entry *));
        if (!moved) {
            arena_panic("out of memory");
        }
        t->slots = moved;
        t->room = room;
    }
    rise(t, ++t->count, entry);
}

struct queue_entry *timetable_first(const struct timetable *t)
{
    return t->count ? t->slots[1] : NULL;
}

void timetable_remove(struct timetable *t, struct queue_entry *entry)
{
    size_t at = entry->heap_at;
    struct queue_entry *last = t->slots[t->count--];

    entry->heap_at = 0;
    if (last == entry) {
        return;
    }
    if (at > 1 && t->slots[at / 2]->due_at > last->due_at) {
        rise(t, at, last);
    } else {
        sink(t, at, last);
    }
}

void timetable_done(struct timetable *t)
{
    free(t->slots);
    *t = (struct timetable){0};
}
