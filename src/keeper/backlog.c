#include "keeper/backlog.h"

#include "base/clock.h"

#include "host/thread.h"
#include "keeper/internal.h"

#define FIRST_MS INT64_C(1000)

void parcel_list_add(struct parcel_list *l, struct parcel *p)
{
    p->next = NULL;
    if (l->tail) {
        l->tail->next = p;
    } else {
        l->head = p;
    }
    l->tail = p;
    l->count++;
}

struct parcel *parcel_list_take(struct parcel_list *l)
{
    struct parcel *p = l->head;

    if (p) {
        l->head = p->next;
        if (!l->head) {
            l->tail = NULL;
        }
        p->next = NULL;
        l->count--;
    }
    return p;
}

/* Under the lock: until it is done. */
static void count_in(struct backlog *b, struct parcel *p, uint64_t bytes)
{
    p->counted = bytes;
    b->imported_bytes += bytes;
}

void backlog_add(struct keeper *k, struct parcel *p)
{
    struct backlog *b = &k->backlog;
    uint64_t bytes = p->kind == LETTER_IMPORTED ? parcel_content_kept(p) : 0;

    (void)pthread_mutex_lock(&b->lock);
    count_in(b, p, bytes);
    parcel_list_add(p->kind == LETTER_IMPORTED ? &b->imported : &b->list, p);
    if (p->kind == LETTER_SUBMITTED) {
        burst_letter(&b->burst, clock_steady_ms());
    }
    if (!burst_puts_off(&b->burst)) { /* they look by themselves */
        (void)pthread_cond_signal(&b->changed);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

void backlog_put_off(struct keeper *k, struct parcel *p)
{
    struct backlog *b = &k->backlog;
    unsigned step = p->tries < BACKLOG_STEPS ? p->tries : BACKLOG_STEPS - 1;

    p->tries++;
    p->due_ms = clock_steady_ms() + (FIRST_MS << step);
    (void)pthread_mutex_lock(&b->lock);
    count_in(b, p, 0);
    parcel_list_add(&b->later[step], p);
    (void)pthread_cond_signal(&b->changed); /* somebody may sleep for longer */
    (void)pthread_mutex_unlock(&b->lock);
}

bool backlog_is_full(struct keeper *k, bool awaited, int64_t waited_ms)
{
    bool bytes_count = !awaited && waited_ms < BACKLOG_BYTES_MS;

    (void)pthread_mutex_lock(&k->backlog.lock);
    bool full = k->backlog.imported.count > BACKLOG_LETTERS_MAX ||
                (bytes_count && k->backlog.imported_bytes > BACKLOG_BYTES_MAX);
    (void)pthread_mutex_unlock(&k->backlog.lock);
    return full;
}

void backlog_close(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->backlog.lock);
    k->backlog.closed = true;
    (void)pthread_cond_broadcast(&k->backlog.changed);
    (void)pthread_mutex_unlock(&k->backlog.lock);
}

/* Under the lock: those that were put off and are due stand among the others. When the next one is, or 0. */
static int64_t bring_back(struct backlog *b, int64_t now_ms)
{
    int64_t next_ms = 0;

    for (size_t i = 0; i < BACKLOG_STEPS; i++) {
        struct parcel_list *l = &b->later[i];
        while (l->head && l->head->due_ms <= now_ms) {
            parcel_list_add(&b->list, parcel_list_take(l));
        }
        if (l->head && (next_ms == 0 || l->head->due_ms < next_ms)) {
            next_ms = l->head->due_ms;
        }
    }
    return next_ms;
}

static void wait_for_any(struct backlog *b, int64_t next_ms)
{
    if (next_ms) {
        (void)thread_wait(&b->changed, &b->lock, next_ms);
    } else {
        (void)pthread_cond_wait(&b->changed, &b->lock);
    }
}

/* Wait for letters, and until the time has come to work at them. */
static void wait_for_work(struct backlog *b)
{
    while (!b->closed) {
        int64_t now_ms = clock_steady_ms();
        int64_t next_ms = bring_back(b, now_ms);
        if (!b->list.head) {
            burst_drained(&b->burst);
        }
        if (!b->list.head && !b->imported.head) {
            wait_for_any(b, next_ms);
            continue;
        }
        bool put_off = burst_puts_off(&b->burst);
        int64_t wait_ms = burst_wait_ms(&b->burst, now_ms, atomic_load(&b->arriving) > 0);
        if (wait_ms == 0) {
            if (put_off) { /* others may have slept since before the burst */
                (void)pthread_cond_broadcast(&b->changed);
            }
            return;
        }
        (void)thread_wait(&b->changed, &b->lock, now_ms + wait_ms);
    }
}

size_t backlog_take(struct backlog *b, struct parcel *parcels[static BACKLOG_GROUP])
{
    size_t n = 0;

    (void)pthread_mutex_lock(&b->lock);
    wait_for_work(b);
    if (!b->closed && b->list.head) {
        parcels[n++] = parcel_list_take(&b->list);
    }
    while (!b->closed && (n == 0 || parcels[0]->kind == LETTER_IMPORTED) && n < BACKLOG_GROUP &&
           b->imported.head) {
        parcels[n++] = parcel_list_take(&b->imported);
    }
    b->busy += n;
    (void)pthread_mutex_unlock(&b->lock);
    return n;
}

void backlog_done(struct backlog *b, size_t n, uint64_t counted)
{
    (void)pthread_mutex_lock(&b->lock);
    b->busy -= n;
    b->imported_bytes -= counted;
    (void)pthread_mutex_unlock(&b->lock);
}

size_t backlog_length(struct backlog *b)
{
    (void)pthread_mutex_lock(&b->lock);
    size_t length = b->list.count + b->imported.count;
    for (size_t i = 0; i < BACKLOG_STEPS; i++) {
        length += b->later[i].count;
    }
    (void)pthread_mutex_unlock(&b->lock);
    return length;
}

static void drop_list(struct keeper *k, struct parcel_list *list)
{
    for (struct parcel *p = parcel_list_take(list); p; p = parcel_list_take(list)) {
        indexer_forget(k, p);
        parcel_drop(p);
    }
}

void backlog_drop(struct keeper *k)
{
    drop_list(k, &k->backlog.list);
    drop_list(k, &k->backlog.imported);
    for (size_t i = 0; i < BACKLOG_STEPS; i++) {
        drop_list(k, &k->backlog.later[i]);
    }
}
