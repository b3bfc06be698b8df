#include "vault/run.h"

#include <stdio.h>
#include <string.h>

#include "host/file.h"

#define HEAD_BYTES   512
#define SMALL_PIECE  (VAULT_PIECE / 8) /* a last piece below that is sent again with what follows */
#define ARENA_BYTES  ((size_t)1 << 30)
#define RECOVERY_MAX 4096

enum renews { UNKNOWN, CAN, CANNOT };

struct run {
    struct vault *v;
    const struct vault_source *source;
    struct vault_made *made;
    struct vault_listing there;
    struct vault_manifest before; /* number 0: none that can be read */
    uint8_t before_digest[DIGEST_LEN];
    bool locks;
    enum renews renews; /* whether the target locks for longer */
    struct buf *taken;
    bool before_is_ours; /* it is the one that we know: this machine's files began as its files */
    uint64_t highest;    /* number of a manifest that is there */
    struct arena arena;
    struct buf piece;
};

static bool is_there(const struct run *r, struct slice own, uint64_t length)
{
    char name[STORE_NAME_MAX + 1];

    vault_data_name(r->v, own, name);
    const struct vault_entry *found = vault_listed(&r->there, name);
    return found && found->size == vault_sealed_size(length);
}

/* Whether an object that is there may be taken over. Where objects are locked it is to be for as long as those that are
 * stored now. That is done when the view has ended; here one shows whether it can be. If not, all is stored
 * again. */
static bool stays(struct run *r, const char *name)
{
    const struct store *s = &r->v->store;
    struct error e;

    if (!r->locks || !s->ops->renew || r->renews == CAN) {
        return true;
    }
    if (r->renews == UNKNOWN) {
        bool can = s->ops->renew(s->context, slice_text(name), &e) || e.kind == ERROR_BUSY;
        r->renews = can ? CAN : CANNOT;
    }
    return r->renews == CAN;
}

static void note_taken(struct run *r, struct slice own)
{
    if (r->taken) {
        buf_add(r->taken, own);
    }
}

static bool put_piece(struct run *r, struct slice bytes, struct buf *rows, struct error *e)
{
    uint8_t own[VAULT_NAME_LEN];
    char name[STORE_NAME_MAX + 1];

    vault_own_name(r->v, bytes, own);
    vault_piece_add(rows, SLICE_ARRAY(own), (uint32_t)bytes.len);
    vault_data_name(r->v, SLICE_ARRAY(own), name);
    if (is_there(r, SLICE_ARRAY(own), bytes.len) && stays(r, name)) {
        note_taken(r, SLICE_ARRAY(own));
        return true;
    }
    if (!vault_put(r->v, name, bytes, NULL, e)) {
        return false;
    }
    r->made->put++;
    r->made->put_bytes += vault_sealed_size(bytes.len);
    return true;
}

/* The file of the backup before, if it is the beginning of this one. In a backup that this machine does not know, a
 * file of the same name may have gone on in another way: a machine that was put back to an older state. */
static const struct vault_file *find_before(const struct run *r, const struct vault_source_file *f,
                                            struct slice head)
{
    const struct vault_file *files = r->before.files.items;

    for (size_t i = 0; i < r->before.files.count && r->before_is_ours && f->grows; i++) {
        if (slice_equal(files[i].name, f->name) && slice_equal(files[i].directory, f->directory)) {
            return files[i].size <= f->size && slice_equal(files[i].head, head) ? &files[i] : NULL;
        }
    }
    return NULL;
}

/* Take over the pieces that are still there, up to the first that is not; a small last one only when
 * nothing follows it. */
static uint64_t keep_pieces(struct run *r, const struct vault_file *old, uint64_t size,
                            struct buf *rows)
{
    char name[STORE_NAME_MAX + 1];
    uint64_t at = 0;

    for (size_t i = 0; i < vault_pieces(old); i++) {
        struct vault_piece p = vault_piece(old, i);
        bool last = i + 1 == vault_pieces(old);
        vault_data_name(r->v, p.name, name);
        if (!is_there(r, p.name, p.length) ||
            (last && p.length < SMALL_PIECE && old->size < size) || !stays(r, name)) {
            break;
        }
        vault_piece_add(rows, p.name, p.length);
        note_taken(r, p.name);
        at += p.length;
    }
    return at;
}

static bool read_exactly(int fd, uint64_t at, size_t len, struct buf *out, struct error *e)
{
    size_t got = 0;

    buf_reset(out);
    uint8_t *room = buf_room(out, len);
    if (!room || !file_read_at(fd, at, room, len, &got, e)) {
        return room ? false : error_set(e, ERROR_LIMIT, "no room");
    }
    out->len += got;
    return got == len || error_set(e, ERROR_CONFIG, "it ends too early");
}

static bool send_file(struct run *r, const struct vault_source_file *f, int fd,
                      struct vault_file *out, struct error *e)
{
    uint8_t *head = arena_alloc(&r->arena, DIGEST_LEN);
    OWN(buf) struct buf rows = {.max = MANIFEST_SIZE_MAX};

