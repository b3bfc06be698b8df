#include "keeper/parcel.h"

#include "base/arena.h"
#include "base/buf.h"

#define FACTS_BODY_MAX ((size_t)4 << 20)

/* Copies may wait for long, contents are wanted at once: each has half of the files, so that a queue that
 * stands still leaves contents theirs. */
#define HALF 2

/* Of all parcels. */
static atomic_size_t cached_bytes;
static atomic_size_t cached_contents;
static atomic_size_t cached_copies;

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
    p->copies = &p->only;
    p->n_copies = 1;
    p->only.fd = -1;
    return p;
}

void parcel_expect_copies(struct parcel *p, size_t n)
{
    if (n <= p->n_copies) {
        return;
    }
    struct parcel_copy *copies = calloc(n, sizeof(*copies));
    if (!copies) {
        arena_panic("out of memory");
    }
    for (size_t i = 0; i < n; i++) {
        copies[i].fd = -1;
    }
    (void)pthread_mutex_lock(&p->lock);
    p->copies = copies;
    p->n_copies = n;
    (void)pthread_mutex_unlock(&p->lock);
}

struct parcel_copy *parcel_copy_at(struct parcel *p, uint64_t copy)
{
    uint64_t i = copy ? copy - 1 : 0;

    return i < p->n_copies ? &p->copies[i] : NULL;
}

bool parcel_owns(const struct parcel *p, struct slice id, struct error *e)
{
    return slice_equal(id, letter_id_slice(&p->id)) ||
           error_set(e, ERROR_CORRUPT,
                     "the catalog names another letter's record for letter %llu: `postern catalog "
                     "rebuild` makes it anew",
                     (unsigned long long)p->seq);
}

struct parcel *parcel_hold(struct parcel *p)
{
    (void)atomic_fetch_add(&p->references, 1);
    return p;
}

static void give_back(atomic_size_t *files, uint64_t size)
{
    (void)atomic_fetch_sub(files, 1);
    (void)atomic_fetch_sub(&cached_bytes, size);
}

/* Keep `fd`, counted in `files`, within the budget, or close it. */
static int keep_file(int fd, atomic_size_t *files, uint64_t size, size_t bytes_max)
{
    size_t others = atomic_fetch_add(files, 1);
    size_t bytes = atomic_fetch_add(&cached_bytes, size);

    if (others < PARCEL_FILES_MAX / HALF && bytes + size <= bytes_max) {
        return fd;
    }
    give_back(files, size);
    (void)close(fd);
    return -1;
}

static void end_file(int *fd, atomic_size_t *files, uint64_t size)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
        give_back(files, size);
    }
}

void parcel_forget(struct parcel *p)
{
    (void)pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n_copies; i++) {
        end_file(&p->copies[i].fd, &cached_copies, p->copies[i].size);
    }
    end_file(&p->content_fd, &cached_contents, p->size);
    (void)atomic_fetch_sub(&cached_bytes, p->facts_kept);
    p->facts_kept = 0;
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
    if (p->copies != &p->only) {
        free(p->copies);
    }
    free(p->again);
    free(p);
}

void parcel_add_again(struct parcel *p, struct ledger_ref ref)
{
    (void)pthread_mutex_lock(&p->lock);
    struct ledger_ref *again = reallocarray(p->again, p->n_again + 1, sizeof(*again));
    if (!again) {
        arena_panic("out of memory");
    }
    again[p->n_again++] = ref;
    p->again = again;
    (void)pthread_mutex_unlock(&p->lock);
}

size_t parcel_again(struct parcel *p, struct arena *arena, struct ledger_ref **out)
{
    (void)pthread_mutex_lock(&p->lock);
    size_t n = p->n_again;
    *out = arena_array(arena, n + 1, sizeof(**out));
    for (size_t i = 0; i < n; i++) {
        (*out)[i] = p->again[i];
    }
    (void)pthread_mutex_unlock(&p->lock);
    return n;
}

void parcel_keep_facts(struct parcel *p)
{
    (void)pthread_mutex_lock(&p->lock);
    size_t bytes = p->facts_body.capacity;
    if (atomic_fetch_add(&cached_bytes, bytes) + bytes <= PARCEL_CACHE_MAX) {
        p->facts_kept = bytes;
    } else {
        (void)atomic_fetch_sub(&cached_bytes, bytes);
        buf_done(&p->facts_body);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

void parcel_keep_content(struct parcel *p, int fd)
{
    (void)pthread_mutex_lock(&p->lock);
    p->content_fd = keep_file(fd, &cached_contents, p->size, PARCEL_CACHE_MAX);
    (void)pthread_mutex_unlock(&p->lock);
}

uint64_t parcel_content_kept(struct parcel *p)
{
    (void)pthread_mutex_lock(&p->lock);
    uint64_t bytes = p->content_fd >= 0 ? p->size : 0;
    (void)pthread_mutex_unlock(&p->lock);
    return bytes;
}

void parcel_forget_content(struct parcel *p)
{
    (void)pthread_mutex_lock(&p->lock);
    end_file(&p->content_fd, &cached_contents, p->size);
    (void)pthread_mutex_unlock(&p->lock);
}

bool parcel_may_keep_copy(uint64_t size)
{
    return atomic_load(&cached_copies) < PARCEL_FILES_MAX / HALF &&
           atomic_load(&cached_bytes) + size <= PARCEL_CACHE_MAX / HALF;
}

void parcel_keep_copy(struct parcel *p, struct parcel_copy *copy, int fd, uint64_t size,
                      bool has_8bit)
{
    (void)pthread_mutex_lock(&p->lock);
    end_file(&copy->fd, &cached_copies, copy->size);
    copy->size = size;
    copy->has_8bit = has_8bit;
    copy->fd = fd < 0 ? -1 : keep_file(fd, &cached_copies, size, PARCEL_CACHE_MAX / HALF);
    (void)pthread_mutex_unlock(&p->lock);
}
