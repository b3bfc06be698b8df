/* Imports that never end: of a folder that is pulled again and again, of a journal. Their last record
 * says how far they came, in one commit with the letters, so what was interrupted goes on there. */
#include "base/log.h"

#include "keeper/internal.h"
#include "requests/pull.h"

#define PAGE 1000 /* imports read at once, after a start */

static bool is_standing(uint64_t kind)
{
    return kind == SOURCE_IMAP || kind == SOURCE_JOURNAL;
}

static struct import *add(struct imports *all)
{
    struct import **grown = reallocarray(all->standing, all->n_standing + 1, sizeof(void *));
    struct import *x = calloc(1, sizeof(*x));

    if (!grown || !x) {
        arena_panic("out of memory");
    }
    all->standing = grown;
    all->standing[all->n_standing++] = x;
    return x;
}

static struct import *find(struct imports *all, const struct import_record *wanted)
{
    for (size_t i = 0; i < all->n_standing; i++) {
        struct import *x = all->standing[i];
        if (x->used && import_is_same(&x->record, wanted)) {
            return x;
        }
    }
    return NULL;
}

static bool load_one(struct keeper *k, struct catalog *c, const struct catalog_import *i,
                     struct error *e)
{
    OWN(arena) struct arena arena = {.max = (size_t)64 << 20};
    struct catalog_record *records = NULL;
    struct import_record first;
    struct import_record last;
    size_t count = 0;

    if (!catalog_records(c, i->seq, &arena, &records, &count, e)) {
        return false;
    }
    if (count == 0) {
        return true;
    }
    if (!keeper_read(k, records[0].ref, &import_record_schema, &arena, &first, e)) {
        return false;
    }
    if (!is_standing(first.kind)) {
        return true;
    }
    if (!keeper_read(k, records[count - 1].ref, &import_record_schema, &arena, &last, e)) {
        return false;
    }
    first.taken = last.taken;
    first.known = last.known;
    first.failed = last.failed;
    first.next = last.next;
    import_remember(add(&k->imports), &i->id, &first);
    return true;
}

/* All that stand, the newest first. */
static bool load(struct keeper *k, struct error *e)
{
    OWN(catalog) struct catalog *c = NULL;
    uint64_t before = UINT64_MAX;
    size_t count = PAGE;

    if (!tail_settle(k)) {
        return error_set(e, ERROR_BUSY, "the catalog is not up to date yet; try again");
    }
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &c, e)) {
        return false;
    }
    while (count == PAGE) {
        OWN(arena) struct arena arena = {.max = 1 << 20};
        struct catalog_import *list = NULL;
        if (!catalog_imports(c, before, PAGE, &arena, &list, &count, e)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            if (!list[i].ended && !load_one(k, c, &list[i], e)) {
                return false;
            }
            before = list[i].seq;
        }
    }
    k->imports.loaded = true;
    return true;
}

/* The folder's UIDs are others than those that were taken: it is read again, as another import. */
static bool end_old(struct keeper *k, struct import *x, struct error *e)
{
    struct import_record record = x->record;

    record.state = IMPORT_ENDED;
    if (!keeper_record_one(k, LEDGER_AWAITED, RECORD_IMPORT, &import_record_schema, &record, e)) {
        return false;
    }
    x->used = false;
    return true;
}

static bool begin_new(struct keeper *k, const struct import_record *wanted, struct import *x,
                      struct error *e)
{
    struct letter_id id = letter_id_new();
    struct import_record record = *wanted;

    record.id = letter_id_slice(&id);
    record.state = IMPORT_BEGUN;
    if (!keeper_record_one(k, LEDGER_AWAITED, RECORD_IMPORT, &import_record_schema, &record, e)) {
        return false;
    }
    import_remember(x, &id, &record);
    return true;
}

bool imports_stand(struct keeper *k, const struct import_record *wanted, uint64_t uid_validity,
                   struct import **out, struct error *e)
{
    struct imports *all = &k->imports;

    *e = (struct error){0};
    if (!all->loaded) {
        imports_forget_standing(all); /* of a loading that failed half way */
        if (!load(k, e)) {
            return false;
        }
    }
    struct import *x = find(all, wanted);
    if (x && x->record.next >> 32 && x->record.next >> 32 != uid_validity) {
        if (!end_old(k, x, e) || !begin_new(k, wanted, x, e)) {
            return false;
        }
    } else if (!x) {
        struct import fresh = {0};
        if (!begin_new(k, wanted, &fresh, e)) {
            return false;
        }
        x = add(all);
        *x = fresh;
        x->record.id = letter_id_slice(&x->id);
    }
    import_new_ticket(x);
    *out = x;
    return true;
}

void imports_forget_standing(struct imports *all)
{
    for (size_t i = 0; i < all->n_standing; i++) {
        arena_done(&all->standing[i]->arena);
        free(all->standing[i]);
    }
    free(all->standing);
    all->standing = NULL;
    all->n_standing = 0;
}

bool keeper_on_journal_begin(void *ctx, struct ipc_request *r, struct error *e)
{
    static const struct import_record wanted = {.kind = SOURCE_JOURNAL,
                                                .name = SLICE_INIT("journal"),
                                                .path = SLICE_INIT("listen-journal"),
                                                .by = SLICE_INIT("listen-journal")};
    struct keeper *k = ctx;
    struct keeper_journal_begin_answer *answer = r->answer;
    struct import *x = NULL;

    (void)pthread_mutex_lock(&k->imports.lock);
    bool stands = imports_stand(k, &wanted, 0, &x, e);
    if (stands) {
        answer->ticket = arena_copy(r->arena, slice_of(x->ticket, IMPORT_TICKET_LEN));
    }
    (void)pthread_mutex_unlock(&k->imports.lock);
    return stands;
}
