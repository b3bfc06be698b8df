/* Until when backups hold what was destroyed, and what a person says of those that nobody else removes. */
#include "base/clock.h"

#include "keeper/admin.h"
#include "keeper/backup_story.h"
#include "keeper/backups.h"
#include "keeper/handlers.h"
#include "keeper/internal.h"
#include "requests/place.h"

#define NAMED_MAX 3 /* vaults, in a sentence */

static const struct backup_settings *settings_of(const struct keeper *k)
{
    return &k->options.settings(k->options.context)->backup;
}

/* Whether the daemon itself removes what is old in it: it lies where backups are made. */
static bool is_kept_up(const struct keeper *k, const struct backup_left *left)
{
    return place_same(left->place, settings_of(k)->target);
}

int64_t backups_gone_at(struct keeper *k, int64_t destroyed_at, bool *gone)
{
    OWN(arena) struct arena arena = {.max = BACKUP_STORY_MAX};
    const struct backup_settings *s = settings_of(k);
    int64_t oldest = backups_oldest(k->backups);
    int64_t last = destroyed_at;
    bool apart = false;
    const struct cbor_list left = backups_left(k->backups, &arena, &apart);
    const struct backup_left *items = left.items;

    for (size_t i = 0; i < left.count; i++) {
        bool ours = is_kept_up(k, &items[i]);
        int64_t at = (int64_t)items[i].last_at;
        apart = apart || !ours;
        last = ours && at > last ? at : last;
    }
    *gone = oldest > destroyed_at && !apart;
    return s->target.len || oldest ? last + s->keep_ms + s->interval_ms : 0;
}

struct slice backups_gone_text(struct keeper *k, struct arena *arena)
{
    char day[CLOCK_TEXT_MAX];
    bool gone = false;
    bool more = false;
    size_t named = 0;
    const struct cbor_list left = backups_left(k->backups, arena, &more);
    const struct backup_left *items = left.items;

    int64_t at = backups_gone_at(k, clock_wall_ms(), &gone);
    if (at == 0) {
        return SLICE_NONE;
    }
    clock_rfc3339(at, day);
    struct slice text = arena_printf(
        arena, "; backups made until now hold the keys, the last of them until %s", day);
    for (size_t i = 0; i < left.count; i++) {
        if (!is_kept_up(k, &items[i]) && named++ < NAMED_MAX) {
            text = arena_printf(
                arena, "%.*s, and those named %.*s* at %.*s until a person removes them",
                SLICE_ARG(text), SLICE_ARG(items[i].prefix), SLICE_ARG(items[i].place));
        }
    }
    return more || named > NAMED_MAX
               ? arena_printf(arena, "%.*s, and more (`postern backup list`)", SLICE_ARG(text))
               : text;
}

bool keeper_on_backup_forget(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct backup_forget_ask *ask = r->ask;
    const struct backup_left named = {.prefix = ask->prefix, .place = ask->place};
    struct act act = {.verb = SLICE("backup forget"),
                      .object = arena_printf(r->arena, "%.*s at %.*s", SLICE_ARG(ask->prefix),
                                             SLICE_ARG(ask->place)),
                      .reason = ask->reason};

    if (ask->reason.len == 0) {
        return error_set(e, ERROR_INPUT,
                         "say with --reason who removed them: nobody can look it up afterwards");
    }
    if (is_kept_up(admin->keeper, &named)) {
        return error_set(e, ERROR_INPUT,
                         "the daemon itself removes them there, when they are too old");
    }
    if (!backups_has_left(admin->keeper->backups, ask->prefix, ask->place, r->arena)) {
        return error_set(e, ERROR_INPUT, "there is no such line in `postern backup list`");
    }
    if (!keeper_admin_act(admin, &act, e)) {
        return false;
    }
    backups_forget(admin->keeper->backups, ask->prefix, ask->place);
    return true;
}
