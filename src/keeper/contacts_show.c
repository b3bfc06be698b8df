/* Contacts are found and listed: what is shown is counted first. */
#include <stdio.h>

#include "base/clock.h"

#include "keeper/contact_shown.h"
#include "keeper/contacts.h"
#include "keeper/decoys.h"
#include "keeper/drills.h"
#include "keeper/internal.h"
#include "requests/contacts.h"

static const struct contacts_settings *settings_of(const struct keeper *k)
{
    return &k->options.settings(k->options.context)->contacts;
}

static struct contact copy(const struct contact *c, struct arena *arena)
{
    return (struct contact){.address = arena_copy(arena, c->address),
                            .name = arena_copy(arena, c->name),
                            .organisation = arena_copy(arena, c->organisation),
                            .title = arena_copy(arena, c->title),
                            .phone = arena_copy(arena, c->phone),
                            .note = arena_copy(arena, c->note),
                            .favourite = c->favourite};
}

/* ── how much ── */

static enum contact_metered take(const struct keeper_admin *admin, uint64_t count, uint64_t *left)
{
    const struct contacts_settings *s = settings_of(admin->keeper);
    struct contacts *c = admin->keeper->contacts;
    const struct contact_limits limits = {
        .hour = s->per_hour, .day = s->per_day, .alarm = s->alarm};
    int64_t now = clock_steady_ms();

    (void)pthread_mutex_lock(&c->meter_lock);
    enum contact_metered m = contact_meter_take(c->meter, admin->caller.by, count, &limits, now);
    *left = contact_meter_left(c->meter, admin->caller.by, &limits, now);
    (void)pthread_mutex_unlock(&c->meter_lock);
    return m;
}

static void alarm_about(const struct keeper_admin *admin, enum contact_metered m)
{
    struct slice by = admin->caller.by;
    char sentence[ERROR_TEXT_MAX];

    if (m == CONTACT_GRANTED_ALARM) {
        (void)snprintf(sentence, sizeof(sentence),
                       "%.*s was shown more than `contacts-alarm` contacts within an hour: "
                       "`postern acts --by %.*s`",
                       SLICE_ARG(by), SLICE_ARG(by));
        keeper_alert_about(admin->keeper, admin->caller.account, "contacts-harvest", sentence);
    } else {
        (void)snprintf(sentence, sizeof(sentence),
                       "%.*s asked for more contacts than `contacts-per-hour` or "
                       "`contacts-per-day` allow and was refused: `postern acts --by %.*s`",
                       SLICE_ARG(by), SLICE_ARG(by));
        keeper_alert_about(admin->keeper, admin->caller.account, "contacts-limit", sentence);
    }
}

/* Count what is to be shown. False with a sentence when that is too much. */
static bool may_see(struct keeper_admin *admin, const char *verb, uint64_t count, struct error *e)
{
    uint64_t left = 0;

    if (!contact_shown_know(admin, e)) {
        return false;
    }
    enum contact_metered m = take(admin, count, &left);
    struct act act = {.verb = slice_text(verb), .count = count, .refused = true};

    if (m == CONTACT_GRANTED_ALARM || m == CONTACT_REFUSED_ALARM) {
        alarm_about(admin, m);
    }
    if (m == CONTACT_GRANTED || m == CONTACT_GRANTED_ALARM) {
        return contact_shown_keep(admin, settings_of(admin->keeper)->per_hour, e);
    }
    if (m == CONTACT_REFUSED_ALARM && !keeper_admin_act(admin, &act, e)) {
        return false;
    }
    return error_set(
        e, ERROR_DENIED,
        "these are %llu contacts, and you are shown %llu more for now: look for single "
        "ones with `postern contact find`, later, or ask for `postern contact export`, "
        "which another person approves",
        (unsigned long long)count, (unsigned long long)left);
}

