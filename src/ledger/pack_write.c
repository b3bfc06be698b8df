/* Making a pack. Two passes over the segment's heads: one counts, so that every place in the pack is known,
 * one writes. Memory: a buffer for each file that is written, and the largest record. */
#include <errno.h>
#include <fcntl.h>

#include "base/bytes.h"

#include "host/file.h"
#include "ledger/dictionary.h"
#include "ledger/io.h"
#include "ledger/pack.h"
#include "ledger/scan.h"
#include "ledger/stream.h"

#define STEP     ((size_t)1 << 20)
#define BODY_MAX (LEDGER_BODY_MAX + (LEDGER_BODY_MAX >> 7) + 4096)

struct maker {
    int dirfd;
    int keys_dirfd;
    const struct secret *ledger_key;
    mode_t mode;
    struct scan *scan;
    uint64_t length; /* of the segment, as its successor says */
    struct pack_head head;
    struct merkle tree; /* after the segment */
    struct record_keys *keys;
    struct sealer *sealer;
    struct digest *digest;
    struct arena arena;
    struct buf payload; /* as in the segment */
    struct buf packed;
    uint64_t clear_at;
    uint64_t bytes;
    size_t n_rows;
    struct pack_row rows[PACK_FILES_MAX];
    struct stream *payloads; /* of the rows */
    int fd;
    struct stream entries;
    struct stream clear;
};

/* -- first pass -- */

static size_t row_for(const struct maker *m, uint32_t month)
{
    size_t i = 0;

    while (i < m->n_rows && m->rows[i].month < month) {
        i++;
    }
    return i;
}

static bool count_month(struct maker *m, uint32_t month, struct error *e)
{
    size_t i = row_for(m, month);

    if (i < m->n_rows && m->rows[i].month == month) {
        return true;
    }
    if (m->n_rows == PACK_FILES_MAX) {
        return error_set(e, ERROR_LIMIT, "records of more than %d months", PACK_FILES_MAX);
    }
    (void)memmove(&m->rows[i + 1], &m->rows[i], (m->n_rows - i) * sizeof(m->rows[0]));
    m->rows[i] = (struct pack_row){.month = month};
    m->n_rows++;
    return true;
}

/* Call for each record of a part of the segment. */
static bool each_record(struct maker *m, uint64_t from, uint64_t to,
                        bool (*visit)(struct maker *m, uint64_t at, const struct record_head *h,
                                      const uint8_t *head, struct error *e),
                        struct error *e)
{
    uint64_t offset = from ? from : SEGMENT_HEAD_LEN;

    while (offset < to) {
        struct record_head h;
        uint8_t head[RECORD_HEAD_LEN];
        const uint8_t *bytes = NULL;
        enum scan_result r = scan_head(m->scan, offset, &h, &bytes, e);
        if (r != SCAN_BATCH) {
            return r == SCAN_END ? error_set(e, ERROR_CORRUPT, "cut short") : false;
        }
        (void)memcpy(head, bytes, sizeof(head));
        if (!visit(m, offset, &h, head, e)) {
            return false;
        }
        offset += RECORD_HEAD_LEN + h.length;
    }
    return true;
}

static bool count_record(struct maker *m, uint64_t at, const struct record_head *h,
                         const uint8_t *head, struct error *e)
{
    (void)at;
    (void)head;
    return !h->sealed || count_month(m, pack_month(h->time_ms), e);
}

/* Check each batch, which gives the number of records, and find their months. */
static bool count(struct maker *m, struct error *e)
{
    const struct scan_state *state = scan_state(m->scan);

    while (state->at < m->length) {
        struct error why = {.kind = ERROR_CORRUPT, .text = "its end is missing"};
        if (scan_next(m->scan, &why) != SCAN_BATCH) {
            *e = why;
            return false;
        }
        if (!each_record(m, state->from, state->at, count_record, e)) {
            return false;
        }
    }
    if (state->at != m->length) {
        return error_set(e, ERROR_CORRUPT, "it does not end where its successor says");
    }
    m->tree = state->tree;
    if (state->tree.size - state->start_tree.size > UINT32_MAX) {
        return error_set(e, ERROR_LIMIT, "too many records");
    }
    m->head.first = state->start_tree.size;
    m->head.records = (uint32_t)(state->tree.size - state->start_tree.size);
    m->head.files = (uint32_t)m->n_rows;
    m->head.segment_length = m->length;
    (void)memcpy(m->head.ledger_id, state->head.ledger_id, sizeof(m->head.ledger_id));
    return true;
}

