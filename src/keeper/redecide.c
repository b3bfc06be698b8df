#include "keeper/redecide.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"

#include "keeper/consent.h"
#include "keeper/guard.h"
#include "keeper/patience.h"
#include "keeper/redecide_look.h"
#include "keeper/redecide_parts.h"
#include "keeper/scanning.h"
#include "keeper/secrets.h"
#include "keeper/suspend.h"
#include "keeper/telling.h"
#include "letter/redecision.h"

#define BY_ITSELF_MAX (REDECISIONS_MAX / 2) /* of one letter: the rest is for people who order it */
#define WHY_OPEN                                                                                   \
    "by itself nothing leaves whose content is not encrypted: `postern queue decide` lets it go"
#define WHY_CONSENT                                                                                \
    "by today's settings a second person would have to approve it: let it go with `postern queue " \
    "release --reason`"

/* ── which of its rulings ── */

/* What holds it last stands first, so each may stand anywhere. */
static bool says(struct slice reason, struct slice why)
{
    return reason.len && memmem(reason.ptr, reason.len, why.ptr, why.len);
}

bool redecide_is_policys(const struct ruling *r)
{
    static const char *const others[] = {
        /* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): each is a name */
        SECRETS_WHY_HELD,      SECRETS_WHY_UNREAD, SUSPENSION_WHY_HELD, WHY_CONSENT,
        SCANNING_WHY_MALWARE,  SCANNING_WHY_PART,  SCANNING_WHY_LARGE,  SCANNING_WHY_AWAY,
        SCANNING_WHY_UNSCORED, SCANNING_WHY_SCORED};
    const struct ruling_try *tried = r->tried.items;
    uint64_t last = r->tried.count ? tried[r->tried.count - 1].rung : RUNG_NONE;
    bool alone = r->hold && !r->replaced && r->guard == GUARD_POLICY &&
                 (last == RUNG_HOLD || last == RUNG_RETURN);

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        alone = alone && !says(r->reason, slice_text(others[i]));
    }
    return alone;
}

/* Entries of one letter. */
struct finding {
    const struct letter_id *id;
    struct parcel *parcel; /* any: a reference */
    bool *stuck;
};

static void look_at(void *context, const struct queue_entry *entry)
{
    struct finding *f = context;

    if (memcmp(entry->parcel->id.bytes, f->id->bytes, LETTER_ID_LEN) != 0) {
        return;
    }
    if (!f->parcel) {
        f->parcel = parcel_hold(entry->parcel);
    }
    if (f->stuck && entry->ruling < LETTER_RECIPIENTS_MAX && queue_entry_is_stuck(entry)) {
        f->stuck[entry->ruling] = true;
    }
}

struct parcel *redecide_find(struct keeper *k, const struct letter_id *id)
{
    struct finding f = {.id = id};

    queue_each(k->queue, look_at, &f);
    return f.parcel;
}

bool redecide_is_suspended(const struct redeciding *x)
{
    const struct letter *l = &x->letter;

    return l->facts.account.len && guard_is_closed(x->keeper, l->facts.account, l->arena);
}

static bool has_news(const struct redeciding *x, const struct ruling *r)
{
    const struct facts *f = &x->letter.facts;
    const struct recipient *all = f->recipients.items;
    bool news = !x->order->is_new;

    for (struct slice in = r->recipients; in.len >= 2 && !news; in = slice_from(in, 2)) {
        size_t at = (size_t)in.ptr[0] << 8 | in.ptr[1];
        news = at < f->recipients.count &&
               x->order->is_new(x->order->context, all[at].address, x->decided_at);
    }
    return news;
}

static void pick(struct redeciding *x, size_t ruling, const struct ruling *r)
{
    x->picked[ruling] = true;
    x->n_picked++;
    for (struct slice in = r->recipients; in.len >= 2; in = slice_from(in, 2)) {
        size_t at = (size_t)in.ptr[0] << 8 | in.ptr[1];
        if (at < x->letter.facts.recipients.count) {
            x->only[at] = true;
        }
    }
}

