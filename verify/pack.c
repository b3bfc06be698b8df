/* A pack: the same leaves as the segment that it replaced, other bytes. */
#include <errno.h>
#include <stdlib.h>

#include "verify/pack_walk.h"

struct entry {
    struct record record; /* without the payload's digest */
    uint8_t flags;
    uint16_t file;
    uint64_t offset;
    const uint8_t *digest;
    bool left_out; /* it was erased before this pack was made */
};

/* -- one record -- */

static bool entry_read(const struct pack_walk *w, const uint8_t *in, struct entry *out)
{
    struct record *r = &out->record;
    uint8_t offset[8] = {0};

    *out = (struct entry){.flags = in[2], .file = be16(in + 16), .digest = in + 56};
    r->sealed = in[2] & 1;
    r->type = be16(in);
    r->length = be32(in + 4);
    r->time = (int64_t)be64(in + 8);
    (void)memcpy(offset + 2, in + 18, 6);
    out->offset = be64(offset);
    (void)memcpy(r->commitment, in + 24, HASH_LEN);
    out->left_out = r->sealed && out->file == 0;
    if (out->left_out) {
        return in[2] == 1 && in[3] == 0 && r->type >= TYPE_SEALED && r->length == 0 &&
               is_zero(in + 18, 6) && is_zero(in + 56, DIGEST_LEN);
    }
    if ((in[2] & ~(1 | PACKED | MAY_REFER)) || in[3] || r->sealed != (out->file != 0) ||
        out->file > w->head.files ||
        (w->rows && out->file && w->rows[out->file - 1U].class == OBJECTS)) {
        return false;
    }
    if (!r->sealed) {
        return in[2] == 0 && r->type >= TYPE_START && r->type <= TYPE_ERASED &&
               r->length <= CLEAR_MAX;
    }
    return r->type >= TYPE_SEALED && r->length > HASH_LEN + 16 && r->length <= SEALED_MAX &&
           (!(in[2] & PACKED) || !is_zero(w->head.dictionary, HASH_LEN));
}

/* Whether a record may stand here. */
static fault place_fault(const struct pack_walk *w, const struct record *r)
{
    bool last = w->index + 1 == w->head.records;

    if ((w->index == 0) != (r->type == TYPE_START) ||
        ((w->index == 1 || last) && r->type != TYPE_COMMIT)) {
        return "a record of the ledger's own stands where it does not belong, or is missing";
    }
    return w->ended && !(last && w->last_is_end) ? "a record stands behind the segment's end"
                                                 : NULL;
}

static void take_commit(struct pack_walk *w, const struct record *r, struct view body)
{
    struct check *c = w->c;
    struct commit commit;
    uint8_t root[HASH_LEN];

    if (!commit_read(body, &commit) || commit.size != c->next || commit.time != r->time) {
        pack_find_here(w, "the commit is damaged");
        return;
    }
    if (c->trusted) {
        tree_root(&c->tree, c->hash, root);
        if (!same(root, commit.root.at, sizeof(root))) {
            pack_find(w, w->batch, "the tree does not have the committed root");
            c->trusted = false;
        }
    }
}

static void take_clear(struct pack_walk *w, const struct record *r, struct view body)
{
    struct place where = {.segment = w->head.number,
                          .offset = w->clear_next - r->length,
                          .first = w->c->next,
                          .last = w->c->next};

    if (r->type == TYPE_START && w->index == 0) {
        check_start(w->c, w->head.number, where.offset, body);
    } else if (r->type == TYPE_COMMIT) {
        take_commit(w, r, body);
    } else if (r->type == TYPE_END) {
        if (!end_read(body, &w->ended)) {
            pack_find_here(w, "the segment's end is damaged");
            w->ended = 1;
        }
    } else if (r->type >= TYPE_PACK) {
        check_own(w->c, &where, r, body);
    }
}

static void check_sealed(struct pack_walk *w, const struct entry *e)
{
    uint8_t digest[HASH_LEN];
    struct input *in = pack_data(w, e->file - 1U);

    if (!in) {
        claims_missing(&w->c->claims, w->head.number, w->c->next);
        return;
    }
    hash_begin(w->c->hash);
    bool read = input_hash(in, e->offset, e->record.length, w->c->hash);
    hash_end(w->c->hash, digest);
    if (in->failed) {
        report_stop(w->c->report, w->head.number, "the disk fails", 0);
    } else if (!read || !same(digest, e->digest, DIGEST_LEN)) {
        pack_find_here(w, "the record's payload is altered");
    }
    w->c->bytes += e->record.length;
}

