#include "keeper/drills.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/account_parts.h"
#include "keeper/contacts.h"
#include "keeper/decoy_mint.h"
#include "keeper/desks.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "keeper/suspend.h"
#include "keeper/suspensions.h"
#include "keyring/keyring.h"
#include "requests/drill.h"

#define NAME_LETTERS     8
#define PASSWORD_LETTERS 28 /* of 32 kinds: 140 bits */
#define EVENT_MAX        48
#define MARK             "DRILL: "

struct alarm {
    char event[EVENT_MAX];
    uint64_t at;
    uint64_t command, webhook; /* enum drill_way */
};

struct drills {
    pthread_mutex_t lock;                 /* guards what follows */
    char account[LETTER_ADDRESS_MAX + 1]; /* of the one under way; empty: none is */
    int64_t until_ms;                     /* wall clock */
    struct alarm alarms[DRILL_ALARMS_MAX];
    size_t n_alarms;
};

struct drills *drills_new(void)
{
    struct drills *d = calloc(1, sizeof(*d));

    if (!d) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&d->lock, NULL);
    return d;
}

void drills_free(struct drills *d)
{
    if (d) {
        (void)pthread_mutex_destroy(&d->lock);
    }
    free(d);
}

/* ── what an account of a drill is ── */

bool drill_is_over(const struct account *a)
{
    return a->drill_until && a->drill_until <= (uint64_t)clock_wall_ms();
}

int64_t drill_bounds(const struct account *a, int64_t ends_at_ms)
{
    int64_t left = (int64_t)a->drill_until - clock_wall_ms();

    if (!a->drill_until) {
        return ends_at_ms;
    }
    left = left < DRILL_MS ? left : DRILL_MS; /* however the clock was set */
    return left < ends_at_ms - clock_steady_ms() ? clock_steady_ms() + left : ends_at_ms;
}

bool drill_is(struct keeper *k, struct slice account, struct arena *arena, bool *is,
              struct error *e)
{
    struct account a;
    bool found = false;

    if (!state_account_get(k->state, account_canonical(account, arena), arena, &a, &found, e)) {
        return false;
    }
    *is = found && a.drill_until;
    return true;
}

bool drill_spares(struct keeper *k, struct slice account, struct arena *arena, struct error *e)
{
    bool is = false;

    return drill_is(k, account, arena, &is, e) &&
           (!is ||
            error_set(e, ERROR_INPUT,
                      "`%.*s` is of a drill: nothing is given to it, and it closes by itself",
                      SLICE_ARG(slice_head(account, 100))));
}

/* ── alarms ── */

static bool is_under_way(const struct drills *d, struct slice account)
{
    return account.len && slice_equal_nocase(slice_text(d->account), account);
}

static void remember(struct keeper *k, struct slice account, const char *event)
{
    const struct general_settings *s = &k->options.settings(k->options.context)->general;
    struct drills *d = k->drills;

    (void)pthread_mutex_lock(&d->lock);
    if (is_under_way(d, account) && d->n_alarms < DRILL_ALARMS_MAX) {
        struct alarm *a = &d->alarms[d->n_alarms++];
        (void)snprintf(a->event, sizeof(a->event), "%s", event);
        a->at = (uint64_t)clock_wall_ms();
        a->command = s->alert_command.len ? DRILL_WAITS : DRILL_NOT_SET;
        a->webhook = s->alert_webhook.len ? DRILL_WAITS : DRILL_NOT_SET;
    }
    (void)pthread_mutex_unlock(&d->lock);
}

void keeper_alert_about(struct keeper *k, struct slice account, const char *event,
                        const char *sentence)
{
    OWN(arena) struct arena arena = {.max = STATE_VALUE_MAX * 2};
    char marked[ERROR_TEXT_MAX];
    bool drill = false;
    struct error e;

    if (!drill_is(k, account, &arena, &drill, &e) || !drill) {
        keeper_alert(k, event, sentence);
        return;
    }
    (void)snprintf(marked, sizeof(marked), MARK "%s", sentence);
    remember(k, account, event);
    keeper_alert(k, event, marked);
}

void keeper_alarm_told(struct keeper *k, struct slice event, struct slice way,
                       struct slice sentence, bool done)
{
    bool command = slice_equal(way, SLICE("command"));
    struct drills *d = k->drills;

