/* The index follows the ledger. `expected` letters stand in a list ordered by a lower bound of
 * their sequence number, taken before they are appended; so everything below the list's first
 * bound is in the index, whatever order letters finish in. What is missing after a crash, or
 * because the file was deleted, is found behind the position and inspected again. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "formats/text/terms.h"
#include "host/memfd.h"
#include "host/thread.h"
#include "keeper/findings.h"
#include "keeper/internal.h"
#include "keyring/former.h"
#include "search/index.h"

#define BATCH_MAX  1000               /* letters in one transaction */
#define BYTES_MAX  ((size_t)32 << 20) /* that make a batch full; twice that waits */
#define ARENA_MAX  ((size_t)8 << 20)
#define HEAL_MAX   1000 /* letters found missing at a time */
#define TERMS_MAX  ((size_t)TEXT_LIST_BYTES_MAX + 64)
#define IDLE_MS    1000  /* between two looks when nothing happens, and after a failure */
#define SUSPECT_MS 10000 /* between two looks at all of the file */

/* Between two transactions. Each leaves the index a segment to be merged with others later: letters
 * that come one by one cost three times as much as a thousand at once. */
#define GATHER_MS 500
#define HEAL_MS   20 /* between two looks for what is missing */

struct index_work {
    struct index_work *next;
    struct parcel *parcel;
    struct arena arena;
    uint64_t dated_at;
    struct slice sender;
    struct slice *recipients;
    size_t n_recipients;
    struct slice account;
    struct slice *groups;
    size_t n_groups;
    enum search_reading reading;
    unsigned marks;
    struct memfd_map terms;
    size_t bytes; /* of all this */
};

/* In the order of `low`: new letters at the end, those that are found again before them. */
static void hang_in(struct indexer *x, struct parcel *p)
{
    struct parcel *older = x->newest;

    while (older && older->low > p->low) {
        older = older->older;
    }
    p->older = older;
    p->newer = older ? older->newer : x->oldest;
    *(older ? &older->newer : &x->oldest) = p;
    *(p->newer ? &p->newer->older : &x->newest) = p;
}

void indexer_expect(struct keeper *k, struct parcel *p)
{
    struct indexer *x = &k->indexer;
    struct ledger_head head;

    (void)pthread_mutex_lock(&x->lock);
    ledger_head(k->ledger, &head); /* under the lock, so that new ones come in order */
    p->low = p->seq ? p->seq : head.size;
    hang_in(x, parcel_hold(p));
    (void)pthread_mutex_unlock(&x->lock);
}

void indexer_forget(struct keeper *k, struct parcel *p)
{
    struct indexer *x = &k->indexer;

    (void)pthread_mutex_lock(&x->lock);
    *(p->older ? &p->older->newer : &x->oldest) = p->newer;
    *(p->newer ? &p->newer->older : &x->newest) = p->older;
    p->older = NULL;
    p->newer = NULL;
    (void)pthread_mutex_unlock(&x->lock);
    parcel_drop(p);
}

static bool is_full(const struct indexer *x)
{
    return x->waiting >= BATCH_MAX || x->bytes >= BYTES_MAX;
}

static void copy_groups(struct index_work *w, const struct facts *f)
{
    const struct slice *groups = f->groups.items;

    w->n_groups = f->groups.count;
    w->groups = arena_array(&w->arena, w->n_groups + 1, sizeof(*w->groups));
    for (size_t i = 0; i < w->n_groups; i++) {
        w->groups[i] = arena_copy(&w->arena, groups[i]);
    }
}

