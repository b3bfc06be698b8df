#include "ledger/claims.h"

#include "base/bytes.h"

#define RANGE_LEN 12

static void *with_room(void *list, size_t n, size_t *room, size_t size)
{
    if (n < *room) {
        return list;
    }
    *room = *room ? *room * 2 : 16;
    void *more = realloc(list, *room * size);
    if (!more) {
        arena_panic("out of memory");
    }
    return more;
}

void seq_ranges_add(struct seq_ranges *r, uint64_t first, uint64_t count)
{
    struct seq_range *last = r->n ? &r->list[r->n - 1] : NULL;

    if (last && last->first + last->count == first) {
        last->count += count;
        return;
    }
    r->list = with_room(r->list, r->n, &r->room, sizeof(*r->list));
    r->list[r->n++] = (struct seq_range){first, count};
}

void seq_ranges_done(struct seq_ranges *r)
{
    free(r->list);
    *r = (struct seq_ranges){0};
}

void seq_ranges_write(const struct seq_range *ranges, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t bytes[RANGE_LEN];
        put64(bytes, ranges[i].first);
        put32(bytes + 8, (uint32_t)ranges[i].count);
        buf_add(out, SLICE_ARRAY(bytes));
    }
}

bool seq_ranges_read(struct slice bytes, struct seq_ranges *out)
{
    uint64_t behind = 0;

    if (bytes.len == 0 || bytes.len % RANGE_LEN) {
        return false;
    }
    for (; bytes.len; bytes = slice_from(bytes, RANGE_LEN)) {
        uint64_t first = get64(bytes.ptr);
        uint64_t count = get32(bytes.ptr + 8);
        if (count == 0 || first > INT64_MAX || first < behind) {
            return false;
        }
        seq_ranges_add(out, first, count);
        behind = first + count + 1; /* apart: otherwise they were one */
    }
    return true;
}

static int by_first(const void *a, const void *b)
{
    const struct seq_range *x = a;
    const struct seq_range *y = b;

    return x->first < y->first ? -1 : x->first > y->first;
}

