#include "ledger/heads.h"

#include <fcntl.h>

#include "ledger/pack.h"
#include "ledger/scan.h"

/* A walk under way. */
struct walk {
    ledger_visit *visit;
    void *context;
    uint64_t size; /* records that are wanted */
    uint64_t next; /* the record that is due */
    struct digest *digest;
};

/* What erases stands in the clear, and is given out whole. */
static bool is_wanted(uint16_t type, uint32_t length)
{
    return (type == RECORD_ERASURE || type == RECORD_ERASED) && length <= CLEAR_MAX;
}

static bool take(struct walk *w, const struct record_head *h, struct slice body, struct error *e)
{
    struct ledger_passed passed = {
        .seq = h->seq, .type = h->type, .time_ms = h->time_ms, .body = body};

    (void)memcpy(passed.commitment, h->commitment, sizeof(passed.commitment));
    record_leaf(w->digest, h, passed.leaf);
    w->next++;
    return w->visit(w->context, &passed, e);
}

/* The payload of a clear record of a segment, which the digest of its head vouches for. */
static bool clear_body(struct scan *s, uint64_t offset, const struct record_head *h,
                       uint8_t room[static CLEAR_MAX], struct slice *body, struct error *e)
{
    const uint8_t *bytes = NULL;
    size_t got = 0;

    *body = SLICE_NONE;
    if (!is_wanted(h->type, h->length)) {
        return true;
    }
    if (!scan_look(s, offset + RECORD_HEAD_LEN, h->length, &bytes, &got, e)) {
        return false;
    }
    if (got < h->length) {
        return error_set(e, ERROR_CORRUPT, "record %llu is cut short", (unsigned long long)h->seq);
    }
    (void)memcpy(room, bytes, got);
    *body = slice_of(room, got);
    return clear_check(h, *body, e);
}

/* The records of a batch that is whole. */
static bool take_batch(struct walk *w, struct scan *s, struct error *e)
{
    const struct scan_state *state = scan_state(s);
    uint64_t offset = state->from ? state->from : SEGMENT_HEAD_LEN;

    while (offset < state->at && w->next < w->size) {
        struct record_head h;
        const uint8_t *bytes = NULL;
        uint8_t room[CLEAR_MAX];
        struct slice body;
        if (scan_head(s, offset, &h, &bytes, e) != SCAN_BATCH || h.seq != w->next) {
            return error_set(e, ERROR_CORRUPT, "segment %u: a record is not the next",
                             state->number);
        }
        if (!clear_body(s, offset, &h, room, &body, e) || !take(w, &h, body, e)) {
            return false;
        }
        offset += RECORD_HEAD_LEN + h.length;
    }
    return true;
}

/* Where a segment ends, as its successor says; UINT64_MAX when it has none. */
static bool end_of(int dirfd, uint32_t number, uint64_t *end, struct error *e)
{
    OWN(scan) struct scan *s = NULL;
    OWN(pack) struct pack *pack = NULL;

    *end = UINT64_MAX;
    switch (scan_open(dirfd, number + 1, O_RDONLY, NULL, &s, e)) {
    case SCAN_OPENED:
        break;
    case SCAN_MISSING:
        switch (pack_open(dirfd, 0, number + 1, NULL, NULL, &pack, e)) {
        case PACK_OPENED:
            return pack_start_length(dirfd, number + 1, end, e);
        case PACK_MISSING:
            return true;
        case PACK_NOT_OPENED:
            return false;
        }
        return false;
    case SCAN_NOT_OPENED:
        return false;
    }
    if (scan_next(s, e) == SCAN_FAILED) {
        return false;
    }
    if (scan_state(s)->start_whole) {
        *end = scan_state(s)->start.length;
    }
    return true;
}

static bool take_segment(struct walk *w, int dirfd, struct scan *s, struct error *e)
{
    const struct scan_state *state = scan_state(s);
    enum scan_result r = SCAN_BATCH;
    uint64_t end = 0;

    if (!end_of(dirfd, state->number, &end, e)) {
        return false;
    }
    while (r == SCAN_BATCH && w->next < w->size && state->at < end) {
        struct error why;
        r = scan_next(s, &why);
        if (r == SCAN_FAILED) {
            *e = why;
            return false;
        }
        if (r == SCAN_BATCH && !take_batch(w, s, e)) {
            return false;
        }
    }
    return true;
}

static bool take_pack(struct walk *w, struct pack *pack, struct error *e)
{
    OWN(buf) struct buf clear = {.max = CLEAR_MAX};

    for (uint32_t i = 0; i < pack->head.records && w->next < w->size; i++) {
        struct pack_entry entry;
        if (!pack_entry(pack, i, &entry, e)) {
            return false;
        }
        struct record_head h = pack_record_head(&entry, pack->head.first + i);
        if (h.seq != w->next) {
            return error_set(e, ERROR_CORRUPT, "pack %u: a record is not the next",
                             pack->head.number);
        }
        bool wanted = is_wanted(entry.type, entry.length);
        if (wanted && !pack_payload(pack, &entry, w->digest, &clear, e)) {
            return false;
        }
        if (!take(w, &h, wanted ? buf_slice(&clear) : SLICE_NONE, e)) {
            return false;
        }
    }
    return true;
}

static bool take_file(struct walk *w, int dirfd, uint32_t number, struct error *e)
{
    OWN(scan) struct scan *s = NULL;
    OWN(pack) struct pack *pack = NULL;

    switch (scan_open(dirfd, number, O_RDONLY, NULL, &s, e)) {
    case SCAN_OPENED:
        return take_segment(w, dirfd, s, e);
    case SCAN_NOT_OPENED:
        return false;
    case SCAN_MISSING:
        break;
    }
    switch (pack_open(dirfd, 0, number, NULL, NULL, &pack, e)) {
    case PACK_OPENED:
        return take_pack(w, pack, e);
    case PACK_MISSING:
        return error_set(e, ERROR_CORRUPT,
                         "the ledger ends before the checkpoint: it has %llu records",
                         (unsigned long long)w->next);
    case PACK_NOT_OPENED:
        break;
    }
    return false;
}

bool ledger_heads(int dirfd, uint64_t size, ledger_visit *visit, void *context, struct error *e)
{
    OWN(digest) struct digest *digest = digest_new();
    struct walk w = {.visit = visit, .context = context, .size = size, .digest = digest};
    uint64_t before = UINT64_MAX;

    for (uint32_t number = 1; w.next < w.size; number++) {
        if (before == w.next) {
            return error_set(e, ERROR_CORRUPT, "segment %u is damaged", number - 1);
        }
        before = w.next;
        if (!take_file(&w, dirfd, number, e)) {
            return error_add(e, "ledger");
        }
    }
    return true;
}
