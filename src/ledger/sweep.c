/* Objects that were stored with a pack stay when it is made again: records of later packs may refer to them. Whether any does, only the
 * records can tell: all that have a key and may refer to objects are opened. New references are only made when something is packed, and
 * then of ones that a pack has; so when nothing was packed since the first was looked at, what was not seen is referred to by
 * nobody. What cannot be opened may refer to anything. */
#include "ledger/sweep.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/bytes.h"

#include "ledger/packing.h"

#define SPARES_MAX 4096 /* looked for at once */

struct spare {
    uint32_t number;
    uint16_t making;
    bool used;
};

struct sweep {
    uint64_t packed; /* l->packed when it began */
    uint32_t next;   /* pack to look at */
    struct spare spares[SPARES_MAX];
    size_t n;
};

void sweep_free(struct sweep *s)
{
    free(s);
}

/* -- what there is -- */

static bool making_of(const char *name, uint16_t *making)
{
    uint64_t value = 0;
    bool ok = slice_decimal(slice_head(slice_from(slice_text(name), 11), 5), UINT16_MAX, &value);

    *making = (uint16_t)value;
    return ok;
}

/* Whether the pack of that number is there and names another file of objects, or none. */
static bool is_spare(const struct ledger *l, uint32_t number, uint16_t making)
{
    OWN(pack) struct pack *p = NULL;
    struct error unread;

    if (packing_is_segment(l, number) ||
        pack_open(l->dirfd, -1, number, NULL, NULL, &p, &unread) != PACK_OPENED) {
        return false;
    }
    const struct pack_row *row = pack_objects(p);
    return !row || row->month != making;
}

struct look {
    const struct ledger *l;
    struct sweep *s;
};

static bool note_spare(void *context, const char *name, struct error *e)
{
    const struct look *look = context;
    struct sweep *s = look->s;
    uint32_t number = 0;
    uint16_t making = 0;

    (void)e;
    if (ledger_file_of(name, &number) == FILE_OBJECTS && making_of(name, &making) &&
        s->n < SPARES_MAX && is_spare(look->l, number, making)) {
        s->spares[s->n++] = (struct spare){.number = number, .making = making};
        s->next = number < s->next ? number : s->next;
    }
    return true;
}

static bool begin(struct ledger *l, struct error *e)
{
    struct sweep *s = calloc(1, sizeof(*s));
    struct look look = {l, s};

    if (!s) {
        arena_panic("out of memory");
    }
    s->packed = l->packed;
    s->next = UINT32_MAX;
    l->sweep = s;
    return packing_each(l->dirfd, note_spare, &look, e);
}

/* -- what refers to it -- */

static void note_reference(struct sweep *s, const struct object_ref *r)
{
    for (size_t i = 0; i < s->n; i++) {
        struct spare *x = &s->spares[i];
        x->used = x->used || (x->number == r->number && x->making == r->making);
    }
}

/* What is sealed of it begins with the blind and the references. */
static bool note_references(struct sweep *s, struct slice opened)
{
    struct slice rest = slice_from(opened, BLIND_LEN);
    size_t count = rest.len >= 2 ? get16(rest.ptr) : 0;

    if (rest.len < 2 + count * OBJECT_REF_LEN) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct object_ref r;
        bool ok = object_ref_read(rest.ptr + 2 + i * OBJECT_REF_LEN, &r);
        if (ok) {
            note_reference(s, &r);
        }
        explicit_bzero(&r, sizeof(r));
        if (!ok) {
            return false;
        }
    }
    return true;
}

struct opener {
    struct sweep *s;
    const struct seq_ranges *erased;
    struct pack *p;
    struct sealer *sealer;
    struct digest *digest;
    struct buf payload;
};

