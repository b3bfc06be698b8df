/* The fold: what each record changes in the catalog.
 *
 *   FACTS     a letter; undecided unless it repeats another one; and to whom the company writes (known.c)
 *   DECISION  a queue row for each ruling; the letter is decided
 *   REDECISION  its rulings' rows stand in the place of those that it replaces
 *   INTENT    the row's attempt counts
 *   OUTCOME   final ones leave the row's pending recipients; the row goes with the last of them
 *   NOTICE    a delay warning marks the row as warned
 *   FINDINGS  an imported letter is decided: nothing else is due; and to where an account links (known.c)
 *   IMPORT    an import, from its first record to the one that ends it
 *   ORDER     hold, release and retry, both at once; cancelling is an outcome of its own
 *   CONSENT   what was refused, or nobody approved in time, has no queue rows any more
 *   RULE      the record in force of its class; RULE and DATE are read from the ledger
 *   DATE      the same of its key
 *   CLASSES   until when the letter is kept; of no class: no rule says
 *   REMOVAL   letters go, with their records and queue rows; where it stands is kept, as of HOLD ...
 *
 * Every record about a letter also gets a line in `records`. */
#include <sodium.h>

#include "catalog/internal.h"
#include "letter/about.h"
#include "letter/case.h"
#include "letter/findings.h"
#include "letter/redecision.h"
#include "letter/subject.h"

static bool unreadable(const struct ledger_entry *entry, struct error *e)
{
    e->kind = ERROR_CORRUPT;
    return error_add(e, "catalog: record %llu", (unsigned long long)entry->ref.seq);
}

static void bind_ref(sqlite3_stmt *s, int first, const struct ledger_ref *ref)
{
    (void)sqlite3_bind_int64(s, first, ref->segment);
    (void)sqlite3_bind_int64(s, first + 1, (int64_t)ref->offset);
}

static bool add_record(struct catalog *c, uint64_t letter, const struct ledger_entry *entry,
                       struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_ADD_RECORD, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, (int64_t)letter);
    (void)sqlite3_bind_int64(s, 2, (int64_t)entry->ref.seq);
    (void)sqlite3_bind_int64(s, 3, entry->type);
    bind_ref(s, 4, &entry->ref);
    return catalog_run(c, s, e);
}

/* The letter that a record's id names, and when it was received. */
static bool letter_of(struct catalog *c, struct slice id, uint64_t *letter, uint64_t *received_at,
                      struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_LETTER_OF, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_blob(s, 1, id.ptr, (int)id.len, SQLITE_STATIC);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        *letter = (uint64_t)sqlite3_column_int64(s, 0);
        *received_at = (uint64_t)sqlite3_column_int64(s, 1);
    }
    (void)sqlite3_reset(s);
    if (step == SQLITE_DONE) {
        return error_set(e, ERROR_CORRUPT, "a letter without facts");
    }
    return step == SQLITE_ROW || catalog_failed(c, "find", e);
}

/* With its length, so that no two lists of parts hash the same bytes. */
static void hash_part(crypto_generichash_state *h, struct slice part)
{
    uint64_t len = part.len;

    (void)crypto_generichash_update(h, (const uint8_t *)&len, sizeof(len));
    (void)crypto_generichash_update(h, part.ptr, part.len);
}

static struct slice importer(const struct source *s)
{
    return s->owner.len ? s->owner : s->name;
}

void catalog_repeat_key(const struct catalog *c, const struct facts *f,
                        uint8_t key[static CATALOG_REPEAT_LEN])
{
    const struct recipient *recipients = f->recipients.items;
    crypto_generichash_state h;

    (void)crypto_generichash_init(&h, c->key, CATALOG_KEY_LEN, CATALOG_REPEAT_LEN);
    hash_part(&h, f->kind == LETTER_IMPORTED ? importer(&f->source) : f->account);
    hash_part(&h, f->message_id);
    hash_part(&h, f->digest);
    hash_part(&h, f->reverse_path);
    for (size_t i = 0; i < f->recipients.count; i++) {
        hash_part(&h, recipients[i].address);
    }
    (void)crypto_generichash_final(&h, key, CATALOG_REPEAT_LEN);
}

static bool fold_facts(struct catalog *c, const struct ledger_entry *entry, struct arena *arena,
                       struct error *e)
{
    struct facts f;
    uint8_t repeat[CATALOG_REPEAT_LEN];

