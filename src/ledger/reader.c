#include "ledger/reader_state.h"

#define KEPT                                                                                       \
    ((size_t)1 << 20) /* bytes of a payload's buffer kept for the next; many readers wait */

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

static void shrink(struct ledger_reader *r)
{
    if (r->payload.capacity > KEPT) {
        buf_done(&r->payload);
    }
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
    if (!sealer_open(r->sealer, state->key->key, head, h, r->payload.ptr, arena, &body, e)) {
        shrink(r);
        return error_add(e, "ledger: record %llu", (unsigned long long)ref.seq);
    }
    set_entry(entry, ref, h, body);
    (void)memcpy(entry->blind, r->payload.ptr, BLIND_LEN);
    shrink(r);
    return true;
}

/* Read and open a sealed record of a pack. Erased: an entry that says so, without a body. */
static bool read_packed(struct ledger_reader *r, struct pack *p, struct ledger_ref ref,
                        const struct pack_entry *n, struct arena *arena, struct ledger_entry *entry,
                        struct error *e)
{
    struct record_head h = pack_record_head(n, ref.seq);
    uint32_t index = (uint32_t)(ref.seq - p->head.first);
    uint8_t key[KEYRING_KEY_LEN];
    struct slice body = SLICE_NONE;
    bool there = false;

    if (!pack_key(p, index, key, &there, e)) {
        return error_add(e, "ledger");
    }
    if (!there) {
        set_entry(entry, ref, &h, SLICE_NONE);
        entry->erased = true;
        return true;
    }
    bool opened = pack_payload(p, n, r->digest, &r->payload, e) &&
                  pack_body(p, r->sealer, n, ref.seq, key, r->payload.ptr, arena, &body, e);
    explicit_bzero(key, sizeof(key));
    if (!opened) {
        shrink(r);
        return error_add(e, "ledger: record %llu", (unsigned long long)ref.seq);
    }
    set_entry(entry, ref, &h, body);
    (void)memcpy(entry->blind, r->payload.ptr, BLIND_LEN);
    shrink(r);
    return true;
}

static bool get_packed(struct ledger_reader *r, struct pack *p, struct ledger_ref ref,
                       struct arena *arena, struct ledger_entry *entry, struct error *e)
{
    struct pack_entry n;
    uint64_t index = ref.seq - p->head.first;

    ref.offset = 0;
    if (index >= p->head.records || !pack_entry(p, (uint32_t)index, &n, e) || !n.sealed) {
        return corrupt(e, ref, "not there");
    }
    if (!read_packed(r, p, ref, &n, arena, entry, e)) {
        return false;
    }
    return !entry->erased ||
           error_set(e, ERROR_INPUT, "record %llu was erased", (unsigned long long)ref.seq);
}

static bool get(struct ledger_reader *r, struct ledger_ref ref, struct arena *arena,
                struct ledger_entry *entry, struct error *e)
{
    uint8_t bytes[RECORD_HEAD_LEN];
    struct record_head h;
    struct source source = {NULL, NULL};

    enum scan_result result = reader_source(r, ref.segment, &source, e);
    if (result == SCAN_END) {
        return corrupt(e, ref, "its segment is not there");
    }
    if (result != SCAN_BATCH) {
        return error_add(e, "ledger");
    }
    if (source.pack) {
        return get_packed(r, source.pack, ref, arena, entry, e);
    }
    if (ref.offset == 0 && !ledger_reader_find(r, ref.seq, &ref, e)) {
        return false; /* of a pack that was there before the segment was restored */
    }
    struct scan *s = source.scan;
    s->window_len = 0; /* what was read when the record was not there yet does not count */
    return read_head(s, ref, &h, bytes, e) && read_body(r, s, ref, &h, bytes, arena, entry, e);
}

bool ledger_reader_get(struct ledger_reader *r, struct ledger_ref ref, struct arena *arena,
                       struct ledger_entry *entry, struct error *e)
{
    if (get(r, ref, arena, entry, e)) {
        return true;
    }
    reader_drop(r); /* as in ledger_reader_next() */
    return e->kind == ERROR_CORRUPT && get(r, ref, arena, entry, e);
}

/* At the end of what a segment holds: is there a successor that goes on from here? */
static enum scan_result follow(struct ledger_reader *r, struct ledger_position *at, struct error *e)
{
    struct source next = {NULL, NULL};
    struct source s = {NULL, NULL};
    uint64_t length = 0;

