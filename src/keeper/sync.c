#include "keeper/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/admin.h"
#include "keeper/internal.h"
#include "keeper/sync_contacts.h"
#include "keeper/sync_do.h"
#include "keeper/sync_people.h"

#define LOOK_EVERY_US 500000
#define RUN_ARENA     ((size_t)1 << 30)
#define LAST_ARENA    ((size_t)1 << 20)
#define SERVER_MAX    300 /* bytes of a server's name */

struct sync_state {
    char name[DIRECTORY_NAME_MAX + 1];
    int64_t next_at; /* of the steady clock; 0: now */
    bool running;
    bool accounts_failed; /* last time, otherwise than by what waits for a person */
    bool contacts_failed; /* likewise, when they were looked at last */
    struct arena arena;
    struct directory_report last; /* its texts are in the arena */
};

struct syncs {
    pthread_mutex_t running; /* held while one is done */
    pthread_mutex_t lock;    /* guards what follows */
    struct sync_state states[SETTINGS_DIRECTORIES_MAX];
    size_t count;
};

struct syncs *syncs_new(void)
{
    struct syncs *s = calloc(1, sizeof(*s));

    if (!s) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&s->running, NULL);
    (void)pthread_mutex_init(&s->lock, NULL);
    return s;
}

void syncs_free(struct syncs *s)
{
    for (size_t i = 0; s && i < s->count; i++) {
        arena_done(&s->states[i].arena);
    }
    free(s);
}

static const struct settings *settings_of(struct keeper *k)
{
    return k->options.settings(k->options.context);
}

/* Of a directory that is gone from the settings the place is taken by another one. With the lock held. */
static struct sync_state *state_of(struct syncs *s, const struct settings *settings,
                                   struct slice name)
{
    size_t place = s->count;

    for (size_t i = 0; i < s->count; i++) {
        if (slice_equal(slice_text(s->states[i].name), name)) {
            return &s->states[i];
        }
        if (!settings_directory(settings, slice_text(s->states[i].name)) && !s->states[i].running) {
            place = i;
        }
    }
    if (place == SETTINGS_DIRECTORIES_MAX || name.len > DIRECTORY_NAME_MAX) {
        return NULL;
    }
    struct sync_state *state = &s->states[place];
    s->count += place == s->count;
    arena_done(&state->arena);
    *state = (struct sync_state){.arena = {.max = LAST_ARENA}};
    (void)memcpy(state->name, name.ptr, name.len);
    return state;
}

struct run {
    struct keeper *keeper;
    const struct sync_order *order;
    const struct directory_settings *section;
    struct arena *arena;
    struct arena *pages; /* what the directory process says */
    struct directory_report *report;
    struct sync_people read;
    struct error accounts; /* what kept them from being done; ERROR_NONE: nothing */
    struct error contacts;
};

/* ── doing ── */

static void add_line(struct run *r, struct slice line)
{
    struct slice *lines = r->report->lines.items;

    if (r->report->lines.count < DIRECTORY_LINES_MAX) {
        lines[r->report->lines.count++] = letter_text(r->arena, line, 900);
    } else {
        r->report->more++;
    }
}

static void tell(struct run *r, const struct sync_plan *plan)
{
    static const char *const what[SYNC_KINDS] = {"add", "change", "close", "open"};

    r->report->lines.items = arena_array(r->arena, DIRECTORY_LINES_MAX, sizeof(struct slice));
    for (size_t i = 0; i < plan->n_changes; i++) {
        const struct sync_change *c = &plan->changes[i];
        add_line(r, arena_printf(r->arena, "%s %.*s%s%.*s", what[c->kind], SLICE_ARG(c->now.name),
                                 c->detail.len ? ": " : "", SLICE_ARG(c->detail)));
    }
    for (size_t i = 0; i < plan->n_notes; i++) {
        add_line(r, plan->notes[i]);
    }
    r->report->added = plan->counts[SYNC_ADD];
    r->report->changed = plan->counts[SYNC_CHANGE];
    r->report->closed = plan->counts[SYNC_CLOSE];
    r->report->opened = plan->counts[SYNC_OPEN];
    r->report->left_out = plan->n_notes;
}

