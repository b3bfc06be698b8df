/* A batch of letters that were not sent through Postern: recorded, indexed, never delivered. Batches
 * are judged one after the other, each when the catalog holds all before it.
 *
 * The letters' own bytes decide what their facts say; what intake says of them is kept as the source's
 * word. */
#include <time.h>

#include "base/clock.h"

#include "formats/mail/facts.h"
#include "host/memfd.h"
#include "keeper/account_change.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keyring/digest.h"
#include "stages/archive/archive.h"

#define LETTER_ARENA ((size_t)192 << 20)
#define BACKLOG_MS   5
#define CONTENT_ROOM 64   /* of a content's record, before the letter */
#define TABLE        2048 /* slots for the letters of one batch: a power of two above their number */

_Static_assert(TABLE > 2 * IMPORT_LETTERS_MAX, "the table must not fill up");
_Static_assert(2 * IMPORT_LETTERS_MAX + 1 <= LEDGER_RECORDS_MAX, "a batch is one commit");

struct batch {
    struct keeper *keeper;
    struct import *import;
    const struct keeper_import_ask *ask;
    struct slice bytes;
    int *fd; /* of them; -1 when it was kept as a letter's content */
    struct catalog *catalog;
    struct arena arena; /* for one letter at a time */
    struct arena *kept; /* for all of the batch */
    struct parcel *parcels[IMPORT_LETTERS_MAX];
    struct slice letters[IMPORT_LETTERS_MAX]; /* in `bytes` */
    struct slice fronts[IMPORT_LETTERS_MAX];  /* what stands before each in its record */
    size_t count;                             /* of those that are new */
    uint64_t known;
    struct import_failure *failures; /* what intake could not take, and what was erased here */
    size_t n_failures;
    size_t unnamed;          /* more than a record can name */
    struct cbor_list groups; /* of the account whose mail it is */
    uint8_t keys[TABLE][CATALOG_REPEAT_LEN];
    bool used[TABLE];
};

/* Whether the batch has a letter with that key already; afterwards it has. */
static bool met(struct batch *b, const uint8_t *key)
{
    size_t at = ((size_t)key[0] << 8 | key[1]) % TABLE;

    while (b->used[at] && memcmp(b->keys[at], key, CATALOG_REPEAT_LEN) != 0) {
        at = (at + 1) % TABLE;
    }
    bool there = b->used[at];
    b->used[at] = true;
    (void)memcpy(b->keys[at], key, CATALOG_REPEAT_LEN);
    return there;
}

/* What the letter says of itself, and what is said about it. `digest` is memory for its SHA-256. */
static void gather(struct batch *b, const struct import_letter *letter, struct slice bytes,
                   uint8_t *digest, struct facts *f)
{
    static const struct mail_limits limits = {.letter_bytes = LETTER_BYTES_MAX,
                                              .header_bytes = 1 << 20,
                                              .field_bytes = 256 << 10,
                                              .line_bytes = LETTER_BYTES_MAX,
                                              .fields = 10000};
    const struct import_record *import = &b->import->record;
    struct mail_header header;
    struct mail_facts facts;
    struct archive_submission about = {
        .received_at = (uint64_t)clock_wall_ms(),
        .reverse_path = letter->reverse_path,
        .recipients = letter->recipients,
        .size = bytes.len,
    };

    digest_of(bytes, SLICE_NONE, digest);
    about.digest = slice_of(digest, DIGEST_LEN);
    mail_header_read(bytes, &limits, true, &b->arena, &header);
    mail_facts_read(&header, true, &b->arena, &facts);
    archive_facts(&about, &facts, &b->arena, f);
    f->kind = LETTER_IMPORTED;
    f->source = letter->source;
    f->source.import = import->id;
    f->source.kind = import->kind;
    f->source.name = import->name;
    f->source.owner = import->owner;
    f->groups = b->groups;
    f->dated_at = f->source.received_at;
    if (f->dated_at == 0 && facts.has_date && facts.date_ms > 0) {
        f->dated_at = (uint64_t)facts.date_ms;
    }
}

static struct parcel *parcel_for(const struct facts *f, const struct letter_id *id)
{
    struct parcel *p = parcel_new();

    p->id = *id;
    p->kind = LETTER_IMPORTED;
    p->received_at = f->received_at;
    p->size = f->size;
    cbor_write(&p->facts_body, &facts_schema, f);
    return p;
}

