/* Letters whose time is over. disposal_judge() (stages/retention) decides about each; what it is told is
 * gathered here, from the ledger where it can be: the stamp of a letter is the record that the catalog names. */
#include "keeper/disposal.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"

#include "catalog/retention.h"
#include "keeper/backups.h"
#include "keeper/erase.h"
#include "keeper/internal.h"
#include "keeper/retention_look.h"
#include "requests/holds.h"

#define PAGE  64 /* letters looked at in one batch */
#define BATCH 32 /* that are destroyed in one: others belong to them */

/* ── one letter ── */

bool disposal_stamp(struct keeper *k, struct catalog *c, uint64_t seq, struct arena *arena,
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
    uint64_t rules;               /* the version that it was asked under */
    struct retention_rules *book; /* held while a batch is looked at, and proven */
    struct removed_letter
        over; /* until when, and by which rules, the letter judged last was kept */
};

/* A letter that cannot be judged stays, and those behind it go on. */
static bool stays(struct disposing *w, uint64_t seq, enum disposal_verdict *verdict,
                  const struct error *why, struct error *e)
{
    if (why->kind == ERROR_BUSY) { /* the disk: all of it later */
        *e = *why;
        return false;
    }
    log_event(LOG_WARNING, "disposal.unread", LOG_NUMBER("seq", (int64_t)seq),
              LOG_TEXT("reason", why->text));
    if (w->d->doubted++ == 0) {
        keeper_alert(w->k, "disposal-unread", why->text);
    }
    *verdict = DISPOSAL_BUSY;
    return true;
}

/* As its last stamp says, which the catalog names. */
static bool judge_stamp(struct disposing *w, uint64_t seq, struct disposal_letter *l,
                        enum disposal_verdict *verdict, struct error *e)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    struct classes classes = {0};
    struct error why = {0};

    l->seq = seq;
    if (!disposal_stamp(w->k, w->x->catalog, seq, &arena, &classes, &l->ruled, &why)) {
        return stays(w, seq, verdict, &why, e);
    }
    l->ruled = l->ruled && classes.classes.count;
    l->until = classes.until;
    *verdict = disposal_judge(&w->order, &w->clock, clock_wall_ms(), l);
    return true;
}

static void tell_altered(struct disposing *w, uint64_t seq)
{
    log_event(LOG_WARNING, "disposal.altered", LOG_NUMBER("seq", (int64_t)seq));
    if (w->d->altered++ == 0) {
        keeper_alert(w->k, "catalog-altered",
                     "letters that are over by the classes that the catalog names are kept by the "
                     "rules: they stay; run `postern catalog rebuild`");
    }
}

/* The record of its removal says by which rules its time was over. */
static void note_rules(struct disposing *w, const struct classes *classes)
{
    const struct class_stamp *stamps = classes->classes.items;
    size_t n =
        classes->classes.count < REMOVAL_RULES_MAX ? classes->classes.count : REMOVAL_RULES_MAX;
    uint8_t *rules = arena_alloc(w->arena, n * 8 + 1);

    for (size_t i = 0; i < n; i++) {
        put64(rules + i * 8, stamps[i].rule);
    }
    w->over = (struct removed_letter){.until = classes->until, .rules = slice_of(rules, n * 8)};
}

static void put_rules(const struct disposing *w, struct removed_letter *to)
{
    to->until = w->over.until;
    to->rules = w->over.rules;
}

/* As the rules say now, by the letter itself: a catalog that somebody changed may name another stamp, or an older one. */
static bool judge_again(struct disposing *w, const struct catalog_letter *letter,
                        enum disposal_verdict *verdict, struct error *e)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    struct retention_looker looker = {.k = w->k, .catalog = w->x->catalog, .arena = &arena};
    struct disposal_letter l = {.seq = letter->seq, .at_rest = true};
    enum disposal_verdict before = *verdict;
    struct classes now;
    struct error why = {0};

    if (!retention_look_again(&looker, letter, w->book, &now, &why)) {
        return stays(w, letter->seq, verdict, &why, e);
    }
    if (looker.doubted) {
        return stays(w, letter->seq, verdict, &looker.why, e);
    }
    l.ruled = now.classes.count != 0;
    l.until = now.until;
    note_rules(w, &now);
    *verdict = disposal_judge(&w->order, &w->clock, clock_wall_ms(), &l);
    if (before == DISPOSAL_DESTROY && *verdict != before) {
        tell_altered(w, letter->seq);
    }
    return true;
}