    if (!slice_starts(sentence, SLICE(MARK))) {
        return;
    }
    (void)pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < d->n_alarms; i++) {
        struct alarm *a = &d->alarms[i];
        uint64_t *state = command ? &a->command : &a->webhook;
        if (*state == DRILL_WAITS && slice_equal(slice_text(a->event), event)) {
            *state = done ? DRILL_TOLD : DRILL_FAILED;
            break;
        }
    }
    (void)pthread_mutex_unlock(&d->lock);
}

/* ── beginning ── */

static struct slice draw(size_t n, struct arena *arena)
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyz23456789";
    uint8_t *out = arena_alloc(arena, n);

    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)letters[decoy_draw(sizeof(letters) - 1)];
    }
    return slice_of(out, n);
}

static bool is_free(struct keeper *k, struct error *e)
{
    struct drills *d = k->drills;

    (void)pthread_mutex_lock(&d->lock);
    bool busy = d->account[0] && d->until_ms > clock_wall_ms();
    (void)pthread_mutex_unlock(&d->lock);
    return !busy ||
           error_set(e, ERROR_BUSY, "a drill is under way; it ends by itself within half an hour");
}

/* A person that nobody is, in the contacts of the account that is attacked alone: so the drill tells nobody which the
 * real ones are. */
static bool add_decoy(struct keeper *k, const struct account *a, struct arena *arena,
                      struct slice *address, struct error *e)
{
    struct contact_row row = {.owner = a->name, .kind = CONTACT_DECOY, .until = a->drill_until};

    row.contact = decoy_mint(letter_domain(a->name), NULL, 0, 0, arena);
    struct slice local = slice_head(row.contact.address, slice_find(row.contact.address, '@'));
    row.contact.address =
        arena_printf(arena, "%.*s.%.*s@%.*s", SLICE_ARG(local), SLICE_ARG(draw(4, arena)),
                     SLICE_ARG(letter_domain(a->name))); /* nobody's, for sure */
    *address = row.contact.address;
    (void)pthread_mutex_lock(&k->contacts->changing);
    bool written = contacts_write(k, &row, 1, e);
    (void)pthread_mutex_unlock(&k->contacts->changing);
    return written;
}

static void begun(struct keeper *k, const struct account *a)
{
    struct drills *d = k->drills;

    (void)pthread_mutex_lock(&d->lock);
    (void)snprintf(d->account, sizeof(d->account), "%.*s", SLICE_ARG(a->name));
    d->until_ms = (int64_t)a->drill_until;
    d->n_alarms = 0;
    (void)pthread_mutex_unlock(&d->lock);
}

static void ended(struct drills *d, struct slice account)
{
    (void)pthread_mutex_lock(&d->lock);
    if (is_under_way(d, account)) {
        d->account[0] = '\0';
    }
    (void)pthread_mutex_unlock(&d->lock);
}

/* ── what happened ── */

static struct cbor_list list_alarms(struct keeper *k, struct arena *arena)
{
    struct drill_alarm *rows = arena_array(arena, DRILL_ALARMS_MAX, sizeof(*rows));
    struct drills *d = k->drills;

    (void)pthread_mutex_lock(&d->lock);
    size_t n = d->n_alarms;
    for (size_t i = 0; i < n; i++) {
        const struct alarm *a = &d->alarms[i];
        rows[i] = (struct drill_alarm){.event = arena_copy(arena, slice_text(a->event)),
                                       .at = a->at,
                                       .command = a->command,
                                       .webhook = a->webhook};
    }
    (void)pthread_mutex_unlock(&d->lock);
    return (struct cbor_list){rows, n};
}

static bool look(struct keeper *k, struct slice account, struct arena *arena,
                 struct drill_look_answer *answer, struct error *e)
{
    const struct account_limits none = {.account = account};
    struct account_show_answer shown = {.points = 0};
    struct suspension_record suspension;
    bool suspended = false;

