/* Rules, dates, and until when each letter is kept. Names of classes and keys stand here as keyed hashes. */
#include <sodium.h>

#include "catalog/internal.h"

static void name_key(const struct catalog *c, struct slice name,
                     uint8_t key[static CATALOG_REPEAT_LEN])
{
    (void)crypto_generichash(key, CATALOG_REPEAT_LEN, name.ptr, name.len, c->key, CATALOG_KEY_LEN);
}

static bool unreadable(const struct ledger_entry *entry, struct error *e)
{
    e->kind = ERROR_CORRUPT;
    return error_add(e, "catalog: record %llu", (unsigned long long)entry->ref.seq);
}

/* Remember that this record is the last one under a name. */
static bool set(struct catalog *c, enum statement which, struct slice name,
                const struct ledger_ref *ref, bool removed, struct error *e)
{
    uint8_t key[CATALOG_REPEAT_LEN];
    sqlite3_stmt *s = catalog_statement(c, which, e);

    if (!s) {
        return false;
    }
    name_key(c, name, key);
    (void)sqlite3_bind_blob(s, 1, key, sizeof(key), SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 2, (int64_t)ref->seq);
    (void)sqlite3_bind_int64(s, 3, ref->segment);
    (void)sqlite3_bind_int64(s, 4, (int64_t)ref->offset);
    if (which == SQL_SET_RULE) {
        (void)sqlite3_bind_int(s, 5, removed);
    }
    return catalog_run(c, s, e);
}

bool catalog_fold_rule(struct catalog *c, const struct ledger_entry *entry, struct arena *arena,
                       struct error *e)
{
    struct rule r;

    if (!cbor_read(entry->body, &rule_schema, arena, &r, e)) {
        return unreadable(entry, e);
    }
    return set(c, SQL_SET_RULE, r.class, &entry->ref, r.removed, e);
}

/* Its row goes. That the rules are newer by this record stands under no name, which no date has: so what was removed
 * takes one row together. */
static bool remove_date(struct catalog *c, struct slice name, const struct ledger_ref *ref,
                        struct error *e)
{
    uint8_t key[CATALOG_REPEAT_LEN];
    sqlite3_stmt *s = catalog_statement(c, SQL_DROP_DATE, e);

    if (!s) {
        return false;
    }
    name_key(c, name, key);
    (void)sqlite3_bind_blob(s, 1, key, sizeof(key), SQLITE_STATIC);
    return catalog_run(c, s, e) && set(c, SQL_SET_DATE, SLICE_NONE, ref, true, e);
}

bool catalog_fold_date(struct catalog *c, const struct ledger_entry *entry, struct arena *arena,
                       struct error *e)
{
    struct rule_date d;

    if (!cbor_read(entry->body, &rule_date_schema, arena, &d, e)) {
        return unreadable(entry, e);
    }
    return d.removed ? remove_date(c, d.key, &entry->ref, e)
                     : set(c, SQL_SET_DATE, d.key, &entry->ref, false, e);
}

/* ── stamps ── */

void catalog_stamp_digest(const struct catalog *c, const struct classes *classes,
                          uint8_t digest[static CATALOG_REPEAT_LEN])
{
    const struct class_stamp *stamps = classes->classes.items;
    crypto_generichash_state h;

    (void)crypto_generichash_init(&h, c->key, CATALOG_KEY_LEN, CATALOG_REPEAT_LEN);
    for (size_t i = 0; i < classes->classes.count; i++) {
        uint64_t len = stamps[i].class.len;
        (void)crypto_generichash_update(&h, (const uint8_t *)&len, sizeof(len));
        (void)crypto_generichash_update(&h, stamps[i].class.ptr, stamps[i].class.len);
        (void)crypto_generichash_update(&h, (const uint8_t *)&stamps[i].ends,
                                        sizeof(stamps[i].ends));
    }
    (void)crypto_generichash_final(&h, digest, CATALOG_REPEAT_LEN);
}

static bool about_letter(struct catalog *c, enum statement which, uint64_t letter, struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, which, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, (int64_t)letter);
    return catalog_run(c, s, e);
}

bool catalog_drop_stamp(struct catalog *c, uint64_t letter, struct error *e)
{
    return about_letter(c, SQL_DROP_STAMP, letter, e) &&
           about_letter(c, SQL_DROP_STAMPED, letter, e);
}

/* A class without a rule cannot be: it would only not be counted. */
static bool add_class(struct catalog *c, uint64_t letter, struct slice class, struct error *e)
{
    uint8_t key[CATALOG_REPEAT_LEN];
    sqlite3_stmt *s = catalog_statement(c, SQL_ADD_STAMPED, e);

    if (!s) {
        return false;
    }
    name_key(c, class, key);
    (void)sqlite3_bind_int64(s, 1, (int64_t)letter);
    (void)sqlite3_bind_blob(s, 2, key, sizeof(key), SQLITE_STATIC);
    return catalog_run(c, s, e);
}

bool catalog_fold_classes(struct catalog *c, uint64_t letter, const struct classes *classes,
                          struct error *e)
{
    const struct class_stamp *stamps = classes->classes.items;
    uint8_t digest[CATALOG_REPEAT_LEN];
    uint64_t until = classes->until && classes->until < INT64_MAX ? classes->until : INT64_MAX;

