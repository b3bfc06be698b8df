#include "keeper/backups.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/backup_report.h"
#include "keeper/backup_state.h"
#include "keeper/internal.h"
#include "requests/backup.h"
#include "requests/place.h"

#define FIRST_PAUSE_MS 30000 /* after a failure; doubled with each further one */
#define LAST_PAUSE_MS  (INT64_C(60) * 60 * 1000)
#define LOCK_PAUSE_MS  (INT64_C(15) * 60 * 1000) /* after a target that locks nothing now */
#define LOST_MAX       3 /* times that the same is given to a process that dies over it */
#define VIEW_MAX_MS    (INT64_C(24) * 3600 * 1000)
#define STORY_NAME     SLICE("backup/story")

/* ── what is remembered ── */

/* Into an arena of its own, out of whatever it looks into now. */
static void keep_story(struct backups *b, const struct backup_story *from)
{
    OWN(buf) struct buf text = {.max = BACKUP_STORY_MAX};
    struct arena fresh = {.max = 4 * BACKUP_STORY_MAX};
    struct backup_story s;
    struct error e;

    cbor_write(&text, &backup_story_schema, from);
    if (text.full ||
        !cbor_read(arena_copy(&fresh, buf_slice(&text)), &backup_story_schema, &fresh, &s, &e)) {
        arena_panic("a story of backups that does not read back");
    }
    arena_done(&b->arena);
    b->arena = fresh;
    b->story = s;
    if (!state_value_put(b->k->state, STORY_NAME, buf_slice(&text), &e)) {
        log_event(LOG_WARNING, "backup.unremembered", LOG_TEXT("reason", e.text));
    }
}

struct backups *backups_new(struct keeper *k)
{
    struct backups *b = calloc(1, sizeof(*b));
    struct slice value;
    bool found = false;
    struct error e;

    if (!b) {
        arena_panic("out of memory");
    }
    b->k = k;
    b->sight = (struct backup_sight){.lock = -1, .state = -1, .keys = -1};
    (void)pthread_mutex_init(&b->asking, NULL);
    (void)pthread_mutex_init(&b->lock, NULL);
    arena_init(&b->arena, 4 * BACKUP_STORY_MAX);
    if (state_value_get(k->state, STORY_NAME, &b->arena, &value, &found, &e) && found &&
        !cbor_read(value, &backup_story_schema, &b->arena, &b->story, &e)) {
        b->story = (struct backup_story){.more_left_at = 1}; /* whatever there was */
    }
    return b;
}

void backups_free(struct backups *b)
{
    if (b) {
        backup_sight_drop(&b->sight);
        arena_done(&b->arena);
        (void)pthread_mutex_destroy(&b->asking);
        (void)pthread_mutex_destroy(&b->lock);
        free(b);
    }
}

static int64_t look_at(struct backups *b, const uint64_t *member)
{
    (void)pthread_mutex_lock(&b->lock);
    uint64_t at = *member;
    (void)pthread_mutex_unlock(&b->lock);
    return (int64_t)at;
}

int64_t backups_last_made(struct backups *b)
{
    return look_at(b, &b->story.made_at);
}

int64_t backups_oldest(struct backups *b)
{
    return look_at(b, &b->story.oldest_at);
}

int64_t backups_last_tried(struct backups *b)
{
    return look_at(b, &b->story.good_at);
}

const struct backup_settings *backups_settings(const struct backups *b)
{
    return &b->k->options.settings(b->k->options.context)->backup;
}

/* With the lock: where the next backup is made. */
static struct backup_vault vault_now(const struct backups *b)
{
    return (struct backup_vault){slice_text(b->prefix), backups_settings(b)->target};
}

struct cbor_list backups_left(struct backups *b, struct arena *arena, bool *more)
{
    (void)pthread_mutex_lock(&b->lock);
    const struct backup_vault now = vault_now(b);
    struct cbor_list left = backup_story_left(&b->story, &now, SLICE_NONE, arena);
    *more = b->story.more_left_at != 0;
    (void)pthread_mutex_unlock(&b->lock);
    return left;
}

