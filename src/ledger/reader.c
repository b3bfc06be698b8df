#include "ledger/reader.h"

#include <fcntl.h>

#include "ledger/io.h"
#include "ledger/scan.h"

#define CACHED 4 /* segments kept open: a follower needs two, random reading likes more */
#define KEPT                                                                                       \
    ((size_t)1 << 20) /* bytes of a payload's buffer kept for the next; many readers wait */

struct ledger_reader {
    int dirfd;
    struct secret *key;
    struct sealer *sealer;
    struct digest *digest;
    struct buf payload;
    uint16_t left_out;           /* type of record whose body is not wanted; 0: none */
    struct scan *cached[CACHED]; /* most recently used first */
};

bool ledger_reader_open(int dirfd, const struct secret *key, struct ledger_reader **out,
                        struct error *e)
{
    struct segment_list list;

    OWN(fd) int folder = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return error_errno(e, ERROR_CONFIG, "ledger: open folder");
    }
    if (!segment_list(folder, &list, e)) {
        return false;
    }
    if (list.last == 0) {
        return error_set(e, ERROR_CONFIG, "ledger: the folder holds no ledger");
    }
    struct ledger_reader *r = calloc(1, sizeof(*r));
    if (!r) {
        arena_panic("out of memory");
    }
    r->dirfd = TAKE(folder, -1);
    r->key = secret_copy(secret_slice(key));
    r->sealer = sealer_new();
    r->digest = digest_new();
    buf_init(&r->payload, LEDGER_BODY_MAX + (LEDGER_BODY_MAX >> 7) + 4096); /* zstd's worst */
    *out = r;
    return true;
}

static void drop_cache(struct ledger_reader *r)
{
    for (size_t i = 0; i < CACHED; i++) {
        scan_close(TAKE(r->cached[i], NULL));
    }
}

void ledger_reader_close(struct ledger_reader *r)
{
    if (!r) {
        return;
    }
    drop_cache(r);
    own_fd(&r->dirfd);
    secret_free(r->key);
    sealer_free(r->sealer);
    digest_free(r->digest);
    buf_done(&r->payload);
    free(r);
}

void ledger_reader_leave_out(struct ledger_reader *r, uint16_t type)
{
    r->left_out = type;
}

static struct scan *to_front(struct ledger_reader *r, size_t at, struct scan *s)
{
    for (; at > 0; at--) {
        r->cached[at] = r->cached[at - 1];
    }
    r->cached[0] = s;
    return s;
}

/* A segment's scan, with its first batch read: SCAN_BATCH and *out, or why not (SCAN_END: no such file,
 * or no whole first batch yet). */
static enum scan_result get_scan(struct ledger_reader *r, uint32_t number, struct scan **out,
                                 struct error *e)
{
    OWN(scan) struct scan *s = NULL;

    for (size_t i = 0; i < CACHED; i++) {
        if (r->cached[i] && scan_state(r->cached[i])->number == number) {
            *out = to_front(r, i, r->cached[i]);
            return SCAN_BATCH;
        }
    }
    switch (scan_open(r->dirfd, number, O_RDONLY, r->key, &s, e)) {
    case SCAN_OPENED:
        break;
    case SCAN_MISSING:
        return SCAN_END;
    case SCAN_NOT_OPENED:
        return SCAN_FAILED;
    }
    enum scan_result result = scan_next(s, e);
    if (result != SCAN_BATCH) {
        return result;
    }
    scan_close(TAKE(r->cached[CACHED - 1], NULL));
    *out = to_front(r, CACHED - 1, TAKE(s, NULL));
    return SCAN_BATCH;
}

static bool corrupt(struct error *e, struct ledger_ref ref, const char *why)
{
    return error_set(e, ERROR_CORRUPT, "ledger: segment %u: offset %llu: record %llu: %s",
                     ref.segment, (unsigned long long)ref.offset, (unsigned long long)ref.seq, why);
}

