/* The files of a pack that is made, and whether they hold what the segment holds. */
#include <errno.h>
#include <fcntl.h>

#include "base/bytes.h"

#include "host/file.h"
#include "ledger/io.h"
#include "ledger/pack_maker.h"

static bool create(const struct maker *m, const char *name, int *fd, struct error *e)
{
    if (ledger_io.unlink(m->dirfd, name) != 0 && errno != ENOENT) {
        return error_errno(e, ERROR_BUSY, "%s: remove a failed attempt", name);
    }
    *fd = ledger_io.create(m->dirfd, name, m->mode);
    return *fd >= 0 ||
           error_errno(e, errno == ENOSPC ? ERROR_LIMIT : ERROR_BUSY, "%s: create", name);
}

bool maker_create(struct maker *m, struct error *e)
{
    char name[PACK_NAME_MAX];
    uint8_t head[PAYLOAD_HEAD_LEN];

    pack_name_new(m->head.number, name);
    if (!create(m, name, &m->fd, e)) {
        return false;
    }
    m->entries = stream_at(m->fd, PACK_HEAD_LEN + (uint64_t)m->head.files * PACK_ROW_LEN);
    m->clear = stream_at(m->fd, pack_clear_at(&m->head));
    m->payloads = calloc(m->n_rows + 1, sizeof(*m->payloads));
    if (!m->payloads) {
        arena_panic("out of memory");
    }
    for (size_t i = 0; i < m->n_rows; i++) {
        m->payloads[i] = stream_at(-1, 0);
    }
    for (size_t i = 0; i < m->n_rows; i++) {
        pack_payload_name(&m->head, &m->rows[i], name);
        payload_head_write(&m->head, &m->rows[i], head);
        if (!create(m, name, &m->payloads[i].fd, e) ||
            !stream_add(&m->payloads[i], SLICE_ARRAY(head), e)) {
            return false;
        }
    }
    return !shares_any(m->shares) || shares_create(m->shares, m->mode, e);
}

/* The digest of what is behind the header, read back. */
static bool digest_rest(struct maker *m, uint8_t *digest, struct error *e)
{
    uint8_t *step = buf_room(&m->packed, MAKER_STEP);
    size_t got = 1;

    for (uint64_t at = PACK_HEAD_LEN; got; at += got) {
        if (!file_read_at(m->fd, at, step, MAKER_STEP, &got, e)) {
            return false;
        }
        digest_add(m->digest, slice_of(step, got));
    }
    digest_end(m->digest, digest);
    return true;
}

static bool write_rows(struct maker *m, struct error *e)
{
    OWN(buf) struct buf rows = {.max = (size_t)PACK_FILES_MAX * PACK_ROW_LEN};
    uint8_t row[PACK_ROW_LEN];

    for (size_t i = 0; i < m->n_rows; i++) {
        m->rows[i].length = m->payloads[i].at;
        m->bytes += m->rows[i].length;
        pack_row_write(&m->rows[i], row);
        buf_add(&rows, SLICE_ARRAY(row));
    }
    if (m->objects.class) {
        m->bytes += m->objects.length;
        pack_row_write(&m->objects, row);
        buf_add(&rows, SLICE_ARRAY(row));
    }
    struct iovec iov = {rows.ptr, rows.len};
    return rows.len == 0 || ledger_write(m->fd, &iov, 1, PACK_HEAD_LEN, e);
}

static bool write_head(struct maker *m, struct error *e)
{
    uint8_t bytes[PACK_HEAD_LEN];
    OWN(buf) struct buf sealed = {.max = SEGMENT_KEY_LEN};

    m->head.length = m->clear.at;
    m->bytes += m->clear.at;
    if (!write_rows(m, e) || !digest_rest(m, m->head.digest, e)) {
        return false;
    }
    pack_fixed_write(&m->head);
    keyring_id(m->ledger_key, m->head.ledger_key_id);
    keyring_seal(m->ledger_key, SLICE_ARRAY(m->head.fixed), secret_slice(m->commit_key), &sealed);
    (void)memcpy(m->head.sealed_key, sealed.ptr, sizeof(m->head.sealed_key));
    pack_head_write(&m->head, bytes);
    struct iovec iov = {bytes, sizeof(bytes)};
    return ledger_write(m->fd, &iov, 1, 0, e);
}