/* -- second pass -- */

static bool read_payload(struct maker *m, uint64_t at, const struct record_head *h, struct error *e)
{
    size_t done = 0;

    buf_reset(&m->payload);
    uint8_t *to = buf_room(&m->payload, h->length);
    if (!to) {
        return error_set(e, ERROR_CORRUPT, "a record is impossibly large");
    }
    if (!file_read_at(scan_state(m->scan)->fd, at + RECORD_HEAD_LEN, to, h->length, &done, e)) {
        return false;
    }
    m->payload.len = done;
    uint8_t digest[DIGEST_LEN];
    digest_add(m->digest, buf_slice(&m->payload));
    digest_end(m->digest, digest);
    return (done == h->length && memcmp(digest, h->digest, sizeof(digest)) == 0) ||
           error_set(e, ERROR_CORRUPT, "a payload does not have its digest");
}

static bool seal_anew(struct maker *m, const struct record_head *h, const uint8_t *head,
                      const struct pack_entry *n, struct error *e)
{
    uint8_t aad[PACK_AAD_LEN];
    uint8_t key[KEYRING_KEY_LEN];
    struct slice body = SLICE_NONE;

    arena_reset(&m->arena);
    if (!sealer_open(m->sealer, scan_state(m->scan)->key->key, head, h, m->payload.ptr, &m->arena,
                     &body, e)) {
        return false;
    }
    if (!record_keys_get(m->keys, (uint32_t)(h->seq - m->head.first), key)) {
        arena_panic("a new pack lacks a key");
    }
    pack_aad(&m->head, n, h->seq, aad);
    sealer_seal_again(m->sealer, key, SLICE_ARRAY(aad), dictionary_own(), m->payload.ptr, body,
                      &m->packed);
    explicit_bzero(key, sizeof(key));
    return !m->packed.full || error_set(e, ERROR_LIMIT, "a record is too large");
}

static bool pack_one(struct maker *m, uint64_t at, const struct record_head *h, const uint8_t *head,
                     struct error *e)
{
    struct pack_entry n = {
        .type = h->type, .sealed = h->sealed, .dictionary = h->sealed, .time_ms = h->time_ms};
    uint8_t digest[DIGEST_LEN];
    uint8_t bytes[PACK_ENTRY_LEN];
    struct stream *to = &m->clear;

    (void)memcpy(n.commitment, h->commitment, sizeof(n.commitment));
    if (!read_payload(m, at, h, e) || (h->sealed && !seal_anew(m, h, head, &n, e))) {
        return error_add(e, "record %llu", (unsigned long long)h->seq);
    }
    struct slice payload = buf_slice(h->sealed ? &m->packed : &m->payload);
    if (h->sealed) {
        size_t row = row_for(m, pack_month(h->time_ms));
        to = &m->payloads[row];
        n.file = (uint16_t)(row + 1);
    }
    n.length = (uint32_t)payload.len;
    n.offset = to->at + to->bytes.len;
    digest_add(m->digest, payload);
    digest_end(m->digest, digest);
    (void)memcpy(n.digest, digest, sizeof(n.digest));
    pack_entry_write(&n, bytes);
    return stream_add(to, payload, e) && stream_add(&m->entries, SLICE_ARRAY(bytes), e);
}

/* -- files -- */

static bool create(const struct maker *m, const char *name, int *fd, struct error *e)
{
    if (ledger_io.unlink(m->dirfd, name) != 0 && errno != ENOENT) {
        return error_errno(e, ERROR_BUSY, "%s: remove a failed attempt", name);
    }
    *fd = ledger_io.create(m->dirfd, name, m->mode);
    return *fd >= 0 ||
           error_errno(e, errno == ENOSPC ? ERROR_LIMIT : ERROR_BUSY, "%s: create", name);
}

static bool create_files(struct maker *m, struct error *e)
{
    char name[PACK_NAME_MAX];
    uint8_t head[PAYLOAD_HEAD_LEN];

    pack_name_new(m->head.number, name);
    if (!create(m, name, &m->fd, e)) {
        return false;
    }
    m->entries = stream_at(m->fd, PACK_HEAD_LEN + (uint64_t)m->n_rows * PACK_ROW_LEN);
    m->clear = stream_at(m->fd, pack_clear_at(&m->head));
    m->payloads = calloc(m->n_rows + 1, sizeof(*m->payloads));
    if (!m->payloads) {
        arena_panic("out of memory");
    }
    for (size_t i = 0; i < m->n_rows; i++) {
        m->payloads[i] = stream_at(-1, 0);
    }
    for (size_t i = 0; i < m->n_rows; i++) {
        pack_payload_name(m->head.number, &m->rows[i], name);
        payload_head_write(&m->head, &m->rows[i], head);
        if (!create(m, name, &m->payloads[i].fd, e) ||
            !stream_add(&m->payloads[i], SLICE_ARRAY(head), e)) {
            return false;
        }
    }
    return true;
}