    guard_look(k, &none, arena, &shown);
    answer->letters = shown.sent[LIMITS_HOUR][LIMITS_LETTERS];
    answer->reached = shown.sent[LIMITS_HOUR][LIMITS_RECIPIENTS]; /* nobody is written to twice */
    answer->alarms = list_alarms(k, arena);
    if (!suspension_of(k, account, arena, &suspension, &suspended, e)) {
        return false;
    }
    if (suspended) {
        answer->suspended_at = suspension.at;
        answer->points = suspension.points;
        answer->why = letter_text(arena, suspension.reason, DRILL_WHY_MAX);
    }
    return true;
}

/* ── ending ── */

static struct slice summary(const struct drill_look_answer *a, struct arena *arena)
{
    const struct drill_alarm *alarms = a->alarms.items;
    struct slice told = SLICE_NONE;

    for (size_t i = 0; i < a->alarms.count; i++) {
        bool out = alarms[i].command == DRILL_TOLD || alarms[i].webhook == DRILL_TOLD;
        told = arena_printf(arena, "%.*s%s%.*s%s", SLICE_ARG(told), i ? ", " : "",
                            SLICE_ARG(alarms[i].event), out ? "" : " (told nobody)");
    }
    return letter_text(arena,
                       arena_printf(arena, "%llu recipients reached; %s%.*s; alarms: %.*s",
                                    (unsigned long long)a->reached,
                                    a->suspended_at ? "suspended: " : "not suspended",
                                    SLICE_ARG(slice_head(a->why, 500)),
                                    SLICE_ARG(told.len ? told : SLICE("none"))),
                       900);
}

struct decoy_of {
    struct slice owner;
    struct arena *arena;
    struct slice address; /* of one that is its; empty: there is none */
};

static void visit_decoy(void *context, const struct contact_row *row)
{
    struct decoy_of *d = context;

    if (row->kind != CONTACT_REAL && d->address.len == 0 && slice_equal(row->owner, d->owner)) {
        d->address = arena_copy(d->arena, row->contact.address);
    }
}

/* The book says which they are: this process may be another one than that which began the drill. */
static bool drop_decoys(struct keeper *k, struct slice owner, struct arena *arena, struct error *e)
{
    struct contacts *c = k->contacts;
    struct decoy_of d = {.owner = owner, .arena = arena};
    bool ok = true;

    (void)pthread_mutex_lock(&c->changing);
    do {
        d.address = SLICE_NONE;
        (void)pthread_rwlock_rdlock(&c->lock);
        contact_book_each(c->book, visit_decoy, &d);
        (void)pthread_rwlock_unlock(&c->lock);
        const struct contact_row row = {
            .owner = owner, .contact = {.address = d.address}, .kind = CONTACT_DECOY};
        ok = d.address.len == 0 || contacts_drop(k, &row, e);
    } while (ok && d.address.len);
    (void)pthread_mutex_unlock(&c->changing);
    return ok;
}

/* The suspension goes with the account: nobody is to wait for its release. */
static bool end_suspension(struct keeper_admin *admin, struct slice account, struct arena *arena,
                           struct error *e)
{
    struct suspension_record record = {.account = account,
                                       .state = SUSPENSION_ENDED,
                                       .at = (uint64_t)clock_wall_ms(),
                                       .by = admin->caller.by,
                                       .reason = SLICE("the drill is over"),
                                       .role = admin->role};
    bool found = false;

    return keeper_record_one(admin->keeper, LEDGER_AWAITED, RECORD_SUSPENSION,
                             &suspension_record_schema, &record, e) &&
           suspensions_drop(admin->keeper, account, arena, &found, e);
}

/* It is closed at once, and not under way any more; its verifier, which opens nothing then, goes last of all: what a crash
 * or an error left of it is taken up by the next drill. */
static bool close_account(struct keeper_admin *admin, struct account *a, struct arena *arena,
                          struct error *e)
{
    struct keeper *k = admin->keeper;
    struct drill_look_answer seen = {.letters = 0};

    if (!look(k, a->name, arena, &seen, e)) {
        return false;
    }
    struct act act = {.verb = SLICE("drill end"),
                      .object = a->name,
                      .count = seen.letters,
                      .detail = summary(&seen, arena)};
    a->disabled = true;
    if (!state_account_put(k->state, a, e)) {
        return false;
    }
    sessions_end_account(k->sessions, a->name);
    ended(k->drills, a->name);
    if (!desks_end_account(k, a->name, e) || !drop_decoys(k, a->name, arena, e) ||
        !keeper_admin_act(admin, &act, e) ||
        (seen.suspended_at && !end_suspension(admin, a->name, arena, e))) {
        return false;
    }
    a->verifier = SLICE_NONE;
    return state_account_put(k->state, a, e);
}

