/* Letters that were erased leave the search index: they are found no more at once, and their hashed words
 * go when the index is made anew, which one hour's erasures share. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/internal.h"
#include "search/index.h"

#define ANEW_MS    (INT64_C(3600) * 1000)
#define WAIT_MS    5000
#define LOOK_US    10000
#define HELD_MS    5000 /* that who asks waits for the index */
#define HELD_US    20000
#define REBUILT_US 20000
#define UNTIDY_MS  10000 /* between two attempts to merge */
#define ARENA_MAX  ((size_t)256 << 20)

static const struct slice name = SLICE_INIT("index/erased");

bool indexer_expect_removal(struct keeper *k, struct error *e)
{
    return state_value_put(k->state, name, SLICE("1"), e);
}

static bool is_taken(struct indexer *x)
{
    (void)pthread_mutex_lock(&x->lock);
    bool taken = (x->n_removed == 0 && !x->removing) || x->closed;
    (void)pthread_mutex_unlock(&x->lock);
    return taken;
}

void indexer_remove(struct keeper *k, const uint64_t *seqs, size_t count)
{
    struct indexer *x = &k->indexer;

    (void)pthread_mutex_lock(&x->lock);
    x->removed = realloc(x->removed, (x->n_removed + count) * sizeof(*seqs));
    if (!x->removed) {
        arena_panic("out of memory");
    }
    (void)memcpy(x->removed + x->n_removed, seqs, count * sizeof(*seqs));
    x->n_removed += count;
    (void)pthread_mutex_unlock(&x->lock);
}

void indexer_removed(struct keeper *k)
{
    struct indexer *x = &k->indexer;
    int64_t until = clock_steady_ms() + WAIT_MS;

    while (!is_taken(x) && clock_steady_ms() < until) {
        (void)usleep(LOOK_US);
    }
}

static bool remove_all(struct keeper *k, const uint64_t *seqs, size_t count)
{
    struct error e;

    for (size_t i = 0; i < count; i++) {
        if (search_index_has(k->indexer.index, seqs[i]) &&
            !search_index_remove(k->indexer.index, seqs[i], &e)) {
            k->indexer.refused = k->indexer.refused || e.kind == ERROR_CORRUPT;
            log_event(LOG_ERROR, "index.failed", LOG_TEXT("reason", e.text));
            keeper_alert(k, "index-failed", e.text);
            return false;
        }
    }
    return true;
}

void indexer_removals_begin(struct keeper *k)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    OWN(catalog) struct catalog *catalog = NULL;
    uint64_t *seqs = NULL;
    size_t count = 0;
    struct slice value;
    bool due = false;
    struct error e;

    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, &e) ||
        !catalog_removed(catalog, &arena, &seqs, &count, &e) ||
        !state_value_get(k->state, name, &arena, &value, &due, &e)) {
        log_event(LOG_ERROR, "index.failed", LOG_TEXT("reason", e.text));
        keeper_alert(k, "index-failed", e.text);
        return;
    }
    (void)remove_all(k, seqs, count);
    k->indexer.anew_at = due ? clock_steady_ms() + ANEW_MS : 0;
}

void indexer_removals_go_on(struct keeper *k)
{
    struct indexer *x = &k->indexer;

    (void)pthread_mutex_lock(&x->lock);
    size_t count = x->n_removed;
    OWN(heap) uint64_t *seqs = TAKE(x->removed, NULL);
    x->n_removed = 0;
    x->removing = count > 0;
    (void)pthread_mutex_unlock(&x->lock);
    if (count) {
        (void)remove_all(k, seqs, count); /* what fails is removed at the next start */
        x->anew_at = x->anew_at ? x->anew_at : clock_steady_ms() + ANEW_MS;
        (void)pthread_mutex_lock(&x->lock);
        x->removing = false;
        (void)pthread_mutex_unlock(&x->lock);
    }
    if (x->anew_at && clock_steady_ms() >= x->anew_at) {
        x->anew_at = 0;
        atomic_store(&x->rebuild, true);
    }
}

void indexer_removals_done(struct keeper *k)
{
    bool found = false;
    struct error e;

    k->indexer.anew_at = 0;
    if (!state_value_delete(k->state, name, &found, &e)) {
        log_event(LOG_WARNING, "index.anew_again", LOG_TEXT("reason", e.text));
    }
}

/* ── when something fails, and when there is nothing to do ── */

void indexer_failed(struct keeper *k, const struct error *e)
{
    atomic_store(&k->indexer.failed, true);
    k->indexer.refused = k->indexer.refused || e->kind == ERROR_CORRUPT;
    log_event(LOG_ERROR, "index.failed", LOG_TEXT("reason", e->text));
    keeper_alert(k, "index-failed", e->text);
}

/* Every letter is found as before, only more slowly. */
static void say_untidy(struct keeper *k, const struct error *e)
{
    k->indexer.refused = k->indexer.refused || e->kind == ERROR_CORRUPT;
    k->indexer.tidy_at = clock_steady_ms() + UNTIDY_MS;
    log_event(LOG_WARNING, "index.untidy", LOG_TEXT("reason", e->text));
}

void indexer_merge(struct keeper *k)
{
    struct error e;

    if (clock_steady_ms() >= k->indexer.tidy_at && !search_index_merge(k->indexer.index, &e)) {
        say_untidy(k, &e);
    }
}

bool indexer_tidy(struct keeper *k)
{
    struct error e;
    bool more = true;

    if (clock_steady_ms() >= k->indexer.tidy_at &&
        !search_index_tidy(k->indexer.index, &more, &e)) {
        say_untidy(k, &e);
        more = true;
    }
    return more;
}

/* ── for who waits, or cannot read it ── */

void indexer_suspect(struct keeper *k)
{
    atomic_store(&k->indexer.suspect, true);
}

bool indexer_holds(struct keeper *k, uint64_t head)
{
    int64_t until = clock_steady_ms() + HELD_MS;

    while (atomic_load(&k->indexer.position) < head && clock_steady_ms() < until) {
        (void)usleep(HELD_US);
    }
    return atomic_load(&k->indexer.position) >= head;
}

bool indexer_rebuild(struct keeper *k, uint64_t size, struct error *e)
{
    struct indexer *x = &k->indexer;

    atomic_store(&x->failed, false);
    atomic_store(&x->rebuild, true);
    while (!atomic_load(&x->failed) &&
           (atomic_load(&x->rebuild) || atomic_load(&x->position) < size) &&
           !atomic_load(&k->closing)) {
        (void)usleep(REBUILT_US);
    }
    return !atomic_load(&x->failed) ||
           error_set(e, ERROR_BUSY,
                     "the search index cannot be cleared or written; the log says why "
                     "(index.failed)");
}
