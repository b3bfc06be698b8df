#include "ledger/objects.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/bytes.h"

#include "host/file.h"

#define FORMAT     1
#define STORED_MAX (PART_LIMIT + (PART_LIMIT >> 7) + 4096) /* zstd's worst */

static const char magic[8] = {'P', 'S', 'T', 'N', 'O', 'B', 'J', 'S'};

void objects_init(struct objects *o, int dirfd, const uint8_t ledger_id[static LEDGER_ID_LEN])
{
    *o = (struct objects){.dirfd = dirfd, .fd = -1};
    (void)memcpy(o->ledger_id, ledger_id, sizeof(o->ledger_id));
    buf_init(&o->stored, STORED_MAX);
}

void objects_done(struct objects *o)
{
    own_fd(&o->fd);
    o->fd = -1;
    buf_done(&o->stored);
}

/* -- bytes -- */

void objects_name(uint32_t number, uint16_t making, bool being_made,
                  char name[static OBJECTS_NAME_MAX])
{
    (void)snprintf(name, OBJECTS_NAME_MAX, "%010u-%05u.objects%s", number, making,
                   being_made ? ".new" : "");
}

void objects_head_write(const uint8_t ledger_id[static LEDGER_ID_LEN], uint32_t number,
                        uint16_t making, uint64_t list_at, uint8_t out[static OBJECTS_HEAD_LEN])
{
    (void)memset(out, 0, OBJECTS_HEAD_LEN);
    (void)memcpy(out, magic, sizeof(magic));
    put16(out + 8, FORMAT);
    put16(out + 10, OBJECTS_HEAD_LEN);
    put32(out + 12, number);
    (void)memcpy(out + 16, ledger_id, LEDGER_ID_LEN);
    put16(out + 32, making);
    put64(out + 40, list_at);
}

bool objects_head_read(const uint8_t in[static OBJECTS_HEAD_LEN],
                       const uint8_t ledger_id[static LEDGER_ID_LEN], uint32_t number,
                       uint16_t making, uint64_t *list_at)
{
    uint8_t wanted[OBJECTS_HEAD_LEN];

    *list_at = get64(in + 40);
    objects_head_write(ledger_id, number, making, *list_at, wanted);
    return memcmp(wanted, in, sizeof(wanted)) == 0;
}

void object_ref_write(const struct object_ref *r, uint8_t out[static OBJECT_REF_LEN])
{
    uint8_t offset[8];

    put32(out, r->place);
    put32(out + 4, r->size);
    put32(out + 8, r->number);
    put16(out + 12, r->making);
    put64(offset, r->offset);
    (void)memcpy(out + 14, offset + 2, 6);
    put32(out + 20, r->stored);
    (void)memcpy(out + 24, r->digest, OBJECT_DIGEST_LEN);
    (void)memcpy(out + 40, r->key, KEYRING_KEY_LEN);
}

bool object_ref_read(const uint8_t in[static OBJECT_REF_LEN], struct object_ref *r)
{
    uint8_t offset[8] = {0};

    r->place = get32(in);
    r->size = get32(in + 4);
    r->number = get32(in + 8);
    r->making = get16(in + 12);
    (void)memcpy(offset + 2, in + 14, 6);
    r->offset = get64(offset);
    r->stored = get32(in + 20);
    (void)memcpy(r->digest, in + 24, OBJECT_DIGEST_LEN);
    (void)memcpy(r->key, in + 40, KEYRING_KEY_LEN);
    return r->size && r->size <= PART_LIMIT && r->number && r->making && r->stored > TAG_LEN &&
           r->stored <= STORED_MAX && r->offset >= OBJECTS_HEAD_LEN;
}

void object_aad(const uint8_t ledger_id[static LEDGER_ID_LEN], const struct object_ref *r,
                uint8_t aad[static OBJECT_AAD_LEN])
{
    aad[0] = 2;
    (void)memcpy(aad + 1, ledger_id, LEDGER_ID_LEN);
    put32(aad + 17, r->number);
    put16(aad + 21, r->making);
    put64(aad + 23, r->offset);
}

/* -- reading -- */

static bool open_file(struct objects *o, const struct object_ref *r, struct error *e)
{
    char name[OBJECTS_NAME_MAX];

    if (o->fd >= 0 && o->number == r->number && o->making == r->making) {
        return true;
    }
    own_fd(&o->fd);
    o->fd = -1;
    objects_name(r->number, r->making, o->being_made && r->number == o->making_number, name);
    switch (file_open(o->dirfd, name, O_RDONLY, &o->fd, e)) {
    case FILE_FOUND:
        o->number = r->number;
        o->making = r->making;
        return true;
    case FILE_MISSING:
        return error_set(e, ERROR_CORRUPT, "%s: missing", name);
    case FILE_FAILED:
        return false;
    }
    return false;
}