void indexer_add(struct keeper *k, struct parcel *p, const struct facts *f,
                 const struct findings *found, int terms_fd)
{
    bool unread = found->unread;
    struct indexer *x = &k->indexer;
    struct index_work *w = calloc(1, sizeof(*w));
    const struct recipient *recipients = f->recipients.items;
    struct error e;

    if (!w) {
        arena_panic("out of memory");
    }
    arena_init(&w->arena, 4 << 20);
    w->parcel = parcel_hold(p);
    w->dated_at = facts_dated(f);
    w->sender = arena_copy(&w->arena, f->reverse_path);
    w->account = arena_copy(&w->arena, facts_owner(f));
    copy_groups(w, f);
    w->n_recipients = f->recipients.count;
    w->recipients = arena_array(&w->arena, w->n_recipients + 1, sizeof(*w->recipients));
    for (size_t i = 0; i < w->n_recipients; i++) {
        w->recipients[i] = arena_copy(&w->arena, recipients[i].address);
    }
    if (terms_fd >= 0) {
        unread = !memfd_map(terms_fd, TERMS_MAX, &w->terms, &e) || unread;
        (void)close(terms_fd);
    }
    w->reading = findings_reading(found, unread);
    w->marks = findings_marks(found);
    w->bytes = w->arena.total + w->terms.bytes.len;
    (void)pthread_mutex_lock(&x->lock);
    while (x->bytes >= 2 * BYTES_MAX && !x->closed) {
        (void)pthread_cond_wait(&x->taken, &x->lock);
    }
    *(x->tail ? &x->tail->next : &x->head) = w;
    x->tail = w;
    x->waiting++;
    x->bytes += w->bytes;
    if (x->waiting == 1 || is_full(x)) {
        (void)pthread_cond_signal(&x->changed);
    }
    (void)pthread_mutex_unlock(&x->lock);
}

static void work_free(struct index_work *w)
{
    parcel_drop(w->parcel);
    memfd_unmap(&w->terms);
    arena_done(&w->arena);
    free(w);
}

/* Wait for work until `latest`, and then until `earliest` for more; take all there is, up to a
 * batch. */
static size_t take_batch(struct indexer *x, int64_t earliest, int64_t latest,
                         struct index_work **batch)
{
    size_t count = 0;

    (void)pthread_mutex_lock(&x->lock);
    while (!x->head && !x->closed && thread_wait(&x->changed, &x->lock, latest)) {
    }
    while (x->head && !is_full(x) && !x->closed && thread_wait(&x->changed, &x->lock, earliest)) {
    }
    while (x->head && count < BATCH_MAX) {
        batch[count++] = x->head;
        x->bytes -= x->head->bytes;
        x->head = x->head->next;
    }
    x->waiting -= count;
    if (!x->head) {
        x->tail = NULL;
    }
    (void)pthread_cond_broadcast(&x->taken);
    (void)pthread_mutex_unlock(&x->lock);
    return count;
}

/* Below this sequence number nothing is missing; `healed` is how far that was looked after. */
static uint64_t position_now(struct keeper *k, uint64_t healed)
{
    struct indexer *x = &k->indexer;
    struct ledger_head head;

    (void)pthread_mutex_lock(&x->lock);
    ledger_head(k->ledger, &head);
    uint64_t position = x->oldest ? x->oldest->low : head.size;
    (void)pthread_mutex_unlock(&x->lock);
    return position < healed ? position : healed;
}

static bool write_batch(struct keeper *k, struct index_work **batch, size_t count, uint64_t healed,
                        struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    struct search_letter *letters = arena_array(&arena, count, sizeof(*letters));
    struct text_terms *terms = arena_array(&arena, count, sizeof(*terms));
    struct error why;

    for (size_t i = 0; i < count; i++) {
        struct index_work *w = batch[i];
        bool read = w->terms.bytes.len && text_terms_read(w->terms.bytes, &terms[i], &why);
        letters[i] = (struct search_letter){
            .seq = w->parcel->seq,
            .at = w->dated_at,
            .size = w->parcel->size,
            .reading = read ? w->reading : SEARCH_UNREAD,
            .marks = w->marks,
            .account = w->account,
            .groups = w->groups,
            .n_groups = w->n_groups,
            .sender = w->sender,
            .recipients = w->recipients,
            .n_recipients = w->n_recipients,
            .terms = read ? &terms[i] : NULL,
        };
    }
    uint64_t position = position_now(k, healed);
    uint64_t before = search_index_position(k->indexer.index);
    if (!search_index_write(k->indexer.index, letters, count, position > before ? position : before,
                            e)) {
        return false;
    }
    (void)atomic_fetch_add(&k->indexer.indexed, count);
    atomic_store(&k->indexer.position, search_index_position(k->indexer.index));
    return true;
}

/* What the index may lack. */
struct healing {
    uint64_t healed; /* below it nothing that is not expected */
    uint64_t end;    /* nor at it or behind */
    bool settled;    /* the catalog knows of all before `end` */
};

static void begin_healing(struct keeper *k, struct healing *h, uint64_t from)
{
    struct ledger_head head;

    ledger_head(k->ledger, &head);
    h->healed = from;
    h->end = head.size;
    h->settled = false;
}

static bool is_healing(const struct healing *h)
{
    return h->healed < h->end;
}