/* A letter that was erased is not taken again: that would undo it. */
static void refuse_erased(struct batch *b, struct arena *arena, const struct source *source,
                          int64_t erased_ms)
{
    char when[CLOCK_TEXT_MAX];
    OWN(buf) struct buf reason = {.max = 256};

    if (b->n_failures == IMPORT_FAILURES_MAX) {
        b->unnamed++;
        return;
    }
    clock_rfc3339(erased_ms, when);
    buf_printf(&reason, "it was erased on %.10s, and is not taken again", when);
    b->failures[b->n_failures++] =
        (struct import_failure){.path = source->path,
                                .offset = source->offset,
                                .uid = source->uid,
                                .reason = arena_copy(arena, buf_slice(&reason))};
}

/* Prepare one letter, unless it is there already. */
static bool add(struct batch *b, const struct import_letter *letter, struct error *e)
{
    uint8_t key[CATALOG_REPEAT_LEN];
    uint8_t digest[DIGEST_LEN];
    struct letter_id id = letter_id_new();
    struct facts f;
    int64_t erased_ms = 0;
    bool found = false;

    if (letter->len == 0 || letter->start > b->bytes.len ||
        letter->len > b->bytes.len - letter->start) {
        return error_set(e, ERROR_DENIED, "a letter outside of the bytes that came along");
    }
    struct slice bytes = slice_of(b->bytes.ptr + letter->start, letter->len);
    arena_reset(&b->arena);
    gather(b, letter, bytes, digest, &f);
    catalog_repeat_key(b->keeper->tail.catalog, &f, key);
    if (!catalog_has_imported(b->catalog, key, &found, e) ||
        !catalog_erased_import(b->catalog, key, &erased_ms, e)) {
        return false;
    }
    if (met(b, key) || found) {
        b->known++;
        return true;
    }
    if (erased_ms) {
        refuse_erased(b, b->kept, &letter->source, erased_ms);
        return true;
    }
    f.id = letter_id_slice(&id);
    struct content content = {.id = f.id, .bytes = bytes};
    OWN(buf) struct buf front = {.max = CONTENT_ROOM};
    cbor_write_front(&front, &content_schema, &content);
    b->letters[b->count] = bytes;
    b->fronts[b->count] = arena_copy(b->kept, buf_slice(&front));
    b->parcels[b->count++] = parcel_for(&f, &id);
    guard_learn(b->keeper, &f); /* a moment early: nobody gains by it */
    return true;
}

/* What is only remarked upon was taken. */
static uint64_t count_failed(const struct batch *b)
{
    uint64_t failed = 0;

    for (size_t i = 0; i < b->n_failures; i++) {
        failed += !b->failures[i].taken;
    }
    return failed;
}

/* The record of how far the import came with this batch. */
static void write_progress(const struct batch *b, struct import_record *r, struct buf *body)
{
    *r = b->import->record;
    r->state = IMPORT_TAKING;
    r->taken += b->count;
    r->known += b->known;
    r->failed += count_failed(b) + b->unnamed;
    r->next = b->ask->next;
    r->failures = (struct cbor_list){b->failures, b->n_failures};
    r->name = r->owner = r->path = r->by = r->reason = SLICE_NONE; /* its first record says that */
    cbor_write(body, &import_record_schema, r);
}

static bool append(struct batch *b, struct ledger_ref *refs, struct error *e)
{
    struct ledger_record records[2 * IMPORT_LETTERS_MAX + 1];
    OWN(buf) struct buf progress = {.max = 4 << 20};
    struct import_record record;
    size_t n = 0;

    write_progress(b, &record, &progress);
    for (size_t i = 0; i < b->count; i++) {
        records[n++] = (struct ledger_record){RECORD_FACTS, buf_slice(&b->parcels[i]->facts_body)};
        records[n++] = (struct ledger_record){RECORD_CONTENT, b->fronts[i], .rest = b->letters[i]};
    }
    records[n++] = (struct ledger_record){RECORD_IMPORT, buf_slice(&progress)};
    if (progress.full) {
        return error_set(e, ERROR_LIMIT, "what could not be taken does not fit into a record");
    }
    if (!keeper_record(b->keeper, LEDGER_LETTER, records, n, refs, e)) {
        return false;
    }
    b->import->record.taken = record.taken;
    b->import->record.known = record.known;
    b->import->record.failed = record.failed;
    b->import->record.next = record.next;
    return true;
}

