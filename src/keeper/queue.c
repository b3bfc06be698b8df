/* Every entry is in the list of all, and in one of four places: ready in its lane, in the timetable
 * until next_at, held (or waiting for a second person), or in hand. */
#include "keeper/queue.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/clock.h"

#include "keeper/lanes.h"
#include "keeper/timetable.h"
#include "keeper/waiters.h"
#include "keyring/keyring.h"

#define HANDS      256 /* buckets of the table of jobs in hand */
#define BEGINS_MAX 16  /* of one job: resting connections may turn out dead, but not for ever */

struct queue {
    pthread_mutex_t lock;   /* guards everything */
    struct waiters waiters; /* in queue_take() */
    struct lanes lanes;
    struct queue_entry *all;
    struct queue_entry *hand[HANDS]; /* by job number */
    struct timetable timetable;
    uint64_t bytes_in_hand; /* of the letters that are */
    uint64_t last_job;      /* begins anywhere: see queue.h */
    uint64_t life;          /* of the delivery process that is served now */
    bool closed;
};

struct queue *queue_new(void)
{
    struct queue *q = calloc(1, sizeof(*q));

    if (!q) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&q->lock, NULL);
    keyring_random_bytes((uint8_t *)&q->last_job, sizeof(q->last_job));
    q->last_job >>= 8; /* so far from the end that it is never reached */
    return q;
}

void queue_free(struct queue *q)
{
    if (!q) {
        return;
    }
    while (q->all) {
        struct queue_entry *entry = q->all;
        q->all = entry->all_next;
        queue_entry_free(entry);
    }
    lanes_done(&q->lanes);
    timetable_done(&q->timetable);
    (void)pthread_mutex_destroy(&q->lock);
    free(q);
}

/* Room has become free that others may be waiting for. */
static void wake_next(struct queue *q, const struct queue_lane *lane)
{
    if (lane && lane->head) {
        waiters_wake(&q->waiters, lane->key);
    } else if (q->lanes.turn_head) {
        waiters_wake(&q->waiters, SLICE_NONE);
    }
}

static void stand_in_lane(struct queue *q, struct queue_entry *entry)
{
    lanes_add(&q->lanes, entry);
    waiters_wake(&q->waiters, entry->lane->key);
}

/* Where an entry belongs that is not in hand: its lane, the timetable, or nowhere while held. From here
 * on the steady clock counts its pause: a wall clock that is set back must not make it longer. */
static void place(struct queue *q, struct queue_entry *entry)
{
    uint64_t now = (uint64_t)clock_wall_ms();

    if (entry->state != QUEUE_WAITING || entry->waits) {
        return;
    }
    if (entry->next_at <= now) {
        stand_in_lane(q, entry);
        return;
    }
    entry->due_at = clock_steady_ms() + (int64_t)(entry->next_at - now) + 1; /* both were cut */
    timetable_add(&q->timetable, entry);
    if (timetable_first(&q->timetable) == entry) {
        waiters_wake_timer(&q->waiters);
    }
}

void queue_add(struct queue *q, struct queue_entry *entry)
{
    (void)pthread_mutex_lock(&q->lock);
    entry->lane = lanes_of(&q->lanes, entry->route.len ? entry->route : entry->domain);
    entry->all_prev = NULL;
    entry->all_next = q->all;
    if (q->all) {
        q->all->all_prev = entry;
    }
    q->all = entry;
    place(q, entry);
    (void)pthread_mutex_unlock(&q->lock);
}

/* Move what has become due into its lane; returns when the next will be, at the latest `until`. */
static int64_t call_the_due(struct queue *q, int64_t until)
{
    int64_t now = clock_steady_ms();
    struct queue_entry *entry = timetable_first(&q->timetable);

    while (entry && entry->due_at <= now) {
        timetable_remove(&q->timetable, entry);
        stand_in_lane(q, entry);
        entry = timetable_first(&q->timetable);
    }
    return entry && entry->due_at < until ? entry->due_at : until;
}

