#include "ledger/scan.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "host/file.h"

enum scan_open_result scan_open(int dirfd, uint32_t number, int flags,
                                const struct secret *ledger_key, struct scan **out, struct error *e)
{
    char name[SEGMENT_NAME_MAX];
    int fd = -1;

    segment_name(number, name);
    switch (file_open(dirfd, name, flags, &fd, e)) {
    case FILE_FOUND:
        break;
    case FILE_MISSING:
        return SCAN_MISSING;
    case FILE_FAILED:
        return SCAN_NOT_OPENED;
    }
    struct scan *s = calloc(1, sizeof(*s));
    if (!s) {
        arena_panic("out of memory");
    }
    s->state.number = number;
    s->state.fd = fd;
    s->state.trusted = true;
    s->state.watch_size = UINT64_MAX;
    s->ledger_key = ledger_key;
    s->digest = digest_new();
    s->batch = digest_new();
    *out = s;
    return SCAN_OPENED;
}

void scan_close(struct scan *s)
{
    if (!s) {
        return;
    }
    (void)close(s->state.fd);
    segment_key_free(s->key);
    digest_free(s->digest);
    digest_free(s->batch);
    free(s);
}

struct scan_state *scan_state(struct scan *s)
{
    return &s->state;
}

bool scan_look(struct scan *s, uint64_t offset, size_t len, const uint8_t **bytes, size_t *got,
               struct error *e)
{
    if (offset < s->window_at || offset + len > s->window_at + s->window_len) {
        s->window_at = offset;
        s->window_len = 0;
        if (!file_read_at(s->state.fd, offset, s->window, SCAN_WINDOW, &s->window_len, e)) {
            s->window_len = 0;
            return error_add(e, "segment %u", s->state.number);
        }
    }
    size_t skip = (size_t)(offset - s->window_at);
    size_t left = s->window_len > skip ? s->window_len - skip : 0;
    *bytes = s->window + skip;
    *got = left < len ? left : len;
    return true;
}

