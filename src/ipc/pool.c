#include "ipc/pool.h"

#include <pthread.h>

#include "base/clock.h"

#include "host/thread.h"
#include "ipc/internal.h"

#define SECRET_ROOM  ((size_t)16 << 10) /* bytes; the longest has a password and some names */
#define OWED_LOOK_MS 50 /* how often a waiting call looks whether an owed answer has come */

/* A socket's time-out is left as it is when it is wrong by no more than this: setting it costs two
 * system calls. */
#define TIMEOUT_SLACK_MS 5

enum state {
    STATE_NONE, /* no channel in this slot */
    STATE_FREE,
    STATE_BUSY, /* a call holds it */
    STATE_OWED, /* its call gave up waiting; the answer is still to come */
};

struct slot {
    enum state state;
    int fd;
    int64_t timeout_ms; /* what the socket is set to; touched by the holder of a busy slot alone */
};

struct ipc_pool {
    const char *peer;
    pthread_mutex_t lock;
    pthread_cond_t freed;
    struct slot slots[IPC_POOL_MAX]; /* state and fd guarded by lock */
    size_t waiting;                  /* calls in thread_wait(), guarded by lock */
    bool complete;                   /* no channel comes any more; likewise */
};

struct ipc_pool *ipc_pool_new(const char *peer)
{
    struct ipc_pool *p = calloc(1, sizeof(*p));

    if (!p) {
        arena_panic("out of memory");
    }
    p->peer = peer;
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->freed, NULL);
    return p;
}