bool backups_has_left(struct backups *b, struct slice prefix, struct slice place,
                      struct arena *arena)
{
    bool more = false;
    const struct cbor_list left = backups_left(b, arena, &more);
    const struct backup_left *items = left.items;

    for (size_t i = 0; i < left.count; i++) {
        if (slice_equal(items[i].prefix, prefix) && place_same(items[i].place, place)) {
            return true;
        }
    }
    return false;
}

void backups_forget(struct backups *b, struct slice prefix, struct slice place)
{
    OWN(arena) struct arena arena = {.max = BACKUP_STORY_MAX};

    (void)pthread_mutex_lock(&b->lock);
    struct backup_story s = b->story;
    backup_story_ended(&s, prefix, place, &arena);
    keep_story(b, &s);
    (void)pthread_mutex_unlock(&b->lock);
}

/* ── when ── */

static bool is_past(uint64_t at, int64_t interval_ms)
{
    int64_t now = clock_wall_ms();

    return at == 0 || (int64_t)at > now || now - (int64_t)at >= interval_ms;
}

/* With the lock. */
static uint64_t choose(const struct backups *b)
{
    const struct backup_settings *s = backups_settings(b);

    /* What a former master key opens does not open from a backup with the present one alone. */
    if (s->target.len == 0 || !atomic_load(&b->k->renewed)) {
        return BACKUP_NOTHING;
    }
    if (b->hurried) {
        return b->hurried;
    }
    if (clock_steady_ms() < b->next_at) {
        return BACKUP_NOTHING;
    }
    const struct backup_vault now = vault_now(b);
    if (backup_story_moved(&b->story, &now) || is_past(b->story.made_at, s->interval_ms)) {
        return BACKUP_RUN;
    }
    return s->try_interval_ms && b->story.number && is_past(b->story.tried_at, s->try_interval_ms)
               ? BACKUP_TRY
               : BACKUP_NOTHING;
}

/* Of what time backups are too old. A clock that was set forward does not cost them: what disposal does not believe is
 * not believed here (keeper/disposal). */
static uint64_t too_old(const struct backups *b)
{
    const struct trusted_clock clock = disposal_clock_now(b->k);
    int64_t believed = clock.at + (clock_steady_ms() - clock.steady);
    int64_t now = clock_wall_ms();

    now = clock.at && believed < now ? believed : now;
    int64_t keep = backups_settings(b)->keep_ms;
    return now > keep ? (uint64_t)(now - keep) : 0;
}

static bool on_view(void *keeper, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper;
    struct backups *b = k->backups;

    (void)pthread_mutex_lock(&b->asking);
    backup_sight_drop(&b->sight);
    bool taken = backup_sight_take(k, &b->sight, r->answer, r->arena, &r->answer_fd, b->root, e);
    b->taken_at = clock_steady_ms();
    b->late = false;
    if (!taken) {
        backup_sight_drop(&b->sight);
    }
    (void)pthread_mutex_unlock(&b->asking);
    return taken;
}

static bool on_open(void *keeper, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper;
    const struct backup_open_ask *ask = r->ask;

    (void)pthread_mutex_lock(&k->backups->asking);
    bool opened = k->backups->late
                      ? error_set(e, ERROR_BUSY,
                                  "it took a day, during which nothing could be erased; the next "
                                  "backup goes on where this one is")
                      : backup_sight_open(k, &k->backups->sight, ask->directory, ask->name,
                                          r->arena, &r->answer_fd, e);
    (void)pthread_mutex_unlock(&k->backups->asking);
    return opened;
}

static bool on_end(void *keeper, struct ipc_request *r, struct error *e)
{
    struct backups *b = ((struct keeper *)keeper)->backups;

    (void)r;
    (void)e;
    (void)pthread_mutex_lock(&b->asking);
    backup_sight_drop(&b->sight);
    (void)pthread_mutex_unlock(&b->asking);
    return true;
}