/* How often it was decided once more and nobody got it by that: the others end by themselves. */
static bool count_idle(struct redeciding *x, size_t *idle, struct error *e)
{
    const struct letter *l = &x->letter;
    struct ledger_ref *again = NULL;
    size_t n = parcel_again(l->parcel, l->arena, &again);

    *idle = 0;
    for (size_t i = 0; i < n; i++) {
        struct redecision r;
        if (!keeper_read(x->keeper, again[i], &redecision_schema, l->arena, &r, e)) {
            return false;
        }
        const struct ruling *rulings = r.rulings.items;
        bool all = true;
        for (size_t j = 0; j < r.rulings.count; j++) {
            all = all && rulings[j].hold;
        }
        *idle += all ? 1 : 0;
    }
    return true;
}

static bool is_within(struct redeciding *x, struct error *e)
{
    size_t most = x->order->is_new ? BY_ITSELF_MAX : REDECISIONS_MAX;
    size_t idle = 0;

    if (x->n_picked == 0 || x->n_again < most) {
        return true;
    }
    return count_idle(x, &idle, e) &&
           (idle < most ||
            error_set(e, ERROR_LIMIT,
                      "the letter was decided %zu times without a way for anybody: let it go with "
                      "`postern queue release --reason`, or `postern queue cancel` gives it up",
                      idle + 1));
}

/* What may be replaced; n_picked is 0 when nothing may. */
static bool select_rulings(struct redeciding *x, struct error *e)
{
    const struct ruling *rulings = x->before.rulings.items;
    struct arena *arena = x->letter.arena;

    x->picked = arena_array(arena, x->before.rulings.count + 1, sizeof(bool));
    x->only = arena_array(arena, x->letter.facts.recipients.count + 1, sizeof(bool));
    if (x->before.need.rule.len) {
        return true;
    }
    for (size_t i = 0; i < x->before.rulings.count && i < LETTER_RECIPIENTS_MAX; i++) {
        if (x->stuck[i] && redecide_is_policys(&rulings[i]) && has_news(x, &rulings[i])) {
            pick(x, i, &rulings[i]);
        }
    }
    return is_within(x, e);
}

/* ── the letter ── */

/* A parcel for what is decided now. It shares nothing with the one that the other entries have. */
static struct parcel *parcel_like(struct parcel *old, struct arena *arena, size_t *n_again)
{
    struct parcel *p = parcel_new();
    struct ledger_ref *again = NULL;

    p->id = old->id;
    p->seq = old->seq;
    p->kind = old->kind;
    p->received_at = old->received_at;
    p->size = old->size;
    p->facts = old->facts;
    p->content = old->content;
    p->decision = old->decision;
    p->decided = true;
    *n_again = parcel_again(old, arena, &again);
    for (size_t i = 0; i < *n_again; i++) {
        parcel_add_again(p, again[i]);
    }
    return p;
}

/* What was found in it then; and what scanners said of it then holds. */
static bool recall(struct redeciding *x, struct findings *then, struct error *e)
{
    struct letter *l = &x->letter;
    OWN(catalog) struct catalog *catalog = NULL;
    struct ledger_ref ref;
    bool found = false;

    if (!catalog_open(x->keeper->options.catalog_path, false, SLICE_NONE, &catalog, e) ||
        !catalog_record(catalog, l->parcel->seq, RECORD_FINDINGS, &ref, &found, e)) {
        return false;
    }
    if (!found) {
        return error_set(e, ERROR_BUSY, "what was found in it is not in the catalog yet");
    }
    if (!keeper_read(x->keeper, ref, &findings_schema, l->arena, then, e) ||
        !parcel_owns(l->parcel, then->id, e)) {
        return false;
    }
    l->scans = then->scans;
    return true;
}

static size_t count_unreadable(const struct findings *f)
{
    const struct part *parts = f->parts.items;
    size_t n = 0;

    for (size_t i = 0; i < f->parts.count; i++) {
        n += parts[i].reading == PART_UNREADABLE ? 1 : 0;
    }
    return n;
}

bool redecide_reads_less(const struct findings *then, const struct findings *now)
{
    return !then->unread &&
           (now->unread || now->gaps.count > then->gaps.count ||
            now->parts.count < then->parts.count || count_unreadable(now) > count_unreadable(then));
}

/* Nothing goes back by a redecision: what is to go back by today's settings waits for a person. */
static void keep_all(struct decision *d)
{
    struct ruling *rulings = d->rulings.items;

    for (size_t i = 0; i < d->rulings.count; i++) {
        rulings[i].guard = rulings[i].guard == GUARD_RETURN ? (uint64_t)GUARD_POLICY
                           : rulings[i].guard == GUARD_BACK ? (uint64_t)GUARD_OFFICER
                                                            : rulings[i].guard;
    }
}

