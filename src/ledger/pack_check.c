/* All of a pack: what docs/ledger-format.md section 12 has a checker look at. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/bytes.h"

#include "host/file.h"
#include "ledger/dictionary.h"
#include "ledger/pack.h"

#define STEP      ((size_t)1 << 20)
#define KEYS_LOOK 1000 /* keys between two looks at whether the key file is another */

/* What one look goes through. */
struct walk {
    struct pack *p;
    struct pack_check *c;
    struct digest *digest;
    struct arena arena;
    struct buf payload;
    struct error *e;
    uint64_t clear_at;  /* where the next clear payload must stand */
    uint64_t *next;     /* the same of each payload file */
    bool *missing;      /* payload files that are not there */
    bool keyless;       /* the key file cannot be read: said once */
    bool wordless;      /* the dictionary is missing or altered: said once */
    bool ended;         /* an end record was seen */
    uint32_t last_type; /* of the record before */
};

static void fault(const struct walk *w, uint32_t n, const char *text)
{
    uint64_t at =
        PACK_HEAD_LEN + (uint64_t)w->p->head.files * PACK_ROW_LEN + (uint64_t)n * PACK_ENTRY_LEN;
    w->c->fault(w->c->context, at, w->p->head.first + n, text);
}

/* A fault when the bytes are wrong; false when the disk failed. */
static bool blame(const struct walk *w, uint32_t n, const struct error *why)
{
    if (why->kind == ERROR_BUSY) {
        *w->e = *why;
        return false;
    }
    fault(w, n, why->text);
    return true;
}

/* -- the file as a whole -- */

static bool digest_from(struct walk *w, int fd, uint64_t at, uint64_t length, uint8_t *digest)
{
    OWN(buf) struct buf step = {.max = STEP};
    uint8_t *bytes = buf_room(&step, STEP);

    digest_reset(w->digest);
    while (at < length) {
        size_t got = 0;
        if (!file_read_at(fd, at, bytes, STEP, &got, w->e)) {
            return false;
        }
        if (got == 0) {
            break;
        }
        digest_add(w->digest, slice_of(bytes, got));
        at += got;
    }
    digest_end(w->digest, digest);
    return true;
}

static bool check_digest(struct walk *w)
{
    const struct pack_head *h = &w->p->head;
    uint8_t digest[DIGEST_LEN];
    struct stat st;

    if (fstat(w->p->entries.fd, &st) != 0) {
        return error_errno(w->e, ERROR_BUSY, "pack %u", h->number);
    }
    if ((uint64_t)st.st_size != h->length) {
        w->c->fault(w->c->context, 0, h->first, "the pack does not have its length");
        return true;
    }
    if (!digest_from(w, w->p->entries.fd, PACK_HEAD_LEN, h->length, digest)) {
        return false;
    }
    if (memcmp(digest, h->digest, sizeof(digest)) != 0) {
        w->c->fault(w->c->context, PACK_HEAD_LEN, h->first, "the pack does not have its digest");
    }
    return true;
}

/* The file of objects as a whole: what stands where in it, only records tell. */
static bool check_objects(struct walk *w)
{
    const struct pack_row *row = pack_objects(w->p);
    const struct pack_head *h = &w->p->head;
    OWN(fd) int fd = -1;
    uint8_t head[OBJECTS_HEAD_LEN];
    uint8_t digest[DIGEST_LEN];
    char name[OBJECTS_NAME_MAX];
    uint64_t list_at = 0;
    size_t got = 0;
    struct stat st;

    if (!row) {
        return true;
    }
    objects_name(h->number, (uint16_t)row->month, w->p->objects.being_made, name);
    switch (file_open(w->p->dirfd, name, O_RDONLY, &fd, w->e)) {
    case FILE_FOUND:
        break;
    case FILE_MISSING:
        w->c->fault(w->c->context, 0, h->first, "the file of its objects is missing");
        return true;
    case FILE_FAILED:
        return false;
    }
    if (fstat(fd, &st) != 0) {
        return error_errno(w->e, ERROR_BUSY, "pack %u", h->number);
    }
    if (!file_read_at(fd, 0, head, sizeof(head), &got, w->e) ||
        !digest_from(w, fd, 0, row->length, digest)) {
        return false;
    }
    if ((uint64_t)st.st_size != row->length || got < sizeof(head) ||
        !objects_head_read(head, h->ledger_id, h->number, (uint16_t)row->month, &list_at) ||
        memcmp(digest, row->digest, sizeof(digest)) != 0) {
        w->c->fault(w->c->context, 0, h->first, "the file of its objects is altered");
    }
    w->c->bytes += row->length;
    return true;
}

