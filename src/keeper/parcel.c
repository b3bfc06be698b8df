#include "keeper/parcel.h"

#include "base/arena.h"
#include "base/buf.h"

#define FACTS_BODY_MAX ((size_t)4 << 20)

static atomic_size_t cached; /* bytes of copies, all parcels */

struct parcel *parcel_new(void)
{
    struct parcel *p = calloc(1, sizeof(*p));

    if (!p) {
        arena_panic("out of memory");
    }
    atomic_init(&p->references, 1);
    (void)pthread_mutex_init(&p->lock, NULL);
    buf_init(&p->facts_body, FACTS_BODY_MAX);
    p->content_fd = -1;
    p->copy_fd = -1;
    return p;
}

struct parcel *parcel_hold(struct parcel *p)
{
    (void)atomic_fetch_add(&p->references, 1);
    return p;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

static void close_copy(struct parcel *p)
{
    if (p->copy_fd >= 0) {
        (void)atomic_fetch_sub(&cached, p->copy_size);
    }
    close_fd(&p->copy_fd);
}

void parcel_forget(struct parcel *p)
{
    (void)pthread_mutex_lock(&p->lock);
    close_copy(p);
    close_fd(&p->content_fd);
    buf_done(&p->facts_body);
    (void)pthread_mutex_unlock(&p->lock);
}

void parcel_drop(struct parcel *p)
{
    if (!p || atomic_fetch_sub(&p->references, 1) != 1) {
        return;
    }
    parcel_forget(p);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

void parcel_keep_copy(struct parcel *p, int fd, uint64_t size, bool has_8bit)
{
    (void)pthread_mutex_lock(&p->lock);
    close_copy(p);
    p->copy_size = size;
    p->copy_8bit = has_8bit;
    if (atomic_fetch_add(&cached, size) + size <= PARCEL_CACHE_MAX) {
        p->copy_fd = fd;
    } else {
        (void)atomic_fetch_sub(&cached, size);
        (void)close(fd);
    }
    (void)pthread_mutex_unlock(&p->lock);
}
