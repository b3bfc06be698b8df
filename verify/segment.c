/* A segment, batch by batch: docs/ledger-format.md sections 3 and 5 to 8. */
#include "verify/segment_walk.h"

/* -- batches -- */

static void note_commit(struct segment_walk *w)
{
    w->committed = w->at;
    w->committed_first = w->first;
    w->committed_next = w->c->next;
    w->committed_ended = w->ended;
    w->committed_trusted = w->c->trusted;
    w->committed_checkpoint = w->c->next_checkpoint;
    tree_copy(&w->committed_tree, &w->c->tree);
}

/* What the records of the batch, which was committed, say of packs and erasures. */
static void take_claims(struct segment_walk *w)
{
    for (uint64_t at = w->own_at; at && at < w->at;) {
        struct record r;
        struct view bytes = walk_look(w, at, RECORD_HEAD_LEN);
        if (bytes.len < RECORD_HEAD_LEN || record_read(bytes.at, &r)) {
            return; /* reported */
        }
        if (!r.sealed) {
            struct place where = {
                .segment = w->number, .offset = at, .first = r.number, .last = r.number};
            struct view body = walk_look(w, at + RECORD_HEAD_LEN, r.length);
            if (body.len == r.length && !clear_check(&r, body, w->c->hash)) {
                check_own(w->c, &where, &r, body);
            }
        }
        at += RECORD_HEAD_LEN + r.length;
    }
}

/* Whether a commit that is whole in itself stands here, of records that are still to come. */
static bool is_commit(struct segment_walk *w, uint64_t at, struct view bytes, struct record *r)
{
    struct commit commit;

    if (bytes.len < RECORD_HEAD_LEN || record_read(bytes.at, r) || r->type != TYPE_COMMIT ||
        bytes.len - RECORD_HEAD_LEN < r->length ||
        (w->c->counted && r->number < (w->c->loose ? w->c->loose_from : w->c->next))) {
        return false;
    }
    struct view body = {bytes.at + RECORD_HEAD_LEN, r->length};
    return !clear_check(r, body, w->c->hash) && commit_read(body, &commit) &&
           commit.size == r->number && commit.from <= at;
}

/* Go on behind a commit, over records that cannot be read. */
static void skip_to(struct segment_walk *w, uint64_t at, const struct record *commit)
{
    struct check *c = w->c;
    bool between = c->counted && c->next < commit->number;

    walk_pend(w, between ? c->next : commit->number, commit->number,
              "these records cannot be read");
    c->counted = true;
    c->loose = false;
    c->next = commit->number + 1;
    check_skipped(c, w->number);
    w->index += 2;
    w->at = at + RECORD_HEAD_LEN + commit->length;
}

/* Go on behind the next commit. False when there is none. */
static bool find_commit(struct segment_walk *w)
{
    uint64_t at = w->at;

    while (at < w->limit) {
        struct view bytes = input_some(w->in, at, RECORD_HEAD_LEN + CLEAR_MAX);
        struct record r;
        if (bytes.len > w->limit - at) {
            bytes.len = (size_t)(w->limit - at);
        }
        const uint8_t *found = bytes.len ? memmem(bytes.at, bytes.len, "PREC", 4) : NULL;
        if (!found) {
            at += bytes.len > 3 ? bytes.len - 3 : 4;
            continue;
        }
        at += (uint64_t)(found - bytes.at);
        if (is_commit(w, at, walk_look(w, at, RECORD_HEAD_LEN + CLEAR_MAX), &r)) {
            skip_to(w, at, &r);
            return true;
        }
        at += 4;
    }
    return false;
}

static void begin_batch(struct segment_walk *w)
{
    w->from = w->committed;
    w->first = w->c->next;
    w->own_at = 0;
    w->doubted = false;
    hash_begin(w->c->batch);
}

/* One batch, or over one that cannot be read. False when there is none any more. */
static bool take_batch(struct segment_walk *w)
{
    enum step step = STEP_RECORD;

    if (w->at > SEGMENT_HEAD_LEN) {
        begin_batch(w);
    }
    while (step == STEP_RECORD) {
        step = walk_record(w);
    }
    if (step == STEP_END && w->at == w->committed) {
        return false;
    }
    if (step != STEP_COMMIT && !find_commit(w)) {
        return false;
    }
    walk_flush(w);
    if (step == STEP_COMMIT) {
        take_claims(w);
    }
    note_commit(w);
    return true;
}

/* -- the segment -- */

