#include "keeper/contact_book.h"

#include <stdlib.h>
#include <string.h>

#include "formats/text/words.h"
#include "keyring/keyring.h"

#define BUCKETS   (1U << 14)
#define TERMS_MAX 16 /* words that are looked for at once */

struct entry {
    struct entry *next; /* in its bucket: all of one address are in one */
    size_t place;       /* in `all` */
    struct contact_row row;
};

struct contact_book {
    struct entry **all;
    size_t n;
    size_t room;
    uint32_t seed;
    struct entry *buckets[BUCKETS];
};

struct contact_book *contact_book_new(void)
{
    struct contact_book *b = calloc(1, sizeof(*b));

    if (!b) {
        arena_panic("out of memory");
    }
    keyring_random_bytes((uint8_t *)&b->seed, sizeof(b->seed));
    return b;
}

static void entry_free(struct entry *e)
{
    struct contact *c = &e->row.contact;
    struct slice *texts[] = {&e->row.owner, &c->address, &c->name, &c->organisation,
                             &c->title,     &c->phone,   &c->note, &e->row.directory};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        free((void *)(uintptr_t)texts[i]->ptr);
    }
    free(e);
}

void contact_book_free(struct contact_book *b)
{
    for (size_t i = 0; b && i < b->n; i++) {
        entry_free(b->all[i]);
    }
    if (b) {
        free(b->all);
    }
    free(b);
}

static uint32_t hash_of(const struct contact_book *b, struct slice address)
{
    uint32_t hash = 2166136261U ^ b->seed; /* FNV-1a */

    for (size_t i = 0; i < address.len; i++) {
        hash = (hash ^ ascii_lower(address.ptr[i])) * 16777619U;
    }
    return hash;
}

static size_t bucket_of(const struct contact_book *b, struct slice address)
{
    return hash_of(b, address) % BUCKETS;
}

static struct entry *find(const struct contact_book *b, struct slice owner, struct slice address)
{
    struct entry *e = b->buckets[bucket_of(b, address)];

    while (e && !(slice_equal(e->row.owner, owner) &&
                  slice_equal_nocase(e->row.contact.address, address))) {
        e = e->next;
    }
    return e;
}

const struct contact_row *contact_book_get(const struct contact_book *b, struct slice owner,
                                           struct slice address)
{
    const struct entry *e = find(b, owner, address);

    return e ? &e->row : NULL;
}

static struct slice own(struct slice s)
{
    uint8_t *copy = s.len ? malloc(s.len) : NULL;

    if (s.len && !copy) {
        arena_panic("out of memory");
    }
    if (copy) {
        (void)memcpy(copy, s.ptr, s.len);
    }
    return slice_of(copy, s.len);
}

static struct entry *entry_new(const struct contact_row *row)
{
    struct entry *e = calloc(1, sizeof(*e));
    const struct contact *c = &row->contact;

    if (!e) {
        arena_panic("out of memory");
    }
    e->row = (struct contact_row){
        .owner = own(row->owner),
        .contact = {.address = own(c->address),
                    .name = own(c->name),
                    .organisation = own(c->organisation),
                    .title = own(c->title),
                    .phone = own(c->phone),
                    .note = own(c->note),
                    .favourite = c->favourite},
        .kind = row->kind,
        .until = row->until,
        .directory = own(row->directory),
    };
    return e;
}

static void make_room(struct contact_book *b)
{
    if (b->n < b->room) {
        return;
    }
    b->room = b->room ? b->room * 2 : 64;
    b->all = realloc(b->all, b->room * sizeof(struct entry *));
    if (!b->all) {
        arena_panic("out of memory");
    }
}

void contact_book_put(struct contact_book *b, const struct contact_row *row)
{
    struct entry *e = entry_new(row); /* before the old one goes, into which it may look */

    contact_book_remove(b, row->owner, row->contact.address);
    struct entry **bucket = &b->buckets[bucket_of(b, e->row.contact.address)];
    make_room(b);
    e->next = *bucket;
    *bucket = e;
    e->place = b->n;
    b->all[b->n++] = e;
}

void contact_book_remove(struct contact_book *b, struct slice owner, struct slice address)
{
    struct entry *e = find(b, owner, address);

    if (!e) {
        return;
    }
    struct entry **at = &b->buckets[bucket_of(b, address)];
    while (*at != e) {
        at = &(*at)->next;
    }
    *at = e->next;
    b->all[e->place] = b->all[--b->n];
    b->all[e->place]->place = e->place;
    entry_free(e);
}

const struct contact_row *contact_book_decoy(const struct contact_book *b, struct slice address)
{
    const struct entry *e = b->buckets[bucket_of(b, address)];

    while (e &&
           !(e->row.kind != CONTACT_REAL && slice_equal_nocase(e->row.contact.address, address))) {
        e = e->next;
    }
    return e ? &e->row : NULL;
}

struct slice contact_book_bare(struct slice address, uint8_t separator, struct arena *arena)
{
    size_t at = slice_find(address, '@');
    size_t tag = separator ? slice_find(slice_head(address, at), separator) : at;

    return tag == 0 || tag >= at
               ? address
               : arena_printf(arena, "%.*s%.*s", SLICE_ARG(slice_head(address, tag)),
                              SLICE_ARG(slice_from(address, at)));
}

bool contact_book_has(const struct contact_book *b, struct slice address)
{
    const struct entry *e = b->buckets[bucket_of(b, address)];

    while (e && !slice_equal_nocase(e->row.contact.address, address)) {
        e = e->next;
    }
    return e != NULL;
}

