/* One record of a segment: docs/ledger-format.md sections 4 to 6. */
#include "verify/segment_walk.h"

void walk_pend(struct segment_walk *w, uint64_t first, uint64_t last, fault what)
{
    if (w->n_pending < PENDING_MAX) {
        struct place where = {.segment = w->number, .offset = w->at, .first = first, .last = last};
        w->pending[w->n_pending] = (struct pending){where, what};
    }
    w->n_pending++;
}

void walk_flush(struct segment_walk *w)
{
    for (size_t i = 0; i < w->n_pending && i < PENDING_MAX; i++) {
        report_finding(w->c->report, &w->pending[i].where, w->pending[i].what);
    }
    if (w->n_pending > PENDING_MAX) {
        w->c->report->findings += w->n_pending - PENDING_MAX;
    }
    w->n_pending = 0;
}

void walk_doubt(struct segment_walk *w, fault what)
{
    walk_pend(w, w->c->next, w->c->next, what);
    w->doubted = true;
}

struct view walk_look(struct segment_walk *w, uint64_t at, size_t len)
{
    struct view none = {NULL, 0};

    if (at >= w->limit) {
        return none;
    }
    return input_look(w->in, at, len < w->limit - at ? len : (size_t)(w->limit - at));
}

/* -- one record -- */

static fault place_fault(const struct segment_walk *w, const struct record *r)
{
    if ((w->index == 0) != (r->type == TYPE_START)) {
        return "a segment's start stands where it does not belong, or is missing";
    }
    if (w->index == 1 && r->type != TYPE_COMMIT) {
        return "the segment's start is not alone in its batch";
    }
    if (w->ended && r->type != TYPE_COMMIT) {
        return "a record stands behind the segment's end";
    }
    if (r->sealed && w->head_whole && !same(r->key, w->head.key, ID_LEN)) {
        return "the record is sealed under another segment's key";
    }
    return NULL;
}

/* Its number must be the next. One that alone is wrong is altered; when the one behind follows it, others
 * are missing or repeated. */
static void check_number(struct segment_walk *w, const struct record *r)
{
    struct check *c = w->c;
    uint64_t claimed = w->claimed;

    w->claimed = UINT64_MAX;
    if (!c->counted) {
        c->counted = true;
        c->next = w->first = r->number;
        check_skipped(c, w->number);
        return;
    }
    if (c->loose && r->number < c->next && r->number >= c->loose_from) {
        c->next = w->first = r->number;
        check_skipped(c, w->number);
    }
    c->loose = false;
    if (r->number == c->next) {
        return;
    }
    if (claimed != UINT64_MAX && r->number == claimed + 1) {
        c->next = r->number;
        check_skipped(c, w->number);
        return;
    }
    walk_doubt(w, r->number > c->next ? "a later record stands in this one's place"
                                      : "an earlier record stands in this one's place");
    w->claimed = r->number;
}

/* The tree with this batch in it has the root that the commit says, as far as the tree is known. */
static void check_root(struct segment_walk *w, const struct commit *commit, uint64_t first)
{
    struct check *c = w->c;
    uint8_t root[HASH_LEN];

    if (!c->trusted) {
        return;
    }
    tree_root(&c->tree, c->hash, root);
    c->trusted = same(root, commit->root.at, HASH_LEN);
    if (!c->trusted && !w->doubted) {
        walk_pend(w, first, c->next, "the tree does not have the committed root");
    }
}

static void take_commit(struct segment_walk *w, const struct record *r, struct view body)
{
    struct check *c = w->c;
    struct commit commit;
    uint8_t digest[HASH_LEN];

    hash_end(c->batch, digest);
    if (!commit_read(body, &commit) || commit.size != r->number || commit.time != r->time) {
        walk_doubt(w, "the commit is damaged");
        return;
    }
    bool known = c->counted && w->first < c->next;
    uint64_t first = known ? w->first : c->next;
    if (!w->doubted && (!same(digest, commit.digest.at, HASH_LEN) || commit.from != w->from)) {
        walk_pend(w, first, known ? c->next - 1 : c->next,
                  "the records of this batch are not those that were committed");
        w->doubted = true;
    }
    check_root(w, &commit, first);
}

