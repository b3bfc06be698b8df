#include "keeper/publish_plan.h"

#include <openssl/sha.h>

struct published_row *publish_find(const struct published *ours, struct slice name, uint64_t type,
                                   struct slice rdata)
{
    struct published_row *rows = ours->rows.items;
    uint8_t digest[PUBLISHED_DIGEST_LEN];

    (void)SHA256(rdata.ptr, rdata.len, digest);
    for (size_t i = 0; i < ours->rows.count; i++) {
        if (rows[i].type == type && slice_equal_nocase(rows[i].name, name) &&
            slice_equal(rows[i].digest, SLICE_ARRAY(digest))) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool is_among(struct slice rdata, const struct slice *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_equal(all[i], rdata)) {
            return true;
        }
    }
    return false;
}

/* RFC 7208 section 4.5, over the first string: a version that is split is none that anybody writes. */
static bool is_spf(struct slice rdata)
{
    const struct slice version = SLICE("v=spf1");

    if (rdata.len == 0 || !rdata.ptr) {
        return false;
    }
    struct slice text = slice_head(slice_from(rdata, 1), rdata.ptr[0]);
    return slice_starts_nocase(text, version) &&
           (text.len == version.len || text.ptr[version.len] == ' ');
}

/* Whether somebody else's record leaves no room for ours. */
static bool is_in_the_way(const struct publish_facts *f, struct slice rdata)
{
    switch (f->company) {
    case PUBLISH_TOGETHER:
        return false;
    case PUBLISH_ONE_SPF:
        return is_spf(rdata);
    case PUBLISH_ALONE:
        break;
    }
    return true;
}

/* What is there and not wanted goes when it is ours. True when somebody else's is in the way. */
static bool look_at_others(const struct publish_facts *f, struct publish_plan *p)
{
    bool blocked = false;

    for (size_t i = 0; i < f->n_there; i++) {
        if (is_among(f->there[i], f->wanted, f->n_wanted)) {
            continue;
        }
        if (publish_find(f->ours, f->name, f->type, f->there[i])) {
            p->remove[p->n_remove++] = f->there[i];
        } else {
            blocked = blocked || (f->n_wanted && is_in_the_way(f, f->there[i]));
        }
    }
    return blocked;
}

static enum publish_act act_of(const struct publish_plan *p)
{
    if (p->n_remove) {
        return p->n_add ? PUBLISH_CHANGE : PUBLISH_REMOVE;
    }
    return p->n_add ? PUBLISH_PUT : PUBLISH_NOTHING;
}

void publish_plan(const struct publish_facts *f, struct arena *arena, struct publish_plan *out)
{
    struct publish_plan p = {.remove = arena_array(arena, f->n_there + 1, sizeof(struct slice)),
                             .add = arena_array(arena, f->n_wanted + 1, sizeof(struct slice))};
    bool blocked = look_at_others(f, &p) || (f->alias && f->n_wanted);

    for (size_t i = 0; i < f->n_wanted; i++) {
        if (!is_among(f->wanted[i], f->there, f->n_there)) {
            p.add[p.n_add++] = f->wanted[i];
        }
    }
    p.act = blocked ? PUBLISH_BLOCKED : act_of(&p);
    if (blocked) {
        p.n_remove = p.n_add = 0;
    }
    *out = p;
}
