/* What became of persons' requests for erasure, from the ledger's records. */
#include <stdlib.h>

#include "base/clock.h"

#include "keeper/backups.h"
#include "keeper/internal.h"
#include "keeper/subject.h"
#include "requests/subject.h"

#define RECORD_ARENA_MAX ((size_t)16 << 20)
#define DUE_MAX          10000
#define HELD_MAX         20  /* holds, or several together, that are named of one request */
#define HELD_TEXT_MAX    300 /* bytes */

struct subject_due {
    uint64_t number;
    uint64_t at;
};

bool subject_each(struct keeper *k, struct catalog *catalog, uint64_t which, uint64_t from,
                  uint64_t end, subject_visit *visit, void *context, struct error *e)
{
    OWN(arena) struct arena list = {.max = KEEPER_ARENA_MAX};
    OWN(arena) struct arena arena = {.max = RECORD_ARENA_MAX};
    struct catalog_record *records = NULL;
    size_t count = 0;

    if (!catalog_records(catalog, which, &list, &records, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct subject_record r;
        uint64_t at = 0;
        arena_reset(&arena);
        if (records[i].ref.seq < from || records[i].ref.seq >= end) {
            continue;
        }
        if (!keeper_read_at(k, records[i].ref, &subject_record_schema, &arena, &r, &at, e) ||
            !visit(context, &r, records[i].ref, at, e)) {
            return false;
        }
    }
    return true;
}

/* ── holds ── */

/* Holds that kept letters of one request. */
struct held {
    struct slice request;
    struct arena *arena;

    struct {
        struct slice names;
        uint64_t letters;
    } list[HELD_MAX];

    size_t n;
    bool more;
};

static void count_held(struct held *h, struct slice names)
{
    size_t i = 0;

    while (i < h->n && !slice_equal(h->list[i].names, names)) {
        i++;
    }
    if (i == HELD_MAX) {
        h->more = true;
        return;
    }
    if (i == h->n) {
        h->list[i].names = arena_copy(h->arena, names);
        h->list[i].letters = 0;
        h->n++;
    }
    h->list[i].letters++;
}

static bool visit_held(void *context, const struct subject_record *r, struct ledger_ref ref,
                       uint64_t at, struct error *e)
{
    struct held *h = context;
    const struct subject_ground *grounds = r->grounds.items;
    const struct subject_kept *letters = r->letters.items;

    (void)ref;
    (void)at;
    (void)e;
    for (size_t i = 0; i < r->letters.count && slice_equal(r->request, h->request); i++) {
        if (letters[i].ground < r->grounds.count &&
            grounds[letters[i].ground].why == SUBJECT_HELD) {
            count_held(h, grounds[letters[i].ground].name);
        }
    }
    return true;
}

bool subject_held_text(struct keeper *k, struct slice request, struct arena *arena,
                       struct slice *text, struct error *e)
{
    OWN(catalog) struct catalog *catalog = NULL;
    struct held h = {.request = request, .arena = arena};
    struct slice said = SLICE_NONE;

    (void)tail_settle(k);
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, e) ||
        !subject_each(k, catalog, CATALOG_SUBJECT_PARTS, 0, UINT64_MAX, visit_held, &h, e)) {
        return false;
    }
    for (size_t i = 0; i < h.n; i++) {
        struct slice longer =
            arena_printf(arena, "%.*s%s by %.*s: %llu", SLICE_ARG(said), i ? "," : "; held",
                         SLICE_ARG(h.list[i].names), (unsigned long long)h.list[i].letters);
        h.more = h.more || longer.len > HELD_TEXT_MAX;
        said = longer.len > HELD_TEXT_MAX ? said : longer;
    }
    *text = h.more ? arena_printf(arena, "%.*s%s", SLICE_ARG(said),
                                  said.len ? ", and by others" : "; held by many holds")
                   : said;
    return true;
}

/* ── rows ── */

/* A copy that lasts as long as the arena, without letters. */
static struct subject_record copy(const struct subject_record *r, struct arena *arena)
{
    struct subject_record c = *r;
    const struct cbor_list *lists[] = {&r->addresses, &r->words};
    struct cbor_list *copies[] = {&c.addresses, &c.words};

    for (size_t i = 0; i < 2; i++) {
        const struct slice *texts = lists[i]->items;
        struct slice *own = arena_array(arena, lists[i]->count + 1, sizeof(*own));
        for (size_t j = 0; j < lists[i]->count; j++) {
            own[j] = arena_copy(arena, texts[j]);
        }
        copies[i]->items = own;
    }
    c.request = arena_copy(arena, r->request);
    c.by = arena_copy(arena, r->by);
    c.reason = arena_copy(arena, r->reason);
    c.grounds = c.letters = (struct cbor_list){0};
    return c;
}

