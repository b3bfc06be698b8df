/* Imports: who begins one says of what, and which are under way. What comes of their letters is in
 * import_batch.c.
 *
 * 1. Who may use the control socket begins an import and gets a ticket, new each time. With it, and by
 *    no name or id, letters are added to the import until it ends.
 * 2. A batch of letters, what could not be taken and how far the import came are one commit. An import
 *    that was interrupted goes on there; what it took already is known again by its content. */
#include "base/log.h"

#include "keeper/admin.h"
#include "keeper/internal.h"
#include "keyring/keyring.h"

#define SETTLE_TRIES 20   /* a second each, where the catalog is far behind */
#define LISTED_MAX   1000 /* imports looked at for one to go on with */

static struct import *found(struct imports *all, struct import *x)
{
    if (x) {
        x->turn = ++all->turns;
    }
    return x;
}

struct import *imports_find(struct imports *all, struct slice id)
{
    struct import *x = NULL;

    for (size_t i = 0; i < IMPORTS_MAX && !x; i++) {
        struct import *at = &all->open[i];
        x = at->used && slice_equal(letter_id_slice(&at->id), id) ? at : NULL;
    }
    return found(all, x);
}

static bool admits(const struct import *x, struct slice ticket)
{
    return x->used && secret_equal(slice_of(x->ticket, IMPORT_TICKET_LEN), ticket);
}

struct import *imports_admit(struct imports *all, struct slice ticket)
{
    struct import *x = NULL;

    for (size_t i = 0; i < IMPORTS_MAX && !x; i++) {
        x = admits(&all->open[i], ticket) ? &all->open[i] : NULL;
    }
    for (size_t i = 0; i < all->n_standing && !x; i++) {
        x = admits(all->standing[i], ticket) ? all->standing[i] : NULL;
    }
    return found(all, x);
}

void import_remember(struct import *x, const struct letter_id *id, const struct import_record *r)
{
    arena_done(&x->arena);
    arena_init(&x->arena, 1 << 20);
    x->used = true;
    x->id = *id;
    x->record = *r;
    x->record.id = letter_id_slice(&x->id);
    x->record.name = arena_copy(&x->arena, r->name);
    x->record.owner = arena_copy(&x->arena, r->owner);
    x->record.path = arena_copy(&x->arena, r->path);
    x->record.by = arena_copy(&x->arena, r->by);
    x->record.reason = arena_copy(&x->arena, r->reason);
    x->record.failures = (struct cbor_list){0};
    import_new_ticket(x);
}

void import_new_ticket(struct import *x)
{
    keyring_random_bytes(x->ticket, IMPORT_TICKET_LEN);
}

/* A free place, or that of the import which was longest not heard of: it was given up, or is begun
 * again when it does go on. */
static struct import *free_slot(struct imports *all)
{
    struct import *x = &all->open[0];

    for (size_t i = 1; i < IMPORTS_MAX; i++) {
        struct import *at = &all->open[i];
        if (x->used && (!at->used || at->turn < x->turn)) {
            x = at;
        }
    }
    x->turn = ++all->turns;
    return x;
}

/* The answer outlives the lock, and the import perhaps not. */
static void answer_with(const struct import *x, struct arena *arena, struct import_record *answer)
{
    *answer = x->record;
    answer->id = arena_copy(arena, x->record.id);
    answer->name = arena_copy(arena, x->record.name);
    answer->owner = arena_copy(arena, x->record.owner);
    answer->path = arena_copy(arena, x->record.path);
    answer->by = arena_copy(arena, x->record.by);
    answer->reason = arena_copy(arena, x->record.reason);
}

void imports_done(struct imports *all)
{
    for (size_t i = 0; i < IMPORTS_MAX; i++) {
        arena_done(&all->open[i].arena);
    }
    imports_forget_standing(all);
    (void)pthread_mutex_destroy(&all->lock);
}

bool import_is_same(const struct import_record *a, const struct import_record *b)
{
    return a->kind == b->kind && slice_equal(a->name, b->name) && slice_equal(a->owner, b->owner) &&
           slice_equal(a->path, b->path);
}

/* Whether the import is of the same mail; *last is then its last record. */
static bool compare(struct keeper *k, struct catalog *c, const struct catalog_import *i,
                    const struct import_record *wanted, struct arena *arena,
                    struct import_record *last, bool *same, struct error *e)
{
    struct catalog_record *records = NULL;
    struct import_record first;
    size_t count = 0;