/* Whether he is shown anything at all any more: before a book is gone through for it. */
static bool may_look(struct keeper_admin *admin, const char *verb, struct error *e)
{
    const struct contacts_settings *s = settings_of(admin->keeper);
    struct contacts *c = admin->keeper->contacts;
    const struct contact_limits limits = {
        .hour = s->per_hour, .day = s->per_day, .alarm = s->alarm};

    if (!contact_shown_know(admin, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&c->meter_lock);
    uint64_t left = contact_meter_left(c->meter, admin->caller.by, &limits, clock_steady_ms());
    (void)pthread_mutex_unlock(&c->meter_lock);
    return left || may_see(admin, verb, 1, e);
}

/* ── a few ── */

/* The caller is of a drill: whoever plays a thief learns how many he would have got, and not whom. */
static bool is_played(const struct keeper_admin *admin, struct arena *arena, bool *is,
                      struct error *e)
{
    *is = false;
    return admin->caller.account.len == 0 ||
           drill_is(admin->keeper, admin->caller.account, arena, is, e);
}

struct few {
    struct contact_found found[100];
    size_t n;
    struct contact_probe probe;
};

/* Names that only a list can have told him. */
static bool compares(const struct keeper_admin *admin, const struct few *few)
{
    struct contacts *c = admin->keeper->contacts;
    bool often = false;

    if (few->probe.missed) {
        (void)pthread_mutex_lock(&c->meter_lock);
        often =
            contact_meter_missed(c->meter, admin->caller.by, few->probe.missed, clock_steady_ms());
        (void)pthread_mutex_unlock(&c->meter_lock);
    }
    return few->probe.whole || often;
}

static void keep(struct few *few, const struct contact_row *row, struct arena *arena)
{
    few->found[few->n++] = (struct contact_found){.contact = copy(&row->contact, arena),
                                                  .company = row->owner.len == 0};
}

static void find_words(struct keeper *k, struct slice owner, const struct contact_find_ask *ask,
                       struct arena *arena, struct few *few)
{
    const struct contact_row *rows[100];
    uint64_t max = settings_of(k)->found;

    max = ask->max && ask->max < max ? ask->max : max;
    size_t n = contact_book_find(k->contacts->book, owner, ask->words, rows, max, &few->probe);
    for (size_t i = 0; i < n; i++) {
        keep(few, rows[i], arena);
    }
}

/* The one of this address, in one's own book or the company's. */
static void find_address(struct keeper *k, struct slice owner, struct slice address,
                         struct arena *arena, struct few *few)
{
    const struct contact_row *mine =
        owner.len ? contact_book_get(k->contacts->book, owner, address) : NULL;
    const struct contact_row *ours = contact_book_get(k->contacts->book, SLICE_NONE, address);

    if (mine && mine->kind != CONTACT_RETIRED) {
        keep(few, mine, arena);
    }
    if (ours && ours->kind != CONTACT_RETIRED) {
        keep(few, ours, arena);
    }
}

static bool is_long_enough(struct slice words, struct error *e)
{
    return words.len == 0 || slice_trim(words).len >= CONTACT_WORD_MIN ||
           error_set(e, ERROR_INPUT, "say at least %d letters of it", CONTACT_WORD_MIN);
}

bool keeper_on_contact_find(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct contact_find_ask *ask = r->ask;
    struct contact_find_answer *answer = r->answer;
    struct contacts *c = admin->keeper->contacts;
    struct few *few = arena_alloc(r->arena, sizeof(*few));

    bool played = false;
    if (!is_long_enough(ask->words, e) || !is_played(admin, r->arena, &played, e) ||
        !may_look(admin, "contact find", e)) {
        return false;
    }
    (void)pthread_rwlock_rdlock(&c->lock);
    if (ask->address.len) {
        find_address(admin->keeper, admin->caller.account, ask->address, r->arena, few);
    } else {
        find_words(admin->keeper, admin->caller.account, ask, r->arena, few);
    }
    (void)pthread_rwlock_unlock(&c->lock);
    if (compares(admin, few)) {
        decoys_probed(admin);
    }
    for (size_t i = 0; played && i < few->n; i++) {
        few->found[i].contact = (struct contact){.address = SLICE_NONE};
    }
    answer->found = (struct cbor_list){few->found, few->n};
    return may_see(admin, "contact find", few->n ? few->n : 1, e);
}

/* ── many ── */

bool keeper_on_contact_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct contact_list_ask *ask = r->ask;
    struct contact_list_answer *answer = r->answer;
    struct contacts *c = admin->keeper->contacts;
    struct contact *page = arena_array(r->arena, CONTACTS_LISTED_MAX, sizeof(*page));
    OWN(arena) struct arena list_arena = {.max = CONTACT_ALL_MAX * 2 * sizeof(void *)};
    const struct contact_row **rows = NULL;
    struct slice owner;
    size_t n = 0;
    bool played = false;

    if (!contacts_owner(admin, ask->company, false, &owner, e) ||
        !is_played(admin, r->arena, &played, e) || !may_look(admin, "contact list", e)) {
        return false;
    }
    (void)pthread_rwlock_rdlock(&c->lock);
    size_t total = contact_book_list(c->book, owner, &list_arena, &rows);
    for (size_t i = ask->skip; i < total && n < CONTACTS_LISTED_MAX; i++) {
        page[n++] =
            played ? (struct contact){.address = SLICE_NONE} : copy(&rows[i]->contact, r->arena);
    }
    (void)pthread_rwlock_unlock(&c->lock);
    struct act act = {.verb = SLICE("contact list"),
                      .count = n,
                      .detail = owner.len ? SLICE("own contacts") : SLICE("company contacts")};
    /* Of a first page all counts: nobody takes as many pages as he may, and then comes again. */
    uint64_t wanted = ask->skip ? n : total;
    if (!may_see(admin, "contact list", wanted, e) || !keeper_admin_act(admin, &act, e)) {
        return false;
    }
    answer->contacts = (struct cbor_list){page, n};
    answer->total = total;
    return true;
}
