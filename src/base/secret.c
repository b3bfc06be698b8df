#include "base/secret.h"

#include <pthread.h>
#include <sys/mman.h>

#include "base/arena.h"

/* Small secrets share locked pages: RLIMIT_MEMLOCK is counted in pages, and a page for each of a
 * thousand sessions' keys would soon reach it. Slots are handed out by powers of two. */
#define PAGE_BYTES 65536
#define SLOT_MIN   64
#define CLASSES    7 /* 64, 128, ... 4096 */

struct slot {
    struct slot *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot *free_slots[CLASSES]; /* guarded by lock */

static size_t class_of(size_t len)
{
    size_t class = 0;
    while (((size_t)SLOT_MIN << class) < len) {
        class ++;
    }
    return class;
}

/* Cut a fresh locked region into slots of one class. Where the system refuses to lock more, the
 * secret is still kept out of core dumps and wiped; refusing to run would lose mail instead. */
static void refill(size_t class)
{
    uint8_t *region =
        mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (region == MAP_FAILED) {
        arena_panic("out of memory");
    }
    (void)mlock(region, PAGE_BYTES);
    (void)madvise(region, PAGE_BYTES, MADV_DONTDUMP);
    size_t size = (size_t)SLOT_MIN << class;
    for (size_t at = 0; at + size <= PAGE_BYTES; at += size) {
        struct slot *s = (struct slot *)(void *)(region + at);
        s->next = free_slots[class];
        free_slots[class] = s;
    }
}

struct secret *secret_new(size_t len)
{
    if (len == 0 || len > SECRET_MAX) {
        arena_panic("a secret has an impossible length");
    }
    size_t class = class_of(len);
    (void)pthread_mutex_lock(&lock);
    if (!free_slots[class]) {
        refill(class);
    }
    struct slot *slot = free_slots[class];
    free_slots[class] = slot->next;
    (void)pthread_mutex_unlock(&lock);
    struct secret *s = malloc(sizeof(*s));
    if (!s) {
        arena_panic("out of memory");
    }
    *s = (struct secret){(uint8_t *)slot, len};
    (void)memset(s->ptr, 0, len);
    return s;
}

struct secret *secret_copy(struct slice bytes)
{
    struct secret *s = secret_new(bytes.len);
    (void)memcpy(s->ptr, bytes.ptr, bytes.len);
    return s;
}

void secret_free(struct secret *s)
{
    if (!s) {
        return;
    }
    explicit_bzero(s->ptr, s->len);
    size_t class = class_of(s->len);
    struct slot *slot = (struct slot *)(void *)s->ptr;
    (void)pthread_mutex_lock(&lock);
    slot->next = free_slots[class];
    free_slots[class] = slot;
    (void)pthread_mutex_unlock(&lock);
    free(s);
}

bool secret_equal(struct slice a, struct slice b)
{
    uint8_t different = 0;

    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        different |= (uint8_t)(a.ptr[i] ^ b.ptr[i]);
    }
    return different == 0;
}