/* The payload of a clear record, which has its digest and commitment. */
static void take_clear(struct segment_walk *w, const struct record *r, struct view body)
{
    if (r->type == TYPE_START && w->index == 0) {
        walk_flush(w); /* what is before it concerns the same record, and comes first */
        check_start(w->c, w->number, w->at, body);
    } else if (r->type == TYPE_COMMIT) {
        take_commit(w, r, body);
    } else if (r->type == TYPE_END) {
        if (!end_read(body, &w->ended)) {
            walk_doubt(w, "the segment's end is damaged");
            w->ended = 1;
        }
    } else if (r->type >= TYPE_PACK && !w->own_at) {
        w->own_at = w->at;
    }
}

/* False when the payload is not all there. */
static bool check_payload(struct segment_walk *w, const struct record *r)
{
    uint8_t digest[HASH_LEN];
    uint64_t at = w->at + RECORD_HEAD_LEN;

    if (r->sealed) {
        hash_begin(w->c->hash);
        if (!input_hash(w->in, at, r->length, w->c->hash)) {
            return false;
        }
        hash_end(w->c->hash, digest);
        if (!same(digest, r->digest, sizeof(digest))) {
            walk_pend(w, w->c->next, w->c->next, "the record's payload is altered");
        }
        return true;
    }
    struct view body = walk_look(w, at, r->length);
    if (body.len < r->length) {
        return false;
    }
    fault what = clear_check(r, body, w->c->hash);
    if (what) {
        walk_doubt(w, what);
    } else {
        take_clear(w, r, body);
    }
    return true;
}

/* Whether the record behind one whose header is altered is where the length says, and the next. */
static bool goes_on(struct segment_walk *w, const struct record *r)
{
    struct record next;
    uint64_t at = w->at + RECORD_HEAD_LEN + r->length;
    struct view bytes = walk_look(w, at, RECORD_HEAD_LEN);

    return at == w->limit || (bytes.len == RECORD_HEAD_LEN && !record_read(bytes.at, &next) &&
                              next.number == w->c->next + 1);
}

/* A record whose header cannot be read: what it was is not known, where the next begins perhaps. */
static enum step step_over(struct segment_walk *w, const struct record *r, fault what)
{
    walk_doubt(w, what);
    if (!w->c->counted || !goes_on(w, r)) {
        return STEP_LOST;
    }
    w->c->next++;
    check_skipped(w->c, w->number);
    w->index++;
    w->at += RECORD_HEAD_LEN + r->length;
    return STEP_RECORD;
}

enum step walk_record(struct segment_walk *w)
{
    struct view bytes = walk_look(w, w->at, RECORD_HEAD_LEN);
    struct record r;

    if (is_zero(bytes.at, bytes.len)) {
        return STEP_END;
    }
    if (bytes.len < RECORD_HEAD_LEN) {
        walk_doubt(w, "the record is cut short");
        return STEP_LOST;
    }
    fault what = record_read(bytes.at, &r);
    bool commit = !what && r.type == TYPE_COMMIT;
    if (!commit) {
        hash_add(w->c->batch, bytes.at, bytes.len);
    }
    if (what) {
        return step_over(w, &r, what);
    }
    if (r.length > w->limit - w->at - RECORD_HEAD_LEN) {
        walk_doubt(w, "the record is cut short");
        return STEP_LOST;
    }
    check_number(w, &r);
    what = place_fault(w, &r);
    if (what) {
        walk_doubt(w, what);
    }
    if (!check_payload(w, &r)) {
        walk_doubt(w, "the record is cut short");
        return STEP_LOST;
    }
    r.number = w->c->next;
    check_push(w->c, w->number, &r);
    w->index++;
    w->at += RECORD_HEAD_LEN + r.length;
    return commit ? STEP_COMMIT : STEP_RECORD;
}
