/* Decoys are made, rotated, switched on and off. */
#include "base/clock.h"
#include "base/log.h"

#include "keeper/account_parts.h"
#include "keeper/contacts.h"
#include "keeper/decoy_mint.h"
#include "keeper/decoys.h"
#include "keeper/internal.h"
#include "keeper/subject.h"
#include "requests/contacts.h"

#define LOOK_MS    60000
#define AGAIN_MS   1000 /* when the index is behind the ledger, say */
#define TRIES      50   /* names that are drawn for one decoy */
#define MODELS_MAX 2000
#define ARENA_MAX  ((size_t)64 << 20)

static const struct contacts_settings *settings_of(const struct keeper *k)
{
    return &k->options.settings(k->options.context)->contacts;
}

/* ── what there is ── */

/* A look at all books. */
struct survey {
    struct keeper *k;
    struct arena *arena;
    struct account *accounts;
    size_t n_accounts;
    struct slice owner; /* of the book that is looked at ... */
    uint64_t now;
    uint64_t head;        /* up to where the archive is looked through for who writes to whom */
    size_t real, serving; /* ... and what is in it */
    struct contact *models;
    size_t n_models;
    size_t n_contacts;        /* of these, the first ones; the others are people with accounts */
    struct contact_row *over; /* decoys whose time is over, of all books */
    size_t n_over;
    struct decoys_order_answer *counts;
};

static void copy_texts(struct contact *c, struct arena *arena)
{
    struct slice *texts[] = {&c->address, &c->name,  &c->organisation,
                             &c->title,   &c->phone, &c->note};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        *texts[i] = arena_copy(arena, *texts[i]);
    }
}

/* A decoy that somebody took out of his book serves its time all the same: no other one takes its place at once. */
static void visit_book(void *context, const struct contact_row *row)
{
    struct survey *s = context;

    if (!slice_equal(row->owner, s->owner)) {
        return;
    }
    s->real += row->kind == CONTACT_REAL;
    s->serving += row->kind != CONTACT_REAL && row->until > s->now;
    if (row->kind == CONTACT_REAL && s->n_models < MODELS_MAX) {
        s->models[s->n_models] = row->contact;
        copy_texts(&s->models[s->n_models++], s->arena);
    }
}

static void visit_over(void *context, const struct contact_row *row)
{
    struct survey *s = context;

    if (row->kind == CONTACT_DECOY && row->until <= s->now && s->n_over < MODELS_MAX) {
        struct contact_row *over = &s->over[s->n_over++];
        *over = *row;
        over->owner = arena_copy(s->arena, row->owner);
        copy_texts(&over->contact, s->arena);
        over->kind = CONTACT_RETIRED;
    }
}

static void each(struct survey *s, contact_book_visit *visit)
{
    (void)pthread_rwlock_rdlock(&s->k->contacts->lock);
    contact_book_each(s->k->contacts->book, visit, s);
    (void)pthread_rwlock_unlock(&s->k->contacts->lock);
}

/* People with accounts are written as the others of their domain. */
static void add_accounts(struct survey *s)
{
    for (size_t i = 0; i < s->n_accounts && s->n_models < MODELS_MAX; i++) {
        s->models[s->n_models++] =
            (struct contact){.address = s->accounts[i].name, .name = s->accounts[i].display};
    }
}

/* ── a new one ── */

static struct slice draw_domain(const struct keeper *k)
{
    const struct settings *s = k->options.settings(k->options.context);
    const struct config_list *domains =
        s->contacts.decoy_domains.count ? &s->contacts.decoy_domains : &s->general.domains;
    const struct slice *items = domains->items;

    return domains->count ? items[decoy_draw(domains->count)] : SLICE_NONE;
}

/* Whether a letter of the archive is from or to this address. */
static bool is_correspondent(struct survey *s, struct slice address, bool *is, struct error *e)
{
    const struct cbor_list addresses = {&address, 1};
    const struct cbor_list none = {NULL, 0};
    struct query query;
    uint64_t seq = 0;
    size_t count = 0;

    if (!subject_query(&addresses, &none, s->arena, &query, e) ||
        !subject_find(s->k, &query, s->head, UINT64_MAX, &seq, 1, &count, e)) {
        return false;
    }
    *is = count != 0;
    return true;
}

