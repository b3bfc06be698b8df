#include "keeper/secret_marks.h"

#include "keyring/digest.h"

#define FIRST_ROOM     64
#define NAME_MAX_BYTES 320

static const struct cbor_field agreed_fields[] = {
    CBOR_FIELD(1, CBOR_TEXT, struct secret_agreed, password, SECRET_BYTES_MAX),
    CBOR_FIELD(2, CBOR_UINT, struct secret_agreed, at, 0),
    CBOR_OPTIONAL(3, CBOR_TEXT, struct secret_agreed, by, NAME_MAX_BYTES),
    CBOR_OPTIONAL(4, CBOR_BOOL, struct secret_agreed, generated, 0),
};
const struct cbor_schema secret_agreed_schema = CBOR_SCHEMA(agreed_fields, struct secret_agreed);

static const struct cbor_field mark_fields[] = {
    CBOR_OPTIONAL(1, CBOR_UINT, struct secret_mark, until, 0),
    CBOR_FIELD(2, CBOR_BYTES, struct secret_mark, parts, SECRET_PARTS_MAX *SECRET_MARK_LEN),
    CBOR_FIELD(3, CBOR_BYTES, struct secret_mark, joined, SECRET_MARK_LEN),
};
const struct cbor_schema secret_mark_schema = CBOR_SCHEMA(mark_fields, struct secret_mark);

static const struct cbor_field marks_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct secret_marks, marks, SECRET_MARKS_MAX,
                      &secret_mark_schema),
};
const struct cbor_schema secret_marks_schema = CBOR_SCHEMA(marks_fields, struct secret_marks);

/* A hash that is looked for, and of which password it is which part. */
struct sought {
    uint8_t mark[SECRET_MARK_LEN];
    uint32_t which;
    uint32_t bit; /* SECRET_PARTS_MAX: the whole of it as one word */
};

struct wanted {
    size_t whose;
    uint32_t all;   /* bits of its parts */
    uint32_t found; /* of these */
    bool joined;
    bool told;
};

struct secret_search {
    struct arena *arena;
    const uint8_t *key;
    struct sought *sought;
    struct wanted *wanted;
    size_t n_sought, n_wanted, room_sought, room_wanted;
    bool sorted;
};

static void hash_word(const uint8_t *key, struct slice word, uint8_t out[static SECRET_MARK_LEN])
{
    uint8_t digest[DIGEST_LEN];

    digest_hmac(slice_of(key, SECRET_KEY_LEN), word, digest);
    (void)memcpy(out, digest, SECRET_MARK_LEN);
}

/* Without what stands between its words. */
static struct slice join(struct slice password, struct arena *arena)
{
    uint8_t *joined = arena_alloc(arena, password.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < password.len; i++) {
        uint8_t c = ascii_lower(password.ptr[i]);
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
            joined[len++] = c;
        }
    }
    return slice_of(joined, len);
}

struct secret_mark secret_mark_of(const uint8_t key[static SECRET_KEY_LEN], struct slice password,
                                  uint64_t until, struct arena *arena)
{
    uint8_t *parts = arena_alloc(arena, (size_t)SECRET_PARTS_MAX * SECRET_MARK_LEN);
    uint8_t *joined = arena_alloc(arena, SECRET_MARK_LEN);
    struct text_words words;
    struct text_term term;
    size_t n = 0;

    text_words_init(&words, password);
    while (n < SECRET_PARTS_MAX && text_words_next(&words, &term)) {
        if (!term.whole) {
            hash_word(key, term.bytes, parts + SECRET_MARK_LEN * n++);
        }
    }
    hash_word(key, join(password, arena), joined);
    return (struct secret_mark){
        .until = until,
        .parts = slice_of(parts, n * SECRET_MARK_LEN),
        .joined = slice_of(joined, SECRET_MARK_LEN),
    };
}

struct secret_search *secret_search_new(const uint8_t key[static SECRET_KEY_LEN],
                                        struct arena *arena)
{
    struct secret_search *s = arena_alloc(arena, sizeof(*s));

    *s = (struct secret_search){.arena = arena, .key = key};
    return s;
}

/* Room for one more of something; what was there moves. */
static void *grow(struct arena *arena, void *items, size_t n, size_t *room, size_t size)
{
    if (n < *room) {
        return items;
    }
    *room = *room ? 2 * *room : FIRST_ROOM;
    void *moved = arena_array(arena, *room, size);
    if (n) {
        (void)memcpy(moved, items, n * size);
    }
    return moved;
}

static void seek(struct secret_search *s, const uint8_t *mark, uint32_t bit)
{
    s->sought = grow(s->arena, s->sought, s->n_sought, &s->room_sought, sizeof(*s->sought));
    struct sought *to = &s->sought[s->n_sought++];
    *to = (struct sought){.which = (uint32_t)s->n_wanted, .bit = bit};
    (void)memcpy(to->mark, mark, SECRET_MARK_LEN);
}

void secret_search_for(struct secret_search *s, const struct secret_mark *mark, size_t whose)
{
    size_t n = mark->parts.len / SECRET_MARK_LEN;

    if (n > SECRET_PARTS_MAX || mark->joined.len != SECRET_MARK_LEN) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        seek(s, mark->parts.ptr + SECRET_MARK_LEN * i, (uint32_t)i);
    }
    seek(s, mark->joined.ptr, SECRET_PARTS_MAX);
    s->wanted = grow(s->arena, s->wanted, s->n_wanted, &s->room_wanted, sizeof(*s->wanted));
    s->wanted[s->n_wanted++] = (struct wanted){
        .whose = whose,
        .all = (uint32_t)((UINT64_C(1) << n) - 1),
    };
    s->sorted = false;
}

static int by_mark(const void *a, const void *b)
{
    return memcmp(((const struct sought *)a)->mark, ((const struct sought *)b)->mark,
                  SECRET_MARK_LEN);
}

static void note(struct secret_search *s, const struct sought *hit)
{
    struct wanted *w = &s->wanted[hit->which];

    if (hit->bit == SECRET_PARTS_MAX) {
        w->joined = true;
    } else {
        w->found |= UINT32_C(1) << hit->bit;
    }
}

static void look_at(struct secret_search *s, struct slice word)
{
    struct sought want = {.which = 0};
    size_t low = 0;
    size_t high = s->n_sought;

    if (!s->sorted && s->n_sought) {
        qsort(s->sought, s->n_sought, sizeof(*s->sought), by_mark);
    }
    s->sorted = true;
    hash_word(s->key, word, want.mark);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (by_mark(&s->sought[middle], &want) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < s->n_sought && by_mark(&s->sought[low], &want) == 0; low++) {
        note(s, &s->sought[low]);
    }
}

void secret_search_text(struct secret_search *s, struct slice text)
{
    struct text_words words;
    struct text_term term;

    text_words_init(&words, text);
    while (text_words_next(&words, &term)) {
        look_at(s, term.bytes);
    }
}

void secret_search_terms(struct secret_search *s, const struct text_terms *terms)
{
    for (size_t i = TEXT_SUBJECT; i < TEXT_FIELDS; i++) {
        struct slice rest = terms->fields[i];
        struct text_term term;
        while (text_terms_next(&rest, &term)) {
            look_at(s, term.bytes);
        }
    }
}

bool secret_search_found(struct secret_search *s, size_t *whose)
{
    for (size_t i = 0; i < s->n_wanted; i++) {
        struct wanted *w = &s->wanted[i];
        bool found = w->joined || (w->all && w->found == w->all);
        if (found && !w->told) {
            w->told = true;
            *whose = w->whose;
            return true;
        }
    }
    return false;
}
