/* Invariants:
 *  1. A letter whose decision needs a second person leaves only behind a record that says that one approved it.
 *  2. It ends once: approved, refused, timed out or cancelled, and what ends it is recorded before it has an effect.
 *  3. What went back and the notice that says so are one commit. */
#include "keeper/consent.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "formats/mail/address.h"
#include "keeper/internal.h"
#include "keeper/scanning.h"
#include "keyring/digest.h"
#include "stages/approval/approval.h"

#define LOOK_EVERY_US 500000
#define AGAIN_MS      INT64_C(10000) /* until what could not be recorded is tried once more */
#define GRACE_MS                                                                                   \
    INT64_C(900000) /* it waits at least so long after a start, or an eighth of its time */
#define AT_ONCE 16

void consent_hold(struct keeper *k)
{
    (void)pthread_mutex_lock(&k->consent_lock);
}

void consent_let_go(struct keeper *k)
{
    (void)pthread_mutex_unlock(&k->consent_lock);
}

void consent_judge(struct keeper *k, const struct facts *f, const struct mail_header *header,
                   const struct findings *findings, struct arena *arena, struct decision *d)
{
    const struct settings *s = k->options.settings(k->options.context);
    const struct approval_letter l = {f, header, findings, d};
    uint8_t *digest = arena_alloc(arena, DIGEST_LEN);
    struct slice why = SLICE_NONE;
    const struct approval_settings *a =
        f->kind == LETTER_SUBMITTED ? approval_judge(&l, s, arena, &why) : NULL;

    if (!a) {
        return;
    }
    struct slice text = approval_text(a, arena);
    digest_of(text, SLICE_NONE, digest);
    d->need = (struct consent_need){.rule = arena_copy(arena, a->name),
                                    .digest = slice_of(digest, DIGEST_LEN),
                                    .text = text.len <= CONSENT_TEXT_MAX ? text : SLICE_NONE,
                                    .why = letter_text(arena, why, 900),
                                    .approvers = approval_approvers(a, arena),
                                    .until = f->received_at + (uint64_t)a->timeout_ms};
}

int64_t consent_left(uint64_t received_at, uint64_t until, int64_t wall)
{
    int64_t whole = (int64_t)(until - received_at);
    int64_t least = whole / 8 < GRACE_MS ? whole / 8 : GRACE_MS;
    int64_t left = (int64_t)until - wall;

    left = left < least ? least : left;
    return left > whole ? whole : left;
}

void consent_mark(struct queue_entry *entry, const struct decision *d, bool told)
{
    if (d->need.rule.len == 0) {
        return;
    }
    entry->waits = true;
    entry->told = told;
    entry->waits_until = clock_steady_ms() +
                         consent_left(entry->parcel->received_at, d->need.until, clock_wall_ms());
    if (entry->state !=
        QUEUE_HELD) { /* otherwise what else holds it is to be seen when that is approved */
        queue_entry_reason(entry, SLICE(QUEUE_WHY_WAITS));
    }
}

bool consent_recall(struct keeper *k, struct queue_entry *entry, const struct decision *d,
                    struct arena *arena, bool *over, struct error *e)
{
    struct consent_record r = {0};
    struct slice digest = SLICE_NONE;
    struct ledger_ref ref;
    uint64_t at = 0;
    bool found = false;

    *over = false;
    if (d->need.rule.len == 0) {
        return true;
    }
    if (!catalog_record(k->tail.catalog, entry->parcel->seq, RECORD_CONSENT, &ref, &found, e) ||
        (found && !keeper_read_at(k, ref, &consent_record_schema, arena, &r, &at, e))) {
        return false;
    }
    if (r.state == CONSENT_APPROVED && !parcel_digest(k, entry->parcel, arena, &digest, e)) {
        return false;
    }
    /* The catalog is not authenticated: what it names must be about this letter, and these copies. */
    bool mine = found && slice_equal(r.id, letter_id_slice(&entry->parcel->id));
    if (mine && r.state == CONSENT_APPROVED && slice_equal(r.digest, digest)) {
        entry->queued_at = at > entry->queued_at ? at : entry->queued_at;
        return true;
    }
    *over = mine && (r.state == CONSENT_REFUSED || r.state == CONSENT_TIMED_OUT);
    consent_mark(entry, d, mine && r.state == CONSENT_TOLD);
    return true;
}