/* Read the payload of a record into r->payload and check its digest. */
static bool read_payload(struct ledger_reader *r, struct scan *s, struct ledger_ref ref,
                         const struct record_head *h, struct error *e)
{
    uint8_t digest[DIGEST_LEN];
    size_t done = 0;

    buf_reset(&r->payload);
    uint8_t *to = buf_room(&r->payload, h->length);
    if (!to) {
        return corrupt(e, ref, "impossibly large");
    }
    while (done < h->length) {
        const uint8_t *bytes = NULL;
        size_t got = 0;
        size_t step = h->length - done < SCAN_WINDOW ? h->length - done : SCAN_WINDOW;
        if (!scan_look(s, ref.offset + RECORD_HEAD_LEN + done, step, &bytes, &got, e)) {
            return error_add(e, "ledger");
        }
        if (got < step) {
            return corrupt(e, ref, "cut short");
        }
        (void)memcpy(to + done, bytes, got);
        done += got;
    }
    r->payload.len = done;
    digest_add(r->digest, buf_slice(&r->payload));
    digest_end(r->digest, digest);
    return memcmp(digest, h->digest, sizeof(digest)) == 0 ||
           corrupt(e, ref, "the payload does not have its digest");
}

/* Read the head at ref.offset; it must be that record's. */
static bool read_head(struct scan *s, struct ledger_ref ref, struct record_head *h,
                      uint8_t bytes[static RECORD_HEAD_LEN], struct error *e)
{
    const uint8_t *seen = NULL;

    enum scan_result result = scan_head(s, ref.offset, h, &seen, e);
    if (result == SCAN_FAILED || result == SCAN_BAD) {
        return error_add(e, "ledger");
    }
    if (result == SCAN_END || h->seq != ref.seq) {
        return corrupt(e, ref, "not there");
    }
    (void)memcpy(bytes, seen, RECORD_HEAD_LEN);
    return true;
}

static void set_entry(struct ledger_entry *entry, struct ledger_ref ref,
                      const struct record_head *h, struct slice body)
{
    *entry =
        (struct ledger_entry){.ref = ref, .type = h->type, .time_ms = h->time_ms, .body = body};
    (void)memcpy(entry->commitment, h->commitment, sizeof(entry->commitment));
}

/* Read and open a sealed record whose head is known. */
static bool read_body(struct ledger_reader *r, struct scan *s, struct ledger_ref ref,
                      const struct record_head *h, const uint8_t *head, struct arena *arena,
                      struct ledger_entry *entry, struct error *e)
{
    const struct scan_state *state = scan_state(s);
    struct slice body = SLICE_NONE;

    if (!h->sealed || memcmp(h->key_id, state->head.key_id, sizeof(h->key_id)) != 0) {
        return corrupt(e, ref, "not sealed under this segment's key");
    }
    if (!read_payload(r, s, ref, h, e)) {
        return false;
    }
    bool opened = sealer_open(r->sealer, state->key->key, head, h, r->payload.ptr, arena, &body, e);
    if (r->payload.capacity > KEPT) {
        buf_done(&r->payload);
    }
    if (!opened) {
        return error_add(e, "ledger: record %llu", (unsigned long long)ref.seq);
    }
    set_entry(entry, ref, h, body);
    return true;
}

static bool get(struct ledger_reader *r, struct ledger_ref ref, struct arena *arena,
                struct ledger_entry *entry, struct error *e)
{
    uint8_t bytes[RECORD_HEAD_LEN];
    struct record_head h;
    struct scan *s = NULL;

    enum scan_result result = get_scan(r, ref.segment, &s, e);
    if (result == SCAN_END) {
        return corrupt(e, ref, "its segment is not there");
    }
    if (result != SCAN_BATCH) {
        return error_add(e, "ledger");
    }
    s->window_len = 0; /* what was read when the record was not there yet does not count */
    return read_head(s, ref, &h, bytes, e) && read_body(r, s, ref, &h, bytes, arena, entry, e);
}

bool ledger_reader_get(struct ledger_reader *r, struct ledger_ref ref, struct arena *arena,
                       struct ledger_entry *entry, struct error *e)
{
    if (get(r, ref, arena, entry, e)) {
        return true;
    }
    drop_cache(r); /* as in ledger_reader_next() */
    return e->kind == ERROR_CORRUPT && get(r, ref, arena, entry, e);
}

/* The last segment that begins at or before `seq`: their starts ascend. */
static enum scan_result find_segment(struct ledger_reader *r, uint64_t seq, struct scan **out,
                                     struct error *e)
{
    struct segment_list list;
    struct scan *best = NULL;

