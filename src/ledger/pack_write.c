/* Making a pack. Two passes over the segment's heads: one counts, so that every place in the pack is known,
 * one writes. Memory: a buffer for each file that is written, and the largest record. */
#include <fcntl.h>

#include "host/file.h"
#include "ledger/dictionary.h"
#include "ledger/pack_maker.h"

#define BODY_MAX (LEDGER_BODY_MAX + (LEDGER_BODY_MAX >> 7) + 4096)
#define SEE_MIN  512 /* a payload that is smaller holds nothing worth sharing */

/* -- first pass -- */

static size_t row_for(const struct maker *m, uint32_t month)
{
    size_t i = 0;

    while (i < m->n_rows && m->rows[i].month < month) {
        i++;
    }
    return i;
}

bool maker_count(struct maker *m, int64_t time_ms, struct error *e)
{
    uint32_t month = pack_month(time_ms);
    size_t i = row_for(m, month);

    if (i < m->n_rows && m->rows[i].month == month) {
        return true;
    }
    if (m->n_rows == PACK_FILES_MAX - 1) { /* one row is the objects' */
        return error_set(e, ERROR_LIMIT, "records of more than %d months", PACK_FILES_MAX - 1);
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

static bool open_record(struct maker *m, uint64_t at, const struct record_head *h,
                        const uint8_t *head, struct slice *body, struct error *e)
{
    arena_reset(&m->arena);
    return read_payload(m, at, h, e) && sealer_open(m->sealer, scan_state(m->scan)->key->key, head,
                                                    h, m->payload.ptr, &m->arena, body, e);
}

static bool count_record(struct maker *m, uint64_t at, const struct record_head *h,
                         const uint8_t *head, struct error *e)
{
    struct slice body = SLICE_NONE;

    if (!h->sealed) {
        return true;
    }
    if (h->length >= SEE_MIN) {
        if (!open_record(m, at, h, head, &body, e)) {
            return error_add(e, "record %llu", (unsigned long long)h->seq);
        }
        shares_see(m->shares, body);
    }
    return maker_count(m, h->time_ms, e);
}

void maker_share(struct maker *m)
{
    m->shares =
        shares_new(m->dirfd, m->keys_dirfd, m->ledger_key, m->head.number, m->head.ledger_id);
    shares_load(m->shares);
}

/* The ledger's id is known when the first batch was read. */
static void begin_sharing(struct maker *m)
{
    if (!m->shares) {
        (void)memcpy(m->head.ledger_id, scan_state(m->scan)->head.ledger_id,
                     sizeof(m->head.ledger_id));
        maker_share(m);
    }
}

/* Check each batch, which gives the number of records, and find their months. */
static bool count_all(struct maker *m, struct error *e)
{
    const struct scan_state *state = scan_state(m->scan);

    while (state->at < m->length) {
        struct error why = {.kind = ERROR_CORRUPT, .text = "its end is missing"};
        if (scan_next(m->scan, &why) != SCAN_BATCH) {
            *e = why;
            return false;
        }
        begin_sharing(m);
        if (!each_record(m, state->from, state->at, count_record, e)) {
            return false;
        }
    }
    if (state->at != m->length) {
        return error_set(e, ERROR_CORRUPT, "it does not end where its successor says");
    }
    m->tree = state->tree;
    m->start_tree = state->start_tree;
    m->commit_key = m->scan->key->commit_key;
    if (state->tree.size - state->start_tree.size > UINT32_MAX) {
        return error_set(e, ERROR_LIMIT, "too many records");
    }
    m->head.first = state->start_tree.size;
    m->head.records = (uint32_t)(state->tree.size - state->start_tree.size);
    m->head.segment_length = m->length;
    return true;
}

/* -- second pass -- */

bool maker_seal(struct maker *m, struct pack_entry *n, uint64_t seq, struct slice body,
                struct error *e)
{
    uint32_t index = (uint32_t)(seq - m->head.first);
    uint8_t aad[PACK_AAD_LEN];
    uint8_t key[KEYRING_KEY_LEN];
    struct slice front = SLICE_NONE;
    struct slice rest = SLICE_NONE;

    if (!record_keys_get(m->keys, index, key)) {
        arena_panic("a new pack lacks a key");
    }
    bool ok = shares_take(m->shares, index, key, body, &front, &rest, e);
    if (ok) {
        n->dictionary = true;
        n->objects = front.len > 0;
        pack_aad(&m->head, n, seq, aad);
        sealer_seal_again(m->sealer, key, SLICE_ARRAY(aad), dictionary_own(), m->payload.ptr, front,
                          rest, &m->packed);
    }
    explicit_bzero(key, sizeof(key));
    return ok && (!m->packed.full || error_set(e, ERROR_LIMIT, "a record is too large"));
}

bool maker_add(struct maker *m, struct pack_entry *n, struct slice payload, struct error *e)
{
    uint8_t digest[DIGEST_LEN];
    uint8_t bytes[PACK_ENTRY_LEN];
    struct stream *to = &m->clear;

    if (n->sealed) {
        size_t row = row_for(m, pack_month(n->time_ms));
        to = &m->payloads[row];
        n->file = (uint16_t)(row + 1);
    }
    n->length = (uint32_t)payload.len;
    n->offset = to->at + to->bytes.len;
    digest_add(m->digest, payload);
    digest_end(m->digest, digest);
    (void)memcpy(n->digest, digest, sizeof(n->digest));
    pack_entry_write(n, bytes);
    return stream_add(to, payload, e) && stream_add(&m->entries, SLICE_ARRAY(bytes), e);
}

static bool pack_one(struct maker *m, uint64_t at, const struct record_head *h, const uint8_t *head,
                     struct error *e)
{
    struct pack_entry n = {.type = h->type, .sealed = h->sealed, .time_ms = h->time_ms};
    struct slice body = SLICE_NONE;

    (void)memcpy(n.commitment, h->commitment, sizeof(n.commitment));
    if (h->sealed ? !open_record(m, at, h, head, &body, e) || !maker_seal(m, &n, h->seq, body, e)
                  : !read_payload(m, at, h, e)) {
        return error_add(e, "record %llu", (unsigned long long)h->seq);
    }
    return maker_add(m, &n, buf_slice(h->sealed ? &m->packed : &m->payload), e);
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

bool maker_begin(struct maker *m, bool (*erased)(const struct maker *m, uint32_t n),
                 struct error *e)
{
    struct record_keys_head keys = {
        .number = m->head.number, .making = m->head.making, .generation = 1};

    m->head.files = (uint32_t)m->n_rows + shares_any(m->shares);
    keyring_random_bytes(m->head.id, sizeof(m->head.id));
    m->keys = record_keys_new(m->head.records);
    for (uint32_t i = 0; erased && i < m->head.records; i++) {
        if (erased(m, i)) {
            (void)record_keys_erase(m->keys, i);
        }
    }
    (void)memcpy(keys.ledger_id, m->head.ledger_id, sizeof(keys.ledger_id));
    (void)memcpy(keys.pack_id, m->head.id, sizeof(keys.pack_id));
    return record_keys_create(m->keys_dirfd, m->ledger_key, &keys, m->keys, m->mode, e) &&
           dictionary_install(m->dirfd, m->mode, m->head.dictionary, e) && maker_create(m, e);
}

void maker_tell(const struct maker *m, struct pack_made *made)
{
    made->head = m->head;
    made->bytes = m->bytes;
    made->objects = (uint16_t)m->objects.month;
    pack_digest(&m->head, made->digest);
}

static bool make(struct maker *m, struct pack_made *made, struct error *e)
{
    if (!open_segment(m, e) || !count_all(m, e) || !maker_begin(m, NULL, e) ||
        !each_record(m, 0, m->length, pack_one, e) || !maker_finish(m, e) || !maker_compare(m, e) ||
        !maker_digest_segment(m, made->replaced, e)) {
        return false;
    }
    maker_tell(m, made);
    return true;
}

void maker_done(struct maker *m)
{
    for (size_t i = 0; m->payloads && i < m->n_rows; i++) {
        own_fd(&m->payloads[i].fd);
        stream_done(&m->payloads[i]);
    }
    free(m->payloads);
    stream_done(&m->entries);
    stream_done(&m->clear);
    own_fd(&m->fd);
    shares_free(m->shares);
    scan_close(m->scan);
    pack_close(m->from);
    record_keys_free(m->keys);
    sealer_free(m->sealer);
    digest_free(m->digest);
    arena_done(&m->arena);
    buf_done(&m->payload);
    buf_done(&m->packed);
    free(m);
}

struct maker *maker_new(int dirfd, int keys_dirfd, const struct secret *ledger_key, uint32_t number,
                        int64_t now_ms, mode_t mode)
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
    return m;
}

bool pack_make(int dirfd, int keys_dirfd, const struct secret *ledger_key, uint32_t number,
               int64_t now_ms, mode_t mode, struct pack_made *made, struct error *e)
{
    struct maker *m = maker_new(dirfd, keys_dirfd, ledger_key, number, now_ms, mode);

    bool made_it = make(m, made, e) || error_add(e, "pack %u", number);
    maker_done(m);
    return made_it;
}