    if (!catalog_drop_stamp(c, letter, e)) {
        return false;
    }
    if (classes->classes.count == 0) {
        return true;
    }
    sqlite3_stmt *s = catalog_statement(c, SQL_SET_STAMP, e);
    if (!s) {
        return false;
    }
    catalog_stamp_digest(c, classes, digest);
    (void)sqlite3_bind_int64(s, 1, (int64_t)letter);
    (void)sqlite3_bind_int64(s, 2, (int64_t)until);
    (void)sqlite3_bind_blob(s, 3, digest, sizeof(digest), SQLITE_STATIC);
    if (!catalog_run(c, s, e)) {
        return false;
    }
    for (size_t i = 0; i < classes->classes.count; i++) {
        if (!add_class(c, letter, stamps[i].class, e)) {
            return false;
        }
    }
    return true;
}

/* ── finding ── */

static struct ledger_ref read_ref(sqlite3_stmt *s)
{
    return (struct ledger_ref){.seq = (uint64_t)sqlite3_column_int64(s, 0),
                               .segment = (uint32_t)sqlite3_column_int64(s, 1),
                               .offset = (uint64_t)sqlite3_column_int64(s, 2)};
}

static void read_rule(sqlite3_stmt *s, struct arena *arena, void *item)
{
    (void)arena;
    *(struct catalog_rule *)item =
        (struct catalog_rule){.ref = read_ref(s),
                              .removed = sqlite3_column_int(s, 3) != 0,
                              .letters = (uint64_t)sqlite3_column_int64(s, 4)};
}

static void read_date(sqlite3_stmt *s, struct arena *arena, void *item)
{
    (void)arena;
    *(struct ledger_ref *)item = read_ref(s);
}

bool catalog_rules(struct catalog *c, bool counted, struct arena *arena,
                   struct catalog_rule **rules, size_t *count, struct error *e)
{
    struct growing g = {.size = sizeof(**rules)};
    sqlite3_stmt *s = catalog_statement(c, counted ? SQL_RULES_COUNTED : SQL_RULES, e);

    if (!s || !catalog_collect(c, s, &g, arena, read_rule, e)) {
        return false;
    }
    *rules = g.items;
    *count = g.count;
    return true;
}

bool catalog_rule_dates(struct catalog *c, struct arena *arena, struct ledger_ref **refs,
                        size_t *count, struct error *e)
{
    struct growing g = {.size = sizeof(**refs)};
    sqlite3_stmt *s = catalog_statement(c, SQL_DATES, e);

    if (!s || !catalog_collect(c, s, &g, arena, read_date, e)) {
        return false;
    }
    *refs = g.items;
    *count = g.count;
    return true;
}

bool catalog_stamp(struct catalog *c, uint64_t letter, struct catalog_stamp *out, bool *found,
                   struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_STAMP, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, (int64_t)letter);
    int step = sqlite3_step(s);
    *found = step == SQLITE_ROW;
    if (*found) {
        out->until = (uint64_t)sqlite3_column_int64(s, 0);
        (void)memset(out->digest, 0, sizeof(out->digest));
        if (sqlite3_column_bytes(s, 1) == CATALOG_REPEAT_LEN) {
            (void)memcpy(out->digest, sqlite3_column_blob(s, 1), CATALOG_REPEAT_LEN);
        }
    }
    (void)sqlite3_reset(s);
    return step == SQLITE_ROW || step == SQLITE_DONE || catalog_failed(c, "find", e);
}

static int64_t bounded(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

bool catalog_ended(struct catalog *c, uint64_t at, uint64_t from, size_t max, struct arena *arena,
                   struct catalog_letter **letters, size_t *count, struct error *e)
{
    struct growing g = {.size = sizeof(**letters)};
    sqlite3_stmt *s = catalog_statement(c, SQL_ENDED, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, bounded(from));
    (void)sqlite3_bind_int64(s, 2, at >= INT64_MAX ? INT64_MAX - 1 : (int64_t)at);
    (void)sqlite3_bind_int64(s, 3, bounded(max));
    if (!catalog_collect(c, s, &g, arena, catalog_read_letter, e)) {
        return false;
    }
    *letters = g.items;
    *count = g.count;
    return true;
}

bool catalog_retention_counts(struct catalog *c, uint64_t at, struct catalog_retention_counts *out,
                              struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_RETENTION_COUNTS, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, INT64_MAX);
    (void)sqlite3_bind_int64(s, 2, at >= INT64_MAX ? INT64_MAX - 1 : (int64_t)at);
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        uint64_t letters = (uint64_t)sqlite3_column_int64(s, 0);
        uint64_t ruled = (uint64_t)sqlite3_column_int64(s, 1);
        *out = (struct catalog_retention_counts){.letters = letters,
                                                 .unruled = letters > ruled ? letters - ruled : 0,
                                                 .for_ever = (uint64_t)sqlite3_column_int64(s, 2),
                                                 .ended = (uint64_t)sqlite3_column_int64(s, 3)};
    }
    (void)sqlite3_reset(s);
    return step == SQLITE_ROW || catalog_failed(c, "count", e);
}

bool catalog_count_between(struct catalog *c, uint64_t from, uint64_t end, uint64_t *count,
                           struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_COUNT_BETWEEN, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, bounded(from));
    (void)sqlite3_bind_int64(s, 2, bounded(end));
    int step = sqlite3_step(s);
    if (step == SQLITE_ROW) {
        *count = (uint64_t)sqlite3_column_int64(s, 0);
    }
    (void)sqlite3_reset(s);
    return step == SQLITE_ROW || catalog_failed(c, "count", e);
}
