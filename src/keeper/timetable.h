/* keeper/timetable - queue entries by the time when they are due: a binary heap that knows where
 * each entry stands, so that a person's order can take one out of the middle. The queue's lock
 * guards it. */
#pragma once

#include <stddef.h>

struct queue_entry;

struct timetable {
    struct queue_entry **slots; /* [0] is not used; entry->heap_at is its index */
    size_t count;
    size_t room;
};

/* Put the entry in, by its due time. It is in no timetable yet. */
void timetable_add(struct timetable *t, struct queue_entry *entry);

/* The entry with the smallest due_at, or NULL. It stays. */
struct queue_entry *timetable_first(const struct timetable *t);

/* Take out an entry that is in it. */
void timetable_remove(struct timetable *t, struct queue_entry *entry);

/* Free the slots; the entries are the queue's. */
void timetable_done(struct timetable *t);