static void tell_roles(struct run *r, const struct sync_plan *plan)
{
    char sentence[ERROR_TEXT_MAX];
    size_t given = 0;

    for (size_t i = 0; i < plan->n_changes; i++) {
        given += plan->changes[i].gives;
    }
    if (given) {
        (void)snprintf(sentence, sizeof(sentence),
                       "the directory %.*s made %zu accounts auditors, officers or "
                       "administrators; `postern acts` names them",
                       SLICE_ARG(r->section->name), given);
        keeper_alert(r->keeper, "directory-role", sentence);
    }
}

/* So many accounts are closed, or roles taken, by a mistake more often than on purpose. */
static bool confirm(struct run *r, const struct sync_plan *plan, struct error *e)
{
    size_t closed = plan->counts[SYNC_CLOSE];
    size_t lost = closed + plan->taken;

    if (!sync_plan_is_alarming(plan) || r->order->close >= lost) {
        return true;
    }
    (void)error_set(
        e, ERROR_LIMIT,
        "%zu of %zu accounts would be closed, and %zu of %zu would lose their role: "
        "nothing was changed; if it is right, `postern directory sync %.*s --close %zu`",
        closed, plan->open, plan->taken, plan->offices, SLICE_ARG(r->section->name), lost);
    if (!r->order->test) {
        keeper_alert(r->keeper, "directory-closes", e->text);
    }
    return false;
}

/* With the accounts held still. */
static bool plan_and_do(struct run *r, struct error *e)
{
    struct sync_judge judge = {.keeper = r->keeper, .arena = r->arena};
    struct sync_scene scene = {.section = r->section,
                               .people = r->read.list,
                               .n_people = r->read.pages.count,
                               .now = (uint64_t)clock_wall_ms(),
                               .context = &judge,
                               .object = sync_object};
    struct account *accounts = NULL;
    struct sync_plan plan;
    struct error left;
    size_t done = 0;

    if (!state_accounts(r->keeper->state, r->arena, &accounts, &scene.n_accounts, e)) {
        return false;
    }
    scene.accounts = accounts;
    sync_plan_make(&scene, r->arena, &plan);
    if (judge.failure.kind != ERROR_NONE) {
        *e = judge.failure;
        return false;
    }
    tell(r, &plan);
    r->report->accounts =
        plan.open + plan.counts[SYNC_ADD] + plan.counts[SYNC_OPEN] - plan.counts[SYNC_CLOSE];
    /* What one of them has left, and cannot be taken away, keeps no other from being closed. */
    bool ended = r->order->test ||
                 sync_end_closed(r->keeper, accounts, scene.n_accounts, r->section->name, &left);
    if (!confirm(r, &plan, e)) {
        return false;
    }
    if (!r->order->test && !sync_do(r->keeper, &plan, r->section->name, &done, e)) {
        return false;
    }
    if (!r->order->test) {
        tell_roles(r, &plan);
    }
    if (!ended) {
        *e = left;
    }
    return ended;
}

static bool run_accounts(struct run *r, struct error *e)
{
    bool came = sync_people_read(r->keeper, r->section->name, &r->read, r->pages, r->report, e);

    r->report->server = letter_text(r->arena, r->report->server, SERVER_MAX);
    if (!came) {
        return false;
    }
    (void)pthread_mutex_lock(&r->keeper->approvals.changing);
    bool done = plan_and_do(r, e);
    (void)pthread_mutex_unlock(&r->keeper->approvals.changing);
    return done;
}

