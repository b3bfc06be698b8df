#include "verify/claims.h"

#include <stdlib.h>

#define RANGE_LEN 12
#define LIST_MAX  ((size_t)1 << 24) /* entries: more than that no ledger has */

static void *with_room(void *list, size_t n, size_t *room, size_t size)
{
    if (n < *room) {
        return list;
    }
    *room = *room ? *room * 2 : 16;
    void *more = *room > LIST_MAX ? NULL : realloc(list, *room * size);
    if (!more) {
        (void)fputs("postern-verify: no memory for what the ledger claims\n", stderr);
        exit(2);
    }
    return more;
}

static void add_pack(struct pack_claims *l, const struct pack_claim *pack)
{
    l->list = with_room(l->list, l->n, &l->room, sizeof(*l->list));
    l->list[l->n] = *pack;
    l->list[l->n].order = l->n;
    l->n++;
}

static void add_range(struct ranges *r, uint32_t segment, uint64_t first, uint64_t count)
{
    struct range *last = r->n ? &r->list[r->n - 1] : NULL;

    if (last && last->first + last->count == first && last->segment == segment) {
        last->count += count;
        return;
    }
    r->list = with_room(r->list, r->n, &r->room, sizeof(*r->list));
    r->list[r->n++] = (struct range){first, count, segment};
}

static fault take_erasure(struct claims *c, const struct record *r, struct view body)
{
    struct erasure e;
    uint64_t behind = 0;

    if (!erasure_read(body, &e)) {
        return "an erasure's record is damaged";
    }
    for (size_t at = 0; at < e.ranges.len; at += RANGE_LEN) {
        uint64_t first = be64(e.ranges.at + at);
        uint64_t count = be32(e.ranges.at + at + 8);
        if (count == 0 || first < behind || first > r->number || count > r->number - first) {
            return "an erasure names records that it cannot erase";
        }
        add_range(&c->erased, 0, first, count);
        behind = first + count + 1; /* apart: otherwise they were one */
    }
    return NULL;
}

fault claims_take(struct claims *c, const struct record *r, struct view body)
{
    struct pack_record pack;
    uint64_t of = 0;

    if (r->type == TYPE_ERASURE) {
        return take_erasure(c, r, body);
    }
    if (r->type == TYPE_ERASED) {
        return erased_read(body, &of) && of < r->number ? NULL : "an erasure's end is damaged";
    }
    if (r->type != TYPE_PACK) {
        return NULL;
    }
    if (!pack_record_read(body, &pack)) {
        return "a pack's record is damaged";
    }
    struct pack_claim claim = {.number = (uint32_t)pack.number,
                               .length = pack.length,
                               .first = pack.first,
                               .records = pack.records};
    (void)memcpy(claim.digest, pack.digest.at, HASH_LEN);
    add_pack(&c->recorded, &claim);
    return NULL;
}

void claims_pack(struct claims *c, const struct pack_claim *pack)
{
    add_pack(&c->found, pack);
}

void claims_coming(struct claims *c, const struct pack_claim *pack)
{
    add_pack(&c->coming, pack);
}

void claims_missing(struct claims *c, uint32_t segment, uint64_t number)
{
    add_range(&c->missing, segment, number, 1);
}

static int by_number(const void *a, const void *b)
{
    const struct pack_claim *x = a;
    const struct pack_claim *y = b;

    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

static int by_first(const void *a, const void *b)
{
    const struct range *x = a;
    const struct range *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

static bool fits(const struct pack_claim *said, const struct pack_claim *pack)
{
    return same(said->digest, pack->digest, HASH_LEN) && said->length == pack->length &&
           said->first == pack->first && said->records == pack->records;
}

/* The last record names a pack that stands beside, and an earlier one this. */
static bool is_being_replaced(const struct claims *c, const struct pack_claim *pack,
                              const struct pack_claim *said)
{
    bool coming = false;
    bool recorded = false;

    for (size_t i = 0; i < c->coming.n; i++) {
        const struct pack_claim *next = &c->coming.list[i];
        coming =
            coming || (next->number == pack->number && same(next->digest, said->digest, HASH_LEN));
    }
    for (size_t i = 0; i < c->recorded.n && coming; i++) {
        const struct pack_claim *before = &c->recorded.list[i];
        recorded = recorded || (before->number == pack->number && fits(before, pack));
    }
    return recorded;
}

static void compare_pack(const struct claims *c, const struct pack_claim *pack,
                         const struct pack_claim *said, struct report *r)
{
    struct place where = {
        .segment = pack->number, .first = pack->first, .last = pack->first + pack->records - 1};

    if (!said) {
        report_finding(r, &where, "no record says that this pack took the segment's place");
    } else if (!fits(said, pack) && !is_being_replaced(c, pack, said)) {
        report_finding(r, &where, "the pack is not the one that was recorded");
    }
}

static void compare_packs(struct claims *c, struct report *r)
{
    size_t at = 0;

    if (c->recorded.n) {
        qsort(c->recorded.list, c->recorded.n, sizeof(*c->recorded.list), by_number);
    }
    for (size_t i = 0; i < c->found.n; i++) { /* found in the order of their numbers */
        const struct pack_claim *pack = &c->found.list[i];
        const struct pack_claim *said = NULL;
        for (; at < c->recorded.n && c->recorded.list[at].number <= pack->number; at++) {
            said = c->recorded.list[at].number == pack->number ? &c->recorded.list[at] : NULL;
        }
        compare_pack(c, pack, said, r);
    }
}

/* Ascending and apart, whatever they were. */
static void merge(struct ranges *r)
{
    size_t kept = 0;

    if (r->n == 0) {
        return;
    }
    qsort(r->list, r->n, sizeof(*r->list), by_first);
    for (size_t i = 1; i < r->n; i++) {
        struct range *last = &r->list[kept];
        uint64_t end = last->first + last->count;
        uint64_t end_2 = r->list[i].first + r->list[i].count;
        if (r->list[i].first > end) {
            r->list[++kept] = r->list[i];
        } else if (end_2 > end) {
            last->count = end_2 - last->first;
        }
    }
    r->n = kept + 1;
}

static void compare_missing(struct claims *c, struct report *r)
{
    size_t at = 0;

    for (size_t i = 0; i < c->missing.n; i++) { /* ascending: so they were read */
        const struct range *m = &c->missing.list[i];
        while (at < c->erased.n &&
               c->erased.list[at].first + c->erased.list[at].count <= m->first) {
            at++;
        }
        const struct range *by = at < c->erased.n ? &c->erased.list[at] : NULL;
        if (!by || by->first > m->first || by->first + by->count < m->first + m->count) {
            struct place where = {
                .segment = m->segment, .first = m->first, .last = m->first + m->count - 1};
            report_finding(r, &where,
                           "the payload is missing, and no record says that it was erased");
        }
    }
}

uint64_t claims_compare(struct claims *c, struct report *r)
{
    uint64_t erased = 0;

    merge(&c->erased);
    compare_packs(c, r);
    compare_missing(c, r);
    for (size_t i = 0; i < c->erased.n; i++) {
        erased += c->erased.list[i].count;
    }
    return erased;
}

void claims_done(struct claims *c)
{
    free(c->recorded.list);
    free(c->found.list);
    free(c->coming.list);
    free(c->erased.list);
    free(c->missing.list);
    *c = (struct claims){0};
}