void seq_ranges_merge(struct seq_ranges *r)
{
    size_t kept = 0;

    if (r->n == 0) {
        return;
    }
    qsort(r->list, r->n, sizeof(*r->list), by_first);
    for (size_t i = 1; i < r->n; i++) {
        struct seq_range *last = &r->list[kept];
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

bool seq_ranges_has(const struct seq_ranges *r, uint64_t seq)
{
    size_t low = 0;
    size_t high = r->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct seq_range *at = &r->list[middle];
        if (seq >= at->first && seq - at->first < at->count) {
            return true;
        }
        if (at->first < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

void claims_done(struct claims *c)
{
    free(c->packs.list);
    free(c->recorded.list);
    free(c->coming.list);
    seq_ranges_done(&c->keyless);
    seq_ranges_done(&c->erased);
    seq_ranges_done(&c->named);
    free(c->erasures);
    *c = (struct claims){0};
}

static struct claim *add_claim(struct claim_list *l, uint32_t number, const uint8_t *digest)
{
    l->list = with_room(l->list, l->n, &l->room, sizeof(*l->list));
    struct claim *added = &l->list[l->n];
    *added = (struct claim){.number = number, .order = l->n++};
    (void)memcpy(added->digest, digest, DIGEST_LEN);
    return added;
}

void claims_pack(struct claims *c, uint32_t number, const uint8_t digest[static DIGEST_LEN],
                 const uint8_t root[static DIGEST_LEN])
{
    (void)memcpy(add_claim(&c->packs, number, digest)->root, root, DIGEST_LEN);
}

void claims_coming(struct claims *c, uint32_t number, const uint8_t digest[static DIGEST_LEN])
{
    (void)add_claim(&c->coming, number, digest);
}

void claims_keyless(struct claims *c, uint64_t seq)
{
    seq_ranges_add(&c->keyless, seq, 1);
}

static void name_ranges(struct claims *c, uint64_t seq, uint32_t number,
                        const struct seq_ranges *ranges)
{
    struct seq_ranges *named = &c->named;

    if (c->n_erasures && c->erasures[c->n_erasures - 1].seq >= seq) {
        return; /* its pack is looked at once more */
    }
    c->erasures = with_room(c->erasures, c->n_erasures, &c->erasures_room, sizeof(*c->erasures));
    c->erasures[c->n_erasures++] =
        (struct erasure_claim){.seq = seq, .number = number, .first = named->n, .n = ranges->n};
    for (size_t i = 0; i < ranges->n; i++) {
        named->list = with_room(named->list, named->n, &named->room, sizeof(*named->list));
        named->list[named->n++] = ranges->list[i];
    }
}

static bool add_erasure(struct claims *c, uint64_t seq, const struct erasure_record *r)
{
    struct seq_ranges ranges = {0};
    bool read = seq_ranges_read(r->ranges, &ranges);

    for (size_t i = 0; read && i < ranges.n; i++) {
        seq_ranges_add(&c->erased, ranges.list[i].first, ranges.list[i].count);
    }
    if (read) {
        name_ranges(c, seq, (uint32_t)r->number, &ranges);
    }
    seq_ranges_done(&ranges);
    return read;
}

static void erasure_is_done(struct claims *c, uint64_t seq)
{
    size_t low = 0;
    size_t high = c->n_erasures;

    while (low < high) { /* they were read in their order */
        size_t middle = low + (high - low) / 2;
        if (c->erasures[middle].seq < seq) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < c->n_erasures && c->erasures[low].seq == seq) {
        c->erasures[low].done = true;
    }
}

bool claims_record(struct claims *c, uint16_t type, uint64_t seq, struct slice body,
                   struct error *e)
{
    struct pack_record pack;
    struct erasure_record erasure;
    uint64_t of = 0;

    switch (type) {
    case RECORD_PACK:
        if (!pack_record_read(body, &pack, e)) {
            return false;
        }
        (void)add_claim(&c->recorded, (uint32_t)pack.number, pack.digest.ptr);
        return true;
    case RECORD_ERASURE:
        return (erasure_record_read(body, &erasure, e) && add_erasure(c, seq, &erasure)) ||
               error_set(e, ERROR_CORRUPT, "an erasure's record is damaged");
    case RECORD_ERASED:
        if (!erased_record_read(body, &of, e) || of >= seq) {
            return error_set(e, ERROR_CORRUPT, "an erasure's record is damaged");
        }
        erasure_is_done(c, of);
        return true;
    default:
        return true;
    }
}

uint64_t claims_erased(const struct claims *c)
{
    uint64_t count = 0;

    for (size_t i = 0; i < c->erased.n; i++) {
        count += c->erased.list[i].count;
    }
    return count;
}

static int by_number(const void *a, const void *b)
{
    const struct claim *x = a;
    const struct claim *y = b;

    return x->number != y->number ? (x->number < y->number ? -1 : 1)
                                  : (x->order < y->order ? -1 : x->order > y->order);
}

static void sort(struct claim_list *l)
{
    if (l->n) {
        qsort(l->list, l->n, sizeof(*l->list), by_number);
    }
}

static bool has(const struct claim_list *l, uint32_t number, const uint8_t *digest)
{
    for (size_t i = 0; i < l->n; i++) {
        if (l->list[i].number == number && memcmp(l->list[i].digest, digest, DIGEST_LEN) == 0) {
            return true;
        }
    }
    return false;
}

struct comparison {
    struct claims *c;
    void (*fault)(void *context, uint32_t number, uint64_t seq, const char *text);
    bool (*replaced)(void *context, const struct claim *pack,
                     const uint8_t digest[static DIGEST_LEN]);
    void *context;
};

/* The last record names another: that one may be about to take its place, or have done so since it was looked at. */
static bool is_replaced(const struct comparison *x, const struct claim *pack,
                        const struct claim *last)
{
    return has(&x->c->recorded, pack->number, pack->digest) &&
           (has(&x->c->coming, pack->number, last->digest) ||
            (x->replaced && x->replaced(x->context, pack, last->digest)));
}

static void compare_packs(const struct comparison *x)
{
    struct claims *c = x->c;
    size_t at = 0;

    sort(&c->packs);
    sort(&c->recorded);
    for (size_t i = 0; i < c->packs.n; i++) {
        const struct claim *pack = &c->packs.list[i];
        const struct claim *last = NULL;
        for (; at < c->recorded.n && c->recorded.list[at].number <= pack->number; at++) {
            last = c->recorded.list[at].number == pack->number ? &c->recorded.list[at] : NULL;
        }
        if (!last) {
            x->fault(x->context, pack->number, 0,
                     "no record says that this pack took a segment's place");
        } else if (memcmp(last->digest, pack->digest, DIGEST_LEN) != 0 &&
                   !is_replaced(x, pack, last)) {
            x->fault(x->context, pack->number, 0, "the pack is not the one that was recorded");
        }
    }
}

void claims_compare(struct claims *c,
                    void (*fault)(void *context, uint32_t number, uint64_t seq, const char *text),
                    bool (*replaced)(void *context, const struct claim *pack,
                                     const uint8_t digest[static DIGEST_LEN]),
                    void *context)
{
    const struct comparison x = {c, fault, replaced, context};
    size_t at = 0;

    compare_packs(&x);
    seq_ranges_merge(&c->erased);
    seq_ranges_merge(&c->keyless); /* a pack may have been looked at twice */
    for (size_t i = 0; i < c->keyless.n; i++) {
        const struct seq_range *r = &c->keyless.list[i];
        while (at < c->erased.n &&
               c->erased.list[at].first + c->erased.list[at].count <= r->first) {
            at++;
        }
        const struct seq_range *by = at < c->erased.n ? &c->erased.list[at] : NULL;
        if (!by || by->first > r->first || by->first + by->count < r->first + r->count) {
            bool begins = by && by->first <= r->first;
            fault(context, 0, begins ? by->first + by->count : r->first,
                  "the key of this record is missing, and no record says that it was erased");
        }
    }
}
