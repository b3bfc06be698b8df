#include "ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/clock.h"

#include "host/thread.h"
#include "ledger/erasing.h"
#include "ledger/io.h"
#include "ledger/resealing.h"
#include "ledger/sweep.h"
#include "ledger/writer.h"

#define SEGMENT_BYTES ((uint64_t)256 << 20)

void ledger_alarm(const struct ledger *l, enum ledger_alarm alarm, const struct error *why)
{
    if (l->options.alarm) {
        l->options.alarm(l->options.alarm_context, alarm, why);
    }
}

int64_t ledger_now(const struct ledger *l)
{
    return l->options.now_ms();
}

struct segment_key *ledger_key_get(struct ledger *l)
{
    (void)pthread_mutex_lock(&l->lock);
    struct segment_key *key = l->current;
    if (key) {
        key->users++;
    }
    (void)pthread_mutex_unlock(&l->lock);
    return key;
}

void ledger_key_put(struct ledger *l, struct segment_key *key)
{
    if (!key) {
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    bool last = --key->users == 0;
    (void)pthread_mutex_unlock(&l->lock);
    if (last) {
        segment_key_free(key);
    }
}

void ledger_publish(struct ledger *l)
{
    (void)pthread_mutex_lock(&l->lock);
    struct segment_key *former = l->current;
    l->current = l->key_in_use;
    if (l->current) {
        l->current->users++;
    }
    merkle_copy(&l->head_tree, &l->tree);
    l->head.size = l->tree.size;
    l->head.time_ms = l->time_ms;
    l->head.segment = l->segment.number;
    l->head.offset = l->segment.length;
    l->head.stored_bytes = l->closed_bytes + l->segment.length;
    (void)pthread_mutex_unlock(&l->lock);
    ledger_key_put(l, former);
}

void ledger_head(struct ledger *l, struct ledger_head *head)
{
    struct merkle tree;
    OWN(digest) struct digest *d = digest_new();

    (void)pthread_mutex_lock(&l->lock);
    *head = l->head;
    head->stored_bytes -= (uint64_t)atomic_load(&l->saved_bytes);
    merkle_copy(&tree, &l->head_tree);
    (void)pthread_mutex_unlock(&l->lock);
    merkle_root(&tree, d, head->root);
}

void ledger_id(const struct ledger *l, uint8_t id[static LEDGER_ID_LEN])
{
    (void)memcpy(id, l->id, LEDGER_ID_LEN);
}

static struct ledger *new_ledger(const struct secret *key, const struct ledger_options *options)
{
    struct ledger *l = calloc(1, sizeof(*l));

    if (!l) {
        arena_panic("out of memory");
    }
    l->dirfd = -1;
    l->segment.fd = -1;
    l->settled = true;
    l->key = secret_copy(secret_slice(key));
    l->options = options ? *options : (struct ledger_options){0};
    l->options.segment_bytes = l->options.segment_bytes ? l->options.segment_bytes : SEGMENT_BYTES;
    atomic_init(&l->reserve_bytes, l->options.reserve_bytes);
    l->options.mode = l->options.mode ? l->options.mode : 0640;
    l->options.now_ms = l->options.now_ms ? l->options.now_ms : clock_wall_ms;
    l->digest = digest_new();
    l->batch = digest_new();
    l->last = &l->first;
    l->pack_next = 1;
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_cond_init(&l->work, NULL);
    (void)pthread_cond_init(&l->rolled, NULL);
    (void)pthread_mutex_init(&l->packing, NULL);
    return l;
}

static void free_ledger(struct ledger *l)
{
    sweep_free(l->sweep);
    seq_ranges_done(&l->erased);
    segment_drop(l);
    ledger_key_put(l, l->current);
    own_fd(&l->dirfd);
    secret_free(l->key);
    for (unsigned i = 0; i < l->n_sealers; i++) {
        sealer_free(l->sealers[i]);
    }
    digest_free(l->digest);
    digest_free(l->batch);
    (void)pthread_cond_destroy(&l->work);
    (void)pthread_cond_destroy(&l->rolled);
    (void)pthread_mutex_destroy(&l->lock);
    (void)pthread_mutex_destroy(&l->packing);
    free(l);
}

/* Open the folder anew, so that the lock is this ledger's own, and take it. */
static bool lock_folder(struct ledger *l, int dirfd, struct error *e)
{
    l->dirfd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (l->dirfd < 0) {
        return error_errno(e, ERROR_CONFIG, "ledger: open folder");
    }
    if (flock(l->dirfd, LOCK_EX | LOCK_NB) != 0) {
        return errno == EWOULDBLOCK
                   ? error_set(e, ERROR_BUSY, "ledger: another process has it open")
                   : error_errno(e, ERROR_CONFIG, "ledger: lock");
    }
    return true;
}

static void compare_clock(struct ledger *l)
{
    int64_t behind_ms = l->time_ms - ledger_now(l);
    struct error why;

    if (behind_ms > LEDGER_CLOCK_MS) {
        (void)error_set(&why, ERROR_BUSY,
                        "ledger: the clock is %lld seconds behind the last commit",
                        (long long)(behind_ms / 1000));
        ledger_alarm(l, LEDGER_ALARM_CLOCK, &why);
    }
}

/* A pack that was being replaced, and an erasure that was recorded, are finished now or, while a backup is being made or the disk fails, by the
 * next ledger_pack(), which says what is wrong. */
static void finish_erasing(struct ledger *l)
{
    struct error e;

    if (l->options.record_keys > 0) {
        (void)!(resealing_finish(l, &e) && erasing_finish(l, &e));
    }
}

static bool start(struct ledger *l, int dirfd, struct error *e)
{
    struct recovered r;

    if (l->key->len != KEYRING_KEY_LEN) {
        return error_set(e, ERROR_CONFIG, "ledger: a key has %d bytes", KEYRING_KEY_LEN);
    }
    if (!lock_folder(l, dirfd, e) || !packing_tidy(l, e) || !ledger_recover(l, &r, e) ||
        !packing_tidy_objects(l, e)) {
        return false;
    }
    if (r.number == 0) {
        keyring_random_bytes(l->id, sizeof(l->id));
    }
    l->segment.number = r.number;
    l->segment.length = r.length;
    l->tree = r.tree;
    l->time_ms = r.time_ms;
    compare_clock(l);
    l->next = r.reason;
    l->closed_bytes = r.bytes - r.length; /* segment_start() adds the last one's */
    if (!segment_start(l, e) ||
        !thread_start_joinable("committer", THREAD_STACK_LARGE, ledger_commit_for_all, l,
                               &l->committer, e)) {
        return false;
    }
    finish_erasing(l);
    return true;
}

bool ledger_open(int dirfd, const struct secret *key, const struct ledger_options *options,
                 struct ledger **out, struct error *e)
{
    struct ledger *l = new_ledger(key, options);

    if (!start(l, dirfd, e)) {
        free_ledger(l);
        return false;
    }
    *out = l;
    return true;
}

void ledger_set_reserve(struct ledger *l, uint64_t reserve_bytes)
{
    atomic_store(&l->reserve_bytes, reserve_bytes);
}

void ledger_close(struct ledger *l)
{
    if (!l) {
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    l->closing = true;
    (void)pthread_cond_signal(&l->work);
    (void)pthread_mutex_unlock(&l->lock);
    thread_join(l->committer);
    segment_end(l, END_STOPPED);
    free_ledger(l);
}
