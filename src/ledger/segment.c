/* Writing the active segment. Invariants: docs/ledger-format.md section 7.
 *
 * | state of l->segment | fd | settled | who changes it |
 * |---|---|---|---|
 * | active: batches may be written | open | yes | segment_start() |
 * | failed, refused batch removed | -1 | yes | segment_settle() |
 * | failed, refused batch may still be on disk | open | no | segment_settle(), tried again */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "ledger/io.h"
#include "ledger/writer.h"

#define STEP_MIN ((uint64_t)256 << 10)
#define STEP_MAX ((uint64_t)4 << 20)
#define PROGRAM  "postern " POSTERN_VERSION

/* -- room ahead -- */

static bool is_full(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static bool write_zeros(int fd, uint64_t from, uint64_t to, struct error *e)
{
    static uint8_t zeros[64 << 10];
    struct iovec iov[STEP_MAX / sizeof(zeros) + 2];

    while (from < to) {
        size_t n = 0;
        uint64_t at = from;
        while (from < to && n < sizeof(iov) / sizeof(iov[0])) {
            size_t len = to - from < sizeof(zeros) ? (size_t)(to - from) : sizeof(zeros);
            iov[n++] = (struct iovec){zeros, len};
            from += len;
        }
        if (!ledger_write(fd, iov, n, at, e)) {
            return false;
        }
    }
    return true;
}

/* Lengthen the file with zeros to `to`. When the disk is full the file is as before. */
static bool extend(struct segment *s, uint64_t to, bool *full, struct error *e)
{
    uint64_t from = s->allocated > s->length ? s->allocated : s->length;

    bool wrote = write_zeros(s->fd, from, to, e);
    *full = !wrote && is_full(errno);
    if (wrote && ledger_sync(s->fd, e)) {
        s->allocated = to;
        return true;
    }
    *full = ledger_io.ftruncate(s->fd, (off_t)s->allocated) == 0 && *full;
    return *full ? error_set(e, ERROR_LIMIT, "ledger: the disk is full")
                 : error_add(e, "ledger: segment %u: disk space in advance", s->number);
}

/* Have the blocks for a large batch without writing them. File systems that cannot are left to find
 * out while writing. */
static bool reserve(const struct segment *s, uint64_t need, struct error *e)
{
    if (fallocate(s->fd, FALLOC_FL_KEEP_SIZE, (off_t)s->length, (off_t)need) == 0 ||
        !is_full(errno)) {
        return true;
    }
    return error_set(e, ERROR_LIMIT, "ledger: the disk is full");
}

/* Take disk space in advance, so that a full disk is met here, where nothing is lost, and because
 * syncing into blocks that are already there takes a third of the time of growing a file. A
 * large batch is not written twice for that: it grows the file itself. */
static bool make_room(struct ledger *l, uint64_t need, struct error *e)
{
    struct segment *s = &l->segment;
    bool full = false;

    if (s->length + need <= s->allocated) {
        return true;
    }
    if (need > STEP_MAX) {
        return reserve(s, need, e);
    }
    while (!extend(s, s->length + need + s->step, &full, e)) {
        if (!full || s->step == 0) {
            return false;
        }
        s->step = 0; /* the last bytes of a full disk: what is needed and no more */
    }
    s->step = s->step * 2 < STEP_MAX ? s->step * 2 : STEP_MAX;
    s->step = s->step < STEP_MIN ? STEP_MIN : s->step;
    return true;
}

uint64_t segment_room(const struct ledger *l)
{
    struct statvfs st;

    if (fstatvfs(l->dirfd, &st) != 0) {
        return UINT64_MAX;
    }
    uint64_t free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    uint64_t reserve = atomic_load(&l->reserve_bytes);
    return free_bytes > reserve ? free_bytes - reserve : 0;
}

/* -- the commit record -- */

/* Append the commit of the batch that began at `from` and whose digest is under way, and its leaf. */
static void add_commit(struct ledger *l, const struct segment_key *key, struct merkle *tree,
                       uint64_t from, int64_t time_ms, struct buf *out)
{
    uint8_t root[MERKLE_LEN];
    uint8_t digest[DIGEST_LEN];
    uint8_t mac[DIGEST_LEN];
    uint8_t leaf[MERKLE_LEN];
    struct record_head h;
    struct error e;
    OWN(buf) struct buf body = {.max = CLEAR_MAX};

    merkle_root(tree, l->digest, root);
    digest_end(l->batch, digest);
    struct commit c = {.size = tree->size,
                       .root = SLICE_ARRAY(root),
                       .time_ms = time_ms,
                       .from = from,
                       .digest = SLICE_ARRAY(digest)};
    commit_mac(&c, key->commit_key, mac);
    c.mac = SLICE_ARRAY(mac);
    commit_write(&body, &c);
    size_t at = out->len;
    clear_write(out, RECORD_COMMIT, time_ms, tree->size, buf_slice(&body));
    if (out->full || !record_head_read(out->ptr + at, &h, &e)) {
        arena_panic("a commit does not fit its own format");
    }
    record_leaf(l->digest, &h, leaf);
    merkle_push(tree, l->digest, leaf);
}

/* Append a clear record of the batch under way, and its leaf. */
static void add_clear(struct ledger *l, struct merkle *tree, uint16_t type, int64_t time_ms,
                      struct slice body, struct buf *out)
{
    uint8_t leaf[MERKLE_LEN];
    struct record_head h;
    struct error e;

    size_t at = out->len;
    clear_write(out, type, time_ms, tree->size, body);
    if (out->full || !record_head_read(out->ptr + at, &h, &e)) {
        arena_panic("a record does not fit its own format");
    }
    digest_add(l->batch, slice_of(out->ptr + at, RECORD_HEAD_LEN));
    record_leaf(l->digest, &h, leaf);
    merkle_push(tree, l->digest, leaf);
}

/* -- starting -- */

/* Header, start and commit of a new segment. */
static void first_batch(struct ledger *l, struct segment_key *key, uint32_t number, uint64_t behind,
                        struct merkle *tree, int64_t now, struct buf *out)
{
    struct segment_head h = {.number = number, .created_ms = now};
    uint8_t bytes[SEGMENT_HEAD_LEN];
    uint8_t root[MERKLE_LEN];
    OWN(buf) struct buf sealed = {.max = SEGMENT_KEY_LEN};
    OWN(buf) struct buf body = {.max = CLEAR_MAX};

    (void)memcpy(h.ledger_id, l->id, sizeof(h.ledger_id));
    (void)memcpy(h.key_id, key->id, sizeof(h.key_id));
    keyring_id(l->key, h.ledger_key_id);
    segment_fixed_write(&h);
    keyring_seal(l->key, SLICE_ARRAY(h.fixed), secret_slice(key->key), &sealed);
    (void)memcpy(h.sealed_key, sealed.ptr, sizeof(h.sealed_key));
    segment_head_write(&h, bytes);
    buf_add(out, SLICE_ARRAY(bytes));
    digest_reset(l->batch);
    digest_add(l->batch, SLICE_ARRAY(h.fixed));

    merkle_root(tree, l->digest, root);
    struct segment_start start = {.number = number,
                                  .reason = l->next,
                                  .size = tree->size,
                                  .root = SLICE_ARRAY(root),
                                  .peaks = merkle_peaks(tree),
                                  .previous = l->segment.number,
                                  .length = l->segment.length,
                                  .behind = behind,
                                  .program = SLICE(PROGRAM)};
    start_write(&body, &start);
    add_clear(l, tree, RECORD_START, now, buf_slice(&body), out);
    add_commit(l, key, tree, 0, now, out);
}

/* Create the file with its first batch, durable with its entry in the folder. An earlier attempt that
 * failed may have left one of the same name: nothing was ever acknowledged in it. */
static bool write_first(struct ledger *l, const char *name, struct slice bytes, int *out,
                        struct error *e)
{
    struct iovec iov = {NULL, bytes.len};

    (void)memcpy(&iov.iov_base, &bytes.ptr, sizeof(iov.iov_base));
    if (ledger_io.unlink(l->dirfd, name) != 0 && errno != ENOENT) {
        return error_errno(e, ERROR_BUSY, "%s: remove a failed attempt", name);
    }
    OWN(fd) int fd = ledger_io.create(l->dirfd, name, l->options.mode);
    if (fd < 0) {
        return error_errno(e, errno == ENOSPC ? ERROR_LIMIT : ERROR_BUSY, "%s: create", name);
    }
    if (!ledger_write(fd, &iov, 1, 0, e) || !ledger_sync(fd, e)) {
        (void)error_add(e, "%s", name);
    } else if (ledger_io.sync_folder(l->dirfd) != 0) {
        (void)error_errno(e, ERROR_BUSY, "%s: sync folder", name);
    } else {
        *out = TAKE(fd, -1);
        return true;
    }
    (void)ledger_io.unlink(l->dirfd, name);
    return false;
}

/* Bytes behind the last commit of a segment that could not be cut. */
static uint64_t bytes_behind(const struct ledger *l)
{
    struct stat st;

    if (l->settled || l->segment.fd < 0 || fstat(l->segment.fd, &st) != 0) {
        return 0;
    }
    uint64_t size =
        (uint64_t)st.st_size > l->segment.allocated ? (uint64_t)st.st_size : l->segment.allocated;
    return size > l->segment.length ? size - l->segment.length : 0;
}

bool segment_start(struct ledger *l, struct error *e)
{
    OWN(buf) struct buf bytes = {.max = SEGMENT_HEAD_LEN + 4 * CLEAR_MAX};
    OWN(segment_key) struct segment_key *key = segment_key_new();
    char name[SEGMENT_NAME_MAX];
    struct merkle tree = l->tree;
    int fd = -1;

    int64_t now = ledger_now(l);
    uint32_t number = l->segment.number + 1;
    segment_name(number, name);
    first_batch(l, key, number, bytes_behind(l), &tree, now, &bytes);
    if (!write_first(l, name, buf_slice(&bytes), &fd, e)) {
        return error_add(e, "ledger");
    }
    segment_drop(l);
    l->closed_bytes += l->segment.length;
    l->segment = (struct segment){fd, number, bytes.len, bytes.len, STEP_MIN};
    l->key_in_use = TAKE(key, NULL);
    l->tree = tree;
    l->time_ms = now;
    l->settled = true;
    l->next = START_FAILURE; /* unless it is ended otherwise */
    ledger_publish(l);
    return true;
}

void segment_drop(struct ledger *l)
{
    if (l->segment.fd >= 0) {
        (void)close(l->segment.fd);
        l->segment.fd = -1;
    }
    ledger_key_put(l, TAKE(l->key_in_use, NULL));
}

/* -- writing -- */

/* Number the records, hang their leaves into the tree, and list what is to be written. */
static size_t number_records(struct ledger *l, struct waiter *waiters, struct merkle *tree,
                             struct iovec *iov)
{
    uint8_t leaf[MERKLE_LEN];
    struct record_head h;
    struct error e;
    size_t n = 0;

    for (struct waiter *w = waiters; w; w = w->next) {
        for (size_t i = 0; w->outcome == OUTCOME_OPEN && i < w->n; i++) {
            uint8_t *bytes = w->records[i].bytes;
            record_number(bytes, tree->size);
            if (!record_head_read(bytes, &h, &e)) {
                arena_panic("a sealed record does not fit its own format");
            }
            digest_add(l->batch, slice_of(bytes, RECORD_HEAD_LEN));
            record_leaf(l->digest, &h, leaf);
            merkle_push(tree, l->digest, leaf);
            iov[n++] = (struct iovec){bytes, w->records[i].len};
        }
    }
    return n;
}

/* Tell the waiters where their records are, once they are there for good. */
static void set_refs(struct waiter *waiters, struct ledger_ref at)
{
    for (struct waiter *w = waiters; w; w = w->next) {
        for (size_t i = 0; w->outcome == OUTCOME_OPEN && i < w->n; i++) {
            if (w->refs) {
                w->refs[i] = at;
            }
            at.seq++;
            at.offset += w->records[i].len;
        }
    }
}

/* Write and sync a batch that is all in the vector; on success it is the ledger's. */
static bool write_batch(struct ledger *l, struct iovec *iov, size_t n, const struct merkle *tree,
                        int64_t now, struct error *e)
{
    struct segment *s = &l->segment;
    uint64_t bytes = 0;

    for (size_t i = 0; i < n; i++) {
        bytes += iov[i].iov_len;
    }
    if (!make_room(l, bytes, e)) {
        if (e->kind == ERROR_BUSY) {
            segment_settle(l, e);
        }
        return false;
    }
    if (!ledger_write(s->fd, iov, n, s->length, e) || !ledger_sync(s->fd, e)) {
        (void)error_add(e, "ledger: segment %u", s->number);
        s->allocated = s->length + bytes > s->allocated ? s->length + bytes : s->allocated;
        segment_settle(l, e);
        return false;
    }
    s->length += bytes;
    s->allocated = s->length > s->allocated ? s->length : s->allocated;
    l->tree = *tree;
    l->time_ms = now;
    return true;
}

bool segment_commit(struct ledger *l, struct waiter *waiters, struct error *e)
{
    OWN(buf) struct buf commit = {.max = CLEAR_MAX};
    struct merkle tree = l->tree;
    size_t records = 0;

    for (const struct waiter *w = waiters; w; w = w->next) {
        records += w->outcome == OUTCOME_OPEN ? w->n : 0;
    }
    OWN(heap) struct iovec *iov = calloc(records + 1, sizeof(*iov));
    if (!iov) {
        arena_panic("out of memory");
    }
    int64_t now = ledger_now(l);
    digest_reset(l->batch);
    size_t n = number_records(l, waiters, &tree, iov);
    add_commit(l, l->key_in_use, &tree, l->segment.length, now, &commit);
    iov[n] = (struct iovec){commit.ptr, commit.len};
    struct ledger_ref first = {l->tree.size, l->segment.number, l->segment.length};
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): clang 14 does not know OWN() */
    bool written = write_batch(l, iov, n + 1, &tree, now, e);
    if (written) {
        set_refs(waiters, first);
    }
    return written;
}

