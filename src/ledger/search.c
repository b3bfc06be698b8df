#include "ledger/scan.h"

/* Whether the bytes at an offset are a commit that is whole in itself. */
static enum scan_result commit_at(struct scan *s, uint64_t at, struct commit *commit, uint64_t *end,
                                  struct error *e)
{
    struct record_head h;
    const uint8_t *bytes = NULL;
    size_t got = 0;

    enum scan_result r = scan_head(s, at, &h, &bytes, e);
    if (r == SCAN_FAILED || r == SCAN_END) {
        return r;
    }
    if (r == SCAN_BAD || h.type != RECORD_COMMIT) {
        return SCAN_BAD;
    }
    if (!scan_look(s, at + RECORD_HEAD_LEN, h.length, &bytes, &got, e)) {
        return SCAN_FAILED;
    }
    struct slice payload = slice_of(bytes, got);
    if (got < h.length || !clear_check(&h, payload, e) || !commit_read(payload, commit, e) ||
        commit->size != h.seq || commit->from >= at) {
        return SCAN_BAD;
    }
    *end = at + RECORD_HEAD_LEN + h.length;
    return SCAN_BATCH;
}

static const uint8_t mark[8] = {'P', 'R', 'E', 'C', 1, 0, 0, RECORD_COMMIT};

/* Where a commit may begin in what was read; NULL: nowhere. */
static const uint8_t *find_mark(const uint8_t *bytes, size_t got)
{
    return scan_all_zero(bytes, got) ? NULL : memmem(bytes, got, mark, sizeof(mark));
}

enum scan_result scan_find_commit(struct scan *s, uint64_t *at, struct commit *commit,
                                  uint64_t *end, struct error *e)
{
    uint64_t offset = *at;

    for (;;) {
        const uint8_t *bytes = NULL;
        size_t got = 0;
        if (!scan_look(s, offset, CLEAR_MAX, &bytes, &got, e)) {
            return SCAN_FAILED;
        }
        const uint8_t *hit = find_mark(bytes, got);
        if (hit) {
            offset += (uint64_t)(hit - bytes);
            enum scan_result r = commit_at(s, offset, commit, end, e);
            if (r == SCAN_BATCH) {
                *at = offset;
            }
            if (r == SCAN_BATCH || r == SCAN_FAILED) {
                return r;
            }
            offset++;
        } else if (got < CLEAR_MAX) {
            return SCAN_END;
        } else {
            offset += got - sizeof(mark) + 1;
        }
    }
}

void scan_skip(struct scan *s, const struct commit *commit, uint64_t end)
{
    s->state.at = end;
    s->state.tree = (struct merkle){.size = commit->size + 1};
    s->state.trusted = false;
    s->state.commits++;
}

void scan_back(struct scan *s)
{
    s->state.at = s->state.from;
    s->state.tree = s->state.before;
    s->state.ended = false;
    s->state.commits--;
}

bool scan_tail(struct scan *s, uint64_t *bytes, struct error *e)
{
    uint64_t last = s->state.at;

    s->window_len = 0;
    for (uint64_t offset = s->state.at;;) {
        const uint8_t *seen = NULL;
        size_t got = 0;
        if (!scan_look(s, offset, CLEAR_MAX, &seen, &got, e)) {
            return false;
        }
        for (size_t i = scan_all_zero(seen, got) ? 0 : got; i > 0; i--) {
            if (seen[i - 1]) {
                last = offset + i;
                break;
            }
        }
        if (got < CLEAR_MAX) {
            break;
        }
        offset += got;
    }
    *bytes = last - s->state.at;
    return true;
}

static bool payload_is_whole(struct scan *s, uint64_t offset, const struct record_head *h,
                             bool *whole, struct error *e)
{
    uint8_t digest[DIGEST_LEN];
    uint64_t left = h->length;

    digest_reset(s->digest);
    while (left) {
        const uint8_t *bytes = NULL;
        size_t got = 0;
        size_t step = left < SCAN_WINDOW ? (size_t)left : SCAN_WINDOW;
        if (!scan_look(s, offset, step, &bytes, &got, e)) {
            return false;
        }
        if (got < step) {
            break;
        }
        digest_add(s->digest, slice_of(bytes, got));
        offset += got;
        left -= got;
    }
    digest_end(s->digest, digest);
    *whole = left == 0 && memcmp(digest, h->digest, sizeof(digest)) == 0;
    return true;
}

bool scan_payloads(struct scan *s, uint64_t from, uint64_t to,
                   void (*bad_payload)(void *context, uint64_t offset, const struct record_head *h),
                   void *context, uint64_t *n_bad, struct error *e)
{
    uint64_t offset = from ? from : SEGMENT_HEAD_LEN;

    while (offset < to) {
        struct record_head h;
        const uint8_t *bytes = NULL;
        bool whole = false;
        enum scan_result r = scan_head(s, offset, &h, &bytes, e);
        if (r == SCAN_END) {
            return error_set(e, ERROR_BUSY, "segment %u shrank", s->state.number);
        }
        if (r != SCAN_BATCH) {
            return false;
        }
        if (!payload_is_whole(s, offset + RECORD_HEAD_LEN, &h, &whole, e)) {
            return false;
        }
        if (!whole) {
            *n_bad += 1;
            if (bad_payload) {
                bad_payload(context, offset, &h);
            }
        }
        offset += RECORD_HEAD_LEN + h.length;
    }
    return true;
}
