#include "keeper/retention.h"

#include "base/log.h"

#include "catalog/retention.h"
#include "host/memfd.h"
#include "keeper/findings.h"
#include "keeper/internal.h"
#include "search/index.h"
#include "stages/retention/book.h"

#define BOOK_ARENA_MAX ((size_t)512 << 20)
#define TERMS_MAX      ((size_t)TEXT_LIST_BYTES_MAX + 64)

struct retention_rules {
    unsigned references; /* under the lock of struct retention */
    struct arena arena;
    size_t bytes; /* of the rules' records */
    struct retention_book book;
};

/* ── the book in force ── */

struct retention_rules *retention_hold(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->retention.lock);
    struct retention_rules *r = k->retention.now;
    r->references++;
    (void)pthread_mutex_unlock(&k->retention.lock);
    return r;
}

void retention_release(struct keeper *k, struct retention_rules *r)
{
    (void)pthread_mutex_lock(&k->retention.lock);
    bool last = --r->references == 0;
    k->retention.alive -= last;
    (void)pthread_mutex_unlock(&k->retention.lock);
    if (last) {
        arena_done(&r->arena);
        free(r);
    }
}

static struct retention_rules *rules_new(void)
{
    struct retention_rules *r = calloc(1, sizeof(*r));

    if (!r) {
        arena_panic("out of memory");
    }
    r->references = 1;
    arena_init(&r->arena, BOOK_ARENA_MAX);
    return r;
}

static void rules_free(struct retention_rules *r)
{
    if (r) {
        arena_done(&r->arena);
        free(r);
    }
}

OWN_BY(retention_rules, struct retention_rules, rules_free)

/* Rules as they were recorded, of those classes that there are still. */
static bool read_rules(struct keeper *k, struct catalog *catalog, struct retention_rules *r,
                       struct retention_version **out, size_t *count, uint64_t *version,
                       struct error *e)
{
    struct catalog_rule *rules = NULL;
    size_t n = 0;

    if (!catalog_rules(catalog, false, &r->arena, &rules, &n, e)) {
        return false;
    }
    struct retention_version *versions = arena_array(&r->arena, n + 1, sizeof(*versions));
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        *version = rules[i].ref.seq > *version ? rules[i].ref.seq : *version;
        if (rules[i].removed) {
            continue;
        }
        struct retention_version *v = &versions[(*count)++];
        OWN(buf) struct buf body = {.max = 2 * RETENTION_RULE_BYTES};
        if (!keeper_read(k, rules[i].ref, &rule_schema, &r->arena, &v->rule, e)) {
            return false;
        }
        v->seq = rules[i].ref.seq;
        cbor_write(&body, &rule_schema, &v->rule);
        r->bytes += body.len;
    }
    *out = versions;
    return true;
}

/* What is not kept of a record (who, why) is let go at once: there may be many. */
static bool read_date(struct keeper *k, struct ledger_ref ref, struct retention_rules *r,
                      struct retention_date *out, bool *removed, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 2 * RETENTION_RULE_BYTES};
    struct rule_date d;

    if (!keeper_read(k, ref, &rule_date_schema, &arena, &d, e)) {
        return false;
    }
    *removed = d.removed;
    if (!d.removed) {
        *out = (struct retention_date){arena_copy(&r->arena, d.key),
                                       d.date > INT64_MAX ? RETENTION_NEVER : (int64_t)d.date};
    }
    return true;
}

static bool read_dates(struct keeper *k, struct catalog *catalog, struct retention_rules *r,
                       struct retention_date **out, size_t *count, uint64_t *version,
                       struct error *e)
{
    struct ledger_ref *refs = NULL;
    size_t n = 0;

    if (!catalog_rule_dates(catalog, &r->arena, &refs, &n, e)) {
        return false;
    }
    struct retention_date *dates = arena_array(&r->arena, n + 1, sizeof(*dates));
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        bool removed = false;
        *version = refs[i].seq > *version ? refs[i].seq : *version;
        if (!read_date(k, refs[i], r, &dates[*count], &removed, e)) {
            return false;
        }
        *count += !removed;
    }
    *out = dates;
    return true;
}

