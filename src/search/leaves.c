#include "search/leaves.h"

#include <stdlib.h>
#include <string.h>

#define HEAD       4 /* where the first letter before any term stands, and where the footer begins */
#define VARINT_MAX LEAVES_NUMBER_MAX
#define MAIN_INDEX '0'
#define BYTES_MAX  ((size_t)256 << 20)
#define PLACES_MAX ((size_t)64 << 20)
#define FIRST_ROOM 64

#define PLACE_MAX (2 + VARINT_MAX) /* of one posting: another column, the position */

/* What must fit behind each other on one leaf: a letter with the length and the first of its places; a term with
 * its place in the footer and its first letter. */
#define LETTER_MAX (3 * VARINT_MAX)
#define TERM_MAX   (VARINT_MAX + 2 + LEAF_TERM + LETTER_MAX)

struct writer {
    struct leaves *out;
    uint8_t leaf[LEAF_MAX];
    size_t len;
    uint8_t footer[LEAF_MAX]; /* where each term begins, from where the one before does */
    size_t footer_len;
    size_t term_at;
    uint8_t term[LEAF_TERM]; /* the last one */
    bool any_term;
    bool bare;       /* neither a term nor a letter begins on this leaf so far */
    bool has_letter; /* of the term's doclist, one was written */
    uint64_t seq;
    struct leaf now;
    struct buf places; /* of one letter and term */
    bool failed;       /* something found no room: what is written is not all */
};

void leaves_init(struct leaves *l)
{
    *l = (struct leaves){0};
    buf_init(&l->bytes, BYTES_MAX);
}

void leaves_done(struct leaves *l)
{
    buf_done(&l->bytes);
    free(l->items);
    *l = (struct leaves){0};
}

size_t leaves_number(uint8_t to[static LEAVES_NUMBER_MAX], uint64_t value)
{
    size_t len = 1;

    if (value >> 56) {
        to[8] = (uint8_t)value;
        value >>= 8;
        for (size_t i = 8; i-- > 0; value >>= 7) {
            to[i] = (uint8_t)(value | 0x80);
        }
        return VARINT_MAX;
    }
    while (value >> (7 * len)) {
        len++;
    }
    for (size_t i = len; i-- > 0; value >>= 7) {
        to[i] = (uint8_t)((value & 0x7f) | (i + 1 < len ? 0x80 : 0));
    }
    return len;
}

static size_t room(const struct writer *w)
{
    return LEAF_MAX - w->len - w->footer_len;
}

static void put_number(struct writer *w, uint64_t value)
{
    w->len += leaves_number(w->leaf + w->len, value);
}

static void put_bytes(struct writer *w, struct slice bytes)
{
    (void)memcpy(w->leaf + w->len, bytes.ptr, bytes.len);
    w->len += bytes.len;
}