struct listing {
    struct keeper *k;
    struct arena *arena;
    uint64_t wanted; /* a number; 0: all */
    struct subject_row *rows;
    size_t n;
};

static struct subject_row *row_of(struct listing *l, uint64_t number)
{
    struct subject_row *row = NULL;

    for (size_t i = 0; i < l->n; i++) {
        row = l->rows[i].begun.number == number ? &l->rows[i] : row;
    }
    if (row) {
        return row;
    }
    if (l->n == SUBJECT_LISTED_MAX) { /* the oldest gives way */
        (void)memmove(l->rows, l->rows + 1, (l->n - 1) * sizeof(*l->rows));
        l->n--;
    }
    l->rows[l->n] = (struct subject_row){.begun.number = number};
    return &l->rows[l->n++];
}

static bool list_bound(void *context, const struct subject_record *r, struct ledger_ref ref,
                       uint64_t at, struct error *e)
{
    struct listing *l = context;

    (void)e;
    if (l->wanted && r->number != l->wanted) {
        return true;
    }
    struct subject_row *row = row_of(l, r->number);
    if (r->state == SUBJECT_BEGUN) {
        *row = (struct subject_row){
            .begun = copy(r, l->arena),
            .ended = {.request = arena_copy(l->arena, r->request),
                      .number = r->number,
                      .state = SUBJECT_BEGUN},
            .begun_at = at,
            .runs = row->runs + 1,
            .from = ref.seq,
            .end = INT64_MAX
        };
    } else if (slice_equal(row->begun.request, r->request)) {
        row->ended = copy(r, l->arena);
        row->ended_at = at;
        row->end = ref.seq;
    }
    return true;
}

static bool list_part(void *context, const struct subject_record *r, struct ledger_ref ref,
                      uint64_t at, struct error *e)
{
    struct listing *l = context;

    (void)e;
    (void)ref;
    for (size_t i = 0; i < l->n; i++) {
        struct subject_row *row = &l->rows[i];
        if (row->ended.state != SUBJECT_ENDED && slice_equal(row->begun.request, r->request)) {
            row->ended = copy(r, l->arena);
            row->ended_at = at;
        }
    }
    return true;
}

/* How far those came that are under way: their batches stand behind the first of them that did not end. */
static bool list_under_way(struct listing *l, struct catalog *catalog, struct error *e)
{
    uint64_t from = UINT64_MAX;

    for (size_t i = 0; i < l->n; i++) {
        bool under_way = l->rows[i].ended.state != SUBJECT_ENDED && l->rows[i].from < from;
        from = under_way ? l->rows[i].from : from;
    }
    return from == UINT64_MAX ||
           subject_each(l->k, catalog, CATALOG_SUBJECT_PARTS, from, UINT64_MAX, list_part, l, e);
}

static bool list_all(struct listing *l, struct error *e)
{
    OWN(catalog) struct catalog *catalog = NULL;

    l->rows = arena_array(l->arena, SUBJECT_LISTED_MAX, sizeof(*l->rows));
    (void)tail_settle(l->k);
    return catalog_open(l->k->options.catalog_path, false, SLICE_NONE, &catalog, e) &&
           subject_each(l->k, catalog, CATALOG_SUBJECTS, 0, UINT64_MAX, list_bound, l, e) &&
           list_under_way(l, catalog, e);
}

static bool is_unknown(uint64_t number, struct error *e)
{
    return error_set(e, ERROR_INPUT,
                     "no request of number %llu was approved: `postern subject list` lists them",
                     (unsigned long long)number);
}

bool keeper_on_subject_list(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct subject_list_ask *ask = r->ask;
    struct subject_list_answer *answer = r->answer;
    struct listing l = {.k = ctx, .arena = r->arena, .wanted = ask->number};

    if (!list_all(&l, e)) {
        return false;
    }
    if (ask->number && l.n == 0) {
        return is_unknown(ask->number, e);
    }
    for (size_t i = 0; i < l.n / 2; i++) { /* the newest first */
        struct subject_row other = l.rows[i];
        l.rows[i] = l.rows[l.n - 1 - i];
        l.rows[l.n - 1 - i] = other;
    }
    for (size_t i = 0; i < l.n; i++) {
        struct subject_row *row = &l.rows[i];
        (void)backups_gone_at(l.k, (int64_t)row->ended_at, &row->gone);
        row->due = subject_is_due(ctx, row->begun.number);
    }
    answer->rows = (struct cbor_list){l.rows, l.n};
    return true;
}

bool subject_again(struct keeper *k, uint64_t number, struct arena *arena,
                   struct subject_record *begun, struct error *e)
{
    struct listing l = {.k = k, .arena = arena, .wanted = number};