static void check_clear(struct pack_walk *w, const struct entry *e)
{
    uint8_t digest[DIGEST_LEN];
    struct record r = e->record;
    struct view body = input_look(&w->clear, e->offset, r.length);

    (void)memcpy(digest, e->digest, sizeof(digest));
    hash_begin(w->c->hash);
    hash_add(w->c->hash, body.at, body.len);
    hash_end(w->c->hash, r.digest);
    if (body.len < r.length || !same(digest, r.digest, sizeof(digest))) {
        pack_find_here(w, "the record's payload is altered");
        return;
    }
    r.number = w->c->next;
    fault what = clear_check(&r, body, w->c->hash);
    if (what) {
        pack_find_here(w, what);
    } else {
        take_clear(w, &r, body);
    }
}

/* An entry that is no entry: what the record was is not known. */
static void skip_record(struct pack_walk *w, fault what)
{
    pack_find_here(w, what);
    w->c->next++;
    check_skipped(w->c, w->head.number);
}

static void check_payload(struct pack_walk *w, const struct entry *e)
{
    uint64_t *next = e->file ? &w->rows[e->file - 1].next : &w->clear_next;

    if (e->offset != *next) {
        pack_find_here(w, "the payload does not stand behind the one before");
    }
    *next = e->offset + e->record.length;
    if (e->file) {
        check_sealed(w, e);
    } else {
        check_clear(w, e);
    }
}

static void check_record(struct pack_walk *w)
{
    uint64_t at = HEAD_LEN + (uint64_t)w->head.files * ROW_LEN + (uint64_t)w->index * ENTRY_LEN;
    struct view bytes = input_look(w->in, at, ENTRY_LEN);
    struct entry e;

    if (bytes.len < ENTRY_LEN || !entry_read(w, bytes.at, &e)) {
        skip_record(w, "the record's entry is altered");
        return;
    }
    fault what = place_fault(w, &e.record);
    if (what) {
        pack_find_here(w, what);
    }
    if (e.left_out) {
        claims_missing(&w->c->claims, w->head.number, w->c->next);
    } else {
        check_payload(w, &e);
    }
    w->last_is_end = e.record.type == TYPE_END;
    e.record.number = w->c->next;
    check_push(w->c, w->head.number, &e.record);
    w->batch = e.record.type == TYPE_COMMIT ? w->c->next : w->batch;
}

/* -- the pack -- */

static void check_ends(struct pack_walk *w, const struct successor *successor)
{
    struct check *c = w->c;

    if (w->clear_next != w->head.length) {
        pack_find_whole(w, w->clear_next, "the pack does not end behind its last record");
    }
    for (uint32_t i = 0; i < w->head.files; i++) {
        if (w->rows[i].class != OBJECTS && w->rows[i].next != w->rows[i].length) {
            pack_find_whole(w, HEAD_LEN + (uint64_t)i * ROW_LEN,
                            "a payload file does not end behind its last record");
        }
    }
    if (!successor->exists || (successor->whole && successor->length != w->head.segment_length)) {
        pack_find_whole(w, 0, "the pack is not of the segment that its successor tells of");
    }
    c->former.known = true;
    c->former.ended = w->ended;
    c->packs++;
    c->segments++;
    c->bytes += w->in->size;
}

static void note_claim(struct pack_walk *w, const uint8_t *fixed)
{
    struct pack_claim claim = {.number = w->head.number,
                               .length = w->head.segment_length,
                               .first = w->head.first,
                               .records = w->head.records};

    hash_begin(w->c->hash);
    hash_add(w->c->hash, fixed, FIXED_LEN);
    hash_end(w->c->hash, claim.digest);
    claims_pack(&w->c->claims, &claim);
}

/* A pack that stands beside, to take its place: its record may be there already. */
static void note_coming(struct pack_walk *w)
{
    char name[NAME_ROOM];
    struct pack_claim claim = {.number = w->head.number};
    struct pack_head head;
    struct input in;

    (void)snprintf(name, sizeof(name), "%010u.pack.new", w->head.number);
    if (input_open(&in, w->c->folder, name) == INPUT_OK) {
        struct view bytes = input_look(&in, 0, HEAD_LEN);
        if (bytes.len == HEAD_LEN && !pack_head_read(bytes.at, w->c->hash, &head)) {
            hash_begin(w->c->hash);
            hash_add(w->c->hash, bytes.at, FIXED_LEN);
            hash_end(w->c->hash, claim.digest);
            claims_coming(&w->c->claims, &claim);
        }
    }
    input_close(&in);
}

