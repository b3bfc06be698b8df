#include "keeper/smime_lists.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/internal.h"
#include "keeper/smime_fetch.h"
#include "keyring/digest.h"
#include "requests/smime.h"

#define KEPT      16 /* lists */
#define KEPT_MS   (INT64_C(3600) * 1000)
#define FAILED_MS (INT64_C(300) * 1000) /* before it is asked for again */
#define FETCH_MS  10000                 /* for all lists of a certificate */
#define LIST_MAX  SMIME_CRLS_BYTES_MAX

struct list {
    uint8_t url[DIGEST_LEN];
    int64_t until_ms; /* steady clock; 0: empty */
    struct buf bytes; /* empty: it could not be had */
};

static struct {
    pthread_mutex_t lock; /* guards the others */
    struct list all[KEPT];
} memory = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The place of a URL, or of what is over first. */
static struct list *place_of(const uint8_t url[static DIGEST_LEN])
{
    struct list *oldest = &memory.all[0];

    for (size_t i = 0; i < KEPT; i++) {
        if (memory.all[i].until_ms && memcmp(memory.all[i].url, url, DIGEST_LEN) == 0) {
            return &memory.all[i];
        }
        oldest = memory.all[i].until_ms < oldest->until_ms ? &memory.all[i] : oldest;
    }
    return oldest;
}

static bool recall(const uint8_t url[static DIGEST_LEN], struct buf *out)
{
    (void)pthread_mutex_lock(&memory.lock);
    const struct list *l = place_of(url);
    bool known = l->until_ms > clock_steady_ms() && memcmp(l->url, url, DIGEST_LEN) == 0;
    if (known) {
        buf_add(out, buf_slice(&l->bytes));
    }
    (void)pthread_mutex_unlock(&memory.lock);
    return known;
}

static void remember(const uint8_t url[static DIGEST_LEN], struct slice bytes)
{
    (void)pthread_mutex_lock(&memory.lock);
    struct list *l = place_of(url);
    buf_done(&l->bytes);
    buf_init(&l->bytes, LIST_MAX);
    buf_add(&l->bytes, bytes);
    (void)memcpy(l->url, url, DIGEST_LEN);
    l->until_ms = clock_steady_ms() + (bytes.len ? KEPT_MS : FAILED_MS);
    (void)pthread_mutex_unlock(&memory.lock);
}

static void get_list(struct keeper *k, struct slice url, int64_t until_ms, struct arena *arena,
                     struct buf *out)
{
    const struct smime_fetch_wish wish = {.url = url, .answer_max = LIST_MAX, .until_ms = until_ms};
    uint8_t digest[DIGEST_LEN];
    struct error e;

    digest_of(url, SLICE_NONE, digest);
    if (recall(digest, out)) {
        return;
    }
    if (!smime_fetch(k, &wish, arena, out, &e)) {
        log_event(LOG_WARNING, "smime.no_list", LOG_TEXT("reason", smime_fetch_reason(&e)));
        buf_reset(out);
    }
    remember(digest, buf_slice(out));
}

void smime_lists_get(struct keeper *k, const struct cbor_list *urls, struct arena *arena,
                     struct cbor_list *out)
{
    const int64_t until_ms = clock_steady_ms() + FETCH_MS;
    struct smime_list *lists = arena_array(arena, SMIME_LISTS_MAX, sizeof(*lists));
    const struct slice *all = urls->items;
    size_t room = SMIME_CRLS_BYTES_MAX;
    size_t n = 0;

    for (size_t i = 0; i < urls->count && n < SMIME_LISTS_MAX; i++) {
        OWN(buf) struct buf list = {.max = LIST_MAX};
        get_list(k, all[i], until_ms, arena, &list);
        if (list.len && list.len <= room) {
            lists[n++].bytes = arena_copy(arena, buf_slice(&list));
            room -= list.len;
        }
    }
    *out = (struct cbor_list){lists, n};
}
