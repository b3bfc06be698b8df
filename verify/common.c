/* What segments and packs share: leaves, checkpoints, starts, the ledger's own records. */
#include "verify/check.h"

/* See to the checkpoints whose size was reached, or passed by without a tree to compare. */
static void pass_checkpoints(struct check *c, uint32_t segment)
{
    uint8_t root[HASH_LEN];

    while (c->next_checkpoint < c->n_checkpoints &&
           c->checkpoints[c->next_checkpoint].size <= c->next) {
        struct checkpoint *p = &c->checkpoints[c->next_checkpoint++];
        struct place where = {.segment = segment,
                              .first = p->size ? p->size - 1 : 0,
                              .last = p->size ? p->size - 1 : 0};
        p->checked = c->trusted && p->size == c->tree.size;
        if (!p->checked) {
            report_finding(c->report, &where,
                           "a checkpoint ends here, and damage before it forbids comparing");
            continue;
        }
        tree_root(&c->tree, c->hash, root);
        p->holds = same(root, p->root, sizeof(root));
        if (!p->holds) {
            where.first = c->agreed < p->size ? c->agreed : 0;
            report_finding(c->report, &where, "these records are not those of a checkpoint");
        } else {
            c->agreed = p->size;
        }
    }
}

void check_start_of_all(struct check *c)
{
    pass_checkpoints(c, 1);
}

void check_push(struct check *c, uint32_t segment, const struct record *r)
{
    uint8_t leaf[HASH_LEN];

    if (c->trusted) {
        record_leaf(r, c->hash, leaf);
        tree_push(&c->tree, c->hash, leaf);
    }
    c->next++;
    pass_checkpoints(c, segment);
}

void check_skipped(struct check *c, uint32_t segment)
{
    c->trusted = false;
    pass_checkpoints(c, segment);
}

void check_id(struct check *c, const struct place *where, const uint8_t id[static ID_LEN])
{
    if (c->id_known && !same(c->id, id, ID_LEN)) {
        report_finding(c->report, where, "the file belongs to another ledger");
        return;
    }
    (void)memcpy(c->id, id, ID_LEN);
    c->id_known = true;
}

/* Whether the start's reason and its predecessor's end fit. */
static bool reason_fits(const struct check *c, const struct start *s)
{
    if ((s->reason == REASON_FIRST) != (s->number == 1)) {
        return false;
    }
    if (!c->former.known || s->reason == REASON_FIRST) {
        return true;
    }
    if (s->reason == REASON_FULL) {
        return c->former.ended == 1;
    }
    return (s->reason == REASON_CLEAN) == (c->former.ended != 0);
}

static fault start_fits(struct check *c, uint32_t segment, const struct start *s, struct tree *tree)
{
    uint8_t root[HASH_LEN];

    if (s->number != segment || !tree_load(tree, s->size, s->peaks)) {
        return "the segment's start contradicts itself";
    }
    tree_root(tree, c->hash, root);
    if (!same(root, s->root.at, sizeof(root))) {
        return "the segment's start contradicts itself";
    }
    if (s->previous != segment - 1) {
        return "the segment names another predecessor";
    }
    return reason_fits(c, s) ? NULL : "the segment's reason does not fit its predecessor's end";
}

void check_start(struct check *c, uint32_t segment, uint64_t offset, struct view body)
{
    struct place where = {.segment = segment, .offset = offset, .first = c->next, .last = c->next};
    struct start start;
    struct tree tree = {.size = UINT64_MAX};

    if (!start_read(body, &start)) {
        report_finding(c->report, &where, "the segment's start is damaged");
        c->trusted = false;
        return;
    }
    fault what = start_fits(c, segment, &start, &tree);
    if (what) {
        report_finding(c->report, &where, what);
    }
    if (tree.size != c->next) {
        if (!what) {
            report_finding(c->report, &where, "the segment's start contradicts itself");
        }
        c->trusted = false;
        return;
    }
    if (c->trusted && !tree_same(&c->tree, &tree)) {
        report_finding(c->report, &where, "the segment does not go on where the former ended");
    }
    tree_copy(&c->tree, &tree);
    c->trusted = true;
}

void check_successor(struct check *c, const struct record *r, struct view body, uint32_t number,
                     struct successor *out)
{
    struct start start;

    if (!clear_stands(r, body, c->hash) || !start_read(body, &start) || start.number != number) {
        return;
    }
    out->whole = start.length != 0;
    out->length = start.length;
    out->behind = start.behind;
}

void check_own(struct check *c, const struct place *where, const struct record *r, struct view body)
{
    fault what = claims_take(&c->claims, r, body);

    if (what) {
        report_finding(c->report, where, what);
    }
}
