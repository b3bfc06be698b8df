/* All letters are looked at again when a rule or date changed.
 *
 *     state                          in the state store            after a crash
 *     nothing to do                  VERSION done                  nothing to do
 *     a rule was recorded            an older VERSION              begins
 *     letters up to PLACE were seen  VERSION PLACE                 goes on there
 *
 * 1. It begins when nobody works by an older book: who decided by one has recorded that before.
 * 2. What is seen is recorded before the place is; seeing a letter twice changes nothing.
 * 3. A letter that is not decided yet is passed by: its stamp comes with its decision.
 * 4. No letter stops it: one that cannot be read counts as holding everything that rules name, and one whose facts
 *    cannot be read keeps the stamp that it has; an alarm tells of both. */
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "catalog/retention.h"
#include "host/thread.h"
#include "keeper/internal.h"
#include "keeper/renewal.h"
#include "keeper/retention_look.h"
#include "keyring/keyring.h"

#define PAGE          200
#define PAGE_MS       500 /* a page ends then; others wait no longer for their turn */
#define LOOK_US       50000
#define IDLE_US       200000
#define PATIENCE_MS   5000 /* so long does it wait for the letters that come; then a page goes on */
#define FIRST_WAIT_MS 1000
#define LAST_WAIT_MS  60000
#define PATIENT_MS                                                                                 \
    8000 /* when it waits so long, what the disk does not give counts as not to be read */
#define SAVE_MS    2000 /* between two times that the place is kept */
#define COUNT_MS   2000 /* between two counts, and a hundred times what one takes */
#define STATE_NAME "retention/swept"
#define STATE_TEXT 64
#define DONE       UINT64_MAX

_Static_assert(PAGE <= LEDGER_RECORDS_MAX, "a page is one commit");

struct sweep {
    struct keeper *k;
    uint64_t version; /* that is being looked for */
    uint64_t place;   /* below it all were seen; DONE */
    uint64_t end;     /* behind it all were stamped by that version; 0: not known yet */
    uint64_t must;    /* a catalog folded less far is being made anew */
    int64_t saved_at; /* steady clock */
    int64_t paged_at;
    int64_t counted_at;
    int64_t count_ms;
    int64_t next_at; /* after a failure: not before */
    int64_t wait_ms; /* doubled with each further one */
    uint64_t changed;
    uint64_t unread;       /* of which not all could be read */
    uint64_t counted_size; /* records when it was counted last */
    uint8_t key[CATALOG_KEY_LEN];
    struct arena arena;
};

/* ── how far it came ── */

static void load(struct sweep *w)
{
    struct slice value;
    struct slice rest;
    bool found = false;
    struct error e;

    w->place = 0;
    w->version = 0;
    if (!state_value_get(w->k->state, SLICE(STATE_NAME), &w->arena, &value, &found, &e) || !found) {
        return;
    }
    struct slice version = slice_cut(value, ' ', &rest);
    uint64_t place = 0;
    if (slice_decimal(version, UINT64_MAX, &w->version) &&
        slice_decimal(rest, UINT64_MAX, &place)) {
        w->place = place;
    }
}

static void save(struct sweep *w)
{
    char text[STATE_TEXT];
    struct error e;

    (void)snprintf(text, sizeof(text), "%llu %llu", (unsigned long long)w->version,
                   (unsigned long long)w->place);
    w->saved_at = clock_steady_ms();
    if (!state_value_put(w->k->state, SLICE(STATE_NAME), slice_text(text), &e)) {
        log_event(LOG_WARNING, "retention.place", LOG_TEXT("reason", e.text));
    }
}

/* ── one letter ── */

static bool is_as_it_was(struct catalog *c, uint64_t letter, const struct classes *now, bool *same,
                         struct error *e)
{
    struct catalog_stamp old;
    uint8_t digest[CATALOG_REPEAT_LEN];
    bool found = false;

    if (!catalog_stamp(c, letter, &old, &found, e)) {
        return false;
    }
    catalog_stamp_digest(c, now, digest);
    *same = found ? now->classes.count != 0 && memcmp(digest, old.digest, sizeof(digest)) == 0
                  : now->classes.count == 0;
    return true;
}

/* ── a page ── */

struct page {
    struct buf bodies[PAGE];
    struct ledger_record records[PAGE];
    size_t count;
};

/* What cannot be read of a letter is told once a sweep, and each is logged. */
static void tell_unread(struct sweep *w, uint64_t letter, const struct error *why)
{
    char sentence[ERROR_TEXT_MAX + 160];

    log_event(LOG_WARNING, "retention.unread", LOG_NUMBER("seq", (int64_t)letter),
              LOG_TEXT("reason", why->text));
    if (w->unread++ == 0) {
        (void)snprintf(
            sentence, sizeof(sentence),
            "how long letter %llu is kept could not be told from all of it, so it stays; "
            "run `postern ledger verify`: %s",
            (unsigned long long)letter, why->text);
        keeper_alert(w->k, "retention-unread", sentence);
    }
}