static bool judge(struct disposing *w, const struct catalog_letter *letter,
                  struct disposal_letter *l, enum disposal_verdict *verdict, struct error *e)
{
    return judge_stamp(w, letter->seq, l, verdict, e) &&
           (*verdict != DISPOSAL_DESTROY || judge_again(w, letter, verdict, e));
}

/* Of what goes along with a letter (a report, say) no rule may say that it stays. */
static bool may_go_along(struct disposing *w, size_t first, enum disposal_verdict *verdict,
                         struct error *e)
{
    for (size_t i = first; i < w->x->n_letters && *verdict == DISPOSAL_DESTROY; i++) {
        const struct holds_letter *place = &w->x->places[i];
        const struct catalog_letter other = {
            .seq = place->seq, .id = place->id, .facts = place->facts};
        struct disposal_letter l = {.at_rest = true};
        enum disposal_verdict also = DISPOSAL_DESTROY;
        if (place->repeats ||
            slice_equal(letter_id_slice(&place->id), letter_id_slice(&w->x->letter->id))) {
            continue;
        }
        if (!judge_stamp(w, place->seq, &l, &also, e)) {
            return false;
        }
        if ((also == DISPOSAL_UNRULED || also == DISPOSAL_DESTROY) &&
            !judge_again(w, &other, &also, e)) {
            return false;
        }
        put_rules(w, &w->x->letters[i]);
        *verdict = also == DISPOSAL_UNRULED ? *verdict : also;
    }
    return true;
}

static void note_hold(struct disposal_held *held, struct slice name)
{
    size_t i = 0;

    while (i < held->n && !slice_equal(slice_text(held->list[i].name), name)) {
        i++;
    }
    if (i == DISPOSAL_HOLDS_MAX || name.len > HOLD_NAME_MAX) {
        held->more = true;
        return;
    }
    if (i == held->n) {
        (void)memcpy(held->list[i].name, name.ptr, name.len);
        held->list[i].name[name.len] = '\0';
        held->list[i].letters = 0;
        held->n++;
    }
    held->list[i].letters++;
}

/* Whether none of them is held; the holds that keep one are named at the end. */
static void weigh_holds(struct disposing *w, size_t first, enum disposal_verdict *verdict)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    struct error why = {0};
    struct slice names;
    size_t which = 0;

    if (!erase_held_by(w->x, first, &arena, &which, &names, &why)) {
        *verdict = DISPOSAL_BUSY;
        return;
    }
    if (names.len) {
        *verdict = DISPOSAL_HELD;
        w->d->held.more = w->d->held.more || names.len + HOLD_NAME_MAX > HOLDS_NAMES_MAX;
    }
    while (names.len) {
        note_hold(&w->d->held, slice_trim(slice_cut(names, ',', &names)));
    }
}

/* What belongs to it is its own, free and over. `x` holds it from `letters` and `refs` on. */
static bool may_all_go(struct disposing *w, const struct catalog_letter *l, size_t letters,
                       size_t refs, enum disposal_verdict *verdict, struct error *e)
{
    struct erasing *x = w->x;
    struct error why = {0};
    bool unread = false;

    if (erase_is_damaged(x, refs)) {
        (void)error_set(&why, ERROR_CORRUPT, "letter %llu: its segment of the ledger is damaged",
                        (unsigned long long)l->seq);
        return stays(w, l->seq, verdict, &why, e);
    }
    if (!may_go_along(w, letters, verdict, e)) {
        return false;
    }
    if (*verdict == DISPOSAL_DESTROY) {
        weigh_holds(w, letters, verdict);
    }
    if (*verdict == DISPOSAL_DESTROY && !erase_proves_records(x, refs, &unread, &why)) {
        return stays(w, l->seq, verdict, &why, e);
    }
    if (unread) {
        (void)error_set(&why, ERROR_CORRUPT, "letter %llu: not all of it can be read",
                        (unsigned long long)l->seq);
        return stays(w, l->seq, verdict, &why, e);
    }
    return true;
}