    if (!segment_list(r->dirfd, &list, e)) {
        return SCAN_FAILED;
    }
    uint32_t low = 1;
    uint32_t high = list.last;
    uint32_t found = 0;
    while (low <= high) {
        uint32_t middle = low + (high - low) / 2;
        struct scan *s = NULL;
        enum scan_result result = get_scan(r, middle, &s, e);
        if (result == SCAN_FAILED || (result == SCAN_BAD && middle != list.last)) {
            return SCAN_FAILED;
        }
        if (result == SCAN_BATCH && scan_state(s)->start_tree.size <= seq) {
            found = middle;
            low = middle + 1;
        } else {
            high = middle - 1;
        }
    }
    if (found == 0) {
        return SCAN_END;
    }
    enum scan_result result = get_scan(r, found, &best, e);
    *out = best;
    return result;
}

bool ledger_reader_find(struct ledger_reader *r, uint64_t seq, struct ledger_ref *ref,
                        struct error *e)
{
    struct scan *s = NULL;
    struct record_head h = {0};
    const uint8_t *bytes = NULL;

    enum scan_result result = find_segment(r, seq, &s, e);
    while (result == SCAN_BATCH && scan_state(s)->tree.size <= seq) {
        result = scan_next(s, e);
    }
    if (result == SCAN_FAILED) {
        return error_add(e, "ledger");
    }
    if (result != SCAN_BATCH) {
        return error_set(e, ERROR_INPUT, "ledger: there is no record %llu",
                         (unsigned long long)seq);
    }
    const struct scan_state *state = scan_state(s);
    /* The last batch is where the search came to rest, unless an earlier one had gone further. */
    uint64_t offset = seq >= state->first && state->from ? state->from : SEGMENT_HEAD_LEN;
    for (;;) {
        result = scan_head(s, offset, &h, &bytes, e);
        if (result != SCAN_BATCH) {
            return result == SCAN_END ? error_set(e, ERROR_CORRUPT, "ledger: cut short")
                                      : error_add(e, "ledger");
        }
        if (h.seq == seq) {
            *ref = (struct ledger_ref){seq, state->number, offset};
            return true;
        }
        offset += RECORD_HEAD_LEN + h.length;
    }
}

/* At the end of what a segment holds: is there a successor that goes on from here? */
static enum scan_result follow(struct ledger_reader *r, struct ledger_position *at, struct error *e)
{
    struct scan *next = NULL;
    struct scan *s = NULL;

    enum scan_result result = get_scan(r, at->segment + 1, &next, e);
    if (result != SCAN_BATCH) {
        return result == SCAN_BAD ? SCAN_END : result; /* being created */
    }
    uint64_t length = scan_state(next)->start.length;
    /* The successor may have been created since the last look: look once more. */
    result = get_scan(r, at->segment, &s, e);
    if (result != SCAN_BATCH) {
        return result;
    }
    if (at->offset < length) {
        struct error why = {.text = "its end is missing"};
        result = scan_next(s, &why);
        if (result == SCAN_END || result == SCAN_BAD) {
            (void)error_set(e, ERROR_CORRUPT, "ledger: segment %u is damaged: %s", at->segment,
                            why.text);
        }
        return result == SCAN_BATCH ? SCAN_BATCH : SCAN_FAILED;
    }
    if (at->offset > length) {
        (void)error_set(e, ERROR_CORRUPT, "ledger: segment %u ends before the position %llu",
                        at->segment, (unsigned long long)at->offset);
        return SCAN_FAILED;
    }
    *at = (struct ledger_position){at->seq, at->segment + 1, 0};
    return SCAN_BATCH;
}

/* Move a segment's scan behind the next batch, but not past where the successor says that the segment
 * ends: what stands behind was refused and could not be removed. */
static enum scan_result advance(struct ledger_reader *r, struct scan *s, struct error *e)
{
    const struct scan_state *state = scan_state(s);
    struct scan *next = NULL;

    switch (get_scan(r, state->number + 1, &next, e)) {
    case SCAN_FAILED:
        return SCAN_FAILED;
    case SCAN_BATCH:
        return state->at < scan_state(next)->start.length ? scan_next(s, e) : SCAN_END;
    case SCAN_END:
    case SCAN_BAD:
        break;
    }
    return scan_next(s, e);
}