/* It may have been erased since the catalog was opened. */
static bool was_erased(struct sweep *w, const struct catalog_letter *l)
{
    OWN(catalog) struct catalog *later = NULL;
    struct ledger_ref ref;
    bool erased = false;
    struct error e;

    return catalog_open(w->k->options.catalog_path, false, SLICE_NONE, &later, &e) &&
           catalog_removal(later, &l->id, &ref, &erased, &e) && erased;
}

static bool look_at(struct sweep *w, struct catalog *c, const struct catalog_letter *l,
                    const struct retention_rules *rules, struct page *p, struct error *e)
{
    struct retention_looker looker = {
        .k = w->k, .catalog = c, .arena = &w->arena, .hurried = w->wait_ms >= PATIENT_MS};
    struct classes now;
    bool same = false;

    if (!l->decided || l->kind == LETTER_REPEAT) {
        return true;
    }
    if (!retention_look_again(&looker, l, rules, &now, e)) {
        if (was_erased(w, l)) {
            return true;
        }
        /* Its stamp stays what it was; nothing is destroyed whose facts cannot be read. */
        bool never = e->kind == ERROR_CORRUPT || (e->kind == ERROR_BUSY && looker.hurried);
        if (never) {
            tell_unread(w, l->seq, e);
        }
        return never;
    }
    if (looker.doubted) {
        tell_unread(w, l->seq, &looker.why);
    }
    if (!is_as_it_was(c, l->seq, &now, &same, e) || same) {
        return same;
    }
    struct buf *body = &p->bodies[p->count];
    buf_init(body, KEEPER_STAMP_MAX);
    cbor_write(body, &classes_schema, &now);
    p->records[p->count++] = (struct ledger_record){RECORD_CLASSES, buf_slice(body)};
    return !body->full || error_set(e, ERROR_LIMIT, "a letter's classes do not fit");
}

/* An error in one letter ends the page before it: what was found out until then is recorded. */
static bool look_at_all(struct sweep *w, struct catalog *c, const struct retention_rules *rules,
                        struct page *p, struct error *e)
{
    struct ledger_ref refs[PAGE];
    OWN(arena) struct arena arena = {.max = 4 << 20};
    struct catalog_letter *letters = NULL;
    int64_t until = clock_steady_ms() + PAGE_MS;
    size_t count = 0;
    size_t i = 0;
    bool ok = true;
    struct error why = {0};

    if (!catalog_letters(c, CATALOG_BEHIND, w->place, PAGE, &arena, &letters, &count, e)) {
        return false;
    }
    while (i < count && letters[i].seq < w->end && (i == 0 || clock_steady_ms() < until)) {
        size_t before = p->count;
        ok = look_at(w, c, &letters[i], rules, p, &why);
        arena_reset(&w->arena);
        if (!ok) {
            p->count = before;
            break;
        }
        i++;
    }
    if (p->count && !keeper_record(w->k, LEDGER_PATIENT, p->records, p->count, refs, e)) {
        return false;
    }
    w->changed += p->count;
    w->place = i < count ? letters[i].seq : count < PAGE ? w->end : letters[count - 1].seq + 1;
    if (!ok) {
        *e = why;
        return error_add(e, "letter %llu", (unsigned long long)letters[i].seq);
    }
    return true;
}

/* True when something was done. */
static bool do_page(struct sweep *w, const struct retention_rules *rules, struct error *e)
{
    OWN(catalog) struct catalog *c = NULL;
    struct page *p = calloc(1, sizeof(*p));

    if (!p) {
        arena_panic("out of memory");
    }
    bool done =
        catalog_open(w->k->options.catalog_path, false, slice_of(w->key, sizeof(w->key)), &c, e) &&
        (catalog_position(c).seq >= w->must || error_set(e, ERROR_BUSY, "the catalog is behind")) &&
        look_at_all(w, c, rules, p, e);
    for (size_t i = 0; i < PAGE; i++) {
        buf_done(&p->bodies[i]);
    }
    free(p);
    return done;
}

/* ── when ── */

/* Letters that come go before those that are in; but not for ever. */
static bool is_turn(struct sweep *w)
{
    struct keeper *k = w->k;

    (void)pthread_mutex_lock(&k->backlog.lock);
    bool idle = k->backlog.list.count + k->backlog.imported.count + k->backlog.busy == 0;
    (void)pthread_mutex_unlock(&k->backlog.lock);
    return idle || clock_steady_ms() >= w->paged_at + PATIENCE_MS;
}

static void publish(struct sweep *w)
{
    bool done = w->place == DONE;

    atomic_store(&w->k->retention.end, done ? 0 : w->end ? w->end : DONE);
    atomic_store(&w->k->retention.next, done ? 0 : w->place);
    atomic_store(&w->k->retention.looking, w->version);
}