static void count(struct disposal_record *counts, enum disposal_verdict verdict)
{
    counts->held += verdict == DISPOSAL_HELD;
    counts->busy += verdict == DISPOSAL_BUSY || verdict == DISPOSAL_DOUBT;
    counts->kept += verdict == DISPOSAL_KEPT || verdict == DISPOSAL_UNRULED;
}

/* Add it to the batch, or count why not; with `order` held. *behind: neither, since the index does not hold it yet. */
static bool take(struct disposing *w, const struct catalog_letter *l, bool *behind, struct error *e)
{
    struct erasing *x = w->x;
    size_t letters = x->n_letters;
    size_t refs = x->n_refs;
    struct disposal_letter asked = {.at_rest = true};
    enum disposal_verdict verdict = DISPOSAL_BUSY;
    struct error why = {0};

    if (!judge(w, l, &asked, &verdict, e)) {
        return false;
    }
    if (verdict == DISPOSAL_DESTROY && !erase_add(x, l, &why)) {
        if (x->behind) {
            *behind = true;
            return true;
        }
        verdict = DISPOSAL_BUSY;
    } else if (verdict == DISPOSAL_DESTROY) {
        if (x->n_letters > letters) {
            put_rules(w, &x->letters[letters]); /* itself comes before what belongs to it */
        }
        if (!may_all_go(w, l, letters, refs, &verdict, e)) {
            return false;
        }
        if (verdict != DISPOSAL_DESTROY) {
            erase_drop(x, letters, refs);
        }
    }
    count(&w->d->counts, verdict);
    return true;
}

/* ── a batch ── */