void backups_look(struct backups *b)
{
    if (pthread_mutex_trylock(&b->asking) != 0) {
        return; /* the next look is soon */
    }
    if (b->sight.lock >= 0 && clock_steady_ms() - b->taken_at > VIEW_MAX_MS) {
        backup_sight_drop(&b->sight);
        b->late = true;
        log_event(LOG_WARNING, "backup.view_dropped",
                  LOG_TEXT("reason", "nobody came for the rest of it within a day"));
    }
    (void)pthread_mutex_unlock(&b->asking);
}

/* ── what came of it ── */

/* With the lock: the next try comes later each time. */
static void set_pause(struct backups *b, bool failed)
{
    b->pause_ms = !failed                           ? 0
                  : b->pause_ms == 0                ? FIRST_PAUSE_MS
                  : b->pause_ms * 2 < LAST_PAUSE_MS ? b->pause_ms * 2
                                                    : LAST_PAUSE_MS;
    b->next_at = clock_steady_ms() + b->pause_ms;
    b->busy = BACKUP_NOTHING;
    b->lost = 0;
    b->reports++;
}

static void remember_made(struct backups *b, const struct backup_record *r)
{
    OWN(arena) struct arena arena = {.max = 2 * BACKUP_STORY_MAX};
    const struct slice *ended = r->ended.items;

    (void)pthread_mutex_lock(&b->lock);
    struct backup_story s = b->story;
    backup_story_add(&s,
                     (struct backup_line){.order = BACKUP_RUN,
                                          .number = r->number,
                                          .at = r->at,
                                          .records = r->records,
                                          .bytes = r->put_bytes,
                                          .reason = r->reason},
                     &arena);
    if (r->digest.len) { /* it was made, though what came after may have failed */
        backup_story_made(&s, r, SLICE_ARRAY(b->root), &arena);
    }
    for (size_t i = 0; i < r->ended.count; i++) {
        backup_story_ended(&s, ended[i], r->place, &arena);
    }
    s.oldest_at = r->oldest_at ? r->oldest_at : s.oldest_at;
    set_pause(b, r->reason.len != 0);
    keep_story(b, &s);
    (void)pthread_mutex_unlock(&b->lock);
}

static void remember_tried(struct backups *b, const struct trial_record *r)
{
    OWN(arena) struct arena arena = {.max = 2 * BACKUP_STORY_MAX};
    uint64_t now = (uint64_t)clock_wall_ms();
    bool failed = r->reason.len != 0;

    (void)pthread_mutex_lock(&b->lock);
    struct backup_story s = b->story;
    backup_story_add(
        &s,
        (struct backup_line){.order = r->kind == TRIAL_RESTORE ? BACKUP_TRY : BACKUP_LOOK,
                             .number = r->number,
                             .at = r->at,
                             .records = r->records,
                             .bytes = r->bytes,
                             .reason = r->reason},
        &arena);
    if (r->kind == TRIAL_RESTORE) {
        s.tried_at = now;
        s.good_at = failed ? s.good_at : now;
    }
    set_pause(b, failed);
    keep_story(b, &s);
    (void)pthread_mutex_unlock(&b->lock);
}

static struct slice who(struct backups *b, struct arena *arena)
{
    (void)pthread_mutex_lock(&b->lock);
    struct slice by = arena_copy(arena, slice_text(b->by));
    b->by[0] = 0;
    (void)pthread_mutex_unlock(&b->lock);
    return by;
}

static bool on_made(void *keeper, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper;
    struct backup_record record = *(const struct backup_record *)r->ask;

    (void)pthread_mutex_lock(&k->backups->asking);
    backup_sight_drop(&k->backups->sight);
    record.by = who(k->backups, r->arena);
    remember_made(k->backups, &record);
    (void)pthread_mutex_unlock(&k->backups->asking);
    return backup_report_made(k, &record, e);
}

static bool on_tried(void *keeper, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper;
    struct trial_record record = *(const struct trial_record *)r->ask;

    record.by = who(k->backups, r->arena);
    remember_tried(k->backups, &record);
    return backup_report_tried(k, &record, r->arena, e);
}

/* With the lock: who asks for the next has nothing in hand, so nothing will be said of what it had. It is given
 * again, or what is returned is given up: the person who waits for it must hear of it. */