/* Whether a segment without a whole batch is the last and has not been read from: it is being created,
 * or a crash left it so. */
static bool is_being_created(struct ledger_reader *r, const struct ledger_position *at)
{
    struct scan *next = NULL;
    struct error e;

    return at->offset == 0 && get_scan(r, at->segment + 1, &next, &e) == SCAN_END;
}

/* The scan of the segment that a position is in. */
static enum scan_result scan_at(struct ledger_reader *r, const struct ledger_position *at,
                                struct scan **out, struct error *e)
{
    enum scan_result result = get_scan(r, at->segment, out, e);

    return result == SCAN_BAD && is_being_created(r, at) ? SCAN_END : result;
}

static enum scan_result advance_past(struct ledger_reader *r, struct scan *s, uint64_t offset,
                                     struct error *e)
{
    enum scan_result result = SCAN_BATCH;

    while (result == SCAN_BATCH && scan_state(s)->at <= offset) {
        result = advance(r, s, e);
    }
    return result;
}

/* Make sure that a whole batch holds the position, moving to the next segment when need be. */
static enum scan_result arrive(struct ledger_reader *r, struct ledger_position *at,
                               struct scan **out, struct error *e)
{
    for (;;) {
        struct scan *s = NULL;
        enum scan_result result = scan_at(r, at, &s, e);
        if (result != SCAN_BATCH) {
            return result;
        }
        result = advance_past(r, s, at->offset, e);
        if (result == SCAN_BATCH) {
            at->offset = at->offset ? at->offset : SEGMENT_HEAD_LEN;
            *out = s;
            return result;
        }
        if (result != SCAN_FAILED) {
            result = follow(r, at, e);
        }
        if (result != SCAN_BATCH) {
            return result;
        }
    }
}

/* Go over one record: *entry is it when it is *sealed, the ledger's own are only passed. */
static enum ledger_next next_record(struct ledger_reader *r, struct ledger_position *to,
                                    struct arena *arena, struct ledger_entry *entry, bool *sealed,
                                    struct error *e)
{
    uint8_t bytes[RECORD_HEAD_LEN];
    struct record_head h;
    struct scan *s = NULL;

    enum scan_result result = arrive(r, to, &s, e);
    if (result != SCAN_BATCH) {
        return result == SCAN_END ? LEDGER_AT_END : LEDGER_FAILED;
    }
    struct ledger_ref ref = {to->seq, to->segment, to->offset};
    if (!read_head(s, ref, &h, bytes, e)) {
        return LEDGER_FAILED;
    }
    to->seq++;
    to->offset += RECORD_HEAD_LEN + h.length;
    *sealed = h.sealed;
    if (h.sealed && h.type == r->left_out) {
        set_entry(entry, ref, &h, SLICE_NONE);
        return LEDGER_ENTRY;
    }
    return !h.sealed || read_body(r, s, ref, &h, bytes, arena, entry, e) ? LEDGER_ENTRY
                                                                         : LEDGER_FAILED;
}

static enum ledger_next next(struct ledger_reader *r, struct ledger_position *at,
                             const struct ledger_head *limit, struct arena *arena,
                             struct ledger_entry *entry, struct error *e)
{
    struct ledger_position to = *at;
    bool sealed = false;

    to.segment = to.segment ? to.segment : 1;
    while (!sealed) {
        if (limit && to.seq >= limit->size) {
            return LEDGER_AT_END;
        }
        enum ledger_next result = next_record(r, &to, arena, entry, &sealed, e);
        if (result != LEDGER_ENTRY) {
            return result;
        }
    }
    *at = to;
    return LEDGER_ENTRY;
}

enum ledger_next ledger_reader_next(struct ledger_reader *r, struct ledger_position *at,
                                    const struct ledger_head *limit, struct arena *arena,
                                    struct ledger_entry *entry, struct error *e)
{
    enum ledger_next result = next(r, at, limit, arena, entry, e);
    if (result == LEDGER_FAILED && e->kind == ERROR_CORRUPT) {
        /* A scan may remember a batch that was seen before its sync failed and is gone by now. */
        drop_cache(r);
        result = next(r, at, limit, arena, entry, e);
    }
    return result;
}