/* Payload files end where their last record does. */
static bool check_ends(struct walk *w)
{
    const struct pack_head *h = &w->p->head;
    struct stat st;

    if (w->clear_at != h->length) {
        fault(w, h->records, "something stands behind the pack's records");
    }
    for (uint32_t i = 0; i < h->files; i++) {
        if (w->p->rows[i].class == PACK_OBJECTS) {
            continue;
        }
        if (w->next[i] != w->p->rows[i].length) {
            fault(w, h->records, "a payload file does not have its length");
        }
        if (w->p->files[i] < 0) {
            continue;
        }
        if (fstat(w->p->files[i], &st) != 0) {
            return error_errno(w->e, ERROR_BUSY, "pack %u", h->number);
        }
        if ((uint64_t)st.st_size != w->p->rows[i].length) {
            fault(w, h->records, "a payload file does not have its length");
        }
    }
    return true;
}

/* -- one record -- */

static const char *take_start(struct walk *w, struct slice body)
{
    struct pack_check *c = w->c;
    struct segment_start *s = &c->start;
    uint8_t root[MERKLE_LEN];
    struct error why;

    if (!start_read(body, s, &why) || s->number != w->p->head.number ||
        s->size != w->p->head.first || !merkle_load(&c->start_tree, s->size, s->peaks)) {
        *s = (struct segment_start){0};
        return "the segment's start is damaged";
    }
    merkle_root(&c->start_tree, w->digest, root);
    bool fits = memcmp(root, s->root.ptr, MERKLE_LEN) == 0;
    s->root = s->peaks = s->program = SLICE_NONE;
    if (fits && c->start_tree.size == c->watch_size) {
        (void)memcpy(c->watch_root, root, sizeof(root));
        c->watch_hit = true;
    }
    if (!fits) {
        return "the segment's start contradicts itself";
    }
    if (!c->trusted) {
        c->tree = c->start_tree; /* the chain is checked by whoever has the former segment's tree */
        c->trusted = true;
        return NULL;
    }
    bool goes_on = c->tree.size == c->start_tree.size &&
                   slice_equal(merkle_peaks(&c->tree), merkle_peaks(&c->start_tree));
    c->tree = c->start_tree;
    return goes_on ? NULL : "the segment does not go on where the former ended";
}

static const char *take_commit(struct walk *w, const struct pack_entry *n, uint64_t seq,
                               struct slice body)
{
    struct pack_check *c = w->c;
    struct commit commit;
    uint8_t digest[DIGEST_LEN];
    struct error why;

    if (!commit_read(body, &commit, &why)) {
        return "a commit is damaged";
    }
    if (commit.size != seq || commit.time_ms != n->time_ms) {
        return "a commit stands where it does not belong";
    }
    merkle_root(&c->tree, w->digest, digest);
    if (c->trusted && memcmp(digest, commit.root.ptr, sizeof(digest)) != 0) {
        return "the tree does not have the committed root";
    }
    if (w->p->commit_key) {
        commit_mac(&commit, w->p->commit_key, digest);
        if (!secret_equal(SLICE_ARRAY(digest), commit.mac)) {
            return "a commit was not written by the holder of the key";
        }
    }
    c->commits++;
    c->time_ms = commit.time_ms;
    return NULL;
}

/* Whether such a record may stand here. */
static const char *check_place(const struct walk *w, uint32_t i, const struct pack_entry *n)
{
    bool last = i == w->p->head.records - 1;

    if ((i == 0) != (n->type == RECORD_START) || (i == 1 && n->type != RECORD_COMMIT) ||
        (last && n->type != RECORD_COMMIT)) {
        return "a record of the ledger's own stands where it does not belong";
    }
    return w->ended && !(last && w->last_type == RECORD_END)
               ? "a record stands behind the segment's end"
               : NULL;
}