/* Whatever else holds letters holds this one as well. */
static bool hold_for_others(struct redeciding *x, struct error *e)
{
    struct letter *l = &x->letter;
    struct decision probe = l->decision;
    struct ruling *rulings = l->decision.rulings.items;

    if (!secrets_hold(x->keeper, &l->facts, &l->header, l->terms_fd, l->arena, &l->decision, e)) {
        return false;
    }
    const struct scanning_verdict scanned =
        scanning_hold(x->keeper, &l->findings, l->arena, &l->decision);
    if (scanned.why.len) { /* by today's settings */
        log_event(LOG_INFO, "letter.scanner_holds", LOG_NUMBER("seq", l->parcel->seq));
    }
    keep_all(&l->decision);
    consent_judge(x->keeper, &l->facts, &l->header, &l->findings, l->arena, &probe);
    for (size_t i = 0; probe.need.rule.len && i < l->decision.rulings.count; i++) {
        ruling_hold(&rulings[i], SLICE(WHY_CONSENT), l->arena);
        rulings[i].guard = rulings[i].guard ? rulings[i].guard : (uint64_t)GUARD_POLICY;
    }
    return true;
}

/* Read, inspected and decided, as after 250; the copies are made. */
static bool decide(struct redeciding *x, const struct findings *then, struct error *e)
{
    struct letter *l = &x->letter;
    const struct settings *s = x->keeper->options.settings(x->keeper->options.context);

    mail_header_read(l->content, &develop_limits, l->facts.smtputf8, l->arena, &l->header);
    develop_inspect(l);
    if (redecide_reads_less(then, &l->findings)) {
        return error_set(e, ERROR_BUSY,
                         "less of the letter can be read now than when it was decided: try again "
                         "later, or let it go with `postern queue release --reason`");
    }
    l->copying.only = x->only;
    patience_begin(PATIENCE_MS);
    bool decided = develop_decide(l, s, false, e);
    patience_end();
    return decided && hold_for_others(x, e);
}

/* ── is it to be recorded? ── */

/* Whether that was said of the same recipients before. */
static bool was_said(const struct redeciding *x, const struct ruling *now)
{
    const struct ruling *before = x->before.rulings.items;
    bool said = false;

    for (size_t i = 0; i < x->before.rulings.count && !said; i++) {
        said = x->picked[i] && slice_equal(before[i].recipients, now->recipients) &&
               slice_equal(before[i].reason, now->reason);
    }
    return now->hold && said;
}

/* As its policy holds what it has no way for, so that an order may decide it. */
static void keep_open(struct ruling *r, struct arena *arena)
{
    const struct ruling_try *before = r->tried.items;
    size_t n = r->tried.count < RULING_TRIES_MAX ? r->tried.count : RULING_TRIES_MAX - 1;
    struct ruling_try *tried = arena_array(arena, n + 1, sizeof(*tried));

    for (size_t i = 0; i < n; i++) {
        tried[i] = before[i];
    }
    tried[n] = (struct ruling_try){RUNG_HOLD, SLICE(WHY_OPEN)};
    r->tried = (struct cbor_list){tried, n + 1};
    r->guard = GUARD_POLICY;
    ruling_hold(r, SLICE(WHY_OPEN), arena);
}

/* By itself nothing goes but what is hidden; it waits for nobody who gets the same letter so. */
static void keep_all_open(struct redeciding *x)
{
    struct letter *l = &x->letter;
    struct ruling *now = l->decision.rulings.items;

    for (size_t i = 0; x->order->is_new && i < l->decision.rulings.count; i++) {
        if (!now[i].hold && !rung_hides(now[i].method)) {
            keep_open(&now[i], l->arena);
            log_event(LOG_INFO, "letter.kept_open", LOG_NUMBER("seq", l->parcel->seq));
        }
    }
}

/* What is looked at by itself changes something. */
static bool is_wanted(const struct redeciding *x)
{
    const struct ruling *now = x->letter.decision.rulings.items;
    bool wanted = !x->order->is_new;

    for (size_t i = 0; i < x->letter.decision.rulings.count; i++) {
        wanted = wanted || !was_said(x, &now[i]);
    }
    return wanted;
}