/* The next letters, as many as go at once; *next is where it goes on. With `order` held. */
static bool gather(struct disposing *w, const struct catalog_letter *letters, size_t n,
                   uint64_t *next, bool *ended, struct error *e)
{
    int64_t until = clock_steady_ms() + ERASE_ORDER_MS;

    *ended = n < PAGE;
    for (size_t i = 0; i < n; i++) {
        bool behind = false;
        if (letters[i].seq >= w->order.head) {
            *ended = true;
            break;
        }
        if (w->x->n_letters >= BATCH || w->x->n_refs > LEDGER_ERASE_MAX / 2 ||
            (i && clock_steady_ms() > until)) {
            *ended = false;
            break;
        }
        if (!take(w, &letters[i], &behind, e)) {
            return false;
        }
        if (behind) { /* that is waited for without `order` */
            *ended = false;
            return i || error_set(e, ERROR_BUSY, "%s", ERASE_BEHIND);
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
    const struct disposal before = *w->d;
    uint64_t next = w->d->next;
    size_t n = 0;

    /* While it is made anew, a letter's last stamp may be one that ends earlier than what holds. */
    if (!retention_settled_catalog(k, &catalog, e) ||
        !catalog_ended(catalog, w->order.before, next, PAGE, w->arena, &letters, &n, e)) {
        return false;
    }
    w->x->catalog = catalog;
    approvals_hold(k); /* no rule and no hold is recorded from here on */
    w->book = retention_hold(k);
    bool ok = (retention_is_settled(k) && retention_version_of(w->book) == w->rules) ||
              error_set(e, ERROR_BUSY, "a rule or date is being changed");
    ok = ok && approvals_prove_rules(k, w->book, e) && gather(w, letters, n, &next, ended, e);
    retention_release(k, TAKE(w->book, NULL));
    catalog_close(TAKE(catalog, NULL)); /* while one reads, its log cannot be shortened */
    ok = ok && destroy(w, r, e);
    approvals_let_go(k);
    if (!ok) {
        w->d->counts = before.counts; /* they are looked at again */
        w->d->held = before.held;
        *ended = false;
        return e->kind == ERROR_CORRUPT && erase_note_damaged(k);
    }
    w->d->next = next;
    w->d->counts.destroyed += w->x->n_letters;
    if (w->x->n_letters) {
        erase_settle(w->x, !*ended);
    }
    return true;
}

/* ── all of it ── */

static bool record(struct keeper *k, struct disposal *d, enum disposal_state state, struct error *e)
{
    struct disposal_hold holds[DISPOSAL_HOLDS_MAX];
    struct disposal_record r = d->counts;

    for (size_t i = 0; i < d->held.n; i++) {
        holds[i] = (struct disposal_hold){.name = slice_text(d->held.list[i].name),
                                          .letters = d->held.list[i].letters};
    }
    r.state = state;
    r.request = SLICE_ARRAY(d->id);
    r.holds = (struct cbor_list){holds, d->held.n};
    r.more = d->held.more;
    return approvals_record(k, RECORD_DISPOSAL, &disposal_record_schema, &r, e);
}

/* What was held or kept is looked at again and counted then; what is gone is not there any more. */
static bool take_up(struct keeper *k, struct disposal *d, const struct docket_request *r,
                    const struct request_disposal *asked, struct error *e)
{
    uint64_t destroyed = 0;

    if (slice_equal(SLICE_ARRAY(d->id), r->record.id)) {
        return true;
    }
    if (r->begun && !disposal_count_destroyed(k, r, &destroyed, e)) {
        return error_add(e, "how many letters the disposal destroyed already cannot be read");
    }
    erase_damaged_forget(&k->approvals.damaged);
    *d = (struct disposal){
        .counts = {.before = asked->before, .destroyed = destroyed}
    };
    (void)memcpy(d->id, r->record.id.ptr, LETTER_ID_LEN);
    return true;
}

static bool begin(struct keeper *k, struct disposal *d, const struct docket_request *r,
                  const struct request_disposal *asked, struct error *e)
{
    bool under_way = slice_equal(SLICE_ARRAY(d->id), r->record.id);

    if (!take_up(k, d, r, asked, e)) {
        return false;
    }
    if (under_way || r->begun) {
        return true;
    }
    if (!record(k, d, DISPOSAL_BEGUN, e)) {
        d->id[0] ^= 0xff; /* it begins again */
        return false;
    }
    log_event(LOG_INFO, "disposal.begun", LOG_NUMBER("letters", asked->letters));
    return true;
}

/* It ended as `carried`, which `why` says more of. */
static enum carried end(struct keeper *k, struct disposal *d, enum carried carried, const char *why,
                        struct arena *arena, struct slice *said, struct error *e)
{
    const struct disposal_record *n = &d->counts;
    struct slice backups = backups_gone_text(k, arena);

    if (!record(k, d, DISPOSAL_ENDED, e)) {
        return CARRIED_LATER;
    }
    *said =
        arena_printf(arena,
                     "%sdestroyed: %llu letters with what belongs to them; held: %llu, kept "
                     "by rules: %llu, not to be decided now: %llu%.*s",
                     why, (unsigned long long)n->destroyed, (unsigned long long)n->held,
                     (unsigned long long)n->kept, (unsigned long long)n->busy, SLICE_ARG(backups));
    log_event(LOG_INFO, "disposal.ended", LOG_NUMBER("destroyed", n->destroyed),
              LOG_NUMBER("held", n->held));
    *d = (struct disposal){0};
    return carried;
}

/* Other rules hold than those that it was asked under. What went before they were set is gone, and said. */
static enum carried rules_changed(struct keeper *k, const struct docket_request *r,
                                  const struct request_disposal *asked, struct arena *arena,
                                  struct slice *said, struct error *e)
{
    struct disposal *d = &k->approvals.disposal;

    if (!r->begun) {
        (void)error_set(e, ERROR_INPUT, "the rules have changed since that was asked: ask again");
        return CARRIED_FAILED;
    }
    if (!take_up(k, d, r, asked, e)) {
        return CARRIED_LATER;
    }
    return end(k, d, CARRIED_FAILED,
               "the rules have changed since that was asked, and what was left stays: ask again; ",
               arena, said, e);
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
    if (retention_version_now(k) != asked.rules) {
        return rules_changed(k, r, &asked, arena, said, e);
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
    return ended ? end(k, d, CARRIED_DONE, "", arena, said, e) : CARRIED_MORE;
}
