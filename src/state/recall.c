#include "state/recall.h"

#include <stdlib.h>

#include "base/arena.h"

#define PLACES    256
#define BYTES_MAX 4096 /* of a name, of a value */

/* A value, or that there is none. `bytes` holds the name and behind it the value. */
struct place {
    bool used;
    bool found;
    enum store_kind kind;
    size_t name_len;
    struct buf bytes;
};

struct recall {
    struct place places[PLACES];
};

struct recall *recall_new(void)
{
    struct recall *r = calloc(1, sizeof(*r));

    if (!r) {
        arena_panic("out of memory");
    }
    for (size_t i = 0; i < PLACES; i++) {
        buf_init(&r->places[i].bytes, (size_t)2 * BYTES_MAX);
    }
    return r;
}

static void empty(struct place *p)
{
    if (p->bytes.ptr) {
        explicit_bzero(p->bytes.ptr, p->bytes.len);
    }
    buf_done(&p->bytes);
    p->used = false;
}

void recall_free(struct recall *r)
{
    for (size_t i = 0; r && i < PLACES; i++) {
        empty(&r->places[i]);
    }
    free(r);
}

/* Whoever chooses names so that they meet in one place gains nothing: they are read from the file then. */
static size_t place_of(enum store_kind kind, struct slice name)
{
    uint32_t hash = 2166136261U ^ (uint32_t)kind; /* FNV-1a */

    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ name.ptr[i]) * 16777619U;
    }
    return hash % PLACES;
}

static bool is_of(const struct place *p, enum store_kind kind, struct slice name)
{
    return p->used && p->kind == kind &&
           slice_equal(slice_head(buf_slice(&p->bytes), p->name_len), name);
}

bool recall_get(const struct recall *r, enum store_kind kind, struct slice name, struct buf *plain,
                bool *found)
{
    const struct place *p = &r->places[place_of(kind, name)];

    if (!is_of(p, kind, name)) {
        return false;
    }
    if (p->found) {
        buf_add(plain, slice_from(buf_slice(&p->bytes), p->name_len));
    }
    *found = p->found;
    return true;
}

void recall_keep(struct recall *r, enum store_kind kind, struct slice name, bool found,
                 struct slice plain)
{
    struct place *p = &r->places[place_of(kind, name)];

    if (name.len > BYTES_MAX || (found && plain.len > BYTES_MAX)) {
        return;
    }
    empty(p);
    p->used = true;
    p->found = found;
    p->kind = kind;
    p->name_len = name.len;
    buf_add(&p->bytes, name);
    if (found) {
        buf_add(&p->bytes, plain);
    }
}

void recall_forget(struct recall *r, enum store_kind kind, struct slice name)
{
    struct place *p = &r->places[place_of(kind, name)];

    if (is_of(p, kind, name)) {
        empty(p);
    }
}