/* -- ending and failing -- */

void segment_end(struct ledger *l, enum end_reason reason)
{
    OWN(buf) struct buf bytes = {.max = CLEAR_MAX};
    OWN(buf) struct buf body = {.max = 64};
    struct merkle tree = l->tree;
    struct error e;

    if (l->segment.fd < 0) {
        return;
    }
    int64_t now = ledger_now(l);
    uint64_t from = l->segment.length;
    digest_reset(l->batch);
    end_write(&body, reason);
    add_clear(l, &tree, RECORD_END, now, buf_slice(&body), &bytes);
    add_commit(l, l->key_in_use, &tree, from, now, &bytes);
    struct iovec iov = {bytes.ptr, bytes.len};
    if (!write_batch(l, &iov, 1, &tree, now, &e)) {
        return; /* write_batch() has settled it: the next start finds it as after a crash */
    }
    l->next = reason == END_FULL ? START_FULL : START_CLEAN;
    l->settled = ledger_io.ftruncate(l->segment.fd, (off_t)l->segment.length) == 0 &&
                 ledger_io.fdatasync(l->segment.fd) == 0;
    if (l->settled) {
        segment_drop(l);
    }
    ledger_publish(l);
}

void segment_settle(struct ledger *l, const struct error *why)
{
    struct error e;

    l->next = START_FAILURE;
    ledger_alarm(l, LEDGER_ALARM_FAILED, why);
    bool cut = ledger_io.ftruncate(l->segment.fd, (off_t)l->segment.length) == 0 &&
               ledger_io.fdatasync(l->segment.fd) == 0;
    l->settled = cut;
    if (segment_start(l, &e)) {
        return;
    }
    if (cut) {
        segment_drop(l);
    } else {
        ledger_alarm(l, LEDGER_ALARM_UNSETTLED, &e);
    }
    ledger_publish(l);
}