    if (!read_exactly(fd, 0, f->size < HEAD_BYTES ? (size_t)f->size : HEAD_BYTES, &r->piece, e)) {
        return false;
    }
    digest_of(buf_slice(&r->piece), SLICE_NONE, head);
    const struct vault_file *old = find_before(r, f, slice_of(head, DIGEST_LEN));
    uint64_t at = old ? keep_pieces(r, old, f->size, &rows) : 0;
    while (at < f->size) {
        size_t len = f->size - at < VAULT_PIECE ? (size_t)(f->size - at) : VAULT_PIECE;
        if (!read_exactly(fd, at, len, &r->piece, e) ||
            !put_piece(r, buf_slice(&r->piece), &rows, e)) {
            return false;
        }
        at += len;
    }
    *out = (struct vault_file){.directory = f->directory,
                               .name = f->name,
                               .size = f->size,
                               .head = slice_of(head, DIGEST_LEN),
                               .pieces = arena_copy(&r->arena, buf_slice(&rows))};
    return !rows.full || error_set(e, ERROR_LIMIT, "it is too large");
}

static bool send_files(struct run *r, struct vault_manifest *m, struct error *e)
{
    struct vault_file *files = arena_array(&r->arena, r->source->count, sizeof(*files));

    for (size_t i = 0; i < r->source->count; i++) {
        const struct vault_source_file *f = &r->source->files[i];
        OWN(fd) int fd = -1;
        if (!r->source->open(r->source->context, f, &fd, e) || !send_file(r, f, fd, &files[i], e)) {
            return error_add(e, "%.*s", SLICE_ARG(f->name));
        }
        r->made->files++;
        r->made->bytes += f->size;
    }
    m->files = (struct cbor_list){files, r->source->count};
    return true;
}

/* It is sealed under the recovery key, which is all that an empty machine has. */
static bool send_recovery(struct run *r, struct slice sealed, struct error *e)
{
    char name[STORE_NAME_MAX + 1];
    uint8_t own[VAULT_NAME_LEN];
    char data[STORE_NAME_MAX + 1];

    vault_own_name(r->v, sealed, own);
    vault_data_name(r->v, SLICE_ARRAY(own), data);
    (void)snprintf(name, sizeof(name), "%sr-%s", r->v->prefix, data + VAULT_PREFIX_LEN + 2);
    const struct vault_entry *found = vault_listed(&r->there, name);
    struct store *s = &r->v->store;
    return sealed.len == 0 || (found && found->size == sealed.len && stays(r, name)) ||
           s->ops->put(s->context, slice_text(name), sealed, e) ||
           error_add(e, "store what the recovery key opens");
}

/* The newest manifest that can be read. Another, or none, where we know one: rolled back. */
static void find_last(struct run *r, const struct vault_known *known)
{
    size_t count = 0;
    const struct vault_entry **all = vault_manifests(r->v, &r->there, &r->arena, &count);
    bool found_known = known->number == 0;

    for (size_t i = count; i > 0; i--) {
        struct vault_name said;
        struct vault_manifest m;
        uint8_t digest[DIGEST_LEN];
        struct error e;
        (void)vault_manifest_name(r->v, all[i - 1]->name, &said);
        if (r->before.number && (found_known || said.number < known->number)) {
            break;
        }
        if (!vault_get_manifest(r->v, all[i - 1]->name, &r->arena, &m, digest, &e)) {
            continue;
        }
        bool is_known = m.number == known->number && memcmp(digest, known->digest, DIGEST_LEN) == 0;
        found_known = found_known || is_known;
        if (r->before.number == 0) {
            r->before_is_ours = is_known;
            r->before = m;
            r->highest = m.number;
            (void)memcpy(r->before_digest, digest, DIGEST_LEN);
        }
    }
    r->made->rolled_back = !found_known;
    r->highest = known->number > r->highest ? known->number : r->highest;
}

static bool run(struct run *r, const struct vault_view *view, const struct vault_known *known,
                struct error *e)
{
    if (!vault_list(r->v, "", &r->there, e)) {
        return false;
    }
    find_last(r, known);
    struct vault_manifest m = {.number = r->highest + 1,
                               .at = view->at,
                               .records = view->records,
                               .note = view->note,
                               .program = view->program};
    if (r->before.number) {
        m.previous = SLICE_ARRAY(r->before_digest);
    }
    if (m.number > VAULT_NUMBER_MAX) {
        return error_set(e, ERROR_LIMIT, "the vault's numbers are used up: rotate the master key");
    }
    r->made->backup.number = m.number;
    return send_recovery(r, view->recovery, e) && send_files(r, &m, e) &&
           vault_put_manifest(r->v, &m, r->made->backup.digest, e);
}

bool vault_run(struct vault *v, const struct vault_source *source, const struct vault_view *view,
               const struct vault_known *known, struct vault_made *made, struct error *e)
{
    struct run r = {.v = v,
                    .source = source,
                    .made = made,
                    .locks = view->locks,
                    .taken = view->taken,
                    .arena = {.max = ARENA_BYTES},
                    .piece = {.max = VAULT_PIECE}};

    *made = (struct vault_made){0};
    bool done = run(&r, view, known, e);
    vault_listing_done(&r.there);
    arena_done(&r.arena);
    buf_done(&r.piece);
    return done;
}