/* The header is bound by the first commit; so what is wrong with it waits for that, too. */
static bool take_head(struct segment_walk *w)
{
    struct view bytes = walk_look(w, 0, SEGMENT_HEAD_LEN);
    struct check *c = w->c;

    begin_batch(w);
    if (bytes.len < SEGMENT_HEAD_LEN) {
        walk_pend(w, c->next, c->next, "the file is too short to be a segment");
        return true;
    }
    hash_add(c->batch, bytes.at, 64);
    fault what = segment_head_read(bytes.at, c->hash, &w->head);
    w->head_whole = !what;
    w->at = SEGMENT_HEAD_LEN;
    if (what && memcmp(what, "newer", 5) == 0) {
        report_stop(c->report, w->number, what, 0);
        return false;
    }
    if (!what && w->head.number != w->number) {
        what = "the file bears another segment's name";
    }
    if (what) {
        walk_doubt(w, what);
    } else {
        struct place where = {.segment = w->number, .first = c->next, .last = c->next};
        check_id(c, &where, w->head.ledger);
    }
    return true;
}

/* Nothing counts behind the last commit; go back to it. */
static void drop_rest(struct segment_walk *w)
{
    struct check *c = w->c;

    w->n_pending = 0;
    c->next = w->committed_next;
    c->trusted = w->committed_trusted;
    c->next_checkpoint = w->committed_checkpoint;
    w->ended = w->committed_ended;
    tree_copy(&c->tree, &w->committed_tree);
}

/* The last segment: behind its last commit may stand what was never acknowledged. */
static void finish_last(struct segment_walk *w)
{
    struct place where = {.segment = w->number, .offset = w->committed, .first = w->committed_next};

    where.last = where.first;
    drop_rest(w);
    w->c->tail = input_last(w->in, w->committed) - w->committed;
    if (w->c->tail && w->ended) {
        report_finding(w->c->report, &where, "something stands behind the segment's end");
    }
}

/* A segment whose successor cannot be read: how long it must be is not known. */
static void finish_unknown(struct segment_walk *w)
{
    struct check *c = w->c;
    struct place where = {.segment = w->number, .offset = w->committed, .first = w->committed_next};

    where.last = where.first;
    walk_flush(w);
    if (input_last(w->in, w->committed) != w->committed) {
        report_finding(c->report, &where, "something stands behind the segment's last commit");
    }
    /* What was taken for the last batch may have been refused: then the successor begins there. */
    c->loose = true;
    c->loose_from = w->committed_first;
}

/* A segment whose successor says how long it is. */
static void finish_closed(struct segment_walk *w, const struct successor *s)
{
    struct check *c = w->c;
    struct place where = {.segment = w->number, .offset = w->committed, .first = c->next};

    walk_flush(w);
    if (w->committed != s->length) {
        where.last = where.first = w->committed_next;
        report_finding(c->report, &where, "the segment does not end where its successor says");
        c->counted = false;
        c->trusted = false;
    } else if (w->in->size > s->length + s->behind) {
        where.last = where.first;
        report_finding(c->report, &where, "something stands behind the segment's last commit");
    }
}

void segment_check(struct check *c, struct input *in, uint32_t number,
                   const struct successor *successor, bool last)
{
    static struct segment_walk walk; /* large, and there is one at a time */
    struct segment_walk *w = &walk;

    *w = (struct segment_walk){
        .c = c, .in = in, .number = number, .limit = in->size, .claimed = UINT64_MAX};
    if (successor->whole && successor->length < w->limit) {
        w->limit = successor->length;
    }
    note_commit(w);
    if (!take_head(w)) {
        return;
    }
    while (w->at < w->limit && take_batch(w)) {
    }
    if (in->failed) {
        report_stop(c->report, number, "the disk fails", 0);
        return;
    }
    if (successor->whole) {
        finish_closed(w, successor);
    } else if (last) {
        finish_last(w);
    } else {
        finish_unknown(w);
    }
    c->former.known = w->committed == successor->length || !successor->whole;
    c->former.ended = w->ended;
    c->segments++;
    c->bytes += w->committed;
}

void segment_successor(struct check *c, struct input *in, uint32_t number, struct successor *out)
{
    struct view bytes = input_look(in, SEGMENT_HEAD_LEN, RECORD_HEAD_LEN + CLEAR_MAX);
    struct record r;

    if (bytes.len < RECORD_HEAD_LEN) {
        return;
    }
    (void)record_read(bytes.at, &r); /* a header with a fault may still tell of a whole payload */
    if (bytes.len - RECORD_HEAD_LEN >= r.length && r.length <= CLEAR_MAX) {
        struct view body = {bytes.at + RECORD_HEAD_LEN, r.length};
        check_successor(c, &r, body, number, out);
    }
}