static void begin(struct sweep *w, const struct retention_rules *rules)
{
    struct ledger_head head;

    if (atomic_exchange(&w->k->retention.again, false) ||
        retention_version_of(rules) != w->version) {
        w->version = retention_version_of(rules);
        w->place = 0;
        w->end = 0;
        w->changed = 0;
        w->unread = 0;
    }
    if (w->end == 0 && retention_is_alone(w->k)) {
        ledger_head(w->k->ledger, &head);
        if (tail_settle(w->k)) {
            w->end = head.size;
            uint64_t folded = atomic_load(&w->k->tail.position);
            w->must = folded > w->version ? folded : w->version + 1;
            save(w);
        }
    }
}

/* Not before the catalog holds what was recorded: who destroys letters reads it there. */
static void finish(struct sweep *w)
{
    if (!tail_settle(w->k)) {
        return;
    }
    w->place = DONE;
    save(w);
    log_event(LOG_INFO, "retention.looked", LOG_NUMBER("version", (int64_t)w->version),
              LOG_NUMBER("changed", (int64_t)w->changed), LOG_NUMBER("unread", (int64_t)w->unread));
}

static void failed(struct sweep *w, const struct error *why)
{
    w->wait_ms = w->wait_ms == 0              ? FIRST_WAIT_MS
                 : w->wait_ms >= LAST_WAIT_MS ? LAST_WAIT_MS
                                              : 2 * w->wait_ms;
    w->next_at = clock_steady_ms() + w->wait_ms;
    log_event(LOG_WARNING, "retention.waits", LOG_TEXT("reason", why->text));
    if (why->kind == ERROR_CORRUPT) {
        keeper_alert(w->k, "retention-waits", why->text);
    }
}

static void go_on(struct sweep *w, const struct retention_rules *rules)
{
    struct error e = {0};
    bool paged = do_page(w, rules, &e);

    w->paged_at = clock_steady_ms();
    arena_reset(&w->arena);
    if (!paged) {
        failed(w, &e);
        return;
    }
    w->wait_ms = 0;
    if (w->place >= w->end) {
        finish(w);
    } else if (clock_steady_ms() >= w->saved_at + SAVE_MS) {
        save(w);
    }
}

/* A step of the work, if there is any. Returns how long to wait. */
static unsigned step(struct sweep *w)
{
    struct error e = {0};
    unsigned pause = IDLE_US;

    if (clock_steady_ms() < w->next_at) {
        return pause;
    }
    if (!retention_reload(w->k, &e)) {
        failed(w, &e);
        return pause;
    }
    struct retention_rules *rules = retention_hold(w->k);
    uint64_t version = retention_version_of(rules);
    if (version == 0) { /* there never was a rule */
        w->version = 0;
        w->place = DONE;
    } else if (version != w->version || w->place != DONE || atomic_load(&w->k->retention.again)) {
        begin(w, rules);
        pause = LOOK_US;
        if (w->end && is_turn(w)) {
            go_on(w, rules);
            pause = 0;
        }
    }
    retention_release(w->k, rules);
    publish(w);
    return pause;
}

bool retention_left(struct keeper *k, struct catalog *catalog, uint64_t *left, struct error *e)
{
    bool late = atomic_load(&k->retention.wanted) > atomic_load(&k->retention.looking);
    uint64_t next = late ? 0 : atomic_load(&k->retention.next);
    uint64_t end = late ? DONE : atomic_load(&k->retention.end);

    return catalog_count_between(catalog, next, end, left, e);
}

/* For `postern status`: how many are under no rule. */
static void count(struct sweep *w)
{
    OWN(catalog) struct catalog *c = NULL;
    struct catalog_retention_counts counts;
    int64_t now = clock_steady_ms();
    uint64_t size = atomic_load(&w->k->tail.position);
    uint64_t left = 0;
    struct error e;

    if (now < w->counted_at + COUNT_MS + 100 * w->count_ms || size == w->counted_size) {
        return;
    }
    if (catalog_open(w->k->options.catalog_path, false, SLICE_NONE, &c, &e) &&
        catalog_retention_counts(c, 0, &counts, &e) && retention_left(w->k, c, &left, &e)) {
        atomic_store(&w->k->retention.unruled, counts.unruled);
        atomic_store(&w->k->retention.left, left);
        w->counted_size = size;
    }
    w->counted_at = clock_steady_ms();
    w->count_ms = w->counted_at - now;
}

void keeper_retention(void *keeper)
{
    struct sweep w = {.k = keeper};
    OWN(secret) struct secret *key = NULL;
    struct error e;

    if (!keeper_catalog_key(w.k, &key, &e)) {
        keeper_alert(w.k, "catalog-failed", e.text);
        return;
    }
    thread_background();
    arena_init(&w.arena, KEEPER_ARENA_MAX);
    struct slice bytes = secret_slice(key);
    if (bytes.len != sizeof(w.key) || !bytes.ptr) {
        arena_panic("a derived key of another length");
    }
    (void)memcpy(w.key, bytes.ptr, sizeof(w.key));
    load(&w);
    while (!atomic_load(&w.k->closing)) {
        unsigned pause = step(&w);
        count(&w);
        if (pause) {
            (void)usleep(pause);
        }
    }
    if (w.place != DONE) {
        save(&w);
    }
    arena_done(&w.arena);
}