/* Have a letter inspected again. It is expected until it is written, so the position stays below it. */
static void expect_again(struct keeper *k, const struct catalog_letter *l,
                         struct ledger_ref content, struct ledger_ref findings)
{
    struct parcel *p = parcel_new();

    p->id = l->id;
    p->seq = l->seq;
    p->kind = l->kind;
    p->received_at = l->received_at;
    p->size = l->size;
    p->facts = l->facts;
    p->content = content;
    p->findings = findings;
    p->decided = true;
    indexer_expect(k, p);
    backlog_add(k, p);
}

/* Have one letter inspected again if the index lacks it; false when the catalog does not say. */
static bool heal_one(struct keeper *k, struct catalog *catalog, const struct catalog_letter *l,
                     struct error *e)
{
    struct ledger_ref content;
    struct ledger_ref findings = {0};
    bool found = false, looked_at = false;

    if (!l->decided || l->kind == LETTER_REPEAT || search_index_has(k->indexer.index, l->seq)) {
        return true;
    }
    bool known = catalog_record(catalog, l->seq, RECORD_CONTENT, &content, &found, e) &&
                 catalog_record(catalog, l->seq, RECORD_FINDINGS, &findings, &looked_at, e);
    if (known && found) {
        expect_again(k, l, content, looked_at ? findings : (struct ledger_ref){0});
    }
    return known;
}

/* Look at the next letters and have inspected again what the index lacks. The catalog is opened each
 * time: while one reads, its log cannot be shortened. */
static void look_behind(struct keeper *k, struct healing *h)
{
    OWN(arena) struct arena arena = {.max = 4 << 20};
    OWN(catalog) struct catalog *catalog = NULL;
    struct catalog_letter *letters = NULL;
    size_t count = 0;
    struct error e;

    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, &e) ||
        !catalog_letters(catalog, CATALOG_BEHIND, h->healed, HEAL_MAX, &arena, &letters, &count,
                         &e)) {
        log_event(LOG_WARNING, "index.heal_failed", LOG_TEXT("reason", e.text));
        return;
    }
    for (size_t i = 0; i < count && letters[i].seq < h->end; i++) {
        if (!heal_one(k, catalog, &letters[i], &e)) {
            log_event(LOG_WARNING, "index.heal_failed", LOG_TEXT("reason", e.text));
            h->healed = letters[i].seq; /* here once more */
            return;
        }
    }
    h->healed = count < HEAL_MAX ? h->end : letters[count - 1].seq + 1;
}

bool indexer_open(struct keeper *k, struct error *e)
{
    const char *path = k->options.search_path;
    struct slice key = secret_slice(k->options.search_key);

    if (search_index_open(path, key, &k->indexer.index, e)) {
        return true;
    }
    /* After a rotation of the master key its words' hashes are those of a former key. */
    if (e->kind != ERROR_CORRUPT && !keyring_former(k->options.search_key, 0)) {
        return false;
    }
    log_event(LOG_WARNING, "index.rebuild", LOG_TEXT("reason", e->text));
    return search_index_open_anew(path, key, &k->indexer.index, e);
}

void indexer_close(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->indexer.lock);
    k->indexer.closed = true;
    (void)pthread_cond_broadcast(&k->indexer.changed);
    (void)pthread_cond_broadcast(&k->indexer.taken);
    (void)pthread_mutex_unlock(&k->indexer.lock);
}

static void drop_batch(struct keeper *k, struct index_work **batch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        indexer_forget(k, batch[i]->parcel);
        work_free(batch[i]);
    }
}

/* A step of what is missing, while the workers have little else to do. */
static void heal_some(struct keeper *k, struct healing *h)
{
    h->settled = h->settled || tail_settle(k);
    if (h->settled && backlog_length(&k->backlog) < HEAL_MAX) {
        look_behind(k, h);
    }
}

/* Begin anew when that was asked for: everything is missing then. */
static void clear_if_asked(struct keeper *k, struct healing *h)
{
    struct indexer *x = &k->indexer;
    struct error e;

    if (!atomic_load(&x->rebuild)) {
        return;
    }
    if (!search_index_clear(x->index, &e)) {
        indexer_failed(k, &e);
        atomic_store(&x->rebuild, false); /* behind `failed`: who asked is told, and asks again */
        return;
    }
    indexer_removals_done(k);
    begin_healing(k, h, 0);
    atomic_store(&x->position, 0);
    atomic_store(&x->rebuild, false);
}