/* What keeps accounts from being changed keeps no contact back, and the other way round. */
static void run_it(struct run *r)
{
    if (run_accounts(r, &r->accounts)) {
        r->accounts.kind = ERROR_NONE;
    } else if (r->accounts.kind != ERROR_LIMIT) {
        return;
    }
    if (sync_contacts(r->keeper, r->order, r->section, r->pages, r->arena, r->report,
                      &r->contacts)) {
        r->contacts.kind = ERROR_NONE;
    }
}

/* ── when ── */

static void begin(struct keeper *k, const struct settings *settings, struct slice name)
{
    struct syncs *s = k->syncs;

    (void)pthread_mutex_lock(&s->lock);
    struct sync_state *state = state_of(s, settings, name);
    if (state) {
        state->running = true;
    }
    (void)pthread_mutex_unlock(&s->lock);
}

/* True when it begins to fail with this one. What waits for a person has an alarm of its own. */
static bool begins_to_fail(bool *failed, const struct error *why)
{
    bool fails = why->kind != ERROR_NONE && why->kind != ERROR_LIMIT;
    bool begins = fails && !*failed;

    *failed = fails;
    return begins;
}

/* Keep what became of it. True when accounts or contacts begin to fail with this one: neither keeps the other's from being heard. */
static bool end(struct run *r, const struct settings *settings)
{
    struct syncs *s = r->keeper->syncs;
    bool worse = false;

    (void)pthread_mutex_lock(&s->lock);
    struct sync_state *state = state_of(s, settings, r->section->name);
    if (state) {
        state->running = false;
    }
    if (state && !r->order->test) {
        worse = begins_to_fail(&state->accounts_failed, &r->accounts);
        worse = begins_to_fail(&state->contacts_failed, &r->contacts) || worse;
        arena_reset(&state->arena);
        state->last = *r->report;
        state->last.directory = slice_text(state->name);
        state->last.failure = arena_copy(&state->arena, r->report->failure);
        state->last.server = arena_copy(&state->arena, r->report->server);
        state->last.lines = (struct cbor_list){NULL, 0};
        state->next_at = clock_steady_ms() + r->section->interval_ms;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return worse;
}

static void log_end(const struct run *r)
{
    const struct directory_report *report = r->report;

    log_event(report->failure.len ? LOG_WARNING : LOG_INFO, "directory.synchronised",
              LOG_SLICE("directory", r->section->name), LOG_NUMBER("test", r->order->test),
              LOG_NUMBER("people", (int64_t)report->people),
              LOG_NUMBER("added", (int64_t)report->added),
              LOG_NUMBER("changed", (int64_t)(report->changed + report->opened)),
              LOG_NUMBER("closed", (int64_t)report->closed),
              LOG_NUMBER("failed", report->failure.len > 0));
}

bool sync_run(struct keeper *k, const struct sync_order *order, struct arena *arena,
              struct directory_report *report, struct error *e)
{
    const struct settings *settings = settings_of(k);
    OWN(arena) struct arena pages = {.max = SYNC_PAGES_ARENA};
    struct run r = {.keeper = k,
                    .pages = &pages,
                    .order = order,
                    .section = settings_directory(settings, order->directory),
                    .arena = arena,
                    .report = report,
                    .accounts = {.kind = ERROR_NONE},
                    .contacts = {.kind = ERROR_NONE}};
    char sentence[ERROR_TEXT_MAX];

    if (!r.section) {
        return error_set(e, ERROR_INPUT, "postern.conf has no section [directory %.*s]",
                         SLICE_ARG(slice_head(order->directory, 100)));
    }
    *report = (struct directory_report){.directory = r.section->name};
    (void)pthread_mutex_lock(&k->syncs->running);
    begin(k, settings, r.section->name);
    run_it(&r);
    const struct error *why = r.accounts.kind != ERROR_NONE ? &r.accounts : &r.contacts;
    if (why->kind != ERROR_NONE) {
        report->failure = arena_copy(arena, slice_text(why->text));
    }
    report->ended_at = (uint64_t)clock_wall_ms();
    bool worse = end(&r, settings);
    (void)pthread_mutex_unlock(&k->syncs->running);
    log_end(&r);
    if (worse) {
        (void)snprintf(sentence, sizeof(sentence),
                       "the directory %.*s could not be synchronised; `postern directory status` "
                       "says why",
                       SLICE_ARG(r.section->name));
        keeper_alert(k, "directory-failed", sentence);
    }
    return true;
}

static bool is_due(struct keeper *k, const struct settings *settings, struct slice name)
{
    struct syncs *s = k->syncs;

    (void)pthread_mutex_lock(&s->lock);
    const struct sync_state *state = state_of(s, settings, name);
    bool due = state && state->next_at <= clock_steady_ms();
    (void)pthread_mutex_unlock(&s->lock);
    return due;
}

void keeper_sync(void *keeper)
{
    struct keeper *k = keeper;

    while (!atomic_load(&k->closing)) {
        const struct settings *settings = settings_of(k);
        const struct directory_settings *all = settings->directories.items;
        for (size_t i = 0; i < settings->directories.count && !atomic_load(&k->closing); i++) {
            OWN(arena) struct arena arena = {.max = RUN_ARENA};
            const struct sync_order order = {.directory = all[i].name};
            struct directory_report report;
            struct error e;
            if (is_due(k, settings, all[i].name)) {
                (void)!sync_run(k, &order, &arena, &report, &e);
            }
        }
        (void)usleep(LOOK_EVERY_US);
    }
}

/* ── for people ── */

bool keeper_on_directory_run(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct admin_directory_run_ask *ask = r->ask;
    const struct sync_order order = {ask->directory, ask->test, ask->close, ask->drop};
    OWN(arena) struct arena arena = {.max = RUN_ARENA};
    struct directory_report *answer = r->answer;
    struct directory_report report;

    if (!ask->test &&
        !keeper_admin_record(admin, "directory sync", ask->directory, SLICE_NONE, e)) {
        return false;
    }
    if (!sync_run(admin->keeper, &order, &arena, &report, e)) {
        return false;
    }
    struct slice *lines = arena_array(r->arena, report.lines.count + 1, sizeof(*lines));
    for (size_t i = 0; i < report.lines.count; i++) {
        lines[i] = arena_copy(r->arena, ((const struct slice *)report.lines.items)[i]);
    }
    *answer = report;
    answer->failure = arena_copy(r->arena, report.failure);
    answer->server = arena_copy(r->arena, report.server);
    answer->lines = (struct cbor_list){lines, report.lines.count};
    return true;
}

static uint64_t wall_of(int64_t steady)
{
    int64_t left = steady - clock_steady_ms();

    return left <= 0 ? 0 : (uint64_t)(clock_wall_ms() + left);
}

bool keeper_on_directories(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct settings *settings = settings_of(k);
    const struct directory_settings *all = settings->directories.items;
    struct admin_directories_answer *answer = r->answer;
    size_t n = settings->directories.count;
    struct directory_report *rows = arena_array(r->arena, n + 1, sizeof(*rows));

    (void)e;
    (void)pthread_mutex_lock(&k->syncs->lock);
    for (size_t i = 0; i < n; i++) {
        const struct sync_state *s = state_of(k->syncs, settings, all[i].name);
        rows[i] = s ? s->last : (struct directory_report){.people = 0};
        rows[i].directory = all[i].name;
        rows[i].failure = arena_copy(r->arena, rows[i].failure);
        rows[i].server = arena_copy(r->arena, rows[i].server);
        rows[i].running = s && s->running;
        rows[i].next_at = s ? wall_of(s->next_at) : 0;
    }
    (void)pthread_mutex_unlock(&k->syncs->lock);
    answer->directories = (struct cbor_list){rows, n};
    return true;
}