static bool is_open(const struct account *a)
{
    return a->drill_until && a->verifier.len;
}

/* Those that nobody ended, or not whole: the other end was killed, or this one. */
static bool close_others(struct keeper_admin *admin, struct arena *arena, struct error *e)
{
    struct account *accounts = NULL;
    size_t count = 0;

    if (!state_accounts(admin->keeper->state, arena, &accounts, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (is_open(&accounts[i]) && !close_account(admin, &accounts[i], arena, e)) {
            return false;
        }
    }
    return true;
}

/* ── asked ── */

static bool begin(struct keeper_admin *admin, struct ipc_request *r, struct error *e)
{
    const struct drill_begin_ask *ask = r->ask;
    struct drill_begin_answer *answer = r->answer;
    struct keeper *k = admin->keeper;
    const struct settings *settings = k->options.settings(k->options.context);
    const struct slice *domains = settings->general.domains.items;
    struct account a = {.display = SLICE("Drill"),
                        .created_at = (uint64_t)clock_wall_ms(),
                        .role = ACCOUNT_EMPLOYEE};

    if (ask->decoy && !atomic_load(&k->contacts->decoys)) {
        return error_set(e, ERROR_INPUT, "decoys are off: `postern decoys on` puts them in");
    }
    a.drill_until = a.created_at + DRILL_MS;
    a.name = arena_printf(r->arena, "drill-%.*s@%.*s", SLICE_ARG(draw(NAME_LETTERS, r->arena)),
                          SLICE_ARG(account_canonical(domains[0], r->arena)));
    answer->password = draw(PASSWORD_LETTERS, r->arena);
    struct account there;
    bool found = false;
    if (!state_account_get(k->state, a.name, r->arena, &there, &found, e) ||
        (found && error_set(e, ERROR_BUSY, "try again"))) {
        return false;
    }
    if (!account_make_verifier(k, &a, answer->password, r->arena, e) ||
        !keeper_admin_record(admin, "drill begin", a.name, ask->reason, e) ||
        !state_account_put(k->state, &a, e)) {
        return false;
    }
    if (ask->decoy && !add_decoy(k, &a, r->arena, &answer->decoy, e)) {
        struct error why;
        if (!close_account(admin, &a, r->arena, &why)) { /* the next drill does */
            log_event(LOG_WARNING, "drill.unclosed", LOG_TEXT("reason", why.text));
        }
        return false;
    }
    answer->account = a.name;
    answer->until = a.drill_until;
    begun(k, &a);
    return true;
}

bool keeper_on_drill_begin(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct drill_begin_ask *ask = r->ask;
    struct keeper *k = admin->keeper;

    if (slice_trim(ask->reason).len == 0) {
        return error_set(e, ERROR_INPUT, "say why: --reason");
    }
    (void)pthread_mutex_lock(&k->approvals.changing);
    bool done = is_free(k, e) && close_others(admin, r->arena, e) && begin(admin, r, e);
    (void)pthread_mutex_unlock(&k->approvals.changing);
    return done;
}

static bool find(struct keeper *k, struct slice name, struct arena *arena, struct account *a,
                 struct error *e)
{
    bool found = false;

    return state_account_get(k->state, account_canonical(name, arena), arena, a, &found, e) &&
           ((found && is_open(a)) || error_set(e, ERROR_INPUT, "there is no such drill under way"));
}

bool keeper_on_drill_look(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct drill_account_ask *ask = r->ask;
    struct account a;

    return find(ctx, ask->account, r->arena, &a, e) && look(ctx, a.name, r->arena, r->answer, e);
}

bool keeper_on_drill_end(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct drill_account_ask *ask = r->ask;
    struct keeper *k = admin->keeper;
    struct account a;

    (void)pthread_mutex_lock(&k->approvals.changing);
    bool done = find(k, ask->account, r->arena, &a, e) && look(k, a.name, r->arena, r->answer, e) &&
                close_account(admin, &a, r->arena, e);
    (void)pthread_mutex_unlock(&k->approvals.changing);
    return done;
}
