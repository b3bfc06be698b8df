#include "stages/delivery/gate.h"

#include <assert.h>
#include <pthread.h>

#include "base/arena.h"

#include "host/thread.h"

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t left; /* somebody gave a place back */
    size_t places;

    struct {
        bool taken;
        struct address address;
    } rows[];
};

struct gate *gate_new(size_t places)
{
    struct gate *g = calloc(1, sizeof(*g) + places * sizeof(g->rows[0]));

    if (!g) {
        arena_panic("gate");
    }
    g->places = places;
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->left, NULL);
    return g;
}

void gate_free(struct gate *g)
{
    if (g) {
        pthread_cond_destroy(&g->left);
        pthread_mutex_destroy(&g->lock);
        free(g);
    }
}

/* A free row when fewer than `limit` go to the address, or -1. */
static int find_place(const struct gate *g, const struct address *address, uint64_t limit)
{
    uint64_t taken = 0;
    int free_row = -1;

    for (size_t i = 0; i < g->places; i++) {
        if (!g->rows[i].taken) {
            free_row = (int)i;
        } else {
            taken += address_port(&g->rows[i].address) == address_port(address) &&
                     slice_equal(address_bytes(&g->rows[i].address), address_bytes(address));
        }
    }
    return taken < limit ? free_row : -1;
}

int gate_enter(struct gate *g, const struct address *address, uint64_t limit, int64_t deadline_ms)
{
    bool late = false;

    pthread_mutex_lock(&g->lock);
    int place = find_place(g, address, limit);
    while (place < 0 && !late) {
        late = !thread_wait(&g->left, &g->lock, deadline_ms);
        place = find_place(g, address, limit);
    }
    if (place >= 0) {
        g->rows[place].taken = true;
        g->rows[place].address = *address;
    }
    pthread_mutex_unlock(&g->lock);
    return place;
}

void gate_leave(struct gate *g, int place)
{
    if (place < 0) {
        return;
    }
    pthread_mutex_lock(&g->lock);
    assert(g->rows[place].taken);
    g->rows[place].taken = false;
    pthread_cond_broadcast(&g->left);
    pthread_mutex_unlock(&g->lock);
}