    if (!cbor_read(entry->body, &facts_schema, arena, &f, e)) {
        return unreadable(entry, e);
    }
    sqlite3_stmt *s = catalog_statement(c, SQL_ADD_LETTER, e);
    if (!s) {
        return false;
    }
    catalog_repeat_key(c, &f, repeat);
    (void)sqlite3_bind_int64(s, 1, (int64_t)entry->ref.seq);
    (void)sqlite3_bind_blob(s, 2, f.id.ptr, (int)f.id.len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 3, (int64_t)f.kind);
    (void)sqlite3_bind_int64(s, 4, (int64_t)f.received_at);
    (void)sqlite3_bind_int64(s, 5, (int64_t)f.size);
    (void)sqlite3_bind_int(s, 6, f.repeat_of.len != 0);
    bind_ref(s, 7, &entry->ref);
    (void)sqlite3_bind_blob(s, 9, repeat, sizeof(repeat), SQLITE_STATIC);
    return catalog_run(c, s, e) && add_record(c, entry->ref.seq, entry, e) &&
           catalog_fold_known(c, &f, entry->ref.seq, e);
}

/* Bind letter and ruling to the first two places of a statement about a queue row. */
static sqlite3_stmt *row_statement(struct catalog *c, enum statement which, uint64_t letter,
                                   uint64_t ruling, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, which, e);

    if (s) {
        (void)sqlite3_bind_int64(s, 1, (int64_t)letter);
        (void)sqlite3_bind_int64(s, 2, (int64_t)ruling);
    }
    return s;
}

static bool add_rows(struct catalog *c, uint64_t letter, uint64_t first, uint64_t queued_at,
                     const struct cbor_list *list, struct error *e)
{
    const struct ruling *rulings = list->items;

    for (size_t i = 0; i < list->count; i++) {
        sqlite3_stmt *s = row_statement(c, SQL_ADD_ROW, letter, first + i, e);
        if (!s) {
            return false;
        }
        (void)sqlite3_bind_int(s, 3, rulings[i].hold ? QUEUE_HELD : QUEUE_WAITING);
        (void)sqlite3_bind_int64(s, 4, (int64_t)queued_at);
        (void)sqlite3_bind_blob(s, 5, rulings[i].recipients.ptr, (int)rulings[i].recipients.len,
                                SQLITE_STATIC);
        if (!catalog_run(c, s, e)) {
            return false;
        }
    }
    return true;
}

static bool decide(struct catalog *c, uint64_t letter, uint64_t received_at,
                   const struct decision *d, struct error *e)
{
    if (!add_rows(c, letter, 0, received_at, &d->rulings, e)) {
        return false;
    }
    sqlite3_stmt *s = catalog_statement(c, SQL_DECIDED, e);
    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, (int64_t)letter);
    return catalog_run(c, s, e);
}

/* From then on servers are tried: it was held before. */
static bool decide_anew(struct catalog *c, uint64_t letter, uint64_t at, const struct redecision *r,
                        struct error *e)
{
    for (struct slice in = r->replaced; in.len >= 2; in = slice_from(in, 2)) {
        uint64_t ruling = (uint64_t)in.ptr[0] << 8 | in.ptr[1];
        sqlite3_stmt *s = row_statement(c, SQL_REMOVE_ROW, letter, ruling, e);
        if (!s || !catalog_run(c, s, e)) {
            return false;
        }
    }
    return add_rows(c, letter, r->first, at, &r->rulings, e);
}

static bool begin_attempt(struct catalog *c, uint64_t letter, const struct intent *i,
                          struct error *e)
{
    sqlite3_stmt *s = row_statement(c, SQL_BEGIN_ATTEMPT, letter, i->ruling, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 3, (int64_t)i->attempt);
    return catalog_run(c, s, e);
}

/* Whether a recipient's outcome leaves nothing more to do. */
static bool is_final(const struct recipient_outcome *o)
{
    return o->status == DELIVERY_DELIVERED || o->status == DELIVERY_RELAYED ||
           o->status == DELIVERY_FAILED;
}

static bool settled(const struct outcome *o, unsigned index)
{
    const struct recipient_outcome *r = o->recipients.items;

    for (size_t i = 0; i < o->recipients.count; i++) {
        if (r[i].index == index && is_final(&r[i])) {
            return true;
        }
    }
    return false;
}

/* Copy the indexes of `pending` whose recipients are not settled; returns the bytes kept. */
static size_t keep_pending(const struct outcome *o, struct slice pending, uint8_t *kept)
{
    size_t len = 0;

    for (size_t i = 0; i + 1 < pending.len; i += 2) {
        unsigned index = (unsigned)pending.ptr[i] << 8 | pending.ptr[i + 1];
        if (!settled(o, index)) {
            kept[len] = pending.ptr[i];
            kept[len + 1] = pending.ptr[i + 1];
            len += 2;
        }
    }
    return len;
}

