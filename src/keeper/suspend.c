#include "keeper/suspend.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/consent.h"
#include "keeper/desks.h"
#include "keeper/drills.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keeper/orders.h"
#include "keeper/owner_notices.h"
#include "keeper/suspensions.h"

struct slice suspension_row(struct slice account, struct arena *arena)
{
    return arena_printf(arena, "suspended/%.*s", SLICE_ARG(account));
}

bool suspension_of(struct keeper *k, struct slice account, struct arena *arena,
                   struct suspension_record *out, bool *found, struct error *e)
{
    struct slice value = SLICE_NONE;

    return state_value_get(k->state, suspension_row(account, arena), arena, &value, found, e) &&
           (!*found || cbor_read(value, &suspension_record_schema, arena, out, e));
}

/* In the queue first, then in the ledger: an offender must not win the race against the disk. */
static void hold_letter(struct keeper *k, const struct letter_id *id)
{
    struct order order = {.id = letter_id_slice(id),
                          .kind = ORDER_HOLD,
                          .by = SLICE("postern"),
                          .reason = SLICE(SUSPENSION_WHY_HELD)};
    uint64_t later = 0;
    struct error e;

    if (queue_order(k->queue, id, 0, QUEUE_HELD, 0, &later) + later &&
        !keeper_record_one(k, LEDGER_PATIENT, RECORD_ORDER, &order_schema, &order, &e)) {
        log_event(LOG_ERROR, "queue.not_recorded", LOG_TEXT("reason", e.text));
    }
}

static void hold_letters(struct keeper *k, struct slice ids)
{
    struct letter_id id;

    for (; ids.len >= LETTER_ID_LEN; ids = slice_from(ids, LETTER_ID_LEN)) {
        if (letter_id_from(slice_head(ids, LETTER_ID_LEN), &id)) {
            hold_letter(k, &id);
        }
    }
}

static bool keep(struct keeper *k, const struct suspension_record *r, struct arena *arena,
                 struct error *e)
{
    OWN(buf) struct buf value = {.max = STATE_VALUE_MAX};

    cbor_write(&value, &suspension_record_schema, r);
    suspensions_add(k, r->account);
    return state_value_put(k->state, suspension_row(r->account, arena), buf_slice(&value), e);
}

static void tell(struct keeper *k, const struct suspension_record *r)
{
    size_t n = r->letters.len / LETTER_ID_LEN;
    char sentence[ERROR_TEXT_MAX];

    (void)snprintf(
        sentence, sizeof(sentence),
        "%.*s sends no more: %.*s. Its sessions are ended, and of its letters of the last "
        "hour %s%zu held where they have not left. See `postern account show`, then "
        "`postern account release`",
        SLICE_ARG(r->account), SLICE_ARG(slice_head(r->reason, 250)),
        n < GUARD_RECENT ? "" : "the newest ", n);
    log_event(LOG_WARNING, "account.suspended", LOG_NUMBER("points", r->points));
    keeper_alert_about(k, r->account, "account-suspended", sentence);
}

static bool has_id(struct slice ids, struct slice id)
{
    while (ids.len >= LETTER_ID_LEN && !slice_equal(slice_head(ids, LETTER_ID_LEN), id)) {
        ids = slice_from(ids, LETTER_ID_LEN);
    }
    return ids.len >= LETTER_ID_LEN;
}

/* What is held for a suspension in force stays known when there is another: these, then those. */
static struct slice join(struct slice ids, struct slice others, struct arena *arena)
{
    OWN(buf) struct buf all = {.max = (size_t)SUSPENSION_LETTERS_MAX * LETTER_ID_LEN};

    buf_add(&all, ids);
    for (; others.len >= LETTER_ID_LEN; others = slice_from(others, LETTER_ID_LEN)) {
        struct slice id = slice_head(others, LETTER_ID_LEN);
        if (!has_id(ids, id) && all.len + LETTER_ID_LEN <= all.max) {
            buf_add(&all, id);
        }
    }
    return arena_copy(arena, buf_slice(&all));
}

/* The row, with what is to be held. An approval that is being recorded adds its letter to the row that it finds, or to the newest
 * letters of the account, which stand in this one: so both wait for each other. */