static bool check_clear(struct walk *w, uint32_t i, const struct pack_entry *n)
{
    struct pack_check *c = w->c;
    uint64_t seq = w->p->head.first + i;
    struct slice body = buf_slice(&w->payload);
    struct record_head h = pack_record_head(n, seq);
    const char *text = NULL;
    struct error why;

    digest_of(body, SLICE_NONE, h.digest);
    if (!clear_check(&h, body, &why)) {
        return blame(w, i, &why);
    }
    if (n->type == RECORD_START) {
        text = take_start(w, body);
    } else if (n->type == RECORD_COMMIT) {
        text = take_commit(w, n, seq, body);
    } else if (n->type == RECORD_END) {
        w->ended = true;
        text = end_read(body, &why) ? NULL : "the segment's end is damaged";
    } else if (c->own && !c->own(c->context, n->type, seq, body, &why)) {
        return blame(w, i, &why);
    }
    if (text) {
        fault(w, i, text);
    }
    return true;
}

/* Open a record with its key, if it has one. `there`: its payload is in w->payload. */
static bool check_sealed(struct walk *w, uint32_t i, const struct pack_entry *n, bool payload)
{
    uint8_t key[KEYRING_KEY_LEN];
    struct slice body = SLICE_NONE;
    struct error why;
    bool there = false;

    w->c->records++;
    if (!w->c->sealer || w->keyless || w->wordless) {
        return true;
    }
    if (!pack_key(w->p, i, key, &there, &why)) {
        w->keyless = true;
        return blame(w, i, &why);
    }
    if (!there) {
        w->c->erased(w->c->context, w->p->head.first + i);
        return true;
    }
    if (!payload) {
        explicit_bzero(key, sizeof(key));
        return true;
    }
    arena_reset(&w->arena);
    bool opened = pack_body(w->p, w->c->sealer, n, w->p->head.first + i, key, w->payload.ptr,
                            &w->arena, &body, &why);
    explicit_bzero(key, sizeof(key));
    return opened || blame(w, i, &why);
}

static void push(struct walk *w, const struct pack_entry *n, uint64_t seq)
{
    struct pack_check *c = w->c;
    struct record_head h = pack_record_head(n, seq);
    uint8_t leaf[MERKLE_LEN];

    record_leaf(w->digest, &h, leaf);
    merkle_push(&c->tree, w->digest, leaf);
    if (c->tree.size == c->watch_size && c->trusted) {
        merkle_root(&c->tree, w->digest, c->watch_root);
        c->watch_hit = true;
    }
}

/* Of a record that was erased before the pack was made nothing is left but the leaf, and no key can be. */
static bool check_left_out(struct walk *w, uint32_t i)
{
    uint8_t key[KEYRING_KEY_LEN];
    struct error why;
    bool there = false;

    w->c->records++;
    if (w->c->sealer && !w->keyless && !pack_key(w->p, i, key, &there, &why)) {
        w->keyless = true;
        return blame(w, i, &why);
    }
    if (there) {
        explicit_bzero(key, sizeof(key));
        fault(w, i, "the record is left out, and was not erased");
    }
    w->c->erased(w->c->context, w->p->head.first + i);
    return true;
}

/* Its payload must stand right behind the one before in that file. */
static void check_offset(struct walk *w, uint32_t i, const struct pack_entry *n)
{
    uint64_t *next = n->file ? &w->next[n->file - 1] : &w->clear_at;

    if (n->offset != *next) {
        fault(w, i, "a payload does not stand behind the one before");
    }
    *next = n->offset + n->length;
}

/* A payload file that is missing is said once, unless all in it was erased: see check_missing(). */
static bool check_payload(struct walk *w, uint32_t i, const struct pack_entry *n, bool *whole)
{
    struct error why;

    *whole = false;
    if (n->file && w->missing[n->file - 1]) {
        return true;
    }
    *whole = pack_payload(w->p, n, w->digest, &w->payload, &why);
    if (*whole) {
        w->c->bytes += n->length;
        return true;
    }
    if (why.kind == ERROR_CONFIG && n->file) {
        w->missing[n->file - 1] = true;
        return true;
    }
    return blame(w, i, &why);
}