bool scan_all_zero(const uint8_t *bytes, size_t len)
{
    return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

enum scan_result scan_head(struct scan *s, uint64_t offset, struct record_head *h,
                           const uint8_t **bytes, struct error *e)
{
    size_t got = 0;

    if (!scan_look(s, offset, RECORD_HEAD_LEN, bytes, &got, e)) {
        return SCAN_FAILED;
    }
    if (scan_all_zero(*bytes, got)) {
        return SCAN_END;
    }
    if (got < RECORD_HEAD_LEN) {
        (void)error_set(e, ERROR_CORRUPT, "segment %u: cut short at %llu", s->state.number,
                        (unsigned long long)offset);
        return SCAN_BAD;
    }
    if (!record_head_read(*bytes, h, e)) {
        (void)error_add(e, "segment %u: offset %llu", s->state.number, (unsigned long long)offset);
        return SCAN_BAD;
    }
    return SCAN_BATCH;
}

/* A batch under inspection; becomes the state when its commit fits. */
struct walk {
    uint64_t from;
    uint64_t offset; /* of the next record */
    uint64_t records;
    bool ended;
    uint64_t own_at;
    struct merkle tree;
};

static enum scan_result bad(struct scan *s, uint64_t offset, struct error *e, const char *why)
{
    (void)error_set(e, ERROR_CORRUPT, "segment %u: offset %llu: %s", s->state.number,
                    (unsigned long long)offset, why);
    return SCAN_BAD;
}

static void push(struct scan *s, struct merkle *tree, const struct record_head *h)
{
    uint8_t leaf[MERKLE_LEN];

    record_leaf(s->digest, h, leaf);
    merkle_push(tree, s->digest, leaf);
    if (tree->size == s->state.watch_size && s->state.trusted) {
        merkle_root(tree, s->digest, s->state.watch_root);
        s->state.watch_hit = true;
    }
}

/* Read and check the segment's header, and get its key if we have the ledger's. */
static enum scan_result read_segment_head(struct scan *s, struct error *e)
{
    const uint8_t *bytes = NULL;
    size_t got = 0;
    struct segment_head *h = &s->state.head;

    if (!scan_look(s, 0, SEGMENT_HEAD_LEN, &bytes, &got, e)) {
        return SCAN_FAILED;
    }
    if (got < SEGMENT_HEAD_LEN) {
        return bad(s, 0, e, "too short to be a segment");
    }
    if (!segment_head_read(bytes, h, e)) {
        (void)error_add(e, "segment %u", s->state.number);
        return e->kind == ERROR_CONFIG ? SCAN_FAILED : SCAN_BAD;
    }
    if (h->number != s->state.number) {
        return bad(s, 0, e, "the file bears another segment's name");
    }
    if (s->ledger_key && !s->key && !segment_key_open(h, s->ledger_key, &s->key, e)) {
        (void)error_add(e, "segment %u", s->state.number);
        return e->kind == ERROR_CONFIG ? SCAN_FAILED : SCAN_BAD;
    }
    s->state.key = s->key;
    s->state.known = true;
    return SCAN_BATCH;
}

/* The start record brings the tree that the segment goes on from. */
static enum scan_result take_start(struct scan *s, struct walk *w, struct slice payload,
                                   struct error *e)
{
    struct segment_start *start = &s->state.start;
    uint8_t root[MERKLE_LEN];

    if (!start_read(payload, start, e)) {
        return bad(s, w->offset, e, "the segment's start is damaged");
    }
    if (start->number != s->state.number || !merkle_load(&w->tree, start->size, start->peaks)) {
        return bad(s, w->offset, e, "the segment's start contradicts itself");
    }
    merkle_root(&w->tree, s->digest, root);
    if (memcmp(root, start->root.ptr, MERKLE_LEN) != 0) {
        return bad(s, w->offset, e, "the segment's start contradicts itself");
    }
    start->root = start->peaks = start->program = SLICE_NONE;
    s->state.start_tree = w->tree;
    s->state.start_whole = true;
    if (w->tree.size == s->state.watch_size) {
        (void)memcpy(s->state.watch_root, root, sizeof(root));
        s->state.watch_hit = true;
    }
    return SCAN_BATCH;
}

static const char *check_commit(struct scan *s, const struct walk *w, const struct record_head *h,
                                const struct commit *c)
{
    uint8_t digest[DIGEST_LEN];

    digest_end(s->batch, digest);
    if (c->size != h->seq || c->time_ms != h->time_ms || c->from != w->from) {
        return "a commit stands where it does not belong";
    }
    if (memcmp(digest, c->digest.ptr, sizeof(digest)) != 0) {
        return "the records of a batch are not those that were committed";
    }
    if (s->state.trusted) {
        merkle_root(&w->tree, s->digest, digest);
        if (memcmp(digest, c->root.ptr, sizeof(digest)) != 0) {
            s->state.altered = true;
            return "the tree does not have the committed root";
        }
    }
    if (s->key) {
        commit_mac(c, s->key->commit_key, digest);
        if (!secret_equal(SLICE_ARRAY(digest), c->mac)) {
            s->state.altered = true;
            return "a commit was not written by the holder of the key";
        }
    }
    return NULL;
}

static enum scan_result take_commit(struct scan *s, struct walk *w, const struct record_head *h,
                                    struct slice payload, struct error *e)
{
    struct scan_state *state = &s->state;
    struct commit c;

    if (!commit_read(payload, &c, e)) {
        return bad(s, w->offset, e, "a commit is damaged");
    }
    const char *why = check_commit(s, w, h, &c);
    if (why) {
        return bad(s, w->offset, e, why);
    }
    if (w->from) {
        merkle_copy(&state->before, &state->tree);
    } else {
        merkle_copy(&state->before, &state->start_tree);
    }
    push(s, &w->tree, h);
    state->first = state->before.size;
    state->from = w->from;
    state->at = w->offset + RECORD_HEAD_LEN + h->length;
    merkle_copy(&state->tree, &w->tree);
    state->time_ms = c.time_ms;
    state->ended = w->ended;
    state->own_at = w->own_at;
    state->records += w->records;
    state->commits++;
    return SCAN_BATCH;
}

/* A clear record that is no commit: a start at the beginning, an end at the end, others between. */
static enum scan_result take_clear(struct scan *s, struct walk *w, const struct record_head *h,
                                   struct slice payload, struct error *e)
{
    bool first = w->offset == SEGMENT_HEAD_LEN;

    if (first != (h->type == RECORD_START)) {
        return bad(s, w->offset, e, "a segment's start stands where it does not belong");
    }
    if (h->type == RECORD_START) {
        enum scan_result r = take_start(s, w, payload, e);
        if (r != SCAN_BATCH) {
            return r;
        }
    } else if (h->type != RECORD_END) {
        w->own_at = w->own_at ? w->own_at : w->offset;
    } else if (!end_read(payload, e)) {
        return bad(s, w->offset, e, "a segment's end is damaged");
    }
    w->ended = h->type == RECORD_END;
    return SCAN_BATCH;
}

/* Whether a record may stand here at all, by its head. */
static const char *check_place(const struct scan *s, const struct walk *w,
                               const struct record_head *h)
{
    bool first = w->offset == SEGMENT_HEAD_LEN;

    if (w->offset + RECORD_HEAD_LEN + h->length > s->state.bytes) {
        return "a record is cut short";
    }
    if (h->sealed && s->state.known &&
        memcmp(h->key_id, s->state.head.key_id, sizeof(h->key_id)) != 0) {
        return "a record was sealed under another segment's key";
    }
    if (h->sealed && first) {
        return "the segment has no start";
    }
    if (w->ended && h->type != RECORD_COMMIT) {
        return "a record stands behind the segment's end";
    }
    /* The first record's number is the start's, checked when that was read. */
    return !first && h->seq != w->tree.size ? "a sequence number is not the next" : NULL;
}

/* One record that is not the commit, or the commit: *done. */
static enum scan_result take_record(struct scan *s, struct walk *w, bool *done, struct error *e)
{
    struct record_head h;
    const uint8_t *bytes = NULL;
    size_t got = 0;

    enum scan_result r = scan_head(s, w->offset, &h, &bytes, e);
    if (r != SCAN_BATCH) {
        return r;
    }
    const char *why = check_place(s, w, &h);
    if (why) {
        return bad(s, w->offset, e, why);
    }
    if (h.type != RECORD_COMMIT) {
        digest_add(s->batch, slice_of(bytes, RECORD_HEAD_LEN));
    }
    if (!h.sealed) {
        if (!scan_look(s, w->offset + RECORD_HEAD_LEN, h.length, &bytes, &got, e)) {
            return SCAN_FAILED;
        }
        if (got < h.length || !clear_check(&h, slice_of(bytes, got), e)) {
            return bad(s, w->offset, e, "a record of the ledger's own is damaged");
        }
        *done = h.type == RECORD_COMMIT;
        r = *done ? take_commit(s, w, &h, slice_of(bytes, got), e)
                  : take_clear(s, w, &h, slice_of(bytes, got), e);
        if (r != SCAN_BATCH || *done) {
            return r;
        }
    }
    if (h.seq != w->tree.size) {
        return bad(s, w->offset, e, "a sequence number is not the next");
    }
    push(s, &w->tree, &h);
    w->records += h.sealed;
    w->offset += RECORD_HEAD_LEN + h.length;
    return SCAN_BATCH;
}

static enum scan_result walk_batch(struct scan *s, struct error *e)
{
    struct walk w;
    bool done = false;

    w.from = w.offset = s->state.at;
    w.records = w.own_at = 0;
    w.ended = false;
    merkle_copy(&w.tree, &s->state.tree);
    digest_reset(s->batch);
    if (w.from == 0) {
        enum scan_result r = read_segment_head(s, e);
        if (r != SCAN_BATCH) {
            return r;
        }
        digest_add(s->batch, SLICE_ARRAY(s->state.head.fixed));
        w.offset = SEGMENT_HEAD_LEN;
    }
    while (!done) {
        enum scan_result r = take_record(s, &w, &done, e);
        if (r == SCAN_END && w.offset > s->state.at) {
            return bad(s, w.offset, e, "a batch has no commit");
        }
        if (r != SCAN_BATCH) {
            return r;
        }
    }
    return SCAN_BATCH;
}

bool scan_look_at_size(struct scan *s, struct error *e)
{
    struct stat st;

    if (fstat(s->state.fd, &st) != 0) {
        return error_errno(e, ERROR_BUSY, "segment %u: stat", s->state.number);
    }
    s->state.bytes = (uint64_t)st.st_size;
    return true;
}

enum scan_result scan_next(struct scan *s, struct error *e)
{
    bool hit = s->state.watch_hit;

    if (!scan_look_at_size(s, e)) {
        return SCAN_FAILED;
    }
    if (s->state.ended) {
        uint64_t tail = 0;
        if (!scan_tail(s, &tail, e)) {
            return SCAN_FAILED;
        }
        return tail ? bad(s, s->state.at, e, "something stands behind the segment's end")
                    : SCAN_END;
    }
    enum scan_result r = walk_batch(s, e);
    if ((r == SCAN_END || r == SCAN_BAD) && s->window_len) {
        s->window_len = 0; /* the writer may have filled in what was not there when it was read */
        s->state.watch_hit = hit;
        r = walk_batch(s, e);
    }
    if (r != SCAN_BATCH) {
        s->window_len = 0;
        s->state.watch_hit = hit;
    }
    return r;
}