bool consent_went_back(struct keeper *k, const struct letter_id *id, struct arena *arena,
                       bool *back, struct error *e)
{
    struct consent_record r = {0};
    struct catalog_letter letter;
    struct ledger_ref ref;
    bool found = false;

    *back = false;
    if (!catalog_find(k->tail.catalog, id, &letter, &found, e)) {
        return false;
    }
    if (!found) {
        return true;
    }
    if (!catalog_record(k->tail.catalog, letter.seq, RECORD_CONSENT, &ref, &found, e) ||
        (found && !keeper_read(k, ref, &consent_record_schema, arena, &r, e))) {
        return false;
    }
    *back = slice_equal(r.id, letter_id_slice(id)) &&
            (r.state == CONSENT_REFUSED || r.state == CONSENT_TIMED_OUT);
    return true;
}

/* ── finding ── */

struct finding {
    struct slice id;
    struct parcel *parcel;
};

static void compare(void *context, const struct queue_entry *entry)
{
    struct finding *f = context;

    if (entry->waits && !f->parcel && slice_equal(letter_id_slice(&entry->parcel->id), f->id)) {
        f->parcel = parcel_hold(entry->parcel);
    }
}

static struct parcel *find_parcel(struct keeper *k, const struct letter_id *id)
{
    struct finding f = {.id = letter_id_slice(id)};

    queue_each(k->queue, compare, &f);
    return f.parcel;
}

bool consent_waits(struct keeper *k, const struct letter_id *id)
{
    struct parcel *p = find_parcel(k, id);

    parcel_drop(p);
    return p != NULL;
}

bool consent_read(struct keeper *k, struct parcel *p, struct arena *arena,
                  struct consent_letter *out, struct error *e)
{
    *out = (struct consent_letter){0};
    if (!parcel_facts(k, p, arena, &out->facts, e) ||
        !keeper_read(k, p->decision, &decision_schema, arena, &out->decision, e) ||
        !parcel_owns(p, out->decision.id, e)) {
        return false;
    }
    out->parcel = parcel_hold(p);
    return true;
}

bool consent_find(struct keeper *k, const struct letter_id *id, struct arena *arena,
                  struct consent_letter *out, bool *found, struct error *e)
{
    OWN(parcel) struct parcel *p = find_parcel(k, id);

    *out = (struct consent_letter){0};
    *found = p != NULL;
    return !p || consent_read(k, p, arena, out, e);
}

void consent_letter_done(struct consent_letter *l)
{
    parcel_drop(l->parcel);
    l->parcel = NULL;
}

bool consent_copy(struct keeper *k, const struct consent_letter *l, struct arena *arena,
                  struct slice *digest, struct error *e)
{
    return parcel_digest(k, l->parcel, arena, digest, e);
}

struct listing {
    struct parcel *ring[CONSENT_LISTED_MAX]; /* references */
    size_t count;                            /* the last ones of them are in the ring */
};

/* The queue's list has the newest first: what is met last stays. */
static void list_entry(void *context, const struct queue_entry *entry)
{
    struct listing *l = context;
    size_t kept = l->count < CONSENT_LISTED_MAX ? l->count : CONSENT_LISTED_MAX;

    if (!entry->waits) {
        return;
    }
    for (size_t i = 0; i < kept; i++) {
        if (memcmp(l->ring[i]->id.bytes, entry->parcel->id.bytes, LETTER_ID_LEN) == 0) {
            return;
        }
    }
    struct parcel **slot = &l->ring[l->count++ % CONSENT_LISTED_MAX];
    parcel_drop(*slot);
    *slot = parcel_hold(entry->parcel);
}

