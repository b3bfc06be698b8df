#include "stages/delivery/kept.h"

#include <assert.h>
#include <pthread.h>

#include "base/arena.h"
#include "base/clock.h"

#include "host/thread.h"

struct resting {
    struct resting *next; /* put back before this one */
    struct reached reached;
    const void *settings;
    int64_t until_ms;
};

/* Exists while it has sessions. */
struct line {
    struct line *next;
    struct resting *resting;
    uint64_t sessions; /* resting and taken */
    size_t key_len;
    uint8_t key[];
};

struct kept {
    pthread_mutex_t lock; /* guards everything */
    pthread_cond_t changed;
    struct line *lines;
};

struct kept *kept_new(void)
{
    struct kept *k = calloc(1, sizeof(*k));

    if (!k) {
        arena_panic("kept sessions");
    }
    pthread_mutex_init(&k->lock, NULL);
    pthread_cond_init(&k->changed, NULL);
    return k;
}

void kept_free(struct kept *k)
{
    if (k) {
        (void)kept_expire(k, INT64_MAX);
        assert(!k->lines);
        pthread_cond_destroy(&k->changed);
        pthread_mutex_destroy(&k->lock);
        free(k);
    }
}

static struct line *line_of(struct kept *k, struct slice key)
{
    struct line *line = k->lines;

    while (line && !slice_equal(slice_of(line->key, line->key_len), key)) {
        line = line->next;
    }
    if (!line) {
        line = calloc(1, sizeof(*line) + key.len);
        if (!line) {
            arena_panic("kept sessions");
        }
        line->key_len = key.len;
        memcpy(line->key, key.ptr, key.len);
        line->next = k->lines;
        k->lines = line;
    }
    return line;
}

/* One session of the line is no more. */
static void shrink(struct kept *k, struct line *line)
{
    struct line **link = &k->lines;

    /* -fanalyzer: who calls it n times has counted n sessions of the line */
    line->sessions--;
    pthread_cond_broadcast(&k->changed);
    if (line->sessions > 0) {
        return;
    }
    while (*link != line) {
        link = &(*link)->next;
    }
    *link = line->next;
    free(line);
}

static struct resting *take_first(struct line *line)
{
    struct resting *first = line->resting;

    if (first) {
        line->resting = first->next;
        first->next = NULL;
    }
    return first;
}

static bool serves(const struct resting *r, const struct kept_wish *wish)
{
    int64_t now_ms = clock_steady_ms();

    return r->settings == wish->settings && now_ms < r->until_ms &&
           now_ms - session_opened_ms(r->reached.session) < KEPT_AGE_MS &&
           session_level(r->reached.session) >= wish->level &&
           (!wish->require_tls || session_keeps_tls(r->reached.session)) &&
           session_is_quiet(r->reached.session);
}

static void close_one(struct resting *r)
{
    reach_close(&r->reached);
    free(r);
}

/* The latest that serves; one that does not goes into *useless, for closing without the lock. */
static bool take_resting(struct line *line, const struct kept_wish *wish, struct reached *out,
                         struct resting **useless)
{
    struct resting *r = take_first(line);

    if (r && !wish->fresh && serves(r, wish)) {
        *out = r->reached;
        free(r);
        return true;
    }
    *useless = r;
    return false;
}

enum kept_turn kept_take(struct kept *k, const struct kept_wish *wish, int64_t deadline_ms,
                         struct reached *out)
{
    enum kept_turn turn = KEPT_BUSY;
    struct resting *useless = NULL;
    bool late = false;

    pthread_mutex_lock(&k->lock);
    for (;;) {
        struct line *line = line_of(k, wish->key);
        if (take_resting(line, wish, out, &useless)) {
            turn = KEPT_SESSION;
            break;
        }
        if (useless) { /* its place in the line becomes ours */
            turn = KEPT_OPEN;
            break;
        }
        if (line->sessions < wish->limit) {
            line->sessions++;
            turn = KEPT_OPEN;
            break;
        }
        if (late) {
            break;
        }
        late = !thread_wait(&k->changed, &k->lock, deadline_ms);
    }
    pthread_mutex_unlock(&k->lock);
    if (useless) {
        close_one(useless);
    }
    return turn;
}

void kept_put(struct kept *k, const struct kept_wish *wish, struct reached *reached,
              int64_t until_ms)
{
    struct resting *r = calloc(1, sizeof(*r));

    if (!r) {
        arena_panic("kept sessions");
    }
    *r = (struct resting){.reached = *reached, .settings = wish->settings, .until_ms = until_ms};
    *reached = (struct reached){.place = -1};
    pthread_mutex_lock(&k->lock);
    struct line *line = line_of(k, wish->key);
    r->next = line->resting;
    line->resting = r;
    pthread_cond_broadcast(&k->changed);
    pthread_mutex_unlock(&k->lock);
}

void kept_gone(struct kept *k, const struct kept_wish *wish)
{
    pthread_mutex_lock(&k->lock);
    shrink(k, line_of(k, wish->key));
    pthread_mutex_unlock(&k->lock);
}

static bool is_at(const struct resting *r, const struct address *address)
{
    const struct address *here = &session_peer(r->reached.session)->address;

    return address_port(here) == address_port(address) &&
           slice_equal(address_bytes(here), address_bytes(address));
}

/* Unlink the one that rested longest at the address. */
static struct resting *take_at(struct line *line, const struct address *address)
{
    struct resting **found = NULL;

    for (struct resting **link = &line->resting; *link; link = &(*link)->next) {
        found = is_at(*link, address) ? link : found;
    }
    if (!found) {
        return NULL;
    }
    struct resting *r = *found;
    *found = r->next;
    return r;
}

bool kept_make_room(struct kept *k, const struct address *address)
{
    struct resting *r = NULL;

    pthread_mutex_lock(&k->lock);
    for (struct line *line = k->lines; line && !r;) {
        struct line *following = line->next;
        r = take_at(line, address);
        if (r) {
            shrink(k, line);
        }
        line = following;
    }
    pthread_mutex_unlock(&k->lock);
    bool found = r != NULL;
    if (found) {
        close_one(r);
    }
    return found;
}

/* Unlink what is over from the line into *over; returns when the next will be. */
static int64_t collect(struct line *line, int64_t now_ms, struct resting **over, uint64_t *n)
{
    struct resting **link = &line->resting;
    int64_t next_ms = INT64_MAX;

    while (*link) {
        struct resting *r = *link;
        if (r->until_ms <= now_ms) {
            *link = r->next;
            r->next = *over;
            *over = r;
            (*n)++;
            continue;
        }
        next_ms = r->until_ms < next_ms ? r->until_ms : next_ms;
        link = &r->next;
    }
    return next_ms;
}

int64_t kept_expire(struct kept *k, int64_t now_ms)
{
    int64_t next_ms = INT64_MAX;
    struct resting *over = NULL;

    pthread_mutex_lock(&k->lock);
    for (struct line *line = k->lines; line;) {
        struct line *following = line->next;
        uint64_t n = 0;
        int64_t at_ms = collect(line, now_ms, &over, &n);
        next_ms = at_ms < next_ms ? at_ms : next_ms;
        while (n-- > 0) {
            shrink(k, line);
        }
        line = following;
    }
    pthread_mutex_unlock(&k->lock);
    while (over) {
        struct resting *r = over;
        over = r->next;
        close_one(r);
    }
    return next_ms;
}
