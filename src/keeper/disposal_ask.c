/* Before letters are destroyed: a look at what is over, and asking for it. */
#include "base/clock.h"

#include "catalog/retention.h"
#include "keeper/admin.h"
#include "keeper/disposal.h"
#include "keeper/holds.h"
#include "keeper/internal.h"
#include "requests/disposal.h"

#define PAGE      64 /* letters looked at in one step */
#define PREVIEWED 100000

/* A look at what is over. */
struct preview {
    struct keeper *k;
    struct catalog *catalog;
    struct arena *arena; /* of the answer */
    struct arena letter; /* of one letter */
    const struct docket_hold *holds;
    struct disposal_class *classes;
    size_t n_classes;
    struct disposal_class *held;
    size_t n_held;
};

static void count_name(struct disposal_class *list, size_t *n, struct slice name,
                       struct arena *arena)
{
    size_t i = 0;

    while (i < *n && !slice_equal(list[i].name, name)) {
        i++;
    }
    if (i == *n && *n < DISPOSAL_CLASSES_MAX) {
        list[(*n)++].name = arena_copy(arena, slice_head(name, 64));
    }
    if (i < *n) {
        list[i].letters++;
    }
}

static bool look_at(struct preview *p, const struct catalog_letter *l,
                    struct disposal_preview_answer *answer, struct error *e)
{
    struct classes classes = {0};
    struct slice names;
    bool ruled = false;

    arena_reset(&p->letter);
    if (!disposal_stamp(p->k, p->catalog, l->seq, &p->letter, &classes, &ruled, e) ||
        !holds_shown(p->k, p->holds, &l->id, l->seq, &p->letter, &names, e)) {
        return false;
    }
    const struct class_stamp *stamps = classes.classes.items;
    for (size_t i = 0; i < classes.classes.count; i++) {
        count_name(p->classes, &p->n_classes, stamps[i].class, p->arena);
    }
    answer->over++;
    answer->held += names.len != 0;
    answer->busy += atomic_load(&p->k->indexer.position) <= l->seq;
    while (names.len) {
        count_name(p->held, &p->n_held, slice_trim(slice_cut(names, ',', &names)), p->arena);
    }
    return true;
}

static bool look_at_all(struct preview *p, struct disposal_preview_answer *answer, struct error *e)
{
    uint64_t next = 0;
    size_t n = PAGE;

    while (n == PAGE && answer->over < PREVIEWED) {
        OWN(arena) struct arena page = {.max = 1 << 20};
        struct catalog_letter *letters = NULL;
        if (!catalog_ended(p->catalog, answer->before, next, PAGE, &page, &letters, &n, e)) {
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            if (!look_at(p, &letters[i], answer, e)) {
                return false;
            }
            next = letters[i].seq + 1;
        }
    }
    return true;
}

/* No later than the time that is believed. */
static uint64_t before_of(struct keeper *k, uint64_t wanted)
{
    struct trusted_clock clock = disposal_clock_now(k);
    uint64_t now = (uint64_t)trusted_clock_now(&clock, clock_wall_ms());

    return wanted && wanted < now ? wanted : now;
}

bool keeper_on_disposal_preview(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct disposal_preview_ask *ask = r->ask;
    struct disposal_preview_answer *answer = r->answer;
    OWN(catalog) struct catalog *catalog = NULL;
    struct trusted_clock clock = disposal_clock_now(k);
    struct preview p = {.k = k,
                        .arena = r->arena,
                        .letter = {.max = KEEPER_ARENA_MAX},
                        .holds = approvals_holds(k, r->arena),
                        .classes = arena_array(r->arena, DISPOSAL_CLASSES_MAX, sizeof(*p.classes)),
                        .held = arena_array(r->arena, DISPOSAL_CLASSES_MAX, sizeof(*p.held))};

    (void)tail_settle(k);
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, e)) {
        return false;
    }
    p.catalog = catalog;
    answer->before = before_of(k, ask->before);
    answer->doubted = clock.doubted;
    answer->believed = (uint64_t)clock.at;
    bool looked = look_at_all(&p, answer, e) && retention_left(k, catalog, &answer->left, e);
    arena_done(&p.letter);
    answer->classes = (struct cbor_list){p.classes, p.n_classes};
    answer->holds = (struct cbor_list){p.held, p.n_held};
    return looked;
}

static bool count_over(struct keeper *k, uint64_t before, uint64_t *count, struct error *e)
{
    OWN(catalog) struct catalog *catalog = NULL;
    struct catalog_retention_counts counts;
    uint64_t left = 0;

    (void)tail_settle(k);
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, e) ||
        !catalog_retention_counts(catalog, before, &counts, e) ||
        !retention_left(k, catalog, &left, e)) {
        return false;
    }
    *count = counts.ended;
    if (left) {
        return error_set(e, ERROR_BUSY,
                         "the rules in force are still to be applied to %llu letters: ask when "
                         "`postern status` shows that none is left",
                         (unsigned long long)left);
    }
    return counts.ended || error_set(e, ERROR_INPUT, "nothing is over: `postern disposal preview`");
}

bool keeper_on_disposal_ask(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct disposal_ask_ask *ask = r->ask;
    OWN(buf) struct buf arguments = {.max = APPROVAL_ARGUMENTS_MAX};
    struct trusted_clock clock = disposal_clock_now(k);
    struct request_disposal asked = {.before = before_of(k, ask->before),
                                     .rules = retention_version_now(k)};
    struct ledger_head head;
    char before[CLOCK_TEXT_MAX];

    ledger_head(k->ledger, &head);
    asked.head = head.size;
    if (!disposal_clock_believed(&clock, e) || !count_over(k, asked.before, &asked.letters, e)) {
        return false;
    }
    clock_rfc3339((int64_t)asked.before, before);
    cbor_write(&arguments, &request_disposal_schema, &asked);
    struct request_record request = {
        .kind = REQUEST_DISPOSAL,
        .arguments = buf_slice(&arguments),
        .object = arena_printf(r->arena, "%llu letters whose retention ended before %s",
                               (unsigned long long)asked.letters, before),
        .reason = ask->reason};
    return approvals_ask(keeper_admin_of(ctx, r), &request, SLICE_NONE, r->arena, r->answer, e);
}
