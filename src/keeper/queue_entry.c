/* One entry of the queue: its memory, and nothing of where it stands. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#include "keeper/queue.h"
#include "letter/findings.h"

static void *must_copy(const void *bytes, size_t len)
{
    void *copy = malloc(len + 1);

    if (!copy) {
        arena_panic("out of memory");
    }
    if (len) {
        (void)memcpy(copy, bytes, len);
    }
    return copy;
}

static struct slice own_text(struct slice s)
{
    return slice_of(must_copy(s.ptr, s.len), s.len);
}

static void free_text(struct slice s)
{
    free((void *)(uintptr_t)s.ptr);
}

/* Protected, a letter grows by a third at least, being encoded once more. */
static uint64_t bytes_of(const struct parcel *parcel, const struct ruling *ruling)
{
    const struct parcel_copy *copy =
        parcel_copy_at((struct parcel *)(uintptr_t)parcel, ruling->copy);

    if (copy && copy->size) {
        return copy->size;
    }
    return ruling->method ? parcel->size + parcel->size / 2 : parcel->size;
}

struct queue_entry *queue_entry_new(struct parcel *parcel, const struct catalog_queue_row *row,
                                    const struct ruling *ruling, bool smarthost)
{
    struct queue_entry *entry = calloc(1, sizeof(*entry));

    if (!entry) {
        arena_panic("out of memory");
    }
    *entry = (struct queue_entry){.parcel = parcel_hold(parcel),
                                  .ruling = row->ruling,
                                  .domain = own_text(ruling->domain),
                                  .route = own_text(ruling->route),
                                  .reason = own_text(SLICE_NONE),
                                  .level = ruling->level,
                                  .copy = ruling->copy,
                                  .method = ruling->method,
                                  .bytes = bytes_of(parcel, ruling),
                                  .guard = ruling->guard,
                                  .closed = ruling_is_closed(ruling),
                                  .smarthost = smarthost,
                                  .state = row->state,
                                  .attempt = row->attempt,
                                  .queued_at = row->queued_at,
                                  .next_at = row->next_at,
                                  .warned = row->warned,
                                  .n_pending = row->pending.len / 2};
    entry->pending = calloc(entry->n_pending + 1, sizeof(uint16_t));
    if (!entry->pending) {
        arena_panic("out of memory");
    }
    for (size_t i = 0; i < entry->n_pending; i++) {
        const uint8_t *at = row->pending.ptr + 2 * i;
        entry->pending[i] = (uint16_t)(at[0] << 8 | at[1]);
    }
    return entry;
}

void queue_entry_reason(struct queue_entry *entry, struct slice reason)
{
    free_text(entry->reason);
    entry->reason = own_text(slice_head(reason, 300));
}

bool queue_entry_is_stuck(const struct queue_entry *entry)
{
    return !entry->busy && entry->job == 0 && entry->state == QUEUE_HELD &&
           entry->guard == GUARD_POLICY && !entry->waits && !entry->released && !entry->ordered &&
           entry->attempt == 0;
}

void queue_entry_free(struct queue_entry *entry)
{
    free_text(entry->domain);
    free_text(entry->route);
    free_text(entry->reason);
    free(entry->pending);
    parcel_drop(entry->parcel);
    free(entry);
}
