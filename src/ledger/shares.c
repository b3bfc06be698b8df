/* Two tables: what was seen, by digest, and the references to what is stored. A part that was seen and is
 * stored names its reference. */
#include "ledger/shares.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/bytes.h"

#include "host/file.h"
#include "ledger/io.h"
#include "ledger/shares_state.h"

#define SEEN_MAX ((size_t)1 << 20) /* parts of a pack that are told apart */
#define STEP     ((size_t)1 << 20)

struct shares *shares_new(int dirfd, int keys_dirfd, const struct secret *ledger_key,
                          uint32_t number, const uint8_t ledger_id[static LEDGER_ID_LEN])
{
    struct shares *x = calloc(1, sizeof(*x));

    if (!x || !(x->seen = calloc(SEEN_FIRST, sizeof(*x->seen)))) {
        arena_panic("out of memory");
    }
    x->dirfd = dirfd;
    x->keys_dirfd = keys_dirfd;
    x->ledger_key = ledger_key;
    x->number = number;
    x->room = SEEN_FIRST;
    x->fd = -1;
    x->sealer = sealer_new();
    x->digest = digest_new();
    objects_init(&x->objects, dirfd, ledger_id);
    x->objects.being_made = true;
    x->objects.making_number = number;
    x->file = stream_at(-1, 0);
    buf_init(&x->list, LIST_MAX * LIST_ENTRY_LEN);
    buf_init(&x->front, 2 + (size_t)PARTS_MAX * OBJECT_REF_LEN);
    buf_init(&x->rest, LEDGER_BODY_MAX);
    buf_init(&x->bytes, PART_LIMIT + (PART_LIMIT >> 7) + 4096);
    return x;
}

void shares_free(struct shares *x)
{
    if (!x) {
        return;
    }
    if (x->known) {
        explicit_bzero(x->known, x->known_room * sizeof(*x->known));
    }
    if (x->front.capacity) {
        explicit_bzero(x->front.ptr, x->front.capacity);
    }
    free(x->known);
    free(x->seen);
    own_fd(&x->fd);
    sealer_free(x->sealer);
    digest_free(x->digest);
    objects_done(&x->objects);
    stream_done(&x->file);
    buf_done(&x->list);
    buf_done(&x->front);
    buf_done(&x->rest);
    buf_done(&x->bytes);
    free(x);
}

/* -- the tables -- */

static struct seen *slot_of(struct seen *table, size_t room, const uint8_t *digest, uint32_t size)
{
    size_t at = (size_t)get64(digest) & (room - 1);

    while (table[at].size &&
           (table[at].size != size || memcmp(table[at].digest, digest, OBJECT_DIGEST_LEN) != 0)) {
        at = (at + 1) & (room - 1);
    }
    return &table[at];
}

static void grow(struct shares *x)
{
    size_t room = x->room * 2;
    struct seen *more = calloc(room, sizeof(*more));

    if (!more) {
        arena_panic("out of memory");
    }
    for (size_t i = 0; i < x->room; i++) {
        if (x->seen[i].size) {
            *slot_of(more, room, x->seen[i].digest, x->seen[i].size) = x->seen[i];
        }
    }
    free(x->seen);
    x->seen = more;
    x->room = room;
}

struct seen *shares_find(struct shares *x, const uint8_t *digest, uint32_t size, bool add)
{
    struct seen *found = slot_of(x->seen, x->room, digest, size);

    if (found->size || !add || x->n_seen == SEEN_MAX) {
        return found->size ? found : NULL;
    }
    if (x->n_seen * 4 >= x->room * 3) {
        grow(x);
        found = slot_of(x->seen, x->room, digest, size);
    }
    x->n_seen++;
    *found = (struct seen){.size = size};
    (void)memcpy(found->digest, digest, OBJECT_DIGEST_LEN);
    return found;
}

uint32_t shares_know(struct shares *x, const struct object_ref *ref)
{
    if (x->n_known == x->known_room) {
        size_t room = x->known_room ? x->known_room * 2 : 64;
        struct known *more = calloc(room, sizeof(*more));
        if (!more) {
            arena_panic("out of memory");
        }
        if (x->known) {
            (void)memcpy(more, x->known, x->n_known * sizeof(*more));
            explicit_bzero(x->known, x->known_room * sizeof(*more));
            free(x->known);
        }
        x->known = more;
        x->known_room = room;
    }
    x->known[x->n_known++] = (struct known){.ref = *ref};
    return (uint32_t)x->n_known; /* 0 is none */
}

