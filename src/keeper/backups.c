#include "keeper/backups.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/admin.h"
#include "keeper/backup_report.h"
#include "keeper/internal.h"
#include "requests/backup.h"

#define FIRST_PAUSE_MS 30000 /* after a failure; doubled with each further one */
#define LAST_PAUSE_MS  (INT64_C(60) * 60 * 1000)
#define VIEW_MAX_MS    (INT64_C(24) * 3600 * 1000)
#define STORY_MAX      ((size_t)200 << 10)
#define LINE_REASON    300
#define VAULT_TEXT_MAX (BACKUP_PREFIX_MAX + 1 + BACKUP_PLACE_MAX)
#define STORY_NAME     SLICE("backup/story")

/* What is kept in the state. */
struct story {
    uint64_t number; /* of the last backup that was made */
    struct slice digest;
    uint64_t records;
    struct slice root;
    uint64_t made_at;  /* wall clock, of its view */
    uint64_t tried_at; /* of the last trial restore, whatever came of it */
    uint64_t good_at;  /* of the last that succeeded */
    uint64_t oldest_at;
    struct slice vault; /* where it was made: the vault's prefix and the target */
    uint64_t left_at; /* backups from before that are in other vaults, where nobody removes them */
    struct cbor_list lines; /* struct backup_line, the newest first */
};

#define MAYBE(key, kind, member, max) CBOR_OPTIONAL(key, kind, struct story, member, max)

static const struct cbor_field line_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct backup_line, time, 0),
    CBOR_FIELD(2, CBOR_UINT, struct backup_line, order, BACKUP_LOOK),
    CBOR_OPTIONAL(3, CBOR_UINT, struct backup_line, number, 0),
    CBOR_OPTIONAL(4, CBOR_UINT, struct backup_line, at, 0),
    CBOR_OPTIONAL(5, CBOR_UINT, struct backup_line, records, 0),
    CBOR_OPTIONAL(6, CBOR_UINT, struct backup_line, bytes, 0),
    CBOR_OPTIONAL(7, CBOR_TEXT, struct backup_line, reason, LINE_REASON),
};
static const struct cbor_schema line_schema = CBOR_SCHEMA(line_fields, struct backup_line);

static const struct cbor_field story_fields[] = {
    MAYBE(1, CBOR_UINT, number, 0),
    MAYBE(2, CBOR_BYTES, digest, 32),
    MAYBE(3, CBOR_UINT, records, 0),
    MAYBE(4, CBOR_BYTES, root, 32),
    MAYBE(5, CBOR_UINT, made_at, 0),
    MAYBE(6, CBOR_UINT, tried_at, 0),
    MAYBE(7, CBOR_UINT, good_at, 0),
    MAYBE(8, CBOR_UINT, oldest_at, 0),
    CBOR_SUB_OPTIONAL(9, CBOR_LIST, struct story, lines, BACKUPS_LIST_MAX, &line_schema),
    MAYBE(10, CBOR_TEXT, vault, VAULT_TEXT_MAX),
    MAYBE(11, CBOR_UINT, left_at, 0),
};
static const struct cbor_schema story_schema = CBOR_SCHEMA(story_fields, struct story);

struct backups {
    struct keeper *k;
    pthread_mutex_t
        asking; /* held while a question of the other process is answered: one at a time */
    pthread_mutex_t lock; /* guards what follows */
    struct arena arena;   /* of the story; begun anew with each report */
    struct story story;
    struct backup_sight sight; /* the asking lock's */
    int64_t taken_at;          /* likewise, steady clock: when the view was frozen */
    uint8_t root[LEDGER_ROOT_LEN];
    char vault[VAULT_TEXT_MAX + 1]; /* where the next is made; empty: not known yet */
    uint64_t busy;                  /* enum backup_order */
    uint64_t hurried;               /* the same: asked for by a person */
    char by[LETTER_ADDRESS_MAX + 1];
    uint64_t reports;
    int64_t next_at; /* steady clock: not before */
    int64_t pause_ms;
};

/* ── what is remembered ── */