static bool is_taken(struct survey *s, struct slice address, bool *taken, struct error *e)
{
    *taken = false;
    for (size_t i = 0; i < s->n_accounts; i++) {
        *taken = *taken || account_has_address(&s->accounts[i], address);
    }
    (void)pthread_rwlock_rdlock(&s->k->contacts->lock);
    *taken = *taken || contact_book_has(s->k->contacts->book, address);
    (void)pthread_rwlock_unlock(&s->k->contacts->lock);
    return *taken || is_correspondent(s, address, taken, e);
}

/* Each serves a time of its own, half to one and a half of what is set: they do not all change in one night. */
static uint64_t draw_until(const struct survey *s)
{
    uint64_t set = (uint64_t)settings_of(s->k)->decoy_rotation_ms;

    return s->now + set / 2 + decoy_draw(set + 1);
}

static bool make_one(struct survey *s, struct error *e)
{
    struct contact_row row = {.owner = s->owner, .kind = CONTACT_DECOY, .until = draw_until(s)};
    struct slice domain = draw_domain(s->k);

    bool taken = true;
    for (int i = 0; taken && i < TRIES; i++) {
        row.contact = decoy_mint(domain, s->models, s->n_models, s->n_contacts, s->arena);
        if (!is_taken(s, row.contact.address, &taken, e)) {
            return false;
        }
    }
    if (taken) {
        return error_set(e, ERROR_LIMIT, "every name that was drawn is somebody's");
    }
    (void)pthread_mutex_lock(&s->k->contacts->changing);
    bool made = contacts_write(s->k, &row, 1, e);
    (void)pthread_mutex_unlock(&s->k->contacts->changing);
    return made;
}

/* A book without a contact gets none: there it would stand alone. */
static bool fill_book(struct survey *s, struct slice owner, uint64_t wanted, struct error *e)
{
    s->owner = owner;
    s->real = 0;
    s->serving = 0;
    s->n_models = 0;
    each(s, visit_book);
    if (s->real == 0) {
        return true;
    }
    s->n_contacts = s->n_models;
    add_accounts(s);
    while (s->serving < wanted && !atomic_load(&s->k->closing)) {
        if (!make_one(s, e)) {
            return false;
        }
        s->serving++;
    }
    return true;
}

/* ── from time to time ── */

static bool retire(struct survey *s, struct error *e)
{
    each(s, visit_over);
    if (s->n_over == 0) {
        return true;
    }
    (void)pthread_mutex_lock(&s->k->contacts->changing);
    bool written = contacts_write(s->k, s->over, s->n_over, e);
    (void)pthread_mutex_unlock(&s->k->contacts->changing);
    return written;
}

static bool tend(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    struct survey s = {.k = k, .arena = &arena, .now = (uint64_t)clock_wall_ms()};
    const struct contacts_settings *settings = settings_of(k);
    struct ledger_head head;

    ledger_head(k->ledger, &head);
    k->contacts->look_head = k->contacts->look_head ? k->contacts->look_head : head.size;
    s.head = k->contacts->look_head;
    s.models = arena_array(&arena, MODELS_MAX, sizeof(*s.models));
    s.over = arena_array(&arena, MODELS_MAX, sizeof(*s.over));
    if (!state_accounts(k->state, &arena, &s.accounts, &s.n_accounts, e) || !retire(&s, e) ||
        !fill_book(&s, SLICE_NONE, settings->decoys_company, e)) {
        return false;
    }
    for (size_t i = 0; i < s.n_accounts; i++) {
        OWN(arena) struct arena own = {.max = ARENA_MAX};
        struct survey book = s;
        book.arena = &own;
        if (!s.accounts[i].disabled &&
            !fill_book(&book, s.accounts[i].name, settings->decoys_account, e)) {
            return false;
        }
    }
    return true;
}

/* Who waited for the index goes on waiting for what it waited for: where records never cease, it would never hold them all. */
void decoys_look(struct keeper *k)
{
    struct contacts *c = k->contacts;
    int64_t now = clock_steady_ms();
    struct error e;

    if (!atomic_load(&c->decoys) || (now < c->look_at && !atomic_exchange(&c->hurry, false))) {
        return;
    }
    bool tended = tend(k, &e);
    c->look_at = now + (tended ? LOOK_MS : AGAIN_MS);
    c->look_head = tended ? 0 : c->look_head;
    if (!tended && !atomic_load(&c->waiting)) {
        log_event(LOG_INFO, "decoys.later", LOG_TEXT("reason", e.text));
    }
    atomic_store(&c->waiting, !tended);
}

