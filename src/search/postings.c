#include "search/postings.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM   16
#define KEPT_ROOM    (1u << 16) /* postings: 1 MB of a bucket, from one segment to the next */
#define FEW          64         /* are sorted by inserting */
#define POSITION_MAX ((UINT32_C(1) << 28) - 1)

void postings_done(struct postings *p)
{
    for (size_t i = 0; i < POSTINGS_BUCKETS; i++) {
        free(p->buckets[i].items);
    }
    free(p->spare);
    *p = (struct postings){0};
}

/* One letter of many words, or of one word many times, needs more than any other does. */
static void keep(struct posting **items, size_t *room)
{
    if (*room > KEPT_ROOM) {
        free(*items);
        *items = NULL;
        *room = 0;
    }
}

void postings_empty(struct postings *p)
{
    for (size_t i = 0; i < POSTINGS_BUCKETS; i++) {
        struct posting_bucket *b = &p->buckets[i];
        b->count = 0;
        keep(&b->items, &b->room);
    }
    keep(&p->spare, &p->spare_room);
    p->count = 0;
}

static bool room_for(struct posting **items, size_t *room, size_t wanted)
{
    struct posting *grown = realloc(*items, wanted * sizeof(*grown));

    if (!grown) {
        return false;
    }
    *items = grown;
    *room = wanted;
    return true;
}

static bool add(struct postings *p, uint64_t token, const struct posting_cursor *at)
{
    struct posting_bucket *b = &p->buckets[token >> 56];
    uint32_t position = at->count - 1 < POSITION_MAX ? at->count - 1 : POSITION_MAX;

    if (b->count == b->room &&
        !room_for(&b->items, &b->room, b->room ? b->room + b->room / 2 : FIRST_ROOM)) {
        return false;
    }
    b->items[b->count++] =
        (struct posting){token, (uint64_t)at->letter << 32 | (uint64_t)at->column << 28 | position};
    p->count++;
    return true;
}

/* A whole stands at the position of the part behind it, and so does an address's domain. */
bool postings_add(struct postings *p, const struct token_keys *keys, struct posting_cursor *at,
                  struct slice terms)
{
    struct text_term term;

    while (text_terms_next(&terms, &term)) {
        size_t domain = term.whole ? slice_find(term.bytes, '@') : term.bytes.len;
        at->count += !at->whole || at->count == 0;
        at->whole = term.whole;
        if (!add(p, token_of(keys, term.bytes), at) ||
            (domain < term.bytes.len &&
             !add(p, token_of(keys, slice_from(term.bytes, domain)), at))) {
            return false;
        }
    }
    return true;
}

/* ---- order ---- */

/* By one byte of the tokens; what was in order stays so among equals. */
static void sort_by_byte(const struct posting *from, struct posting *to, size_t count,
                         unsigned shift)
{
    uint32_t ends[256] = {0};
    uint32_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        ends[from[i].token >> shift & 0xff]++;
    }
    for (size_t i = 0; i < 256; i++) {
        uint32_t begin = sum;
        sum += ends[i];
        ends[i] = begin;
    }
    for (size_t i = 0; i < count; i++) {
        to[ends[from[i].token >> shift & 0xff]++] = from[i];
    }
}

/* Takes as many steps as there are items when they are nearly in order. */
static void sort_by_inserting(struct posting *items, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        const struct posting moved = items[i];
        size_t at = i;
        while (at > 0 && items[at - 1].token > moved.token) {
            items[at] = items[at - 1];
            at--;
        }
        items[at] = moved;
    }
}

/* The bucket has the tokens' first byte. By the next three nearly all are told apart; the rest, equal by chance in
 * 32 keyed bits, is inserted. */
bool postings_sort(struct postings *p, size_t bucket)
{
    struct posting_bucket *b = &p->buckets[bucket];

    if (b->count > FEW) {
        if (p->spare_room < b->count && !room_for(&p->spare, &p->spare_room, b->count)) {
            return false;
        }
        sort_by_byte(b->items, p->spare, b->count, 32);
        sort_by_byte(p->spare, b->items, b->count, 40);
        sort_by_byte(b->items, p->spare, b->count, 48);
        struct posting *sorted = p->spare;
        size_t room = p->spare_room;
        p->spare = b->items;
        p->spare_room = b->room;
        b->items = sorted;
        b->room = room;
    }
    sort_by_inserting(b->items, b->count);
    return true;
}