size_t consent_list(struct keeper *k, struct arena *arena, struct parcel ***out)
{
    struct listing *l = arena_alloc(arena, sizeof(*l));

    *l = (struct listing){.count = 0};
    queue_each(k->queue, list_entry, l);
    size_t kept = l->count < CONSENT_LISTED_MAX ? l->count : CONSENT_LISTED_MAX;
    *out = arena_array(arena, kept + 1, sizeof(struct parcel *));
    for (size_t i = 0; i < kept; i++) {
        (*out)[i] = l->ring[(l->count - 1 - i) % CONSENT_LISTED_MAX];
    }
    return kept;
}

/* ── who may ── */

static bool is_in(const struct cbor_list *list, struct slice text)
{
    const struct slice *items = list->items;

    for (size_t i = 0; text.len && i < list->count; i++) {
        if (slice_equal_nocase(items[i], text)) {
            return true;
        }
    }
    return false;
}

static bool has_address(const struct account *a, struct slice address)
{
    return address.len && (slice_equal_nocase(a->name, address) || is_in(&a->addresses, address));
}

/* "anna+tag@..." is Anna's as well, whichever of these the separator is or was: rather one too many who may not. */
static bool is_tagged(struct slice shown, struct slice address)
{
    struct slice domain = letter_domain(address);
    size_t local = address.len - domain.len - 1;

    return domain.len && slice_equal_nocase(letter_domain(shown), domain) &&
           shown.len > address.len && memchr("+-=_", shown.ptr[local], 4) &&
           slice_equal_nocase(slice_head(shown, local), slice_head(address, local));
}

/* Whether a text, such as a From line, shows an address of the account's. */
static bool shows_address(const struct account *a, struct slice text)
{
    const struct slice *addresses = a->addresses.items;
    struct slice word = SLICE_NONE;
    bool shown = false;

    while (!shown && mail_shown_word(&text, &word)) {
        shown = has_address(a, word) || is_tagged(word, a->name);
        for (size_t i = 0; i < a->addresses.count; i++) {
            shown = shown || is_tagged(word, addresses[i]);
        }
    }
    return shown;
}

/* Where a group delegated it, behalf.from is the group's name, and the letter says in whose name it was sent. */
bool consent_is_sender(const struct account *a, const struct facts *f)
{
    return has_address(a, f->account) || has_address(a, f->behalf.from) ||
           (f->behalf.from.len && (shows_address(a, f->from) || shows_address(a, f->reverse_path)));
}

/* "role officer", "group leads", "account anna@example.test" */
static bool names(struct slice approver, const struct account *a)
{
    struct slice rest = SLICE_NONE;
    struct slice kind = slice_cut(approver, ' ', &rest);

    if (slice_equal(kind, SLICE("role"))) {
        return slice_equal(rest, slice_text(account_role_name(a->role)));
    }
    return slice_equal(kind, SLICE("group"))
               ? is_in(&a->groups, rest)
               : slice_equal(kind, SLICE("account")) && slice_equal_nocase(a->name, rest);
}

bool consent_may(const struct account *a, const struct consent_letter *l)
{
    const struct slice *approvers = l->decision.need.approvers.items;
    bool named = false;

    for (size_t i = 0; i < l->decision.need.approvers.count; i++) {
        named = named || names(approvers[i], a);
    }
    return named && !a->disabled && a->role != ACCOUNT_APPLICATION &&
           !consent_is_sender(a, &l->facts);
}

/* ── back to its sender ── */

bool consent_return(struct keeper *k, const struct consent_letter *l,
                    const struct consent_record *record, struct slice reason, struct arena *arena,
                    struct error *e)
{
    OWN(buf) struct buf body = {.max = (size_t)1 << 20};
    uint64_t later = 0;