/* Header, and whether the file can be gone through by it. */
static bool take_head(struct pack_walk *w, uint32_t number)
{
    struct view bytes = input_look(w->in, 0, HEAD_LEN);
    struct check *c = w->c;
    struct place where = {.segment = number, .first = c->next, .last = c->next};

    w->head.number = number;
    if (bytes.len < HEAD_LEN) {
        report_finding(c->report, &where, "the file is too short to be a pack");
        return false;
    }
    fault what = pack_head_read(bytes.at, c->hash, &w->head);
    if (what && memcmp(what, "newer", 5) == 0) {
        report_stop(c->report, number, what, 0);
        return false;
    }
    note_claim(w, bytes.at);
    note_coming(w);
    if (!what && w->head.number != number) {
        what = "the file bears another segment's name";
    }
    if (!what) {
        check_id(c, &where, w->head.ledger);
    }
    w->head.number = number;
    uint64_t needed =
        HEAD_LEN + (uint64_t)w->head.files * ROW_LEN + (uint64_t)w->head.records * ENTRY_LEN;
    bool sane = w->head.records >= 2 && w->head.files <= UINT16_MAX && needed <= w->in->size &&
                w->head.first <= INT64_MAX;
    if (!what && !sane) {
        what = "the pack is shorter than its header says";
    }
    if (what) {
        report_finding(c->report, &where, what);
    }
    return sane;
}

static void take_first(struct pack_walk *w)
{
    struct check *c = w->c;

    if (c->counted && c->next != w->head.first) {
        pack_find_here(w, "the pack does not begin with the next record");
    }
    if (!c->counted || c->next != w->head.first) {
        c->next = w->head.first;
        c->counted = true;
        check_skipped(c, w->head.number);
    }
    w->batch = c->next;
}

static bool open_again(struct pack_walk *w)
{
    char name[NAME_ROOM];

    (void)snprintf(name, sizeof(name), "%010u.pack", w->head.number);
    if (input_open(&w->clear, w->c->folder, name) == INPUT_OK) {
        return true;
    }
    report_stop(w->c->report, w->head.number, "the file cannot be opened", errno);
    return false;
}

static void check_all(struct pack_walk *w, const struct successor *successor)
{
    w->clear_next =
        HEAD_LEN + (uint64_t)w->head.files * ROW_LEN + (uint64_t)w->head.records * ENTRY_LEN;
    pack_check_digest(w);
    pack_check_dictionary(w);
    pack_read_rows(w);
    pack_check_objects(w);
    take_first(w);
    for (; w->index < w->head.records && !w->c->report->cannot_judge; w->index++) {
        check_record(w);
    }
    if (w->in->failed || w->clear.failed) {
        report_stop(w->c->report, w->head.number, "the disk fails", 0);
    } else {
        check_ends(w, successor);
    }
}

void pack_check(struct check *c, struct input *in, uint32_t number,
                const struct successor *successor)
{
    struct pack_walk w = {.c = c, .in = in, .clear = {.fd = -1}};

    for (size_t i = 0; i < OPEN_MAX; i++) {
        w.data[i] = (struct pack_data){.row = NO_ROW, .in = {.fd = -1}};
    }
    if (!take_head(&w, number)) {
        c->counted = false;
        c->trusted = false;
        c->former.known = false;
        return;
    }
    w.rows = calloc(w.head.files + 1U, sizeof(*w.rows));
    if (!w.rows) {
        report_stop(c->report, number, "no memory", 0);
    } else if (open_again(&w)) {
        check_all(&w, successor);
    }
    for (size_t i = 0; i < OPEN_MAX; i++) {
        input_close(&w.data[i].in);
    }
    input_close(&w.clear);
    free(w.rows);
}

void pack_successor(struct check *c, struct input *in, uint32_t number, struct successor *out)
{
    struct pack_walk w = {.c = c, .in = in};
    struct view bytes = input_look(in, 0, HEAD_LEN);
    struct entry e;

    if (bytes.len < HEAD_LEN || pack_head_read(bytes.at, c->hash, &w.head) ||
        w.head.files > UINT16_MAX) {
        return;
    }
    bytes = input_look(in, HEAD_LEN + (uint64_t)w.head.files * ROW_LEN, ENTRY_LEN);
    if (bytes.len < ENTRY_LEN || !entry_read(&w, bytes.at, &e) || e.record.length > CLEAR_MAX) {
        return;
    }
    bytes = input_look(in, e.offset, e.record.length);
    if (bytes.len == e.record.length) {
        check_successor(c, &e.record, bytes, number, out); /* the commitment tells */
    }
}