static bool write_row(struct keeper *k, struct suspension_record *r, struct arena *arena,
                      struct error *e)
{
    struct suspension_record before;
    bool found = false;

    r->letters = guard_close(k, r->account, arena);
    bool known = suspension_of(k, r->account, arena, &before, &found, e);
    if (known && found) {
        size_t all = r->letters.len + before.letters.len;
        r->letters = join(r->letters, before.letters, arena);
        if (all > (size_t)SUSPENSION_LETTERS_MAX * LETTER_ID_LEN) {
            log_event(LOG_WARNING, "account.letters_unlisted",
                      LOG_NUMBER("most", SUSPENSION_LETTERS_MAX));
        }
    }
    return known && keep(k, r, arena, e);
}

static bool begin(struct keeper *k, struct suspension_record *r, struct arena *arena,
                  struct error *e)
{
    struct error unwritten;

    /* Nothing more is taken, whoever has the lock. */
    (void)guard_close(k, r->account, arena);
    if (!desks_end_account(k, r->account, &unwritten)) {
        log_event(LOG_ERROR, "desk.unwritten", LOG_TEXT("reason", unwritten.text));
    }
    consent_hold(k);
    /* The row first: a crash from here on leaves the account closed, and what it sent is held at the next start. */
    bool kept = write_row(k, r, arena, e);
    consent_let_go(k);
    hold_letters(k, r->letters);
    return kept;
}

bool suspension_begin(struct keeper *k, struct suspension_record *r, struct arena *arena,
                      struct error *e)
{
    struct error unkept;

    r->state = SUSPENSION_BEGUN;
    r->at = (uint64_t)clock_wall_ms();
    bool kept = begin(k, r, arena, &unkept);
    bool recorded =
        keeper_record_one(k, LEDGER_AWAITED, RECORD_SUSPENSION, &suspension_record_schema, r, e);
    if (!kept) {
        *e = unkept;
    }
    tell(k, r);
    owner_told_suspended(k, r->account, arena);
    return kept && recorded;
}

bool suspension_add(struct keeper *k, struct slice account, const struct letter_id *id,
                    struct arena *arena, struct error *e)
{
    struct suspension_record r;
    bool found = false;

    if (!suspension_of(k, account, arena, &r, &found, e) || !found) {
        return !found;
    }
    if (r.letters.len >= (size_t)SUSPENSION_LETTERS_MAX * LETTER_ID_LEN &&
        !has_id(r.letters, letter_id_slice(id))) {
        return error_set(e, ERROR_LIMIT,
                         "its sender is suspended, and %d letters are held for that already: "
                         "`postern account release` first",
                         SUSPENSION_LETTERS_MAX);
    }
    r.letters = join(letter_id_slice(id), r.letters, arena);
    return keep(k, &r, arena, e);
}

/* ── after a start ── */

/* What a crash kept from being held; not what somebody gave an order about since. */
static bool hold_again(struct keeper *k, struct slice ids, struct error *e)
{
    for (; ids.len >= LETTER_ID_LEN; ids = slice_from(ids, LETTER_ID_LEN)) {
        struct catalog_letter letter;
        struct letter_id id;
        struct ledger_ref ref;
        bool found = false;
        bool ordered = false;
        if (!letter_id_from(slice_head(ids, LETTER_ID_LEN), &id)) {
            continue;
        }
        if (!catalog_find(k->tail.catalog, &id, &letter, &found, e) ||
            (found &&
             !catalog_record(k->tail.catalog, letter.seq, RECORD_ORDER, &ref, &ordered, e))) {
            return false;
        }
        if (found && !ordered) {
            hold_letter(k, &id);
        }
    }
    return true;
}

bool suspension_restore(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    OWN(arena) struct arena one = {.max = KEEPER_ARENA_MAX};
    struct slice *names = NULL;

    if (!suspensions_read(k, e)) {
        return false;
    }
    size_t count = suspensions_list(k, &arena, &names);
    for (size_t i = 0; i < count; i++) {
        struct suspension_record r;
        bool found = false;
        arena_reset(&one);
        if (!suspension_of(k, names[i], &one, &r, &found, e) ||
            (found && !hold_again(k, r.letters, e))) {
            return false;
        }
    }
    return true;
}