void ipc_pool_free(struct ipc_pool *p)
{
    if (!p) {
        return;
    }
    for (size_t i = 0; i < IPC_POOL_MAX; i++) {
        if (p->slots[i].state != STATE_NONE) {
            (void)close(p->slots[i].fd);
        }
    }
    (void)pthread_cond_destroy(&p->freed);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

static size_t find_none(const struct ipc_pool *p)
{
    size_t i = 0;

    while (i < IPC_POOL_MAX && p->slots[i].state != STATE_NONE) {
        i++;
    }
    return i;
}

/* Close the channels that nobody has used since their peer died. */
static void drop_the_dead(struct ipc_pool *p)
{
    for (size_t i = 0; i < IPC_POOL_MAX; i++) {
        struct slot *s = &p->slots[i];
        if (s->state == STATE_FREE && packet_peer_is_gone(s->fd)) {
            (void)close(s->fd);
            s->state = STATE_NONE;
        }
    }
}

void ipc_pool_add(struct ipc_pool *p, int channel)
{
    (void)pthread_mutex_lock(&p->lock);
    size_t i = find_none(p);
    if (i ==
        IPC_POOL_MAX) { /* those of a peer that was started again, with no question in between */
        drop_the_dead(p);
        i = find_none(p);
    }
    if (i < IPC_POOL_MAX) {
        p->slots[i] = (struct slot){STATE_FREE, channel, 0};
        (void)pthread_cond_signal(&p->freed);
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (i == IPC_POOL_MAX) {
        (void)close(channel);
    }
}

static size_t count_alive(const struct ipc_pool *p)
{
    size_t n = 0;

    for (size_t i = 0; i < IPC_POOL_MAX; i++) {
        n += p->slots[i].state != STATE_NONE;
    }
    return n;
}

size_t ipc_pool_size(struct ipc_pool *p)
{
    (void)pthread_mutex_lock(&p->lock);
    size_t n = count_alive(p);
    (void)pthread_mutex_unlock(&p->lock);
    return n;
}

void ipc_pool_complete(struct ipc_pool *p)
{
    (void)pthread_mutex_lock(&p->lock);
    p->complete = true;
    (void)pthread_mutex_unlock(&p->lock);
}

/* End a call's hold on its channel: free again, owing an answer, or closed. */
static void put_back(struct ipc_pool *p, struct slot *s, enum state state)
{
    int dead = state == STATE_NONE ? s->fd : -1;

    (void)pthread_mutex_lock(&p->lock);
    s->state = state;
    if (state == STATE_FREE && p->waiting) {
        (void)pthread_cond_signal(&p->freed);
    } else if (state == STATE_OWED && p->waiting) {
        (void)pthread_cond_broadcast(&p->freed); /* have them look for the answer that is owed */
    }
    (void)pthread_mutex_unlock(&p->lock);
    own_fd(&dead);
}

/* Throw away the late answers that have come, and close the channels that died owing one. */
static bool collect_owed(struct ipc_pool *p)
{
    bool owed = false;

    for (size_t i = 0; i < IPC_POOL_MAX; i++) {
        struct slot *s = &p->slots[i];
        if (s->state != STATE_OWED) {
            continue;
        }
        enum packet_result got = packet_discard(s->fd);
        if (got == PACKET_RECEIVED) {
            s->state = STATE_FREE;
        } else if (got != PACKET_LATE) {
            (void)close(s->fd);
            s->state = STATE_NONE;
        }
        owed |= s->state == STATE_OWED;
    }
    return owed;
}

static struct slot *find_free(struct ipc_pool *p)
{
    for (size_t i = 0; i < IPC_POOL_MAX; i++) {
        if (p->slots[i].state == STATE_FREE) {
            p->slots[i].state = STATE_BUSY;
            return &p->slots[i];
        }
    }
    return NULL;
}

/* Take a free channel, waiting until `deadline` for one. NULL when there was none. */
static struct slot *take(struct ipc_pool *p, int64_t deadline)
{
    (void)pthread_mutex_lock(&p->lock);
    struct slot *s = find_free(p);
    while (!s) {
        int64_t now = clock_steady_ms();
        bool owed = collect_owed(p);
        s = find_free(p);
        if (s || now >= deadline || (p->complete && count_alive(p) == 0)) {
            break;
        }
        int64_t until = owed && now + OWED_LOOK_MS < deadline ? now + OWED_LOOK_MS : deadline;
        p->waiting++;
        (void)thread_wait(&p->freed, &p->lock, until);
        p->waiting--;
        s = find_free(p);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return s;
}

static void set_timeout(struct slot *s, int64_t within_ms)
{
    if (s->timeout_ms != within_ms) {
        packet_set_timeout(s->fd, within_ms);
        s->timeout_ms = within_ms;
    }
}

/* Put the question on a channel, passing over those whose peer has died: nothing was asked of it,
 * so asking another is no repetition. */
static struct slot *ask_one(struct ipc_pool *p, const struct ipc_packet *question,
                            int64_t within_ms, struct error *e)
{
    int64_t deadline = clock_steady_ms() + within_ms;

    for (;;) {
        struct slot *s = take(p, deadline);
        if (!s) {
            (void)error_set(e, ERROR_BUSY,
                            ipc_pool_size(p) ? "%s: no free channel in time"
                                             : "%s: the process is gone",
                            p->peer);
            return NULL;
        }
        int64_t left = deadline - clock_steady_ms();
        set_timeout(s, left + TIMEOUT_SLACK_MS >= within_ms ? within_ms + 1 : left + 1);
        if (packet_send(s->fd, question, e)) {
            return s;
        }
        bool ours = e->kind == ERROR_LIMIT;
        put_back(p, s, ours ? STATE_FREE : STATE_NONE);
        if (ours || clock_steady_ms() >= deadline) {
            (void)error_add(e, "%s", p->peer);
            return NULL;
        }
    }
}

/* The answer's status, body and descriptor against the message. What breaks it is a peer that
 * lies, and *honest says so. */
static bool read_answer(const struct ipc_message *m, struct ipc_packet *in, void *answer,
                        int *answer_fd, struct arena *arena, bool *honest, struct error *e)
{
    *honest = in->verb == m->id;
    if (!*honest) {
        return error_set(e, ERROR_CORRUPT, "%s: the answer to another question", m->name);
    }
    if (in->status != ERROR_NONE) {
        return error_set(e, in->status, "%.*s", SLICE_ARG(slice_head(in->body, ERROR_TEXT_MAX)));
    }
    if (!ipc_fd_fits(m->answer_fd, in->fd)) {
        *honest = m->relayed;
        return error_set(e, ERROR_CORRUPT, "%s: the wrong descriptor came back", m->name);
    }
    if (!ipc_read_body(m->answer, in->body, arena, answer, e)) {
        bool ours = e->kind == ERROR_LIMIT;
        *honest = ours || m->relayed;
        e->kind = ours ? ERROR_LIMIT : ERROR_CORRUPT;
        return error_add(e, "%s", m->name);
    }
    if (answer_fd) {
        *answer_fd = TAKE(in->fd, -1);
    }
    return true;
}

static bool await(struct ipc_pool *p, struct slot *s, const struct ipc_message *m, void *answer,
                  int *answer_fd, struct arena *arena, struct error *e)
{
    struct ipc_packet in = {.fd = -1};
    bool honest = true;

    switch (packet_receive(s->fd, arena, &in, e)) {
    case PACKET_RECEIVED:
        break;
    case PACKET_LATE:
        put_back(p, s, STATE_OWED);
        return error_set(e, ERROR_BUSY, "%s: %s: no answer in time", p->peer, m->name);
    case PACKET_CLOSED:
        put_back(p, s, STATE_NONE);
        return error_set(e, ERROR_BUSY, "%s: %s: the process is gone", p->peer, m->name);
    case PACKET_BROKEN:
        put_back(p, s, e->kind == ERROR_LIMIT ? STATE_FREE : STATE_NONE);
        return error_add(e, "%s: %s", p->peer, m->name);
    }
    bool ok = read_answer(m, &in, answer, answer_fd, arena, &honest, e);
    own_fd(&in.fd);
    put_back(p, s, honest ? STATE_FREE : STATE_NONE);
    return ok;
}

bool ipc_call(struct ipc_pool *p, const struct ipc_message *message, const void *ask, int fd,
              void *answer, int *answer_fd, struct arena *arena, int64_t within_ms, struct error *e)
{
    OWN(buf) struct buf body = {.max = IPC_BODY_MAX};
    struct ipc_packet question = {.verb = message->id, .fd = fd};

    arena->wipes |= message->secret;
    if (message->secret && !buf_room(&body, SECRET_ROOM)) { /* so that it never moves */
        arena_panic("no room for a secret question");
    }
    if (message->ask) {
        cbor_write(&body, message->ask, ask);
    }
    if (body.full) {
        return error_set(e, ERROR_LIMIT, "%s: the question is too long", message->name);
    }
    question.body = buf_slice(&body);
    struct slot *s = ask_one(p, &question, within_ms, e);
    if (message->secret) {
        ipc_wipe(question.body);
    }
    return s && await(p, s, message, answer, answer_fd, arena, e);
}