static void make_busy(struct queue *q, struct queue_entry *entry)
{
    entry->lane->in_hand++;
    q->bytes_in_hand += entry->bytes;
    entry->busy = true;
    entry->begun = false;
    entry->begins = 0;
    entry->life = q->life;
    entry->job = ++q->last_job;
    entry->hand_next = q->hand[entry->job % HANDS];
    q->hand[entry->job % HANDS] = entry;
}

static struct queue_entry *try_take(struct queue *q, struct slice route, struct queue_limits limits)
{
    if (q->waiters.paused) {
        return NULL;
    }
    /* What is left; of an empty hand all that there is. */
    limits.bytes = q->bytes_in_hand == 0             ? UINT64_MAX
                   : limits.bytes > q->bytes_in_hand ? limits.bytes - q->bytes_in_hand
                                                     : 0;
    struct queue_lane *lane =
        route.len ? lanes_find(&q->lanes, route, &limits) : lanes_next(&q->lanes, &limits);
    if (!lane) {
        return NULL;
    }
    struct queue_entry *entry = lane->head;
    lanes_remove(entry);
    make_busy(q, entry);
    return entry;
}

struct queue_entry *queue_take(struct queue *q, uint64_t life, struct slice route,
                               struct queue_limits limits, int64_t wait_ms)
{
    int64_t deadline = clock_steady_ms() + wait_ms;
    struct waiter w = {.route = route, .wake = PTHREAD_COND_INITIALIZER};
    struct queue_entry *entry = NULL;

    (void)pthread_mutex_lock(&q->lock);
    while (!q->closed && q->life == life) {
        bool late = clock_steady_ms() >= deadline;
        int64_t due = call_the_due(q, deadline);
        entry = try_take(q, route, limits);
        if (entry || late) {
            break;
        }
        waiters_wait(&q->waiters, &w, &q->lock, due, deadline);
    }
    /* Whoever goes leaves to others what it was woken for, and the timetable. */
    wake_next(q, NULL);
    if (!q->waiters.timer && timetable_first(&q->timetable)) {
        waiters_wake_timer(&q->waiters);
    }
    (void)pthread_mutex_unlock(&q->lock);
    (void)pthread_cond_destroy(&w.wake);
    return entry;
}

bool queue_entry_begins(struct queue_entry *entry)
{
    return entry->begins < BEGINS_MAX && ++entry->begins;
}

struct queue_entry *queue_grasp(struct queue *q, uint64_t life, uint64_t job)
{
    (void)pthread_mutex_lock(&q->lock);
    struct queue_entry *entry = job ? q->hand[job % HANDS] : NULL;
    while (entry && entry->job != job) {
        entry = entry->hand_next;
    }
    if (entry && (entry->busy || entry->life != life)) {
        entry = NULL;
    }
    if (entry) {
        entry->busy = true;
    }
    (void)pthread_mutex_unlock(&q->lock);
    return entry;
}

static void leave_hand(struct queue *q, struct queue_entry *entry)
{
    struct queue_entry **link = &q->hand[entry->job % HANDS];

    while (*link != entry) {
        link = &(*link)->hand_next;
    }
    *link = entry->hand_next;
    entry->job = 0;
    entry->busy = false;
    entry->lane->in_hand--;
    q->bytes_in_hand -= entry->bytes;
    wake_next(q, entry->lane);
}

/* Back to its place, held if that was ordered meanwhile. */
static void come_to_rest(struct queue *q, struct queue_entry *entry)
{
    leave_hand(q, entry);
    if (entry->wish == QUEUE_TO_HOLD) {
        entry->state = QUEUE_HELD;
        entry->wish = QUEUE_NO_WISH;
    }
    place(q, entry);
}

/* The process that had it is gone: what it did is unknown, so it comes again at once. */
static void take_back(struct queue *q, struct queue_entry *entry)
{
    entry->next_at = 0;
    come_to_rest(q, entry);
}

void queue_learn(struct queue *q, const struct queue_entry *entry, bool answered)
{
    (void)pthread_mutex_lock(&q->lock);
    lane_learn(entry->lane, answered);
    wake_next(q, entry->lane);
    (void)pthread_mutex_unlock(&q->lock);
}