    if (!catalog_records(c, i->seq, arena, &records, &count, e)) {
        return false;
    }
    *same = count != 0 && keeper_read(k, records[0].ref, &import_record_schema, arena, &first, e) &&
            import_is_same(&first, wanted) &&
            keeper_read(k, records[count - 1].ref, &import_record_schema, arena, last, e);
    return count == 0 || e->kind == ERROR_NONE;
}

/* An import of the same mail that did not end. Only the last so many are looked at: a mailbox that is
 * begun anew is read again from its start, and nothing in it is taken twice. */
static bool find_unfinished(struct keeper *k, const struct import_record *wanted,
                            struct arena *arena, struct letter_id *id, struct import_record *last,
                            bool *found, struct error *e)
{
    OWN(catalog) struct catalog *c = NULL;
    struct catalog_import *list = NULL;
    size_t count = 0;

    *found = false;
    *e = (struct error){0};
    if (!tail_settle(k)) {
        return error_set(e, ERROR_BUSY, "the catalog is not up to date yet; try again");
    }
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &c, e) ||
        !catalog_imports(c, UINT64_MAX, LISTED_MAX, arena, &list, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count && !*found; i++) {
        if (!list[i].ended && !compare(k, c, &list[i], wanted, arena, last, found, e)) {
            return false;
        }
        *id = list[i].id;
    }
    return true;
}

static bool begin(struct keeper *k, struct ipc_request *r, struct error *e)
{
    const struct import_record *ask = r->ask;
    struct import_record record = *ask;
    struct import_record last = {0};
    struct letter_id id = letter_id_new();
    struct letter_id old;
    struct admin_import_begun *answer = r->answer;
    bool found = false;

    record.by = keeper_admin_of(k, r)->caller.by;
    if (!find_unfinished(k, ask, r->arena, &old, &last, &found, e)) {
        return false;
    }
    id = found ? old : id;
    struct import *x = imports_find(&k->imports, letter_id_slice(&id));
    x = x ? x : free_slot(&k->imports);
    record.id = letter_id_slice(&id);
    record.state = found ? IMPORT_CONTINUED : IMPORT_BEGUN;
    record.taken = last.taken;
    record.known = last.known;
    record.failed = last.failed;
    record.next = last.next;
    record.failures = (struct cbor_list){0};
    if (!keeper_record_one(k, LEDGER_AWAITED, RECORD_IMPORT, &import_record_schema, &record, e)) {
        return false;
    }
    import_remember(x, &id, &record);
    answer_with(x, r->arena, &answer->record);
    answer->ticket = arena_copy(r->arena, slice_of(x->ticket, IMPORT_TICKET_LEN));
    return true;
}

bool keeper_on_import_begin(void *keeper, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper;

    (void)pthread_mutex_lock(&k->imports.lock);
    bool begun = begin(k, r, e);
    (void)pthread_mutex_unlock(&k->imports.lock);
    return begun;
}

static bool end(struct keeper *k, struct ipc_request *r, struct error *e)
{
    const struct import_record *ask = r->ask;
    struct import *x = imports_find(&k->imports, ask->id);

    if (!x) {
        return error_set(e, ERROR_BUSY, "that import is not under way");
    }
    x->record.state = IMPORT_ENDED;
    if (!keeper_record_one(k, LEDGER_AWAITED, RECORD_IMPORT, &import_record_schema, &x->record,
                           e)) {
        return false;
    }
    log_event(LOG_INFO, "import.ended", LOG_NUMBER("taken", (int64_t)x->record.taken),
              LOG_NUMBER("known", (int64_t)x->record.known),
              LOG_NUMBER("failed", (int64_t)x->record.failed));
    answer_with(x, r->arena, r->answer);
    x->used = false;
    explicit_bzero(x->ticket, sizeof(x->ticket));
    return true;
}

bool keeper_on_import_end(void *keeper, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper;

    (void)pthread_mutex_lock(&k->imports.lock);
    bool ended = end(k, r, e);
    (void)pthread_mutex_unlock(&k->imports.lock);
    /* Who ended it asks for its report next, out of the catalog. */
    for (int i = 0; ended && i < SETTLE_TRIES && !tail_settle(k); i++) {
    }
    return ended;
}
