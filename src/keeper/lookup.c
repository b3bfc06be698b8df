#include <fcntl.h>

#include "host/memfd.h"
#include "keeper/internal.h"
#include "keyring/digest.h"
#include "letter/redecision.h"
#include "stages/protect/recipe.h"

bool keeper_reader(struct keeper *k, struct ledger_reader **reader, struct error *e)
{
    if (!ledger_reader_open(k->options.ledger_directory, k->options.ledger_key, reader, e)) {
        return false;
    }
    ledger_reader_record_keys(*reader, k->options.record_keys);
    return true;
}

struct lookup *keeper_lookup(struct keeper *k, struct error *e)
{
    (void)pthread_mutex_lock(&k->lookups_lock);
    struct lookup *l = k->lookups;
    if (l) {
        k->lookups = l->next;
    }
    (void)pthread_mutex_unlock(&k->lookups_lock);
    if (l) {
        return l;
    }
    l = calloc(1, sizeof(*l));
    if (!l) {
        arena_panic("out of memory");
    }
    if (!keeper_reader(k, &l->reader, e)) {
        free(l);
        return NULL;
    }
    return l;
}

void keeper_lookup_end(struct keeper *k, struct lookup *l)
{
    (void)pthread_mutex_lock(&k->lookups_lock);
    l->next = k->lookups;
    k->lookups = l;
    (void)pthread_mutex_unlock(&k->lookups_lock);
}

bool keeper_entry(struct keeper *k, struct ledger_ref ref, struct arena *arena,
                  struct ledger_entry *entry, struct error *e)
{
    struct lookup *l = keeper_lookup(k, e);

    if (!l) {
        return false;
    }
    bool got = ledger_reader_get(l->reader, ref, arena, entry, e);
    keeper_lookup_end(k, l);
    return got;
}

bool keeper_read(struct keeper *k, struct ledger_ref ref, const struct cbor_schema *schema,
                 struct arena *arena, void *value, struct error *e)
{
    uint64_t time = 0;

    return keeper_read_at(k, ref, schema, arena, value, &time, e);
}

bool keeper_read_at(struct keeper *k, struct ledger_ref ref, const struct cbor_schema *schema,
                    struct arena *arena, void *value, uint64_t *time_ms, struct error *e)
{
    struct ledger_entry entry;

    if (!keeper_entry(k, ref, arena, &entry, e)) {
        return false;
    }
    if (!cbor_read(entry.body, schema, arena, value, e)) {
        e->kind = ERROR_CORRUPT; /* what we wrote ourselves we must be able to read */
        return error_add(e, "record %llu", (unsigned long long)ref.seq);
    }
    *time_ms = (uint64_t)entry.time_ms;
    return true;
}

bool parcel_facts(struct keeper *k, struct parcel *p, struct arena *arena, struct facts *out,
                  struct error *e)
{
    (void)pthread_mutex_lock(&p->lock);
    struct slice body = arena_copy(arena, buf_slice(&p->facts_body));
    (void)pthread_mutex_unlock(&p->lock);
    if (body.len) {
        return cbor_read(body, &facts_schema, arena, out, e);
    }
    return keeper_read(k, p->facts, &facts_schema, arena, out, e) && parcel_owns(p, out->id, e);
}

bool parcel_decision(struct keeper *k, struct parcel *p, struct arena *arena, struct decision *out,
                     uint64_t *at, struct error *e)
{
    if (!keeper_read_at(k, p->decision, &decision_schema, arena, out, at, e) ||
        !parcel_owns(p, out->id, e)) {
        return false;
    }
    struct ledger_ref *again = NULL;
    size_t n = parcel_again(p, arena, &again);
    for (size_t i = 0; i < n; i++) {
        struct redecision r;
        if (!keeper_read(k, again[i], &redecision_schema, arena, &r, e) ||
            !redecision_apply(&r, arena, out, e)) {
            return false;
        }
    }
    return true;
}

/* A duplicate of a cached descriptor, so that the cache may be dropped meanwhile; -1 without. */
static int cached_fd(struct parcel *p, const int *which)
{
    (void)pthread_mutex_lock(&p->lock);
    int fd = *which >= 0 ? fcntl(*which, F_DUPFD_CLOEXEC, 0) : -1;
    (void)pthread_mutex_unlock(&p->lock);
    return fd;
}

bool parcel_content(struct keeper *k, struct parcel *p, int *fd, struct error *e)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    struct content c;

    *fd = cached_fd(p, &p->content_fd);
    return *fd >= 0 || (keeper_read(k, p->content, &content_schema, &arena, &c, e) &&
                        parcel_owns(p, c.id, e) && memfd_from("letter", c.bytes, fd, e));
}

bool parcel_sealed(struct keeper *k, struct parcel *p, const struct parcel_copy *copy,
                   struct arena *arena, struct sealed *out, struct error *e)
{
    uint64_t number = (uint64_t)(copy - p->copies) + 1;

    return keeper_read(k, copy->ref, &sealed_schema, arena, out, e) && parcel_owns(p, out->id, e) &&
           (out->copy == number ||
            error_set(e, ERROR_CORRUPT,
                      "the catalog names copy %llu of letter %llu where copy %llu should be: "
                      "`postern catalog rebuild` makes it anew",
                      (unsigned long long)out->copy, (unsigned long long)p->seq,
                      (unsigned long long)number));
}

bool parcel_digest(struct keeper *k, struct parcel *p, struct arena *arena, struct slice *digest,
                   struct error *e)
{
    OWN(buf) struct buf all = {.max = p->n_copies * DIGEST_LEN};
    uint8_t *whole = arena_alloc(arena, DIGEST_LEN);
    struct sealed s = {0};

    for (size_t i = 0; i < p->n_copies; i++) {
        OWN(arena) struct arena scratch = {.max = KEEPER_ARENA_MAX};
        if (!parcel_sealed(k, p, &p->copies[i], &scratch, &s, e)) {
            return false;
        }
        buf_add(&all, s.digest);
    }
    digest_of(buf_slice(&all), SLICE_NONE, whole);
    *digest = p->n_copies == 1 ? arena_copy(arena, buf_slice(&all)) : slice_of(whole, DIGEST_LEN);
    return true;
}

/* A protected copy takes nothing of the content. */
static bool content_for(struct keeper *k, struct parcel *p, const struct sealed *s,
                        struct arena *arena, struct slice *bytes, struct error *e)
{
    struct content c;

    *bytes = SLICE_NONE;
    if (s->method) {
        return true;
    }
    if (!keeper_read(k, p->content, &content_schema, arena, &c, e) || !parcel_owns(p, c.id, e)) {
        return false;
    }
    *bytes = c.bytes;
    return true;
}

bool parcel_copy(struct keeper *k, struct parcel *p, struct parcel_copy *which, int *fd,
                 struct error *e)
{
    OWN(arena)
    struct arena arena = {.max = KEEPER_ARENA_MAX}; /* a protected copy is recorded whole */
    OWN(buf) struct buf copy = {0};
    struct slice content;
    struct sealed s;

    *fd = cached_fd(p, &which->fd);
    if (*fd >= 0) {
        return true;
    }
    if (!parcel_sealed(k, p, which, &arena, &s, e) || !content_for(k, p, &s, &arena, &content, e) ||
        !recipe_follow(&s, content, &arena, &copy, e) ||
        !memfd_from("copy", buf_slice(&copy), fd, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&p->lock);
    which->size = s.size;
    which->has_8bit = !slice_is_ascii(buf_slice(&copy));
    (void)pthread_mutex_unlock(&p->lock);
    return true;
}
