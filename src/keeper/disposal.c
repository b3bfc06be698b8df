/* Letters whose time is over. disposal_judge() (stages/retention) decides about each; what it is told is
 * gathered here, from the ledger where it can be: the stamp of a letter is the record that the catalog names. */
#include "keeper/disposal.h"

#include "base/clock.h"
#include "base/log.h"

#include "catalog/retention.h"
#include "keeper/admin.h"
#include "keeper/backups.h"
#include "keeper/erase.h"
#include "keeper/internal.h"
#include "requests/disposal.h"

#define PAGE      64 /* letters looked at in one batch */
#define BATCH     32 /* that are destroyed in one: others belong to them */
#define PREVIEWED 100000

/* ── one letter ── */

/* When the longest retention of a letter ends, as its last stamp says. */
static bool read_stamp(struct keeper *k, struct catalog *c, uint64_t seq, struct arena *arena,
                       struct classes *classes, bool *ruled, struct error *e)
{
    struct ledger_ref ref;

    return catalog_record(c, seq, RECORD_CLASSES, &ref, ruled, e) &&
           (!*ruled || keeper_read(k, ref, &classes_schema, arena, classes, e));
}

/* What is being done of a disposal. */
struct disposing {
    struct keeper *k;
    struct disposal *d;
    struct erasing *x;
    struct arena *arena;
    struct disposal_order order;
    struct trusted_clock clock;
    uint64_t rules; /* the version that it was asked under */
};

static bool judge(struct disposing *w, uint64_t seq, struct disposal_letter *l,
                  enum disposal_verdict *verdict, struct error *e)
{
    struct classes classes = {0};

    l->seq = seq;
    if (!read_stamp(w->k, w->x->catalog, seq, w->arena, &classes, &l->ruled, e)) {
        return false;
    }
    l->ruled = l->ruled && classes.classes.count;
    l->until = classes.until;
    *verdict = disposal_judge(&w->order, &w->clock, clock_wall_ms(), l);
    return true;
}

/* Of what goes along with a letter (a report, say) no rule may say that it stays. */
static bool may_go_along(struct disposing *w, size_t first, enum disposal_verdict *verdict,
                         struct error *e)
{
    for (size_t i = first; i < w->x->n_letters && *verdict == DISPOSAL_DESTROY; i++) {
        struct disposal_letter l = {.at_rest = true};
        enum disposal_verdict also = DISPOSAL_DESTROY;
        if (w->x->places[i].repeats) {
            continue;
        }
        if (!judge(w, w->x->places[i].seq, &l, &also, e)) {
            return false;
        }
        *verdict = also == DISPOSAL_UNRULED ? *verdict : also;
    }
    return true;
}

static void count(struct disposal_record *counts, enum disposal_verdict verdict)
{
    counts->held += verdict == DISPOSAL_HELD;
    counts->busy += verdict == DISPOSAL_BUSY || verdict == DISPOSAL_DOUBT;
    counts->kept += verdict == DISPOSAL_KEPT || verdict == DISPOSAL_UNRULED;
}

/* Add it to the batch, or count why not; with `order` held. */
static bool take(struct disposing *w, const struct catalog_letter *l, struct error *e)
{
    struct erasing *x = w->x;
    size_t letters = x->n_letters;
    size_t refs = x->n_refs;
    struct disposal_letter asked = {.at_rest = true};
    enum disposal_verdict verdict = DISPOSAL_BUSY;
    bool held = false;
    struct error why = {0};

    if (!judge(w, l->seq, &asked, &verdict, e)) {
        return false;
    }
    if (verdict == DISPOSAL_DESTROY && !erase_add(x, l, &why)) {
        verdict = DISPOSAL_BUSY;
    } else if (verdict == DISPOSAL_DESTROY) {
        if (!may_go_along(w, letters, &verdict, e)) {
            return false;
        }
        if (verdict == DISPOSAL_DESTROY && !erase_is_free(x, letters, &held, &why)) {
            verdict = held ? DISPOSAL_HELD : DISPOSAL_BUSY;
        }
        if (verdict != DISPOSAL_DESTROY) {
            erase_drop(x, letters, refs);
        }
    }
    count(&w->d->counts, verdict);
    return true;
}

/* ── a batch ── */

static uint64_t rules_now(struct keeper *k)
{
    struct retention_rules *rules = retention_hold(k);
    uint64_t version = retention_version_of(rules);

    retention_release(k, rules);
    return version;
}

/* The next letters, as many as go at once; *next is where it goes on. With `order` held. */
static bool gather(struct disposing *w, const struct catalog_letter *letters, size_t n,
                   uint64_t *next, bool *ended, struct error *e)
{
    *ended = n < PAGE;
    for (size_t i = 0; i < n; i++) {
        if (letters[i].seq >= w->order.head) {
            *ended = true;
            break;
        }
        if (w->x->n_letters >= BATCH || w->x->n_refs > LEDGER_ERASE_MAX / 2) {
            *ended = false;
            break;
        }
        if (!take(w, &letters[i], e)) {
            return false;
        }
        *next = letters[i].seq + 1;
    }
    return true;
}