static uint64_t count_copies(const struct decision *d)
{
    const struct ruling *rulings = d->rulings.items;
    uint64_t n = 1;

    for (size_t i = 0; i < d->rulings.count; i++) {
        n = rulings[i].copy > n ? rulings[i].copy : n;
    }
    return n;
}

static bool fits(const struct redeciding *x, struct error *e)
{
    const struct letter *l = &x->letter;

    return (x->before.rulings.count + l->decision.rulings.count <= LETTER_RECIPIENTS_MAX &&
            l->copying.before + l->copying.n_copies <= LETTER_RECIPIENTS_MAX) ||
           error_set(e, ERROR_LIMIT,
                     "the letter has too many recipients to be decided once more: let it go with "
                     "`postern queue release --reason`, or `postern queue cancel` gives it up");
}

static void tell(const struct redeciding *x, struct arena *arena, struct redecide_done *done)
{
    const struct ruling *now = x->letter.decision.rulings.items;

    done->decided = true;
    for (size_t i = 0; i < x->letter.decision.rulings.count; i++) {
        *(now[i].hold ? &done->held : &done->sent) += now[i].recipients.len / 2;
        if (now[i].hold && done->reason.len == 0) {
            done->reason = arena_copy(arena, now[i].reason);
        }
    }
    log_event(LOG_INFO, "letter.decided_anew", LOG_NUMBER("seq", x->letter.parcel->seq),
              LOG_NUMBER("sent", done->sent), LOG_NUMBER("held", done->held));
}

/* ── the whole way ── */

static bool decide_and_record(struct redeciding *x, struct parcel *old, struct arena *arena,
                              struct redecide_done *done, struct error *e)
{
    struct letter *l = &x->letter;
    struct findings then;
    uint64_t mark = redecide_mark(x->keeper);

    if (!recall(x, &then, e) || !decide(x, &then, e)) {
        return false;
    }
    keep_all_open(x);
    l->copying.before = count_copies(&x->before);
    if (!is_wanted(x)) {
        return true;
    }
    if (!fits(x, e) || !copying_keep(&l->copying, e)) {
        return false;
    }
    bool settled = redecide_settle(x, old, e);
    if (settled) {
        tell(x, arena, done);
        redecide_missed(x->keeper, mark, &l->facts, &l->decision);
        telling_forget(x->keeper, &l->facts, l->arena);
        suspension_settle(x->keeper, &l->facts, l->parcel, false, l->arena);
    }
    return settled;
}

static bool go(struct redeciding *x, struct parcel *old, struct arena *arena,
               struct redecide_done *done, struct error *e)
{
    struct letter *l = &x->letter;
    OWN(memfd_map) struct memfd_map map = {.bytes = SLICE_NONE};
    OWN(fd) int content = -1;

    if (!parcel_facts(x->keeper, old, l->arena, &l->facts, e) ||
        !parcel_decision(x->keeper, l->parcel, l->arena, &x->before, &x->decided_at, e) ||
        !select_rulings(x, e)) {
        return false;
    }
    if (x->n_picked == 0 || redecide_is_suspended(x)) {
        return true;
    }
    if (!parcel_content(x->keeper, old, &content, e) ||
        !memfd_map(content, LETTER_BYTES_MAX, &map, e)) {
        return false;
    }
    l->content_fd = content;
    l->content = map.bytes;
    bool gone = decide_and_record(x, old, arena, done, e);
    copying_done(&l->copying);
    if (l->terms_fd >= 0) {
        (void)close(l->terms_fd);
    }
    return gone;
}

bool redecide_letter(struct keeper *k, const struct letter_id *id,
                     const struct redecide_order *order, struct arena *arena,
                     struct redecide_done *done, struct error *e)
{
    OWN(arena) struct arena own = {.max = KEEPER_ARENA_MAX};
    struct redeciding x = {.keeper = k, .order = order};
    struct finding f = {.id = id, .stuck = x.stuck};

    *done = (struct redecide_done){0};
    queue_each(k->queue, look_at, &f);
    OWN(parcel) struct parcel *old = f.parcel;
    if (!old) {
        return true;
    }
    OWN(parcel) struct parcel *fresh = parcel_like(old, &own, &x.n_again);
    x.letter = (struct letter){.keeper = k,
                               .parcel = fresh,
                               .arena = &own,
                               .terms_fd = -1,
                               .copying = {.source = {.bare_fd = -1}}};
    return go(&x, old, arena, done, e);
}