static bool look_at_record(struct opener *o, uint32_t i, struct error *e)
{
    uint8_t aad[PACK_AAD_LEN];
    uint8_t key[KEYRING_KEY_LEN];
    struct pack_entry n;
    bool there = false;

    if (!pack_entry(o->p, i, &n, e)) {
        return false;
    }
    if (!n.objects) {
        return true;
    }
    if (!pack_key(o->p, i, key, &there, e)) {
        return false;
    }
    if (!there) {
        return seq_ranges_has(o->erased, o->p->head.first + i) ||
               error_set(e, ERROR_CORRUPT,
                         "pack %u: record %llu: its key is missing, and no record says that it was "
                         "erased: no objects are removed, since it may refer to them",
                         o->p->head.number, (unsigned long long)(o->p->head.first + i));
    }
    pack_aad(&o->p->head, &n, o->p->head.first + i, aad);
    bool ok = pack_payload(o->p, &n, o->digest, &o->payload, e);
    if (ok) {
        ok = (sealer_unseal(o->sealer, key, SLICE_ARRAY(aad), o->payload.ptr, n.length) &&
              note_references(o->s, slice_of(o->payload.ptr, n.length - TAG_LEN))) ||
             error_set(e, ERROR_CORRUPT, "pack %u: record %llu does not open", o->p->head.number,
                       (unsigned long long)(o->p->head.first + i));
        explicit_bzero(o->payload.ptr, o->payload.len);
    }
    explicit_bzero(key, sizeof(key));
    return ok;
}

static bool look_at_pack(struct ledger *l, struct sweep *s, uint32_t number, struct error *e)
{
    OWN(pack) struct pack *p = NULL;
    OWN(sealer) struct sealer *sealer = sealer_new();
    OWN(digest) struct digest *digest = digest_new();

    if (packing_is_segment(l, number)) {
        return true; /* its bodies are whole */
    }
    switch (pack_open(l->dirfd, l->options.record_keys, number, NULL, l->key, &p, e)) {
    case PACK_OPENED:
        break;
    case PACK_MISSING:
        return error_set(e, ERROR_CORRUPT, "pack %u is missing", number);
    case PACK_NOT_OPENED:
        return false;
    }
    struct opener o = {.s = s, .erased = &l->erased, .p = p, .sealer = sealer, .digest = digest};
    buf_init(&o.payload, LEDGER_BODY_MAX + (LEDGER_BODY_MAX >> 7) + 4096);
    bool ok = true;
    for (uint32_t i = 0; ok && i < p->head.records; i++) {
        ok = look_at_record(&o, i, e);
    }
    buf_done(&o.payload);
    return ok;
}

/* -- the end -- */

static bool remove_unused(struct ledger *l, const struct sweep *s, struct error *e)
{
    OWN(fd) int lock = -1;

    if (!packing_lock_out_backups(l, &lock, e)) {
        return false;
    }
    for (size_t i = 0; i < s->n; i++) {
        char name[OBJECTS_NAME_MAX];
        struct stat st = {0};
        objects_name(s->spares[i].number, s->spares[i].making, false, name);
        if (s->spares[i].used || fstatat(l->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
            continue;
        }
        if (!packing_remove(l->dirfd, name, e)) {
            return false;
        }
        (void)atomic_fetch_add(&l->saved_bytes, (int64_t)st.st_size);
    }
    return packing_sync(l, e);
}

static bool all_used(const struct sweep *s)
{
    size_t i = 0;

    while (i < s->n && s->spares[i].used) {
        i++;
    }
    return i == s->n;
}

static void end(struct ledger *l)
{
    sweep_free(TAKE(l->sweep, NULL));
}

bool sweep_step(struct ledger *l, bool *more, struct error *e)
{
    struct ledger_head head;
    bool ok = true;

    *more = false;
    if (l->sweep && l->sweep->packed != l->packed) {
        end(l);
    }
    if (!l->sweep && !begin(l, e)) {
        end(l);
        return false;
    }
    struct sweep *s = l->sweep;
    ledger_head(l, &head);
    if (all_used(s)) {
        end(l);
        return true;
    }
    *more = s->next < head.segment;
    ok = *more ? look_at_pack(l, s, s->next++, e) : remove_unused(l, s, e);
    if (!ok || !*more) {
        end(l);
    }
    return ok;
}