size_t contact_book_size(const struct contact_book *b)
{
    return b->n;
}

size_t contact_book_count(const struct contact_book *b, struct slice owner, enum contact_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < b->n; i++) {
        count += b->all[i]->row.kind == kind && slice_equal(b->all[i]->row.owner, owner);
    }
    return count;
}

void contact_book_each(const struct contact_book *b, contact_book_visit *visit, void *context)
{
    for (size_t i = 0; i < b->n; i++) {
        visit(context, &b->all[i]->row);
    }
}

/* ── lists ── */

static int by_name(const struct contact_row *a, const struct contact_row *b)
{
    int order = slice_compare(a->contact.name, b->contact.name);

    return order ? order : slice_compare(a->contact.address, b->contact.address);
}

static int compare_listed(const void *a, const void *b)
{
    return by_name(*(const struct contact_row *const *)a, *(const struct contact_row *const *)b);
}

size_t contact_book_list(const struct contact_book *b, struct slice owner, struct arena *arena,
                         const struct contact_row ***rows)
{
    const struct contact_row **list =
        arena_array(arena, b->n + 1, sizeof(const struct contact_row *));
    size_t count = 0;

    for (size_t i = 0; i < b->n; i++) {
        const struct contact_row *row = &b->all[i]->row;
        if (row->kind != CONTACT_RETIRED && slice_equal(row->owner, owner)) {
            list[count++] = row;
        }
    }
    if (count) {
        qsort(list, count, sizeof(const struct contact_row *), compare_listed);
    }
    *rows = list;
    return count;
}

/* ── finding ── */

/* The words that are looked for, folded as the index folds them. */
struct wanted {
    size_t n;
    size_t len[TERMS_MAX];
    uint8_t bytes[TERMS_MAX][TEXT_TERM_MAX];
};

static void read_wanted(struct slice words, struct wanted *w)
{
    struct text_words walk;
    struct text_term term;

    w->n = 0;
    text_words_init(&walk, words);
    while (w->n < TERMS_MAX && text_words_next(&walk, &term)) {
        if (!term.whole) {
            (void)memcpy(w->bytes[w->n], term.bytes.ptr, term.bytes.len);
            w->len[w->n++] = term.bytes.len;
        }
    }
}

/* Mark which of the wanted words a word of this text begins with; how many words it has. */
static size_t mark(struct slice text, const struct wanted *w, uint32_t *met)
{
    struct text_words walk;
    struct text_term term;
    size_t n = 0;

    text_words_init(&walk, text);
    while (text_words_next(&walk, &term)) {
        n += !term.whole;
        for (size_t i = 0; !term.whole && i < w->n; i++) {
            if (slice_starts(term.bytes, slice_of(w->bytes[i], w->len[i]))) {
                *met |= 1U << i;
            }
        }
    }
    return n;
}

static bool matches(const struct contact *c, const struct wanted *w)
{
    uint32_t met = 0;

    (void)mark(c->name, w, &met);
    (void)mark(c->organisation, w, &met);
    (void)mark(c->address, w, &met);
    return met == (1U << w->n) - 1;
}

/* Whether it was typed whole, its name or its address, and nothing besides. */
static bool names_whole(const struct contact *c, const struct wanted *w)
{
    uint32_t met = 0;
    bool whole = c->name.len && mark(c->name, w, &met) == w->n && met == (1U << w->n) - 1;

    met = 0;
    return whole || (mark(c->address, w, &met) == w->n && met == (1U << w->n) - 1);
}

/* Keep the first `max` in order. */
static size_t insert(const struct contact_row **found, size_t n, size_t max,
                     const struct contact_row *row)
{
    size_t at = n;

    while (at > 0 && (row->contact.favourite > found[at - 1]->contact.favourite ||
                      (row->contact.favourite == found[at - 1]->contact.favourite &&
                       by_name(row, found[at - 1]) < 0))) {
        at--;
    }
    if (at == max) {
        return n;
    }
    n += n < max;
    for (size_t i = n - 1; i > at; i--) {
        found[i] = found[i - 1];
    }
    found[at] = row;
    return n;
}

/* Of a decoy and of real people alike says nothing: many are called so. */
static void look_at_decoy(const struct contact_book *b, const struct contact *c,
                          const struct wanted *w, struct contact_probe *probe)
{
    probe->whole = probe->whole || names_whole(c, w);
    if (!probe->missed && matches(c, w)) {
        probe->missed = hash_of(b, c->address) + UINT64_C(1);
    }
}

size_t contact_book_find(const struct contact_book *b, struct slice owner, struct slice words,
                         const struct contact_row **found, size_t max, struct contact_probe *probe)
{
    struct wanted w;
    size_t n = 0;

    *probe = (struct contact_probe){.whole = false};
    read_wanted(words, &w);
    for (size_t i = 0; i < b->n; i++) {
        const struct contact_row *row = &b->all[i]->row;
        bool shared = row->owner.len == 0;
        if (!shared && !slice_equal(row->owner, owner)) {
            continue;
        }
        if (row->kind == CONTACT_DECOY && w.n) {
            look_at_decoy(b, &row->contact, &w, probe);
        } else if (row->kind != CONTACT_REAL) {
            continue;
        } else if (w.n ? matches(&row->contact, &w) : row->contact.favourite) {
            n = insert(found, n, max, row);
        }
    }
    probe->missed = n ? 0 : probe->missed;
    return n;
}