    if (!list_all(&l, e)) {
        return false;
    }
    if (l.n == 0) {
        return is_unknown(number, e);
    }
    *begun = l.rows[0].begun;
    return l.rows[0].ended.state == SUBJECT_ENDED ||
           error_set(e, ERROR_BUSY, "request %llu is still being carried out",
                     (unsigned long long)number);
}

/* ── letters that were kept ── */

struct parts {
    struct subject_letters_answer *answer;
    struct arena *arena;
};

static bool add_part(void *context, const struct subject_record *r, struct ledger_ref ref,
                     uint64_t at, struct error *e)
{
    struct parts *p = context;
    struct subject_record *parts = p->answer->parts.items;

    (void)at;
    if (p->answer->parts.count == SUBJECT_PARTS_MAX) {
        p->answer->next = ref.seq;
        return error_set(e, ERROR_LIMIT, "the next answer");
    }
    struct subject_record *part = &parts[p->answer->parts.count++];
    *part = (struct subject_record){
        .request = arena_copy(p->arena, r->request), .number = r->number, .state = r->state};
    struct subject_ground *grounds = arena_array(p->arena, r->grounds.count + 1, sizeof(*grounds));
    for (size_t i = 0; i < r->grounds.count; i++) {
        const struct subject_ground *g = (const struct subject_ground *)r->grounds.items + i;
        grounds[i] = (struct subject_ground){g->why, arena_copy(p->arena, g->name),
                                             arena_copy(p->arena, g->citation)};
    }
    struct subject_kept *letters = arena_array(p->arena, r->letters.count + 1, sizeof(*letters));
    for (size_t i = 0; i < r->letters.count; i++) {
        const struct subject_kept *l = (const struct subject_kept *)r->letters.items + i;
        letters[i] = (struct subject_kept){arena_copy(p->arena, l->id), l->ground, l->until};
    }
    part->grounds = (struct cbor_list){grounds, r->grounds.count};
    part->letters = (struct cbor_list){letters, r->letters.count};
    return true;
}

bool keeper_on_subject_letters(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct subject_letters_ask *ask = r->ask;
    struct subject_letters_answer *answer = r->answer;
    OWN(catalog) struct catalog *catalog = NULL;
    struct parts p = {answer, r->arena};

    answer->parts.items = arena_array(r->arena, SUBJECT_PARTS_MAX, sizeof(struct subject_record));
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, e)) {
        return false;
    }
    return subject_each(k, catalog, CATALOG_SUBJECT_PARTS, ask->from, ask->end, add_part, &p, e) ||
           answer->next;
}

/* ── whose time is over ── */

void subject_due_set(struct keeper *k, uint64_t number, uint64_t due)
{
    struct subjects_due *d = &k->approvals.due;
    size_t i = 0;

    (void)pthread_mutex_lock(&k->approvals.lock);
    while (i < d->n && d->list[i].number != number) {
        i++;
    }
    if (i == d->n && due && d->n < DUE_MAX) {
        d->list = realloc(d->list, (d->n + 1) * sizeof(*d->list));
        if (!d->list) {
            arena_panic("out of memory");
        }
        d->n++;
    }
    if (i < d->n) {
        d->list[i] = (struct subject_due){number, due};
    }
    (void)pthread_mutex_unlock(&k->approvals.lock);
}

static uint64_t count_due(struct keeper *k, uint64_t number)
{
    const struct subjects_due *d = &k->approvals.due;
    uint64_t now = (uint64_t)clock_wall_ms();
    uint64_t count = 0;

    (void)pthread_mutex_lock(&k->approvals.lock);
    for (size_t i = 0; i < d->n; i++) {
        count += d->list[i].at && d->list[i].at <= now && (!number || d->list[i].number == number);
    }
    (void)pthread_mutex_unlock(&k->approvals.lock);
    return count;
}

bool subject_is_due(struct keeper *k, uint64_t number)
{
    return count_due(k, number) != 0;
}

uint64_t subjects_due(struct keeper *k)
{
    return count_due(k, 0);
}

static bool take_due(void *context, const struct subject_record *r, struct ledger_ref ref,
                     uint64_t at, struct error *e)
{
    (void)ref;
    (void)at;
    (void)e;
    if (r->state == SUBJECT_ENDED) {
        subject_due_set(context, r->number, r->due);
    }
    return true;
}

bool subject_open(struct keeper *k, struct error *e)
{
    return subject_each(k, k->tail.catalog, CATALOG_SUBJECTS, 0, UINT64_MAX, take_due, k, e);
}

void subject_close(struct keeper *k)
{
    free(k->approvals.due.list);
    k->approvals.due = (struct subjects_due){0};
}