void queue_let_go(struct queue *q, struct queue_entry *entry)
{
    (void)pthread_mutex_lock(&q->lock);
    entry->busy = false;
    if (entry->life != q->life) {
        take_back(q, entry);
    }
    (void)pthread_mutex_unlock(&q->lock);
}

void queue_put_back(struct queue *q, struct queue_entry *entry)
{
    (void)pthread_mutex_lock(&q->lock);
    come_to_rest(q, entry);
    (void)pthread_mutex_unlock(&q->lock);
}

static void leave_all(struct queue *q, struct queue_entry *entry)
{
    if (entry->all_prev) {
        entry->all_prev->all_next = entry->all_next;
    } else {
        q->all = entry->all_next;
    }
    if (entry->all_next) {
        entry->all_next->all_prev = entry->all_prev;
    }
    lanes_leave(&q->lanes, entry->lane);
}

void queue_finish(struct queue *q, struct queue_entry *entry)
{
    (void)pthread_mutex_lock(&q->lock);
    leave_hand(q, entry);
    leave_all(q, entry);
    (void)pthread_mutex_unlock(&q->lock);
    queue_entry_free(entry);
}

uint64_t queue_reclaim(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    uint64_t life = ++q->life;
    for (struct queue_entry *entry = q->all; entry; entry = entry->all_next) {
        if (entry->job && !entry->busy) {
            take_back(q, entry);
        }
    }
    waiters_wake_all(&q->waiters);
    (void)pthread_mutex_unlock(&q->lock);
    return life;
}

/* Take an entry out of lane or timetable. */
static void displace(struct queue *q, struct queue_entry *entry)
{
    if (entry->ready) {
        lanes_remove(entry);
    } else if (entry->heap_at) {
        timetable_remove(&q->timetable, entry);
    }
}

static bool is_of(const struct queue_entry *entry, const struct letter_id *id, uint64_t ruling)
{
    return memcmp(entry->parcel->id.bytes, id->bytes, LETTER_ID_LEN) == 0 &&
           (ruling == 0 || entry->ruling == ruling - 1);
}

/* A state of 0: as it is. */
static void set_state(struct queue *q, struct queue_entry *entry, uint64_t state, uint64_t next_at)
{
    displace(q, entry);
    entry->released |= entry->state == QUEUE_HELD && state == QUEUE_WAITING;
    entry->ordered |= state != 0;
    entry->state = state ? state : entry->state;
    entry->next_at = next_at;
    place(q, entry);
}

size_t queue_order(struct queue *q, const struct letter_id *id, uint64_t ruling, uint64_t state,
                   uint64_t next_at, uint64_t *later)
{
    size_t count = 0;

    *later = 0;
    (void)pthread_mutex_lock(&q->lock);
    for (struct queue_entry *entry = q->all; entry; entry = entry->all_next) {
        if (!is_of(entry, id, ruling)) {
            continue;
        }
        if (entry->job) {
            if (state) {
                entry->wish = state == QUEUE_HELD ? QUEUE_TO_HOLD : QUEUE_NO_WISH;
            }
            *later += state == QUEUE_HELD;
        } else {
            set_state(q, entry, state, next_at);
            count += !(entry->waits && state == QUEUE_WAITING);
        }
    }
    (void)pthread_mutex_unlock(&q->lock);
    return count;
}

struct queue_entry *queue_take_letter(struct queue *q, const struct letter_id *id, uint64_t ruling,
                                      uint64_t *later)
{
    struct queue_entry *taken = NULL;

    *later = 0;
    (void)pthread_mutex_lock(&q->lock);
    for (struct queue_entry *entry = q->all; entry; entry = entry->all_next) {
        if (!is_of(entry, id, ruling)) {
            continue;
        }
        if (entry->job) {
            entry->wish = QUEUE_TO_CANCEL;
            (*later)++;
            continue;
        }
        displace(q, entry);
        make_busy(q, entry);
        entry->next = taken;
        taken = entry;
    }
    (void)pthread_mutex_unlock(&q->lock);
    return taken;
}