/* Of a record whose payload file is gone the key must be gone too; without the ledger's key only the
 * erasure records can tell, which whoever counts the erased compares. */
static bool check_missing(struct walk *w, uint32_t i)
{
    uint8_t key[KEYRING_KEY_LEN];
    struct error why;
    bool there = false;

    if (!w->c->sealer) {
        w->c->erased(w->c->context, w->p->head.first + i);
        return true;
    }
    if (!w->keyless && !pack_key(w->p, i, key, &there, &why)) {
        return blame(w, i, &why);
    }
    if (there) {
        explicit_bzero(key, sizeof(key));
        fault(w, i, "the payload file is missing");
    }
    return true;
}

/* What the entry tells of. */
static bool check_content(struct walk *w, uint32_t i, const struct pack_entry *n)
{
    bool whole = false;

    check_offset(w, i, n);
    if (!check_payload(w, i, n, &whole)) {
        return false;
    }
    bool ok = n->sealed ? check_sealed(w, i, n, whole) : !whole || check_clear(w, i, n);
    return ok && (!n->sealed || !w->missing[n->file - 1] || check_missing(w, i));
}

static bool check_record(struct walk *w, uint32_t i)
{
    struct pack_entry n;
    struct error why;

    if (!pack_entry(w->p, i, &n, &why)) {
        w->c->trusted = false;
        return blame(w, i, &why);
    }
    const char *text = check_place(w, i, &n);
    if (text) {
        fault(w, i, text);
    }
    bool ok = n.left_out ? check_left_out(w, i) : check_content(w, i, &n);
    push(w, &n, w->p->head.first + i);
    w->last_type = n.type;
    return ok;
}

/* Without it no record can be read that was compressed with it. */
static bool check_dictionary(struct walk *w)
{
    OWN(buf) struct buf bytes = {.max = (size_t)1 << 20};
    const struct pack_head *h = &w->p->head;
    struct error why;

    if (bytes_are_zero(h->dictionary, DIGEST_LEN) ||
        dictionary_read(w->p->dirfd, h->dictionary, &bytes, &why)) {
        return true;
    }
    if (why.kind == ERROR_BUSY) {
        *w->e = why;
        return false;
    }
    w->wordless = true;
    w->c->fault(w->c->context, 0, h->first, why.text);
    return true;
}

bool pack_check(struct pack *p, struct pack_check *c, struct error *e)
{
    OWN(digest) struct digest *digest = digest_new();
    OWN(heap) uint64_t *next = calloc(p->head.files + 1, sizeof(*next));
    OWN(heap) bool *missing = calloc(p->head.files + 1, sizeof(*missing));
    struct walk w = {.p = p,
                     .c = c,
                     .digest = digest,
                     .e = e,
                     .clear_at = pack_clear_at(&p->head),
                     .next = next,
                     .missing = missing};

    if (!next || !missing) {
        arena_panic("out of memory");
    }
    for (uint32_t i = 0; i < p->head.files; i++) {
        next[i] = PAYLOAD_HEAD_LEN;
    }
    arena_init(&w.arena, LEDGER_BODY_MAX + ((size_t)1 << 20));
    buf_init(&w.payload, LEDGER_BODY_MAX + (LEDGER_BODY_MAX >> 7) + 4096);
    p->look_every = KEYS_LOOK; /* what is erased meanwhile, the next run finds erased */
    bool ok = check_digest(&w) && check_dictionary(&w);
    for (uint32_t i = 0; ok && i < p->head.records; i++) {
        ok = check_record(&w, i);
    }
    p->look_every = 0;
    ok = ok && check_ends(&w) && check_objects(&w);
    c->bytes += p->head.length;
    arena_done(&w.arena);
    buf_done(&w.payload);
    return ok; /* NOLINT(clang-analyzer-unix.Malloc): clang 14 does not know that OWN() frees */
}