    cbor_write(&body, &consent_record_schema, record);
    const struct ledger_record first = {RECORD_CONSENT, buf_slice(&body)};
    if (body.full) {
        return error_set(e, ERROR_LIMIT, "a verdict does not fit into a record");
    }
    if (!keeper_return_letter(k, l, reason, first, arena, e)) {
        return false;
    }
    uint8_t key[CATALOG_REPEAT_LEN];
    catalog_repeat_key(k->tail.catalog, &l->facts, key); /* who sends it again means to */
    repeats_settle(k->repeats, key, &l->parcel->id, false);
    struct queue_entry *entry = queue_take_letter(k->queue, &l->parcel->id, 0, &later);
    while (entry) {
        struct queue_entry *next = entry->next;
        queue_finish(k->queue, entry);
        entry = next;
    }
    return true;
}

static bool time_out(struct keeper *k, const struct consent_letter *l, struct arena *arena,
                     struct error *e)
{
    struct consent_record r = {.id = l->facts.id,
                               .state = CONSENT_TIMED_OUT,
                               .rule = l->decision.need.rule,
                               .reason = SLICE("nobody said anything in time")};

    log_event(LOG_INFO, "letter.returned", LOG_TEXT("reason", "nobody approved it in time"));
    return consent_copy(k, l, arena, &r.digest, e) &&
           consent_return(k, l, &r,
                          SLICE("It needs the approval of a second person, and nobody gave it in "
                                "time. It was not sent"),
                          arena, e);
}

/* ── the thread ── */

/* What is due of one letter. */
struct due {
    struct letter_id id;
    bool late;
};

struct dues {
    int64_t now;
    size_t count;
    bool any;
    struct due list[AT_ONCE];
};

static void look_at(void *context, const struct queue_entry *entry)
{
    struct dues *d = context;
    bool late = entry->waits_until <= d->now;

    d->any = d->any || entry->waits;
    if (!entry->waits || (entry->told && !late)) {
        return;
    }
    for (size_t i = 0; i < d->count; i++) {
        if (memcmp(d->list[i].id.bytes, entry->parcel->id.bytes, LETTER_ID_LEN) == 0) {
            return;
        }
    }
    if (d->count < AT_ONCE) {
        d->list[d->count++] = (struct due){entry->parcel->id, late};
    }
}

static bool serve(struct keeper *k, const struct due *due, struct error *e)
{
    OWN(arena) struct arena arena = {.max = KEEPER_ARENA_MAX};
    OWN(consent_letter) struct consent_letter l = {0};
    bool found = false;

    if (!consent_find(k, &due->id, &arena, &l, &found, e)) {
        return false;
    }
    return !found || (due->late ? time_out(k, &l, &arena, e) : consent_tell(k, &l, &arena, e));
}

/* False: something could not be done, and is to be tried again later. */
static bool look(struct keeper *k)
{
    struct dues d = {.now = clock_steady_ms()};
    struct error e;
    bool done = true;

    atomic_store(&k->consents, false);
    queue_each(k->queue, look_at, &d);
    for (size_t i = 0; i < d.count; i++) {
        consent_hold(k);
        bool served = serve(k, &d.list[i], &e);
        consent_let_go(k);
        if (!served) {
            log_event(LOG_WARNING, "consent.later", LOG_TEXT("reason", e.text));
            if (e.kind == ERROR_CORRUPT) {
                keeper_alert(k, "queue-unreadable", e.text);
            }
        }
        done = done && served;
    }
    if (d.any) {
        atomic_store(&k->consents, true);
    }
    return done;
}

void keeper_consents(void *keeper)
{
    struct keeper *k = keeper;
    int64_t next_at = 0;
    int64_t return_at = 0;

    atomic_store(&k->consents, true); /* what was there at the start */
    while (!atomic_load(&k->closing)) {
        if (clock_steady_ms() >= return_at) {
            scanning_again(k);
            return_at = clock_steady_ms() + AGAIN_MS;
        }
        if (atomic_load(&k->consents) && clock_steady_ms() >= next_at && !look(k)) {
            next_at = clock_steady_ms() + AGAIN_MS;
        }
        (void)usleep(LOOK_EVERY_US);
    }
}