struct queue_entry *queue_take_stuck(struct queue *q, const struct letter_id *id)
{
    struct queue_entry *taken = NULL;

    (void)pthread_mutex_lock(&q->lock);
    for (struct queue_entry *entry = q->all; entry; entry = entry->all_next) {
        if (is_of(entry, id, 0) && queue_entry_is_stuck(entry)) {
            make_busy(q, entry);
            entry->next = taken;
            taken = entry;
        }
    }
    (void)pthread_mutex_unlock(&q->lock);
    return taken;
}

static void reason_anew(struct queue_entry *entry, struct slice why)
{
    bool held = entry->state == QUEUE_HELD;

    if (!held || why.len || slice_equal(entry->reason, SLICE(QUEUE_WHY_WAITS))) {
        queue_entry_reason(entry, held ? why : SLICE_NONE);
    }
}

void queue_approve(struct queue *q, const struct letter_id *id, uint64_t now, struct slice why)
{
    (void)pthread_mutex_lock(&q->lock);
    for (struct queue_entry *entry = q->all; entry; entry = entry->all_next) {
        if (!entry->waits || !is_of(entry, id, 0)) {
            continue;
        }
        entry->waits = false;
        entry->queued_at = now;
        if (entry->job == 0) { /* otherwise somebody is cancelling it */
            reason_anew(entry, why);
            place(q, entry);
        }
    }
    (void)pthread_mutex_unlock(&q->lock);
}

bool queue_is_held(struct queue *q, const struct letter_id *id)
{
    bool held = false;

    (void)pthread_mutex_lock(&q->lock);
    for (struct queue_entry *entry = q->all; entry; entry = entry->all_next) {
        held = held || (is_of(entry, id, 0) && !entry->busy && entry->state == QUEUE_HELD);
    }
    (void)pthread_mutex_unlock(&q->lock);
    return held;
}

void queue_told(struct queue *q, const struct letter_id *id)
{
    (void)pthread_mutex_lock(&q->lock);
    for (struct queue_entry *entry = q->all; entry; entry = entry->all_next) {
        entry->told = entry->told || is_of(entry, id, 0);
    }
    (void)pthread_mutex_unlock(&q->lock);
}

bool queue_wants_cancel(struct queue *q, const struct queue_entry *entry)
{
    (void)pthread_mutex_lock(&q->lock);
    bool wanted = entry->wish == QUEUE_TO_CANCEL;
    (void)pthread_mutex_unlock(&q->lock);
    return wanted;
}

void queue_each(struct queue *q, void (*visit)(void *context, const struct queue_entry *entry),
                void *context)
{
    (void)pthread_mutex_lock(&q->lock);
    for (const struct queue_entry *entry = q->all; entry; entry = entry->all_next) {
        visit(context, entry);
    }
    (void)pthread_mutex_unlock(&q->lock);
}

static void count_entry(void *context, const struct queue_entry *entry)
{
    struct queue_counts *counts = context;

    if (counts->oldest_at == 0 || entry->queued_at < counts->oldest_at) {
        counts->oldest_at = entry->queued_at;
    }
    counts->in_hand += entry->job != 0;
    /* A busy entry is another thread's, which may just be changing its state. */
    bool held = !entry->busy && (entry->waits || entry->state == QUEUE_HELD);
    counts->held += held;
    counts->waiting += !held;
    counts->deferred += entry->heap_at != 0;
}

void queue_count(struct queue *q, struct queue_counts *out)
{
    *out = (struct queue_counts){0};
    queue_each(q, count_entry, out);
    (void)pthread_mutex_lock(&q->lock);
    out->paused = q->waiters.paused;
    (void)pthread_mutex_unlock(&q->lock);
}

void queue_close(struct queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    q->closed = true;
    waiters_wake_all(&q->waiters);
    (void)pthread_mutex_unlock(&q->lock);
}

void queue_pause(struct queue *q, bool paused)
{
    (void)pthread_mutex_lock(&q->lock);
    q->waiters.paused = paused;
    waiters_wake_all(&q->waiters);
    (void)pthread_mutex_unlock(&q->lock);
}