/* The digest of what is behind the header, read back. */
static bool digest_rest(struct maker *m, uint8_t *digest, struct error *e)
{
    uint8_t *step = buf_room(&m->packed, STEP);
    size_t got = 1;

    for (uint64_t at = PACK_HEAD_LEN; got; at += got) {
        if (!file_read_at(m->fd, at, step, STEP, &got, e)) {
            return false;
        }
        digest_add(m->digest, slice_of(step, got));
    }
    digest_end(m->digest, digest);
    return true;
}

static bool write_head(struct maker *m, struct error *e)
{
    uint8_t bytes[PACK_HEAD_LEN];
    struct segment_key *key = m->scan->key;
    OWN(buf) struct buf rows = {.max = (size_t)PACK_FILES_MAX * PACK_ROW_LEN};
    OWN(buf) struct buf sealed = {.max = SEGMENT_KEY_LEN};

    for (size_t i = 0; i < m->n_rows; i++) {
        uint8_t row[PACK_ROW_LEN];
        m->rows[i].length = m->payloads[i].at;
        m->bytes += m->payloads[i].at;
        pack_row_write(&m->rows[i], row);
        buf_add(&rows, SLICE_ARRAY(row));
    }
    struct iovec iov = {rows.ptr, rows.len};
    m->head.length = m->clear.at;
    m->bytes += m->clear.at;
    if ((rows.len && !ledger_write(m->fd, &iov, 1, PACK_HEAD_LEN, e)) ||
        !digest_rest(m, m->head.digest, e)) {
        return false;
    }
    pack_fixed_write(&m->head);
    keyring_id(m->ledger_key, m->head.ledger_key_id);
    keyring_seal(m->ledger_key, SLICE_ARRAY(m->head.fixed), secret_slice(key->commit_key), &sealed);
    (void)memcpy(m->head.sealed_key, sealed.ptr, sizeof(m->head.sealed_key));
    pack_head_write(&m->head, bytes);
    iov = (struct iovec){bytes, sizeof(bytes)};
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

static bool write_files(struct maker *m, struct error *e)
{
    bool ok = create_files(m, e) && each_record(m, 0, m->length, pack_one, e) &&
              stream_flush(&m->entries, e) && stream_flush(&m->clear, e);

    for (size_t i = 0; ok && i < m->n_rows; i++) {
        ok = stream_flush(&m->payloads[i], e) && settle(m->payloads[i].fd, e);
    }
    return ok && write_head(m, e) && settle(m->fd, e) &&
           (ledger_io.sync_folder(m->dirfd) == 0 || error_errno(e, ERROR_BUSY, "sync folder"));
}

/* -- compared with the segment -- */

static void on_fault(void *context, uint64_t offset, uint64_t seq, const char *text)
{
    struct error *why = context;

    (void)offset;
    if (why->kind == ERROR_NONE) {
        (void)error_set(why, ERROR_CORRUPT, "what was written is not what is read: record %llu: %s",
                        (unsigned long long)seq, text);
    }
}

static void on_erased(void *context, uint64_t seq)
{
    on_fault(context, 0, seq, "it has no key");
}

/* Every leaf is the segment's when the trees are the same. */
static bool compare(const struct maker *m, struct error *e)
{
    OWN(pack) struct pack *p = NULL;
    char name[PACK_NAME_MAX];
    struct error why = {.kind = ERROR_NONE};
    struct pack_check c = {.sealer = m->sealer,
                           .tree = scan_state(m->scan)->start_tree,
                           .trusted = true,
                           .watch_size = UINT64_MAX,
                           .fault = on_fault,
                           .erased = on_erased,
                           .context = &why};

    pack_name_new(m->head.number, name);
    if (pack_open(m->dirfd, m->keys_dirfd, m->head.number, name, m->ledger_key, &p, e) !=
        PACK_OPENED) {
        return error_add(e, "what was written cannot be read");
    }
    if (!pack_check(p, &c, e)) {
        return false;
    }
    if (why.kind == ERROR_NONE && (c.tree.size != m->tree.size ||
                                   !slice_equal(merkle_peaks(&c.tree), merkle_peaks(&m->tree)))) {
        (void)error_set(&why, ERROR_CORRUPT, "the pack has not the segment's leaves");
    }
    if (why.kind != ERROR_NONE) {
        *e = why;
        return false;
    }
    return true;
}

static bool digest_segment(struct maker *m, uint8_t *digest, struct error *e)
{
    int fd = scan_state(m->scan)->fd;
    uint8_t *step = buf_room(&m->packed, STEP);

    digest_reset(m->digest);
    digest_add(m->digest, SLICE_ARRAY(scan_state(m->scan)->head.fixed));
    for (uint64_t at = SEGMENT_HEAD_LEN; at < m->length;) {
        size_t want = m->length - at < STEP ? (size_t)(m->length - at) : STEP;
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

/* -- all of it -- */

static bool successor_length(const struct maker *m, uint64_t *length, struct error *e)
{
    OWN(scan) struct scan *s = NULL;
    uint32_t next = m->head.number + 1;

    if (scan_open(m->dirfd, next, O_RDONLY, NULL, &s, e) == SCAN_OPENED) {
        if (scan_next(s, e) != SCAN_BATCH) {
            return error_add(e, "its successor");
        }
        *length = scan_state(s)->start.length;
        return true;
    }
    return pack_start_length(m->dirfd, next, length, e);
}

static bool open_segment(struct maker *m, struct error *e)
{
    switch (scan_open(m->dirfd, m->head.number, O_RDONLY, m->ledger_key, &m->scan, e)) {
    case SCAN_OPENED:
        return successor_length(m, &m->length, e);
    case SCAN_MISSING:
        return error_set(e, ERROR_INPUT, "there is no such segment");
    case SCAN_NOT_OPENED:
        return false;
    }
    return false;
}

static bool make(struct maker *m, struct pack_made *made, struct error *e)
{
    struct record_keys_head keys = {.number = m->head.number, .generation = 1};

    if (!open_segment(m, e) || !count(m, e)) {
        return false;
    }
    keyring_random_bytes(m->head.id, sizeof(m->head.id));
    m->keys = record_keys_new(m->head.records);
    (void)memcpy(keys.ledger_id, m->head.ledger_id, sizeof(keys.ledger_id));
    (void)memcpy(keys.pack_id, m->head.id, sizeof(keys.pack_id));
    if (!record_keys_create(m->keys_dirfd, m->ledger_key, &keys, m->keys, m->mode, e) ||
        !dictionary_install(m->dirfd, m->mode, m->head.dictionary, e) || !write_files(m, e) ||
        !compare(m, e) || !digest_segment(m, made->segment_digest, e)) {
        return false;
    }
    made->head = m->head;
    made->bytes = m->bytes;
    pack_digest(&m->head, made->digest);
    return true;
}

static void maker_done(struct maker *m)
{
    for (size_t i = 0; m->payloads && i < m->n_rows; i++) {
        own_fd(&m->payloads[i].fd);
        stream_done(&m->payloads[i]);
    }
    free(m->payloads);
    stream_done(&m->entries);
    stream_done(&m->clear);
    own_fd(&m->fd);
    scan_close(m->scan);
    record_keys_free(m->keys);
    sealer_free(m->sealer);
    digest_free(m->digest);
    arena_done(&m->arena);
    buf_done(&m->payload);
    buf_done(&m->packed);
    free(m);
}

bool pack_make(int dirfd, int keys_dirfd, const struct secret *ledger_key, uint32_t number,
               int64_t now_ms, mode_t mode, struct pack_made *made, struct error *e)
{
    struct maker *m = calloc(1, sizeof(*m));

    if (!m) {
        arena_panic("out of memory");
    }
    m->dirfd = dirfd;
    m->keys_dirfd = keys_dirfd;
    m->ledger_key = ledger_key;
    m->mode = mode;
    m->head.number = number;
    m->head.created_ms = now_ms;
    m->fd = -1;
    m->sealer = sealer_new();
    m->digest = digest_new();
    arena_init(&m->arena, LEDGER_BODY_MAX + ((size_t)1 << 20));
    buf_init(&m->payload, BODY_MAX);
    buf_init(&m->packed, BODY_MAX);
    bool made_it = make(m, made, e) || error_add(e, "pack %u", number);
    maker_done(m);
    return made_it;
}