static void put_place_of(uint8_t *to, size_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

static void begin_leaf(struct writer *w)
{
    (void)memset(w->leaf, 0, HEAD);
    w->len = HEAD;
    w->footer_len = 0;
    w->term_at = 0;
    w->bare = true;
    w->now = (struct leaf){0};
}

static bool more_leaves(struct leaves *l)
{
    size_t more = l->room ? 2 * l->room : FIRST_ROOM;
    struct leaf *grown = realloc(l->items, more * sizeof(*grown));

    if (grown) {
        l->items = grown;
        l->room = more;
    }
    return grown;
}

static void end_leaf(struct writer *w)
{
    struct leaves *l = w->out;

    put_place_of(w->leaf + 2, w->len);
    w->now.begin = l->bytes.len;
    w->now.len = w->len + w->footer_len;
    buf_add(&l->bytes, slice_of(w->leaf, w->len));
    buf_add(&l->bytes, slice_of(w->footer, w->footer_len));
    if (l->count == l->room && !more_leaves(l)) {
        w->failed = true;
    } else {
        l->items[l->count++] = w->now;
    }
    begin_leaf(w);
}

/* How many bytes two terms begin with. */
static size_t shared(const uint8_t a[static LEAF_TERM], const uint8_t b[static LEAF_TERM])
{
    size_t n = 0;

    while (n < LEAF_TERM && a[n] == b[n]) {
        n++;
    }
    return n;
}

/* The first term of a leaf stands there whole, and the index of the leaves leads to it. */
static void put_first_term(struct writer *w, const uint8_t term[static LEAF_TERM], size_t same)
{
    w->now.has_term = true;
    if (w->out->count) {
        w->now.split_len = w->any_term ? same + 1 : LEAF_TERM;
        (void)memcpy(w->now.split, term, w->now.split_len);
    }
    put_number(w, LEAF_TERM);
    put_bytes(w, slice_of(term, LEAF_TERM));
}

static void begin_term(struct writer *w, uint64_t token)
{
    uint8_t term[LEAF_TERM] = {MAIN_INDEX};

    token_write(token, term + 1);
    size_t same = w->any_term ? shared(w->term, term) : 0;
    if (room(w) < TERM_MAX) {
        end_leaf(w);
    }
    w->footer_len += leaves_number(w->footer + w->footer_len, w->len - w->term_at);
    w->term_at = w->len;
    if (w->now.has_term) {
        put_number(w, same);
        put_number(w, LEAF_TERM - same);
        put_bytes(w, slice_of(term + same, LEAF_TERM - same));
    } else {
        put_first_term(w, term, same);
    }
    (void)memcpy(w->term, term, sizeof(term));
    w->any_term = true;
    w->bare = false;
    w->has_letter = false;
}

static void begin_letter(struct writer *w, uint64_t seq)
{
    if (room(w) < LETTER_MAX) {
        end_leaf(w);
    }
    if (w->bare) {
        put_place_of(w->leaf, w->len);
    }
    put_number(w, w->bare || !w->has_letter ? seq : seq - w->seq);
    put_number(w, 2 * w->places.len); /* the lowest bit would say that they are deleted */
    w->bare = false;
    w->has_letter = true;
    w->seq = seq;
}

/* How many of these bytes are whole varints and not more than `max`. */
static size_t whole_numbers(struct slice bytes, size_t max)
{
    size_t len = max < bytes.len ? max : bytes.len;

    while (len > 0 && len < bytes.len && bytes.ptr[len - 1] & 0x80) {
        len--;
    }
    return len;
}

static void put_places(struct writer *w)
{
    struct slice rest = buf_slice(&w->places);

    while (rest.len > room(w)) {
        size_t len = whole_numbers(rest, room(w));
        put_bytes(w, slice_head(rest, len));
        rest = slice_from(rest, len);
        end_leaf(w);
    }
    put_bytes(w, rest);
}

/* How many postings from here are of one token and letter. */
static size_t count_same(const struct posting *p, const struct posting *end)
{
    const struct posting *at = p;

    while (at < end && at->token == p->token && posting_letter(at) == posting_letter(p)) {
        at++;
    }
    return (size_t)(at - p);
}

/* Where one token stands in one letter. */
static void gather_places(struct writer *w, const struct posting *p, size_t count)
{
    struct buf *places = &w->places;
    unsigned column = 0;
    uint32_t position = 0;

    buf_reset(places);
    uint8_t *to = buf_room(places, count * PLACE_MAX);
    for (size_t i = 0; i < count && to; i++) {
        if (posting_column(&p[i]) != column) {
            column = posting_column(&p[i]);
            position = 0;
            *to++ = 1;
            *to++ = (uint8_t)column;
        }
        to += leaves_number(to, (uint64_t)(posting_position(&p[i]) - position) + 2);
        position = posting_position(&p[i]);
    }
    places->len = to ? (size_t)(to - places->ptr) : 0;
    w->failed = w->failed || places->full;
}

static void write_bucket(struct writer *w, const struct posting_bucket *b, const uint64_t *seqs)
{
    const struct posting *end = b->items + b->count;
    const struct posting *p = b->items;

    while (p < end) {
        const struct posting *first = p;
        begin_term(w, first->token);
        while (p < end && p->token == first->token) {
            size_t count = count_same(p, end);
            gather_places(w, p, count);
            begin_letter(w, seqs[posting_letter(p)]);
            put_places(w);
            p += count;
        }
    }
}

bool leaves_write(struct leaves *l, struct postings *p, const uint64_t *seqs)
{
    struct writer w = {.out = l};

    buf_reset(&l->bytes);
    l->count = 0;
    buf_init(&w.places, PLACES_MAX);
    begin_leaf(&w);
    for (size_t i = 0; i < POSTINGS_BUCKETS && !w.failed; i++) {
        if (postings_sort(p, i)) {
            write_bucket(&w, &p->buckets[i], seqs);
        } else {
            w.failed = true;
        }
    }
    if (w.len > HEAD) {
        end_leaf(&w);
    }
    buf_done(&w.places);
    return !w.failed && !l->bytes.full;
}