static bool set_pending(struct catalog *c, uint64_t letter, const struct outcome *o,
                        struct slice kept, struct error *e)
{
    enum statement which = kept.len ? SQL_SET_PENDING : SQL_REMOVE_ROW;
    sqlite3_stmt *s = row_statement(c, which, letter, o->ruling, e);

    if (!s) {
        return false;
    }
    if (kept.len) {
        (void)sqlite3_bind_blob(s, 3, kept.ptr, (int)kept.len, SQLITE_STATIC);
        (void)sqlite3_bind_int64(s, 4, (int64_t)o->retry_at);
        (void)sqlite3_bind_int64(s, 5, (int64_t)o->attempt);
    }
    return catalog_run(c, s, e);
}

/* A row that is already gone stays gone: an outcome may follow a cancellation. */
static bool end_attempt(struct catalog *c, uint64_t letter, const struct outcome *o,
                        struct arena *arena, struct error *e)
{
    sqlite3_stmt *s = row_statement(c, SQL_PENDING, letter, o->ruling, e);

    if (!s) {
        return false;
    }
    int step = sqlite3_step(s);
    if (step != SQLITE_ROW) {
        (void)sqlite3_reset(s);
        return step == SQLITE_DONE || catalog_failed(c, "find", e);
    }
    struct slice pending = slice_of(sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
    uint8_t *kept = arena_alloc(arena, pending.len + 1);
    size_t len = keep_pending(o, pending, kept);
    (void)sqlite3_reset(s);
    return set_pending(c, letter, o, slice_of(kept, len), e);
}

static bool obey(struct catalog *c, uint64_t letter, const struct order *o, struct error *e)
{
    bool retry = o->kind == ORDER_RETRY;

    /* What was cancelled has an outcome that removes it. What was in hand then waits for that: were it
     * forgotten by a crash, it must not leave as if nobody had said a word. */
    sqlite3_stmt *s = row_statement(c, retry ? SQL_RETRY : SQL_SET_STATE, letter, o->ruling, e);
    if (!s) {
        return false;
    }
    if (!retry) {
        (void)sqlite3_bind_int(s, 3, o->kind == ORDER_RELEASE ? QUEUE_WAITING : QUEUE_HELD);
    }
    return catalog_run(c, s, e);
}

static bool warned(struct catalog *c, uint64_t letter, const struct notice *n, struct error *e)
{
    if (n->kind != NOTICE_DELAY) {
        return true;
    }
    sqlite3_stmt *s = row_statement(c, SQL_WARNED, letter, n->ruling, e);
    return s && catalog_run(c, s, e);
}

/* It went back to its sender, all of it: no attempt was ever made. */
static bool end_waiting(struct catalog *c, uint64_t letter, const struct consent_record *r,
                        struct error *e)
{
    bool over = r->state == CONSENT_REFUSED || r->state == CONSENT_TIMED_OUT;

    return !over || catalog_run_for(c, SQL_DROP_QUEUE, letter, e);
}

/* Records about a letter that is gone may stand before and behind its removal: an order, say. Once an
 * erased letter was passed, whose id nobody knows, any may be about it. */
static bool is_removed(struct catalog *c, struct slice id, bool *removed, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_IS_REMOVED, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_blob(s, 1, id.ptr, (int)id.len, SQLITE_STATIC);
    int step = sqlite3_step(s);
    (void)sqlite3_reset(s);
    *removed = step == SQLITE_ROW;
    return step == SQLITE_ROW || step == SQLITE_DONE || catalog_failed(c, "find", e);
}

static bool imported_decided(struct catalog *c, uint64_t letter, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_IMPORTED_DECIDED, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, (int64_t)letter);
    return catalog_run(c, s, e);
}

static bool change(struct catalog *c, const struct ledger_entry *entry, uint64_t letter,
                   uint64_t received_at, const void *value, struct arena *arena, struct error *e)
{
    switch (entry->type) {
    case RECORD_FINDINGS:
        return imported_decided(c, letter, e) && catalog_fold_links(c, value, letter, arena, e);
    case RECORD_DECISION:
        return decide(c, letter, received_at, value, e);
    case RECORD_REDECISION:
        return decide_anew(c, letter, (uint64_t)entry->time_ms, value, e);
    case RECORD_INTENT:
        return begin_attempt(c, letter, value, e);
    case RECORD_OUTCOME:
        return end_attempt(c, letter, value, arena, e);
    case RECORD_NOTICE:
        return warned(c, letter, value, e);
    case RECORD_ORDER:
        return obey(c, letter, value, e);
    case RECORD_CONSENT:
        return end_waiting(c, letter, value, e);
    case RECORD_CLASSES:
        return catalog_fold_classes(c, letter, value, e);
    default:
        return true;
    }
}