static bool make_rules(struct keeper *k, struct retention_rules **out, struct error *e)
{
    OWN(catalog) struct catalog *catalog = NULL;
    OWN(retention_rules) struct retention_rules *r = rules_new();
    struct retention_version *rules = NULL;
    struct retention_date *dates = NULL;
    size_t n_rules = 0;
    size_t n_dates = 0;
    uint64_t version = 0;

    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, e) ||
        !read_rules(k, catalog, r, &rules, &n_rules, &version, e) ||
        !read_dates(k, catalog, r, &dates, &n_dates, &version, e)) {
        return false;
    }
    retention_book_make(rules, n_rules, dates, n_dates, version, &r->arena, &r->book);
    *out = TAKE(r, NULL);
    return true;
}

/* Put it in force, unless another made a newer one meanwhile, or, but for `anew`, one as new. */
static void put_in_force(struct keeper *k, struct retention_rules *r, bool anew)
{
    (void)pthread_mutex_lock(&k->retention.lock);
    struct retention_rules *other = k->retention.now;
    if (other && other->book.version + !anew > r->book.version) {
        other = r;
    } else {
        k->retention.now = r;
    }
    k->retention.alive++;
    (void)pthread_mutex_unlock(&k->retention.lock);
    if (other) {
        retention_release(k, other);
    }
}

bool retention_reload(struct keeper *k, struct error *e)
{
    OWN(retention_rules) struct retention_rules *r = NULL;
    struct retention_rules *now = retention_hold(k);
    uint64_t version = now->book.version;
    uint64_t wanted = atomic_load(&k->retention.wanted);

    retention_release(k, now);
    if (version >= wanted) {
        return true;
    }
    if (!make_rules(k, &r, e)) {
        return false;
    }
    /* A catalog that is being made anew knows some of them only. */
    if (r->book.version < wanted) {
        return error_set(e, ERROR_BUSY, "the catalog does not hold the newest rules yet");
    }
    log_event(LOG_INFO, "retention.rules", LOG_NUMBER("classes", (int64_t)r->book.n_entries),
              LOG_NUMBER("version", (int64_t)r->book.version));
    put_in_force(k, TAKE(r, NULL), false);
    return true;
}

bool retention_renew(struct keeper *k, struct error *e)
{
    struct retention_rules *r = NULL;

    if (!make_rules(k, &r, e)) {
        return false;
    }
    retention_wants(k, r->book.version);
    put_in_force(k, r, true);
    atomic_store(&k->retention.again, true);
    return true;
}

bool retention_fits(const struct retention_rules *r, const struct rule_proof *proof)
{
    return rule_proof_fits(proof, &r->book);
}

void retention_wants(struct keeper *k, uint64_t seq)
{
    uint64_t wanted = atomic_load(&k->retention.wanted);

    while (wanted < seq && !atomic_compare_exchange_weak(&k->retention.wanted, &wanted, seq)) {
    }
}

void retention_changed(struct keeper *k)
{
    struct error e;

    (void)tail_settle(k);
    if (!retention_reload(k, &e)) { /* the thread tries again */
        log_event(LOG_WARNING, "retention.late", LOG_TEXT("reason", e.text));
    }
}

bool retention_is_settled(struct keeper *k)
{
    return atomic_load(&k->retention.wanted) <= atomic_load(&k->retention.looking) &&
           atomic_load(&k->retention.end) == 0;
}

bool retention_settled_catalog(struct keeper *k, struct catalog **out, struct error *e)
{
    OWN(catalog) struct catalog *c = NULL;
    bool folded = tail_settle(k);
    uint64_t position = atomic_load(&k->tail.position);

    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &c, e)) {
        return false;
    }
    if (!folded || catalog_position(c).seq < position || !retention_is_settled(k)) {
        return error_set(e, ERROR_BUSY,
                         "letters are still to be looked at since a rule, a date or the catalog "
                         "changed: try again when `postern retention list` says no more of that");
    }
    *out = TAKE(c, NULL);
    return true;
}

uint64_t retention_version_of(const struct retention_rules *r)
{
    return r->book.version;
}

