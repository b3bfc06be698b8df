#include "keyring/former.h"

#include <pthread.h>

#include "base/arena.h"

struct former {
    struct former *next;
    uint8_t current[KEYRING_ID_LEN];
    uint8_t id[KEYRING_ID_LEN];
    struct secret *key;
};

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct former *first; /* guarded by lock; rows are never changed or removed */

void keyring_former_add(const struct secret *current, const struct secret *former)
{
    struct former *row = calloc(1, sizeof(*row));
    struct former **last = &first;

    if (!row) {
        arena_panic("out of memory");
    }
    keyring_id(current, row->current);
    keyring_id(former, row->id);
    row->key = secret_copy(secret_slice(former));
    (void)pthread_rwlock_wrlock(&lock);
    while (*last) {
        last = &(*last)->next;
    }
    *last = row;
    (void)pthread_rwlock_unlock(&lock);
}

/* The n-th row of these former keys, or the one with this name. */
static const struct secret *look(const struct secret *current, const uint8_t *id, size_t n)
{
    uint8_t own[KEYRING_ID_LEN];
    const struct secret *found = NULL;

    keyring_id(current, own);
    if (id && memcmp(own, id, sizeof(own)) == 0) {
        return current;
    }
    (void)pthread_rwlock_rdlock(&lock);
    for (const struct former *row = first; row && !found; row = row->next) {
        bool ours = memcmp(row->current, own, sizeof(own)) == 0;
        bool named = id ? memcmp(row->id, id, sizeof(own)) == 0 : ours && n-- == 0;
        found = ours && named ? row->key : NULL;
    }
    (void)pthread_rwlock_unlock(&lock);
    return found;
}

const struct secret *keyring_find(const struct secret *current,
                                  const uint8_t id[static KEYRING_ID_LEN])
{
    return look(current, id, 0);
}

const struct secret *keyring_former(const struct secret *current, size_t n)
{
    return look(current, NULL, n);
}