/* Durable, and not in memory any more, so that the check reads what the disk has. */
static bool settle(int fd, struct error *e)
{
    if (!ledger_sync(fd, e)) {
        return false;
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    return true;
}

bool maker_finish(struct maker *m, struct error *e)
{
    bool ok = stream_flush(&m->entries, e) && stream_flush(&m->clear, e);

    for (size_t i = 0; ok && i < m->n_rows; i++) {
        ok = stream_flush(&m->payloads[i], e) && settle(m->payloads[i].fd, e);
    }
    ok = ok && (!shares_any(m->shares) || shares_finish(m->shares, &m->objects, e));
    return ok && write_head(m, e) && settle(m->fd, e) &&
           (ledger_io.sync_folder(m->dirfd) == 0 || error_errno(e, ERROR_BUSY, "sync folder"));
}

/* -- compared with the segment -- */

struct comparison {
    const struct maker *m;
    struct error why;
};

static void on_fault(void *context, uint64_t offset, uint64_t seq, const char *text)
{
    struct comparison *c = context;
    struct error *why = &c->why;

    (void)offset;
    if (why->kind == ERROR_NONE) {
        (void)error_set(why, ERROR_CORRUPT, "what was written is not what is read: record %llu: %s",
                        (unsigned long long)seq, text);
    }
}

/* Only what was erased in the pack before. */
static void on_erased(void *context, uint64_t seq)
{
    const struct comparison *c = context;
    uint8_t key[KEYRING_KEY_LEN];

    if (record_keys_get(c->m->keys, (uint32_t)(seq - c->m->head.first), key)) {
        explicit_bzero(key, sizeof(key));
        on_fault(context, 0, seq, "it has no key");
    }
}

/* Every leaf is the segment's when the trees are the same. */
bool maker_compare(const struct maker *m, struct error *e)
{
    OWN(pack) struct pack *p = NULL;
    char name[PACK_NAME_MAX];
    struct comparison compared = {.m = m};
    struct error *why = &compared.why;
    struct pack_check c = {.sealer = m->sealer,
                           .tree = m->start_tree,
                           .trusted = true,
                           .watch_size = UINT64_MAX,
                           .fault = on_fault,
                           .erased = on_erased,
                           .context = &compared};

    pack_name_new(m->head.number, name);
    if (pack_open(m->dirfd, m->keys_dirfd, m->head.number, name, m->ledger_key, &p, e) !=
        PACK_OPENED) {
        return error_add(e, "what was written cannot be read");
    }
    if (!pack_check(p, &c, e)) {
        return false;
    }
    if (why->kind == ERROR_NONE && (c.tree.size != m->tree.size ||
                                    !slice_equal(merkle_peaks(&c.tree), merkle_peaks(&m->tree)))) {
        (void)error_set(why, ERROR_CORRUPT, "the pack has not the segment's leaves");
    }
    if (why->kind != ERROR_NONE) {
        *e = *why;
        return false;
    }
    return true;
}

bool maker_digest_segment(struct maker *m, uint8_t *digest, struct error *e)
{
    int fd = scan_state(m->scan)->fd;
    uint8_t *step = buf_room(&m->packed, MAKER_STEP);

    digest_reset(m->digest);
    digest_add(m->digest, SLICE_ARRAY(scan_state(m->scan)->head.fixed));
    for (uint64_t at = SEGMENT_HEAD_LEN; at < m->length;) {
        size_t want = m->length - at < MAKER_STEP ? (size_t)(m->length - at) : MAKER_STEP;
        size_t got = 0;
        if (!file_read_at(fd, at, step, want, &got, e)) {
            return false;
        }
        if (got == 0) {
            return error_set(e, ERROR_CORRUPT, "cut short");
        }
        digest_add(m->digest, slice_of(step, got));
        at += got;
    }
    digest_end(m->digest, digest);
    return true;
}