/* Throw the file away and make it anew; until that can be done there is none. */
static bool replace(struct keeper *k, struct healing *h, const char *why)
{
    struct indexer *x = &k->indexer;
    struct error e;

    if (x->index) {
        log_event(LOG_WARNING, "index.rebuild", LOG_TEXT("reason", why));
        keeper_alert(k, "index-rebuilt", why);
    }
    x->refused = false;
    search_index_close(TAKE(x->index, NULL));
    if (!search_index_open_anew(k->options.search_path, secret_slice(k->options.search_key),
                                &x->index, &e)) {
        indexer_failed(k, &e);
        return false;
    }
    begin_healing(k, h, 0);
    atomic_store(&x->position, 0);
    return true;
}

/* An index that is gone from its place, or damaged, is made anew while everything goes on. Who writes it looks into what
 * FTS5 stores, as search_index_is_sound() does not: what he refuses is not looked at again. */
static bool mend(struct keeper *k, struct healing *h, int64_t *looked_ms)
{
    struct indexer *x = &k->indexer;
    int64_t now = clock_steady_ms();

    if (!x->index) {
        return replace(k, h, "there is none");
    }
    if (!search_index_is_there(x->index)) {
        return replace(k, h, "the file was removed or replaced");
    }
    if ((!x->refused && !atomic_load(&x->suspect)) || now - *looked_ms < SUSPECT_MS) {
        return true;
    }
    atomic_store(&x->suspect, false);
    *looked_ms = now;
    return (!x->refused &&
            search_index_is_sound(k->options.search_path, secret_slice(k->options.search_key))) ||
           replace(k, h, "the file is damaged");
}

/* Without an index nobody waits for it: what it should have got is found missing later. */
static void let_pass(struct keeper *k, struct index_work **batch)
{
    int64_t latest = clock_steady_ms() + IDLE_MS;
    size_t count = take_batch(&k->indexer, latest, latest, batch);

    drop_batch(k, batch, count);
    atomic_store(&k->indexer.failed, true);
    atomic_store(&k->indexer.rebuild, false);
}

/* Whether there is something to heal; then a step of it was done. */
static bool heal_unless(bool broken, struct keeper *k, struct healing *h)
{
    bool healing = is_healing(h) && !broken;

    if (healing) {
        heal_some(k, h);
    }
    return healing;
}

static bool use_batch(struct keeper *k, struct healing *h, struct index_work **batch, size_t count,
                      uint64_t healed)
{
    struct error e;
    bool written = write_batch(k, batch, count, healed, &e);

    if (!written) {
        indexer_failed(k, &e);
        begin_healing(k, h, search_index_position(k->indexer.index));
    }
    drop_batch(k, batch, count);
    if (written || e.kind == ERROR_LIMIT) {
        indexer_merge(k);
    }
    return written;
}

/* An index that cannot be written must not stop the letters: what it would have got is dropped, and
 * found missing when it can be written again. */
void keeper_index(void *keeper)
{
    struct keeper *k = keeper;
    struct index_work *batch[BATCH_MAX];
    struct healing h = {0};
    int64_t earliest = 0;
    int64_t looked_ms = INT64_MIN / 2;
    bool broken = false;
    bool untidy = true; /* what was written may be merged */

    thread_background();
    indexer_removals_begin(k);
    begin_healing(k, &h, search_index_position(k->indexer.index));
    atomic_store(&k->indexer.position, h.healed);
    while (!atomic_load(&k->closing)) {
        if (!mend(k, &h, &looked_ms)) {
            let_pass(k, batch);
            continue;
        }
        indexer_removals_go_on(k);
        clear_if_asked(k, &h);
        bool healing = heal_unless(broken, k, &h);
        int64_t latest = clock_steady_ms() + (healing ? HEAL_MS : IDLE_MS);
        size_t count = take_batch(&k->indexer, earliest, latest, batch);
        uint64_t healed = is_healing(&h) ? h.healed : UINT64_MAX;
        if (!broken && count == 0 &&
            position_now(k, healed) <= search_index_position(k->indexer.index)) {
            untidy = untidy && indexer_tidy(k);
            continue;
        }
        broken = !use_batch(k, &h, batch, count, healed);
        untidy = untidy || count > 0;
        earliest = clock_steady_ms() + (broken ? IDLE_MS : GATHER_MS);
    }
}