static uint64_t take_back(struct backups *b)
{
    uint64_t order = b->busy;

    b->busy = BACKUP_NOTHING;
    if (order && (++b->lost == LOST_MAX || (b->hurried && b->hurried != order))) {
        return order;
    }
    b->hurried = order && b->by[0] ? order : b->hurried;
    return BACKUP_NOTHING;
}

/* As if it had said that it failed. */
static bool give_up(struct backups *b, uint64_t order, struct ipc_request *r, struct error *e)
{
    struct backup_record made;
    struct trial_record tried;

    backup_report_lost(order, backups_settings(b)->target, who(b, r->arena), &made, &tried);
    if (order == BACKUP_RUN) {
        remember_made(b, &made);
        return backup_report_made(b->k, &made, e);
    }
    remember_tried(b, &tried);
    return backup_report_tried(b->k, &tried, r->arena, e);
}

static bool on_next(void *keeper, struct ipc_request *r, struct error *e)
{
    struct backups *b = ((struct keeper *)keeper)->backups;
    const struct backup_next_ask *ask = r->ask;
    struct backup_next *answer = r->answer;

    (void)pthread_mutex_lock(&b->asking);
    backup_sight_drop(&b->sight);
    (void)pthread_mutex_lock(&b->lock);
    uint64_t lost = take_back(b);
    if (lost) {
        (void)pthread_mutex_unlock(&b->lock);
        bool told = give_up(b, lost, r, e);
        (void)pthread_mutex_unlock(&b->asking);
        return told;
    }
    (void)snprintf(b->prefix, sizeof(b->prefix), "%.*s", SLICE_ARG(ask->prefix));
    b->busy = choose(b);
    if (b->busy != b->hurried) {
        b->by[0] = 0;
    }
    *answer = (struct backup_next){
        .order = b->busy,
        .before = too_old(b),
    };
    const struct backup_vault now = {ask->prefix, ask->place};
    backup_story_known(&b->story, &now, answer);
    answer->digest = arena_copy(r->arena, answer->digest);
    answer->root = arena_copy(r->arena, answer->root);
    answer->left = backup_story_left(&b->story, &now, ask->place, r->arena);
    b->hurried = b->hurried == b->busy ? BACKUP_NOTHING : b->hurried;
    if (b->busy == BACKUP_NOTHING && backups_settings(b)->lock_ms &&
        clock_steady_ms() >= b->lock_at && !backup_story_moved(&b->story, &now)) {
        backup_story_locks(&b->story, answer);
        answer->lock_from = arena_copy(r->arena, answer->lock_from);
        answer->lock_next = arena_copy(r->arena, answer->lock_next);
    }
    (void)pthread_mutex_unlock(&b->lock);
    (void)pthread_mutex_unlock(&b->asking);
    return true;
}

static bool on_locked(void *keeper, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper;
    struct backups *b = k->backups;
    const struct backup_locked *ask = r->ask;

    if (ask->from.len != BACKUP_OWN_NAME_LEN || ask->next.len != BACKUP_OWN_NAME_LEN) {
        return error_set(e, ERROR_INPUT, "this is no round");
    }
    (void)pthread_mutex_lock(&b->lock);
    struct backup_story s = b->story;
    backup_story_locked(&s, ask);
    b->lock_at = ask->reason.len ? clock_steady_ms() + LOCK_PAUSE_MS : 0;
    keep_story(b, &s);
    (void)pthread_mutex_unlock(&b->lock);
    if (ask->reason.len) {
        backup_report_unlocked(k, ask->reason);
    }
    return true;
}

static const struct ipc_row rows[] = {
    {&keeper_backup_next,   600, on_next  },
    {&keeper_backup_view,   60,  on_view  },
    {&keeper_backup_open,   0,   on_open  },
    {&keeper_backup_end,    60,  on_end   },
    {&keeper_backup_made,   60,  on_made  },
    {&keeper_backup_tried,  60,  on_tried },
    {&keeper_backup_locked, 600, on_locked},
};
const struct ipc_table keeper_backup_table = IPC_TABLE("backup", rows);