static void digest_part(struct shares *x, struct slice part, uint8_t *digest)
{
    uint8_t whole[DIGEST_LEN];

    digest_add(x->digest, part);
    digest_end(x->digest, whole);
    (void)memcpy(digest, whole, OBJECT_DIGEST_LEN);
}

/* -- first look -- */

void shares_see(struct shares *x, struct slice body)
{
    size_t n = parts_find(body, x->parts);

    for (size_t i = 0; i < n; i++) {
        const struct part *p = &x->parts[i];
        uint8_t digest[OBJECT_DIGEST_LEN];
        digest_part(x, slice_of(body.ptr + p->at, p->len), digest);
        size_t before = x->n_seen;
        struct seen *s = shares_find(x, digest, (uint32_t)p->len, true);
        if (s) {
            s->again = s->again || x->n_seen == before;
            x->any = x->any || s->again || p->encoded;
        }
    }
}

bool shares_any(const struct shares *x)
{
    return x && x->any;
}

/* -- the file -- */

static bool is_there(int dirfd, const char *name)
{
    struct stat st;
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool shares_create(struct shares *x, mode_t mode, struct error *e)
{
    char name[OBJECTS_NAME_MAX];
    uint8_t head[OBJECTS_HEAD_LEN];

    do {
        x->making++;
        objects_name(x->number, x->making, false, name);
    } while (x->making < UINT16_MAX && is_there(x->dirfd, name));
    objects_name(x->number, x->making, true, name);
    if (ledger_io.unlink(x->dirfd, name) != 0 && errno != ENOENT) {
        return error_errno(e, ERROR_BUSY, "%s: remove a failed attempt", name);
    }
    x->fd = ledger_io.create(x->dirfd, name, mode);
    if (x->fd < 0) {
        return error_errno(e, errno == ENOSPC ? ERROR_LIMIT : ERROR_BUSY, "%s: create", name);
    }
    x->file = stream_at(x->fd, 0);
    objects_head_write(x->objects.ledger_id, x->number, x->making, 0, head);
    return stream_add(&x->file, SLICE_ARRAY(head), e);
}

static bool store(struct shares *x, struct slice part, bool encoded, struct seen *s,
                  struct error *e)
{
    uint8_t aad[OBJECT_AAD_LEN];
    struct object_ref r = {.size = (uint32_t)part.len,
                           .number = x->number,
                           .making = x->making,
                           .offset = x->file.at + x->file.bytes.len};

    (void)memcpy(r.digest, s->digest, sizeof(r.digest));
    keyring_random_bytes(r.key, sizeof(r.key));
    object_aad(x->objects.ledger_id, &r, aad);
    sealer_seal_object(x->sealer, r.key, SLICE_ARRAY(aad), part, encoded, &x->bytes);
    r.stored = (uint32_t)x->bytes.len;
    s->ref = shares_know(x, &r);
    explicit_bzero(&r, sizeof(r));
    return stream_add(&x->file, buf_slice(&x->bytes), e);
}

/* Whether what is stored are these bytes. What cannot be read is not them. */
static bool is_same(struct shares *x, const struct object_ref *r, struct slice part)
{
    struct error why;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what a part refers to is in the table */
    bool own = r->number == x->number;

    if (own && r->offset + r->stored > x->file.at && !stream_flush(&x->file, &why)) {
        return false; /* the next write says so */
    }
    buf_reset(&x->bytes);
    uint8_t *stored = buf_room(&x->bytes, part.len);
    return stored && r->size == part.len && objects_read(&x->objects, x->sealer, r, stored, &why) &&
           memcmp(stored, part.ptr, part.len) == 0;
}

/* Tell later packs of it, as long as this record is not erased. */
static void list(struct shares *x, struct known *k, uint32_t index, const uint8_t *record_key)
{
    uint8_t key[KEYRING_KEY_LEN];
    uint8_t entry[LIST_ENTRY_LEN] = {0};
    uint32_t place = (uint32_t)(x->list.len / LIST_ENTRY_LEN);

    if (k->listed || place == LIST_MAX) {
        return;
    }
    k->listed = true;
    put32(entry, index);
    object_ref_write(&k->ref, entry + 4);
    shares_list_key(x->digest, record_key, place, key);
    sealer_seal_bytes(x->sealer, key, entry + 4, OBJECT_REF_LEN);
    buf_add(&x->list, SLICE_ARRAY(entry));
    explicit_bzero(key, sizeof(key));
}

void shares_list_key(struct digest *d, const uint8_t record_key[static KEYRING_KEY_LEN],
                     uint32_t place, uint8_t key[static KEYRING_KEY_LEN])
{
    uint8_t front = 0x13;
    uint8_t number[4];

    put32(number, place);
    digest_add(d, slice_of(&front, 1));
    digest_add(d, slice_of(record_key, KEYRING_KEY_LEN));
    digest_add(d, SLICE_ARRAY(number));
    digest_end(d, key);
}

/* -- second look -- */

/* The reference to a part, stored before or now; NULL: it stays in its body. */
static bool reference(struct shares *x, const struct part *p, struct slice part, struct known **out,
                      struct error *e)
{
    uint8_t digest[OBJECT_DIGEST_LEN];

    digest_part(x, part, digest);
    struct seen *s = shares_find(x, digest, (uint32_t)p->len, false);
    *out = NULL;
    if (!s || !(s->ref || s->again || p->encoded)) {
        return true;
    }
    if (s->ref && !is_same(x, &x->known[s->ref - 1].ref, part)) {
        s->ref = 0;
    }
    if (!s->ref && !store(x, part, p->encoded, s, e)) {
        return false;
    }
    *out = &x->known[s->ref - 1];
    return true;
}

bool shares_take(struct shares *x, uint32_t index, const uint8_t record_key[static KEYRING_KEY_LEN],
                 struct slice body, struct slice *front, struct slice *rest, struct error *e)
{
    uint8_t count[2] = {0};
    size_t behind = 0;
    uint16_t taken = 0;

    *front = SLICE_NONE;
    *rest = body;
    if (!x->any || body.len < PART_MIN) {
        return true;
    }
    buf_reset(&x->front);
    buf_reset(&x->rest);
    buf_add(&x->front, SLICE_ARRAY(count));
    size_t n = parts_find(body, x->parts);
    for (size_t i = 0; i < n; i++) {
        const struct part *p = &x->parts[i];
        struct known *k = NULL;
        uint8_t bytes[OBJECT_REF_LEN];
        if (!reference(x, p, slice_of(body.ptr + p->at, p->len), &k, e)) {
            return false;
        }
        if (k) {
            list(x, k, index, record_key);
            k->ref.place = (uint32_t)p->at;
            object_ref_write(&k->ref, bytes);
            buf_add(&x->front, SLICE_ARRAY(bytes));
            buf_add(&x->rest, slice_of(body.ptr + behind, p->at - behind));
            behind = p->at + p->len;
            taken++;
            explicit_bzero(bytes, sizeof(bytes));
        }
    }
    put16(x->front.ptr, taken);
    *front = buf_slice(&x->front);
    if (taken) {
        buf_add(&x->rest, slice_from(body, behind));
        *rest = buf_slice(&x->rest);
    }
    return true;
}

/* -- the end -- */

static bool digest_file(struct shares *x, uint8_t *digest, struct error *e)
{
    buf_reset(&x->bytes);
    uint8_t *step = buf_room(&x->bytes, STEP);
    size_t got = 1;

    for (uint64_t at = 0; got; at += got) {
        if (!file_read_at(x->fd, at, step, STEP, &got, e)) {
            return false;
        }
        digest_add(x->digest, slice_of(step, got));
    }
    digest_end(x->digest, digest);
    return true;
}

bool shares_finish(struct shares *x, struct pack_row *row, struct error *e)
{
    OWN(secret) struct secret *sealing = keyring_derive(x->ledger_key, "objects");
    OWN(buf) struct buf sealed = {.max = KEYRING_SEAL_MAX + KEYRING_SEAL_OVERHEAD};
    uint8_t head[OBJECTS_HEAD_LEN];
    struct iovec iov = {head, sizeof(head)};

    objects_head_write(x->objects.ledger_id, x->number, x->making, x->file.at + x->file.bytes.len,
                       head);
    keyring_seal(sealing, SLICE_ARRAY(head), buf_slice(&x->list), &sealed);
    if (!stream_add(&x->file, buf_slice(&sealed), e) || !stream_flush(&x->file, e) ||
        !ledger_write(x->fd, &iov, 1, 0, e) || !ledger_sync(x->fd, e)) {
        return false;
    }
    (void)posix_fadvise(x->fd, 0, 0, POSIX_FADV_DONTNEED);
    *row = (struct pack_row){.class = PACK_OBJECTS, .month = x->making, .length = x->file.at};
    return digest_file(x, row->digest, e);
}