static bool run_with_id(struct catalog *c, enum statement which, struct slice id, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, which, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_blob(s, 1, id.ptr, (int)id.len, SQLITE_STATIC);
    return catalog_run(c, s, e);
}

/* The first record of the import that has this id; its own when it is the first. */
static bool import_of(struct catalog *c, const struct ledger_entry *entry, struct slice id,
                      uint64_t *first, struct error *e)
{
    sqlite3_stmt *add = catalog_statement(c, SQL_ADD_IMPORT, e);
    sqlite3_stmt *find = catalog_statement(c, SQL_IMPORT_OF, e);

    if (!add || !find) {
        return false;
    }
    (void)sqlite3_bind_int64(add, 1, (int64_t)entry->ref.seq);
    (void)sqlite3_bind_blob(add, 2, id.ptr, (int)id.len, SQLITE_STATIC);
    if (!catalog_run(c, add, e)) {
        return false;
    }
    (void)sqlite3_bind_blob(find, 1, id.ptr, (int)id.len, SQLITE_STATIC);
    bool found = sqlite3_step(find) == SQLITE_ROW;
    *first = found ? (uint64_t)sqlite3_column_int64(find, 0) : 0;
    (void)sqlite3_reset(find);
    return found || catalog_failed(c, "find an import", e);
}

static bool fold_import(struct catalog *c, const struct ledger_entry *entry, struct arena *arena,
                        struct error *e)
{
    struct import_record r;
    uint64_t first = 0;

    if (!cbor_read(entry->body, &import_record_schema, arena, &r, e)) {
        return unreadable(entry, e);
    }
    return import_of(c, entry, r.id, &first, e) && add_record(c, first, entry, e) &&
           (r.state != IMPORT_ENDED || run_with_id(c, SQL_END_IMPORT, r.id, e));
}

/* A record that names its letter. */
static bool fold_about(struct catalog *c, const struct ledger_entry *entry, struct arena *arena,
                       struct error *e)
{
    const struct cbor_schema *schema = letter_record_schema(entry->type);
    uint64_t letter = 0;
    uint64_t received_at = 0;
    bool removed = false;
    struct slice id;

    if (!schema) {
        return true;
    }
    void *value = arena_alloc(arena, schema->size);
    if (!cbor_read(entry->body, schema, arena, value, e)) {
        return unreadable(entry, e);
    }
    (void)memcpy(&id, value, sizeof(id)); /* each of these structs begins with its letter's id */
    if (!letter_of(c, id, &letter, &received_at, e)) {
        struct error why = *e;
        if (why.kind != ERROR_CORRUPT || !is_removed(c, id, &removed, e)) {
            return false;
        }
        *e = why;
        return removed || unreadable(entry, e);
    }
    return add_record(c, letter, entry, e) &&
           change(c, entry, letter, received_at, value, arena, e);
}

static bool fold_subject(struct catalog *c, const struct ledger_entry *entry, struct arena *arena,
                         struct error *e)
{
    struct subject_record r;

    if (!cbor_read(entry->body, &subject_record_schema, arena, &r, e)) {
        return unreadable(entry, e);
    }
    return add_record(c, r.state == SUBJECT_GOES_ON ? CATALOG_SUBJECT_PARTS : CATALOG_SUBJECTS,
                      entry, e);
}

bool catalog_apply(struct catalog *c, const struct ledger_entry *entry, struct arena *arena,
                   struct error *e)
{
    if (entry->erased) {
        return entry->type != RECORD_FACTS ||
               catalog_run_for(c, SQL_ERASED_SEEN, entry->ref.seq, e);
    }
    switch (entry->type) {
    case RECORD_FACTS:
        return fold_facts(c, entry, arena, e);
    case RECORD_IMPORT:
        return fold_import(c, entry, arena, e);
    case RECORD_CONTENT:
        return add_record(c, entry->ref.seq - 1, entry, e);
    case RECORD_REMOVAL:
        return catalog_fold_removal(c, entry, arena, e);
    case RECORD_RULE:
        return catalog_fold_rule(c, entry, arena, e);
    case RECORD_DATE:
        return catalog_fold_date(c, entry, arena, e);
    case RECORD_HOLD:
    case RECORD_CASE:
    case RECORD_REQUEST:
    case RECORD_VERDICT:
        return add_record(c, CATALOG_DOCKET, entry, e);
    case RECORD_SUBJECT:
        return fold_subject(c, entry, arena, e);
    default:
        return fold_about(c, entry, arena, e);
    }
}