/* Into an arena of its own, out of whatever it looks into now. */
static void keep_story(struct backups *b, const struct story *from)
{
    OWN(buf) struct buf text = {.max = STORY_MAX};
    struct arena fresh = {.max = 4 * STORY_MAX};
    struct story s;
    struct error e;

    cbor_write(&text, &story_schema, from);
    if (text.full ||
        !cbor_read(arena_copy(&fresh, buf_slice(&text)), &story_schema, &fresh, &s, &e)) {
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
    arena_init(&b->arena, 4 * STORY_MAX);
    if (state_value_get(k->state, STORY_NAME, &b->arena, &value, &found, &e) && found &&
        !cbor_read(value, &story_schema, &b->arena, &b->story, &e)) {
        b->story = (struct story){0};
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

int64_t backups_last_tried(struct backups *b)
{
    return look_at(b, &b->story.good_at);
}

static const struct backup_settings *settings_of(const struct backups *b)
{
    return &b->k->options.settings(b->k->options.context)->backup;
}

/* With the lock: whether the next backup is made elsewhere than the last, under a new master key or at another
 * target. */
static bool has_moved(const struct backups *b)
{
    return b->story.vault.len && b->vault[0] && !slice_equal(b->story.vault, slice_text(b->vault));
}

/* Whether there may be backups where this daemon removes none. */
static bool has_left_some(struct backups *b)
{
    (void)pthread_mutex_lock(&b->lock);
    bool left =
        b->story.left_at || has_moved(b) || (b->story.number && settings_of(b)->target.len == 0);
    (void)pthread_mutex_unlock(&b->lock);
    return left;
}

int64_t backups_gone_at(struct backups *b, int64_t destroyed_at, bool *gone)
{
    const struct backup_settings *s = settings_of(b);
    int64_t oldest = look_at(b, &b->story.oldest_at);

    *gone = oldest > destroyed_at && !has_left_some(b);
    return s->target.len || oldest ? destroyed_at + s->keep_ms + s->interval_ms : 0;
}

struct slice backups_gone_text(struct backups *b, struct arena *arena)
{
    char day[CLOCK_TEXT_MAX];
    bool gone = false;
    int64_t at = backups_gone_at(b, clock_wall_ms(), &gone);

    if (at == 0) {
        return SLICE_NONE;
    }
    clock_rfc3339(at, day);
    return arena_printf(arena,
                        "; backups made until now hold the keys, the last of them until %s%s", day,
                        has_left_some(b) ? ", and those from before a rotation of the master key "
                                           "or at a former target until a person removes them"
                                         : "");
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
    const struct backup_settings *s = settings_of(b);

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
    if (has_moved(b) || is_past(b->story.made_at, s->interval_ms)) {
        return BACKUP_RUN;
    }
    return s->try_interval_ms && b->story.number && is_past(b->story.tried_at, s->try_interval_ms)
               ? BACKUP_TRY
               : BACKUP_NOTHING;
}

static bool on_next(void *keeper, struct ipc_request *r, struct error *e)
{
    struct backups *b = ((struct keeper *)keeper)->backups;
    const struct backup_next_ask *ask = r->ask;
    struct backup_next *answer = r->answer;

    (void)e;
    (void)pthread_mutex_lock(&b->asking);
    backup_sight_drop(&b->sight);
    (void)pthread_mutex_lock(&b->lock);
    (void)snprintf(b->vault, sizeof(b->vault), "%.*s %.*s", SLICE_ARG(ask->prefix),
                   SLICE_ARG(ask->place));
    b->busy = choose(b);
    if (b->busy != b->hurried) {
        b->by[0] = 0;
    }
    *answer = (struct backup_next){
        .order = b->busy,
        .before = (uint64_t)(clock_wall_ms() - settings_of(b)->keep_ms),
    };
    if (!has_moved(b)) { /* of another vault nothing is known */
        answer->number = b->story.number;
        answer->digest = arena_copy(r->arena, b->story.digest);
        answer->records = b->story.records;
        answer->root = arena_copy(r->arena, b->story.root);
    }
    b->hurried = b->hurried == b->busy ? BACKUP_NOTHING : b->hurried;
    (void)pthread_mutex_unlock(&b->lock);
    (void)pthread_mutex_unlock(&b->asking);
    return true;
}

static bool on_view(void *keeper, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper;
    struct backups *b = k->backups;

    (void)pthread_mutex_lock(&b->asking);
    backup_sight_drop(&b->sight);
    bool taken = backup_sight_take(k, &b->sight, r->answer, r->arena, &r->answer_fd, b->root, e);
    b->taken_at = clock_steady_ms();
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
    bool late = clock_steady_ms() - k->backups->taken_at > VIEW_MAX_MS;
    if (late) {
        backup_sight_drop(&k->backups->sight);
    }
    bool opened = late ? error_set(e, ERROR_BUSY,
                                   "it took a day, during which nothing could be erased; the next "
                                   "backup goes on where this one is")
                       : backup_sight_open(k, &k->backups->sight, ask->directory, ask->name,
                                           r->arena, &r->answer_fd, e);
    (void)pthread_mutex_unlock(&k->backups->asking);
    return opened;
}

/* ── what came of it ── */

/* Put a line in front; the last falls off. */
static void add_line(struct story *s, struct backup_line line, struct backup_line *room)
{
    const struct backup_line *old = s->lines.items;
    size_t kept = s->lines.count < BACKUPS_LIST_MAX ? s->lines.count : BACKUPS_LIST_MAX - 1;

    line.time = (uint64_t)clock_wall_ms();
    line.reason = slice_head(line.reason, LINE_REASON);
    while (line.reason.len && !slice_is_utf8(line.reason)) {
        line.reason.len--;
    }
    room[0] = line;
    for (size_t i = 0; i < kept; i++) {
        room[i + 1] = old[i];
    }
    s->lines = (struct cbor_list){room, kept + 1};
}

/* With the lock: the next try comes later each time. */
static void set_pause(struct backups *b, bool failed)
{
    b->pause_ms = !failed                           ? 0
                  : b->pause_ms == 0                ? FIRST_PAUSE_MS
                  : b->pause_ms * 2 < LAST_PAUSE_MS ? b->pause_ms * 2
                                                    : LAST_PAUSE_MS;
    b->next_at = clock_steady_ms() + b->pause_ms;
    b->busy = BACKUP_NOTHING;
    b->reports++;
}

static void remember_made(struct backups *b, const struct backup_record *r)
{
    struct backup_line room[BACKUPS_LIST_MAX];
    bool failed = r->reason.len != 0;

    (void)pthread_mutex_lock(&b->lock);
    struct story s = b->story;
    add_line(&s,
             (struct backup_line){.order = BACKUP_RUN,
                                  .number = r->number,
                                  .at = r->at,
                                  .records = r->records,
                                  .bytes = r->put_bytes,
                                  .reason = r->reason},
             room);
    if (r->digest.len) { /* it was made, though what came after may have failed */
        s.left_at = has_moved(b) ? r->at : s.left_at;
        s.vault = slice_text(b->vault);
        s.number = r->number;
        s.digest = r->digest;
        s.records = r->records;
        s.root = SLICE_ARRAY(b->root);
        s.made_at = r->at;
    }
    s.oldest_at = r->oldest_at ? r->oldest_at : s.oldest_at;
    set_pause(b, failed);
    keep_story(b, &s);
    (void)pthread_mutex_unlock(&b->lock);
}

static void remember_tried(struct backups *b, const struct trial_record *r)
{
    struct backup_line room[BACKUPS_LIST_MAX];
    uint64_t now = (uint64_t)clock_wall_ms();
    bool failed = r->reason.len != 0;

    (void)pthread_mutex_lock(&b->lock);
    struct story s = b->story;
    add_line(&s,
             (struct backup_line){.order = r->kind == TRIAL_RESTORE ? BACKUP_TRY : BACKUP_LOOK,
                                  .number = r->number,
                                  .at = r->at,
                                  .records = r->records,
                                  .bytes = r->bytes,
                                  .reason = r->reason},
             room);
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

static const struct ipc_row rows[] = {
    {&keeper_backup_next,  600, on_next },
    {&keeper_backup_view,  60,  on_view },
    {&keeper_backup_open,  0,   on_open },
    {&keeper_backup_made,  60,  on_made },
    {&keeper_backup_tried, 60,  on_tried},
};
const struct ipc_table keeper_backup_table = IPC_TABLE("backup", rows);

/* ── people ── */

bool keeper_on_backup_order(void *ctx, struct ipc_request *r, struct error *e)
{
    static const char *const verbs[] = {
        [BACKUP_RUN] = "backup now", [BACKUP_TRY] = "backup try", [BACKUP_LOOK] = "backup verify"};
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    struct backups *b = admin->keeper->backups;
    const struct backup_order_ask *ask = r->ask;
    struct backup_order_answer *answer = r->answer;

    if (settings_of(b)->target.len == 0) {
        return error_set(e, ERROR_CONFIG, "`backup-target` is not set: there is no place for it");
    }
    if (ask->order == BACKUP_NOTHING) {
        return error_set(e, ERROR_INPUT, "nothing was ordered");
    }
    if (!keeper_admin_record(admin, verbs[ask->order], SLICE_NONE, ask->reason, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&b->lock);
    b->hurried = ask->order;
    (void)snprintf(b->by, sizeof(b->by), "%.*s", SLICE_ARG(admin->caller.by));
    answer->reports = b->reports;
    (void)pthread_mutex_unlock(&b->lock);
    return true;
}

bool keeper_on_backups(void *ctx, struct ipc_request *r, struct error *e)
{
    struct backups *b = keeper_admin_of(ctx, r)->keeper->backups;
    struct backups_answer *answer = r->answer;
    OWN(buf) struct buf text = {.max = STORY_MAX};
    struct story s;

    (void)pthread_mutex_lock(&b->lock);
    cbor_write(&text, &story_schema, &b->story);
    *answer = (struct backups_answer){.reports = b->reports, .busy = b->busy};
    (void)pthread_mutex_unlock(&b->lock);
    if (!cbor_read(arena_copy(r->arena, buf_slice(&text)), &story_schema, r->arena, &s, e)) {
        return false;
    }
    answer->place = settings_of(b)->target;
    answer->keep_ms = (uint64_t)settings_of(b)->keep_ms;
    answer->oldest_at = s.oldest_at;
    answer->left = has_left_some(b);
    answer->lines = s.lines;
    return true;
}