/* ── orders ── */

static void visit_counts(void *context, const struct contact_row *row)
{
    struct survey *s = context;

    s->counts->company += row->kind == CONTACT_DECOY && row->owner.len == 0;
    s->counts->accounts += row->kind == CONTACT_DECOY && row->owner.len != 0;
    s->counts->retired += row->kind == CONTACT_RETIRED;
}

static void status(struct keeper *k, struct decoys_order_answer *answer)
{
    struct survey s = {.k = k, .counts = answer};

    each(&s, visit_counts);
    answer->on = atomic_load(&k->contacts->decoys);
    answer->hits = atomic_load(&k->contacts->hits);
    answer->waiting = atomic_load(&k->contacts->waiting);
}

/* Those that serve, to be taken out; or those that would serve still, to be put in again. */
struct turn {
    struct arena *arena;
    bool on;
    uint64_t now;
    struct contact_row *rows;
    size_t n, room;
};

static void visit_turn(void *context, const struct contact_row *row)
{
    struct turn *t = context;
    bool due =
        t->on ? row->kind == CONTACT_RETIRED && row->until > t->now : row->kind == CONTACT_DECOY;

    if (due && t->n < t->room) {
        struct contact_row *turned = &t->rows[t->n++];
        *turned = *row;
        turned->kind = t->on ? CONTACT_DECOY : CONTACT_RETIRED;
    }
}

static bool turn_all(struct keeper *k, bool on, struct arena *arena, struct error *e)
{
    struct contacts *c = k->contacts;
    struct turn t = {.arena = arena, .on = on, .now = (uint64_t)clock_wall_ms()};

    (void)pthread_mutex_lock(&c->changing); /* so that what the rows look into stays */
    t.room = contact_book_size(c->book);
    t.rows = arena_array(arena, t.room + 1, sizeof(*t.rows));
    contact_book_each(c->book, visit_turn, &t);
    bool turned = t.n == 0 || contacts_write(k, t.rows, t.n, e);
    (void)pthread_mutex_unlock(&c->changing);
    return turned;
}

static bool turn(struct keeper *k, bool on, struct arena *arena, struct error *e)
{
    struct slice name = SLICE(CONTACTS_DECOYS_ON);
    bool found = false;

    if (on == atomic_load(&k->contacts->decoys)) {
        return true;
    }
    if (on ? !state_value_put(k->state, name, SLICE("on"), e)
           : !state_value_delete(k->state, name, &found, e)) {
        return false;
    }
    atomic_store(&k->contacts->decoys, on);
    atomic_store(&k->contacts->hurry, on);
    return turn_all(k, on, arena, e);
}

/* Take an address out of the watch, in whosever book it is. */
static bool forget(struct keeper *k, struct slice address, struct error *e)
{
    struct contacts *c = k->contacts;
    const struct contact_row *row = contact_book_decoy(c->book, address);

    if (!row) {
        return error_set(e, ERROR_INPUT, "%.*s is no decoy", SLICE_ARG(slice_head(address, 100)));
    }
    while (row) {
        struct contact_row gone = *row;
        if (!contacts_drop(k, &gone, e)) {
            return false;
        }
        row = contact_book_decoy(c->book, address);
    }
    return true;
}

static bool obey(struct keeper *k, const struct decoys_order_ask *ask, struct arena *arena,
                 struct error *e)
{
    if (ask->order != DECOYS_FORGET) {
        return turn(k, ask->order == DECOYS_ON, arena, e);
    }
    (void)pthread_mutex_lock(&k->contacts->changing);
    bool forgotten = forget(k, ask->address, e);
    (void)pthread_mutex_unlock(&k->contacts->changing);
    return forgotten;
}

bool keeper_on_decoys_order(void *ctx, struct ipc_request *r, struct error *e)
{
    static const char *const verbs[] = {NULL, "decoys on", "decoys off", "decoys forget"};
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct decoys_order_ask *ask = r->ask;

    if (ask->order != DECOYS_STATUS &&
        (!keeper_admin_record(admin, verbs[ask->order], ask->address, ask->reason, e) ||
         !obey(admin->keeper, ask, r->arena, e))) {
        return false;
    }
    status(admin->keeper, r->answer);
    return true;
}