void suspension_by_signs(struct keeper *k, struct slice account, struct slice client,
                         const struct signs_verdict *verdict, struct arena *arena)
{
    struct suspension_sign *signs = arena_array(arena, SIGNS, sizeof(*signs));
    OWN(buf) struct buf reason = {.max = 3000};
    struct suspension_record r = {
        .account = account, .points = verdict->sum, .version = SIGNS_VERSION, .client = client};
    struct error e;
    size_t n = 0;

    for (size_t i = 0; i < SIGNS; i++) {
        if (signs_is_seen(verdict, i)) {
            signs[n++] = (struct suspension_sign){slice_text(signs_table[i].name),
                                                  verdict->value[i], verdict->points[i]};
        }
    }
    signs_sentence(verdict, &reason);
    r.signs = (struct cbor_list){signs, n};
    r.reason = buf_slice(&reason);
    if (!suspension_begin(k, &r, arena, &e)) {
        log_event(LOG_ERROR, "account.not_suspended", LOG_TEXT("reason", e.text));
    }
}

bool suspension_hold(struct keeper *k, const struct facts *f, uint64_t seq, struct arena *arena,
                     struct decision *d)
{
    struct ruling *rulings = d->rulings.items;
    uint64_t letters = 0;

    if (f->account.len == 0 ||
        (!guard_is_closed(k, f->account, arena) &&
         !guard_opened_behind(k, f->account, seq, f->received_at, &letters))) {
        return false;
    }
    for (size_t i = 0; i < d->rulings.count; i++) {
        if (!guard_goes_back(rulings[i].guard)) {
            ruling_hold(&rulings[i], SLICE(SUSPENSION_WHY_HELD), arena);
        }
    }
    return true;
}

/* In the list of those that are held for it: it may be older than what was listed when he was suspended. */
static void list_letter(struct keeper *k, struct slice account, const struct letter_id *id,
                        struct arena *arena)
{
    struct error e;

    consent_hold(k);
    if (!suspension_add(k, account, id, arena, &e)) {
        log_event(LOG_WARNING, "account.letter_unlisted", LOG_TEXT("reason", e.text));
    }
    consent_let_go(k);
}

/* He was released between the look at him and the queue: as was said of his other letters. */
static void follow_release(struct keeper *k, uint64_t letters, const struct letter_id *id,
                           struct arena *arena)
{
    struct order order = {.id = letter_id_slice(id),
                          .kind = letters == 1 ? ORDER_RELEASE : ORDER_CANCEL,
                          .by = SLICE("postern"),
                          .reason = SLICE("as with the other letters of its sender")};
    struct admin_done done = {0};
    struct error e;

    if (letters && !keeper_order(k, &order, arena, &done, &e)) {
        log_event(LOG_ERROR, "queue.not_recorded", LOG_TEXT("reason", e.text));
        keeper_alert(
            k, "letter-delayed",
            "a letter of an account that was released is still held: `postern queue list`");
    }
}

void suspension_settle(struct keeper *k, const struct facts *f, const struct parcel *p, bool held,
                       struct arena *arena)
{
    uint64_t letters = 0;

    if (f->account.len == 0) {
        return;
    }
    bool closed = guard_is_closed(k, f->account, arena);
    bool behind = held && guard_opened_behind(k, f->account, p->seq, f->received_at, &letters);
    if (closed) {
        if (!behind) { /* otherwise its word is given, and the next release is about others */
            list_letter(k, f->account, &p->id, arena);
        }
        hold_letter(k, &p->id);
        held = true;
    }
    if (behind) {
        follow_release(k, letters, &p->id, arena);
    } else if (held && !guard_is_closed(k, f->account, arena)) {
        follow_release(k, guard_opened(k, f->account, p->seq), &p->id, arena);
    }
}

void suspension_hold_queued(struct keeper *k, const struct facts *f, const struct letter_id *id,
                            struct arena *arena)
{
    if (f->account.len && guard_is_closed(k, f->account, arena)) {
        hold_letter(k, id);
    }
}
