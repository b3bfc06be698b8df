#include "keeper/lanes.h"

#include "base/arena.h"

static size_t hash(struct slice s)
{
    size_t h = 14695981039346656037u; /* FNV-1a */

    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ s.ptr[i]) * 1099511628211u;
    }
    return h;
}

static struct queue_lane *look_up(const struct lanes *l, struct slice key)
{
    struct queue_lane *lane = l->buckets[hash(key) % LANES_BUCKETS];

    while (lane && !slice_equal(lane->key, key)) {
        lane = lane->next;
    }
    return lane;
}

static struct queue_lane *lane_new(struct slice key)
{
    struct queue_lane *lane = calloc(1, sizeof(*lane));
    uint8_t *copy = malloc(key.len + 1);

    if (!lane || !copy) {
        arena_panic("out of memory");
    }
    if (key.len) {
        (void)memcpy(copy, key.ptr, key.len);
    }
    lane->key = slice_of(copy, key.len);
    lane->allowed = LANE_FIRST;
    return lane;
}

static void lane_free(struct queue_lane *lane)
{
    free((void *)(uintptr_t)lane->key.ptr);
    free(lane);
}

void lanes_done(struct lanes *l)
{
    for (size_t i = 0; i < LANES_BUCKETS; i++) {
        while (l->buckets[i]) {
            struct queue_lane *lane = l->buckets[i];
            l->buckets[i] = lane->next;
            lane_free(lane);
        }
    }
}

struct queue_lane *lanes_of(struct lanes *l, struct slice key)
{
    struct queue_lane *lane = look_up(l, key);

    if (!lane) {
        struct queue_lane **bucket = &l->buckets[hash(key) % LANES_BUCKETS];
        lane = lane_new(key);
        lane->next = *bucket;
        *bucket = lane;
    }
    lane->entries++;
    return lane;
}

/* End a lane that no entry names. One that still has a turn ends with that. */
static void end_unused(struct lanes *l, struct queue_lane *lane)
{
    struct queue_lane **link = &l->buckets[hash(lane->key) % LANES_BUCKETS];

    if (lane->entries || lane->has_turn) {
        return;
    }
    while (*link != lane) {
        link = &(*link)->next;
    }
    *link = lane->next;
    lane_free(lane);
}

void lanes_leave(struct lanes *l, struct queue_lane *lane)
{
    lane->entries--;
    end_unused(l, lane);
}

static bool may_give(const struct queue_lane *lane, const struct queue_limits *limits)
{
    return lane->head && lane->in_hand < limits->per_lane && lane->in_hand < lane->allowed &&
           lane->head->bytes <= limits->bytes;
}

void lane_learn(struct queue_lane *lane, bool answered)
{
    lane->allowed = !answered ? 1 : lane->allowed < SIZE_MAX ? lane->allowed + 1 : SIZE_MAX;
}

struct queue_lane *lanes_find(struct lanes *l, struct slice key, const struct queue_limits *limits)
{
    struct queue_lane *lane = look_up(l, key);

    return lane && may_give(lane, limits) ? lane : NULL;
}

static void give_turn(struct lanes *l, struct queue_lane *lane)
{
    if (lane->has_turn) {
        return;
    }
    lane->has_turn = true;
    lane->turn_next = NULL;
    if (l->turn_tail) {
        l->turn_tail->turn_next = lane;
    } else {
        l->turn_head = lane;
    }
    l->turn_tail = lane;
}

static struct queue_lane *take_turn(struct lanes *l)
{
    struct queue_lane *lane = l->turn_head;

    if (lane) {
        l->turn_head = lane->turn_next;
        l->turn_tail = l->turn_head ? l->turn_tail : NULL;
        lane->has_turn = false;
    }
    return lane;
}

struct queue_lane *lanes_next(struct lanes *l, const struct queue_limits *limits)
{
    const struct queue_lane *last = l->turn_tail;

    for (bool more = last != NULL; more;) {
        struct queue_lane *lane = take_turn(l);
        more = lane != last;
        if (!lane->head) {
            end_unused(l, lane);
            continue;
        }
        give_turn(l, lane);
        if (may_give(lane, limits)) {
            return lane;
        }
    }
    return NULL;
}

void lanes_add(struct lanes *l, struct queue_entry *entry)
{
    struct queue_lane *lane = entry->lane;

    entry->ready = true;
    entry->next = NULL;
    if (lane->tail) {
        lane->tail->next = entry;
    } else {
        lane->head = entry;
    }
    lane->tail = entry;
    give_turn(l, lane);
}

void lanes_remove(struct queue_entry *entry)
{
    struct queue_lane *lane = entry->lane;
    struct queue_entry *before = NULL;

    for (struct queue_entry *at = lane->head; at != entry; at = at->next) {
        before = at;
    }
    if (before) {
        before->next = entry->next;
    } else {
        lane->head = entry->next;
    }
    if (lane->tail == entry) {
        lane->tail = before;
    }
    entry->ready = false;
    entry->next = NULL;
}