/* A letter that came alone is in a file of its own already. */
static void keep_content(const struct batch *b, struct parcel *p, struct slice letter)
{
    struct error e;
    int fd = -1;

    if (letter.len == b->bytes.len && *b->fd >= 0) {
        parcel_keep_content(p, TAKE(*b->fd, -1));
    } else if (memfd_from("letter", letter, &fd, &e)) {
        parcel_keep_content(p, fd);
    }
}

/* Hand the letters on to inspection; what is known of them spares reading them again. */
static void hand_on(struct batch *b, const struct ledger_ref *refs)
{
    for (size_t i = 0; i < b->count; i++) {
        struct parcel *p = TAKE(b->parcels[i], NULL);
        p->seq = refs[2 * i].seq;
        p->facts = refs[2 * i];
        p->content = refs[2 * i + 1];
        keep_content(b, p, b->letters[i]);
        parcel_keep_facts(p);
        backlog_add(b->keeper, p);
    }
}

static bool record(struct batch *b, struct error *e)
{
    struct ledger_ref refs[2 * IMPORT_LETTERS_MAX + 1];

    for (size_t i = 0; i < b->count; i++) {
        indexer_expect(b->keeper, b->parcels[i]);
    }
    if (!append(b, refs, e)) {
        for (size_t i = 0; i < b->count; i++) {
            indexer_forget(b->keeper, b->parcels[i]);
        }
        return false;
    }
    (void)atomic_fetch_add(&b->keeper->counters.imported, b->count);
    hand_on(b, refs);
    return true;
}

static void batch_done(struct batch *b)
{
    for (size_t i = 0; i < IMPORT_LETTERS_MAX; i++) {
        parcel_drop(b->parcels[i]);
    }
    catalog_close(b->catalog);
    arena_done(&b->arena);
}

static void begin_failures(struct batch *b)
{
    const struct cbor_list *said = &b->ask->failures;

    b->n_failures = said->count;
    b->failures =
        arena_array(b->kept, said->count + b->ask->letters.count + 1, sizeof(*b->failures));
    if (said->count) {
        (void)memcpy(b->failures, said->items, said->count * sizeof(*b->failures));
    }
}

static bool take(struct batch *b, struct error *e)
{
    const struct import_letter *letters = b->ask->letters.items;

    if (!tail_settle(b->keeper)) {
        return error_set(e, ERROR_BUSY, "the catalog is not up to date yet; try again");
    }
    if (!catalog_open(b->keeper->options.catalog_path, false, SLICE_NONE, &b->catalog, e)) {
        return false;
    }
    for (size_t i = 0; i < b->ask->letters.count; i++) {
        if (!add(b, &letters[i], e)) {
            return false;
        }
    }
    return record(b, e);
}

/* Inspection is slower than taking: what waits for it is bounded. */
static void wait_for_backlog(struct keeper *k, bool awaited)
{
    const struct timespec pause = {.tv_nsec = BACKLOG_MS * 1000000L};
    int64_t since_ms = clock_steady_ms();

    while (backlog_is_full(k, awaited, clock_steady_ms() - since_ms) && !atomic_load(&k->closing)) {
        (void)nanosleep(&pause, NULL);
    }
}

bool keeper_on_import(void *keeper, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper;
    const struct keeper_import_ask *ask = r->ask;
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    struct batch *b = arena_alloc(r->arena, sizeof(*b));

    if (r->fd >= 0 && !memfd_map(r->fd, IMPORT_BYTES_MAX, &map, e)) {
        return false;
    }
    *b = (struct batch){.keeper = k, .ask = ask, .bytes = map.bytes, .fd = &r->fd};
    arena_init(&b->arena, LETTER_ARENA);
    b->kept = r->arena;
    begin_failures(b);
    (void)pthread_mutex_lock(&k->imports.lock);
    b->import = imports_admit(&k->imports, ask->ticket);
    bool awaited = b->import && b->import->record.kind == SOURCE_JOURNAL;
    bool taken =
        b->import
            ? account_groups_of(k, b->import->record.owner, r->arena, &b->groups, e) && take(b, e)
            : error_set(e, ERROR_BUSY, "that import is not under way; begin it again");
    if (taken) {
        *(struct import_counts *)r->answer = (struct import_counts){
            b->import->record.taken, b->import->record.known, b->import->record.failed};
    }
    (void)pthread_mutex_unlock(&k->imports.lock);
    batch_done(b);
    memfd_unmap(&map);
    if (taken) {
        wait_for_backlog(k, awaited);
    }
    return taken;
}