uint64_t retention_version_now(struct keeper *k)
{
    struct retention_rules *rules = retention_hold(k);
    uint64_t version = rules->book.version;

    retention_release(k, rules);
    return version;
}

static bool names_group(const struct rule *rule, struct slice group)
{
    const struct slice *items = rule->groups.items;
    bool names = false;

    for (size_t i = 0; i < rule->groups.count; i++) {
        names = names || slice_equal(items[i], group);
    }
    return names;
}

bool retention_names_group(struct keeper *k, struct slice group)
{
    struct retention_rules *rules = retention_hold(k);
    bool names = false;

    for (size_t i = 0; i < rules->book.n_entries; i++) {
        names = names || names_group(&rules->book.entries[i].version->rule, group);
    }
    retention_release(k, rules);
    return names;
}

bool retention_is_alone(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->retention.lock);
    bool alone = k->retention.alive == 1;
    (void)pthread_mutex_unlock(&k->retention.lock);
    return alone;
}

size_t retention_bytes(const struct retention_rules *r, size_t *classes, size_t *dates)
{
    *classes = r->book.n_entries;
    *dates = r->book.n_dates;
    return r->bytes;
}

bool retention_open(struct keeper *k, struct error *e)
{
    struct retention_rules *r = NULL;

    if (!make_rules(k, &r, e)) {
        return false;
    }
    atomic_store(&k->retention.wanted, r->book.version);
    put_in_force(k, r, false);
    return true;
}

void retention_close(struct keeper *k)
{
    if (k->retention.now) {
        retention_release(k, TAKE(k->retention.now, NULL));
    }
}

/* ── a letter ── */

bool retention_wants_header(const struct retention_rules *r)
{
    return r->book.wants_labels;
}

bool retention_wants_findings(const struct retention_rules *r)
{
    return r->book.wants_findings;
}

bool retention_wants_reading(const struct retention_rules *r, const struct facts *f)
{
    return (r->book.wants_words || r->book.wants_labels) && retention_must_read(&r->book, f);
}

static unsigned marks_of(const struct findings *f)
{
    unsigned marks = findings_marks(f);

    return (marks & SEARCH_ATTACHMENT ? RETENTION_ATTACHMENT : 0) |
           (marks & SEARCH_ENCRYPTED ? RETENTION_ENCRYPTED : 0) |
           (marks & SEARCH_MISMATCH ? RETENTION_MISMATCH : 0) |
           (marks & SEARCH_CARD ? RETENTION_CARD : 0) | (marks & SEARCH_IBAN ? RETENTION_IBAN : 0);
}

void retention_judge_letter(const struct retention_rules *r, const struct retention_look *look,
                            struct arena *arena, struct classes *out)
{
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    const struct retention_book *book = &r->book;
    struct retention_letter letter = {.facts = look->facts};
    struct text_terms terms;
    struct slice *labels = NULL;
    struct error e;

    if (look->findings) {
        letter.findings = marks_of(look->findings);
        letter.unread = findings_reading(look->findings, look->findings->unread) != SEARCH_WHOLE;
    }
    if (book->wants_words && look->terms_fd >= 0) {
        bool read = memfd_map(look->terms_fd, TERMS_MAX, &map, &e) &&
                    text_terms_read(map.bytes, &terms, &e);
        letter.terms = read ? &terms : NULL;
        letter.unread = letter.unread || !read;
    }
    if (book->wants_labels && look->header) {
        retention_labels(look->header, look->facts, arena, &labels, &letter.n_labels,
                         &letter.labels_doubted);
        letter.labels = labels;
    } else {
        letter.labels_doubted = letter.unread;
    }
    retention_stamp(book, &letter, arena, out);
    out->id = look->facts->id;
}

void retention_write(const struct retention_rules *r, const struct retention_look *look,
                     struct arena *arena, struct buf *body)
{
    struct classes classes;

    if (r->book.n_entries == 0) {
        return;
    }
    retention_judge_letter(r, look, arena, &classes);
    if (classes.classes.count) {
        cbor_write(body, &classes_schema, &classes);
    }
}