bool objects_read(struct objects *o, struct sealer *s, const struct object_ref *r, uint8_t *to,
                  struct error *e)
{
    uint8_t aad[OBJECT_AAD_LEN];
    size_t got = 0;

    buf_reset(&o->stored);
    uint8_t *stored = buf_room(&o->stored, r->stored);
    if (!stored) {
        return error_set(e, ERROR_CORRUPT, "an object is impossibly large");
    }
    if (!open_file(o, r, e) || !file_read_at(o->fd, r->offset, stored, r->stored, &got, e)) {
        return false;
    }
    object_aad(o->ledger_id, r, aad);
    if (got != r->stored || !sealer_unseal(s, r->key, SLICE_ARRAY(aad), stored, got)) {
        return error_set(e, ERROR_CORRUPT, "an object that it refers to is altered");
    }
    return sealer_unpack(s, SLICE_NONE, slice_of(stored, got - TAG_LEN), to, r->size, e);
}

/* -- bodies -- */

/* Bytes of the objects that the references name; false when they overlap. */
static bool sum_sizes(struct slice refs, uint64_t *sum)
{
    uint64_t behind = 0;
    struct object_ref r;

    *sum = 0;
    for (; refs.len; refs = slice_from(refs, OBJECT_REF_LEN)) {
        bool fits = object_ref_read(refs.ptr, &r) && r.place >= behind;
        explicit_bzero(r.key, sizeof(r.key));
        if (!fits) {
            return false;
        }
        behind = (uint64_t)r.place + r.size;
        *sum += r.size;
    }
    return true;
}

/* What is not shared stands at the end of the room, and is moved forward as far as it belongs; what is
 * still to be moved is never overwritten, for the objects fill the room between. */
static bool weave(struct objects *o, struct sealer *s, struct slice refs, uint8_t *room, size_t len,
                  size_t rest, struct error *e)
{
    size_t at = 0;
    struct object_ref r = {0};
    bool ok = true;

    for (; ok && refs.len; refs = slice_from(refs, OBJECT_REF_LEN)) {
        ok = object_ref_read(refs.ptr, &r) && r.place - at <= rest;
        if (!ok) {
            (void)error_set(e, ERROR_CORRUPT, "a reference to an object is damaged");
            break;
        }
        size_t step = r.place - at;
        (void)memmove(room + at, room + len - rest, step);
        rest -= step;
        ok = objects_read(o, s, &r, room + r.place, e);
        at = (size_t)r.place + r.size;
    }
    explicit_bzero(&r, sizeof(r));
    return ok;
}

bool objects_body(struct objects *o, struct sealer *s, struct slice dictionary, struct slice opened,
                  struct arena *arena, struct slice *body, struct error *e)
{
    size_t count = opened.len >= 2 ? get16(opened.ptr) : PARTS_MAX + 1;
    size_t rest = 0;
    uint64_t shared = 0;

    if (count > PARTS_MAX || opened.len < 2 + count * OBJECT_REF_LEN ||
        !sum_sizes(slice_of(opened.ptr + 2, count * OBJECT_REF_LEN), &shared)) {
        return error_set(e, ERROR_CORRUPT, "references to objects are damaged");
    }
    struct slice refs = slice_of(opened.ptr + 2, count * OBJECT_REF_LEN);
    struct slice frame = slice_from(opened, 2 + refs.len);
    if (!sealer_unpacked_size(frame, &rest, e)) {
        return false;
    }
    uint64_t len = shared + rest;
    if (len > LEDGER_BODY_MAX) {
        return error_set(e, ERROR_CORRUPT, "a body is impossibly large");
    }
    if (len + 64 > arena->max - arena->total) {
        return error_set(e, ERROR_LIMIT, "a body of %llu bytes is larger than allowed here",
                         (unsigned long long)len);
    }
    uint8_t *room = arena_alloc(arena, (size_t)len + 1);
    if (!sealer_unpack(s, dictionary, frame, room + shared, rest, e) ||
        !weave(o, s, refs, room, (size_t)len, rest, e)) {
        return false;
    }
    *body = slice_of(room, (size_t)len);
    return true;
}