    enum scan_result result = reader_source(r, at->segment + 1, &next, e);
    if (result != SCAN_BATCH) {
        return result == SCAN_BAD ? SCAN_END : result; /* being created */
    }
    if (!reader_start_length(&next, &length, e)) {
        return SCAN_FAILED;
    }
    /* The successor may have been created since the last look: look once more. */
    result = reader_source(r, at->segment, &s, e);
    if (result != SCAN_BATCH || s.pack) {
        return result; /* packed meanwhile: it is read as a pack now */
    }
    if (at->offset < length) {
        struct error why = {.text = "its end is missing"};
        result = scan_next(s.scan, &why);
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
    struct source next = {NULL, NULL};
    uint64_t length = 0;

    switch (reader_source(r, state->number + 1, &next, e)) {
    case SCAN_FAILED:
        return SCAN_FAILED;
    case SCAN_BATCH:
        if (!reader_start_length(&next, &length, e)) {
            return SCAN_FAILED;
        }
        return state->at < length ? scan_next(s, e) : SCAN_END;
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
    struct source next = {NULL, NULL};
    struct error e;

    return at->offset == 0 && reader_source(r, at->segment + 1, &next, &e) == SCAN_END;
}

/* The scan of the segment that a position is in. */
static enum scan_result scan_at(struct ledger_reader *r, const struct ledger_position *at,
                                struct source *out, struct error *e)
{
    enum scan_result result = reader_source(r, at->segment, out, e);

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

/* Whether a pack holds the position; one behind its end is moved to what comes next. */
static bool in_pack(const struct pack *p, struct ledger_position *at)
{
    if (at->seq - p->head.first < p->head.records) {
        return true;
    }
    *at = (struct ledger_position){at->seq, at->segment + 1, 0};
    return false;
}

/* Whether a whole batch of a segment holds the position; one behind its end is moved to what comes
 * next. */
static enum scan_result in_segment(struct ledger_reader *r, struct scan *s,
                                   struct ledger_position *at, bool *there, struct error *e)
{
    enum scan_result result = advance_past(r, s, at->offset, e);

    *there = result == SCAN_BATCH;
    if (*there) {
        at->offset = at->offset ? at->offset : SEGMENT_HEAD_LEN;
    }
    return *there || result == SCAN_FAILED ? result : follow(r, at, e);
}

/* Make sure that a whole batch holds the position, moving to the next segment when need be. */
static enum scan_result arrive(struct ledger_reader *r, struct ledger_position *at,
                               struct source *out, struct error *e)
{
    enum scan_result result = SCAN_BATCH;
    bool there = false;

    while (result == SCAN_BATCH && !there) {
        result = scan_at(r, at, out, e);
        if (result == SCAN_BATCH && out->pack) {
            there = in_pack(out->pack, at);
        } else if (result == SCAN_BATCH) {
            result = in_segment(r, out->scan, at, &there, e);
        }
    }
    return result;
}

/* Whether a record is wanted without its body. */
static bool is_left_out(const struct ledger_reader *r, uint16_t type)
{
    return type == r->left_out || (r->only_last && (type < r->only_first || type > r->only_last));
}

/* Go over one record of a pack. */
static enum ledger_next next_packed(struct ledger_reader *r, struct pack *p,
                                    struct ledger_position *to, struct arena *arena,
                                    struct ledger_entry *entry, bool *sealed, struct error *e)
{
    struct ledger_ref ref = {to->seq, to->segment, 0};
    struct pack_entry n;

    if (!pack_entry(p, (uint32_t)(to->seq - p->head.first), &n, e)) {
        return LEDGER_FAILED;
    }
    to->seq++;
    to->offset = 0;
    *sealed = n.sealed;
    if (n.sealed && is_left_out(r, n.type)) {
        struct record_head h = pack_record_head(&n, ref.seq);
        set_entry(entry, ref, &h, SLICE_NONE);
        return LEDGER_ENTRY;
    }
    return !n.sealed || read_packed(r, p, ref, &n, arena, entry, e) ? LEDGER_ENTRY : LEDGER_FAILED;
}

/* Go over one record: *entry is it when it is *sealed, the ledger's own are only passed. */
static enum ledger_next next_record(struct ledger_reader *r, struct ledger_position *to,
                                    struct arena *arena, struct ledger_entry *entry, bool *sealed,
                                    struct error *e)
{
    uint8_t bytes[RECORD_HEAD_LEN];
    struct record_head h;
    struct source source = {NULL, NULL};

    enum scan_result result = arrive(r, to, &source, e);
    if (result != SCAN_BATCH) {
        return result == SCAN_END ? LEDGER_AT_END : LEDGER_FAILED;
    }
    if (source.pack) {
        return next_packed(r, source.pack, to, arena, entry, sealed, e);
    }
    struct scan *s = source.scan;
    struct ledger_ref ref = {to->seq, to->segment, to->offset};
    if (!read_head(s, ref, &h, bytes, e)) {
        return LEDGER_FAILED;
    }
    to->seq++;
    to->offset += RECORD_HEAD_LEN + h.length;
    *sealed = h.sealed;
    if (h.sealed && is_left_out(r, h.type)) {
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
        reader_drop(r);
        result = next(r, at, limit, arena, entry, e);
    }
    return result;
}