static bool destroy(struct disposing *w, const struct docket_request *r, struct error *e)
{
    bool finished = false;

    return w->x->n_letters == 0 || erase_all(w->x, r, NULL, &finished, e);
}

static bool batch(struct disposing *w, const struct docket_request *r, bool *ended, struct error *e)
{
    OWN(catalog) struct catalog *catalog = NULL;
    struct keeper *k = w->k;
    struct catalog_letter *letters = NULL;
    uint64_t next = w->d->next;
    size_t n = 0;

    /* While it is made anew, a letter's last stamp may be one that ends earlier than what holds. */
    if (!retention_settled_catalog(k, &catalog, e) ||
        !catalog_ended(catalog, w->order.before, next, PAGE, w->arena, &letters, &n, e)) {
        return false;
    }
    w->x->catalog = catalog;
    approvals_hold(k); /* no rule and no hold is recorded from here on */
    bool ok = (retention_is_settled(k) && rules_now(k) == w->rules) ||
              error_set(e, ERROR_BUSY, "a rule or date is being changed");
    ok = ok && gather(w, letters, n, &next, ended, e);
    catalog_close(TAKE(catalog, NULL)); /* while one reads, its log cannot be shortened */
    ok = ok && destroy(w, r, e);
    approvals_let_go(k);
    if (!ok) {
        return false;
    }
    w->d->next = next;
    w->d->counts.destroyed += w->x->n_letters;
    if (w->x->n_letters) {
        erase_settle(w->x);
    }
    return true;
}

/* ── all of it ── */

static bool record(struct keeper *k, struct disposal *d, enum disposal_state state, struct error *e)
{
    d->counts.state = state;
    d->counts.request = SLICE_ARRAY(d->id);
    return approvals_record(k, RECORD_DISPOSAL, &disposal_record_schema, &d->counts, e);
}

static bool begin(struct keeper *k, struct disposal *d, const struct docket_request *r,
                  const struct request_disposal *asked, struct error *e)
{
    if (slice_equal(SLICE_ARRAY(d->id), r->record.id)) {
        return true;
    }
    *d = (struct disposal){.counts.before = asked->before};
    (void)memcpy(d->id, r->record.id.ptr, LETTER_ID_LEN);
    if (!record(k, d, DISPOSAL_BEGUN, e)) {
        d->id[0] ^= 0xff; /* it begins again */
        return false;
    }
    log_event(LOG_INFO, "disposal.begun", LOG_NUMBER("letters", asked->letters));
    return true;
}

static enum carried end(struct keeper *k, struct disposal *d, struct arena *arena,
                        struct slice *said, struct error *e)
{
    const struct disposal_record *n = &d->counts;
    struct slice backups = backups_gone_text(k, arena);

    if (!record(k, d, DISPOSAL_ENDED, e)) {
        return CARRIED_LATER;
    }
    *said =
        arena_printf(arena,
                     "destroyed: %llu letters with what belongs to them; held: %llu, kept "
                     "by rules: %llu, not to be decided now: %llu%.*s",
                     (unsigned long long)n->destroyed, (unsigned long long)n->held,
                     (unsigned long long)n->kept, (unsigned long long)n->busy, SLICE_ARG(backups));
    log_event(LOG_INFO, "disposal.ended", LOG_NUMBER("destroyed", n->destroyed),
              LOG_NUMBER("held", n->held));
    *d = (struct disposal){0};
    return CARRIED_DONE;
}

enum carried disposal_approved(struct keeper *k, const struct docket_request *r,
                               struct arena *arena, struct slice *said, struct error *e)
{
    struct disposal *d = &k->approvals.disposal;
    struct request_disposal asked;
    bool ended = false;

    if (!cbor_read(r->record.arguments, &request_disposal_schema, arena, &asked, e)) {
        return CARRIED_FAILED;
    }
    if (rules_now(k) != asked.rules) {
        (void)error_set(e, ERROR_INPUT, "the rules have changed since that was asked: ask again");
        return CARRIED_FAILED;
    }
    struct disposing w = {
        .k = k,
        .d = d,
        .x = arena_alloc(arena, sizeof(*w.x)),
        .arena = arena,
        .order = {.before = asked.before, .head = asked.head},
        .clock = disposal_clock_now(k),
        .rules = asked.rules,
    };
    w.x->k = k;
    w.x->arena = arena;
    if (!disposal_clock_believed(&w.clock, e) || !begin(k, d, r, &asked, e) ||
        !batch(&w, r, &ended, e)) {
        return CARRIED_LATER;
    }
    return ended ? end(k, d, arena, said, e) : CARRIED_MORE;
}

/* ── before ── */

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
    if (!read_stamp(p->k, p->catalog, l->seq, &p->letter, &classes, &ruled, e) ||
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
    struct request_disposal asked = {.before = before_of(k, ask->before), .rules = rules_now(k)};
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
