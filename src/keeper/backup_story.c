#include "keeper/backup_story.h"

#include "base/clock.h"

#include "requests/place.h"

#define LINE_REASON    300
#define VAULT_TEXT_MAX (BACKUP_PREFIX_MAX + 1 + BACKUP_PLACE_MAX)

#define MAYBE(key, kind, member, max) CBOR_OPTIONAL(key, kind, struct backup_story, member, max)

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
    CBOR_SUB_OPTIONAL(9, CBOR_LIST, struct backup_story, lines, BACKUPS_LIST_MAX, &line_schema),
    MAYBE(10, CBOR_TEXT, vault, VAULT_TEXT_MAX),
    MAYBE(11, CBOR_UINT, more_left_at, 0),
    CBOR_SUB_OPTIONAL(12, CBOR_LIST, struct backup_story, left, BACKUPS_LEFT_MAX,
                      &backup_left_schema),
    MAYBE(13, CBOR_UINT, locked, 0),
    MAYBE(14, CBOR_UINT, locking, 0),
    MAYBE(15, CBOR_BYTES, lock_from, BACKUP_OWN_NAME_LEN),
    MAYBE(16, CBOR_BYTES, lock_next, BACKUP_OWN_NAME_LEN),
    MAYBE(17, CBOR_BOOL, lock_wrapped, 0),
};
const struct cbor_schema backup_story_schema = CBOR_SCHEMA(story_fields, struct backup_story);

void backup_story_add(struct backup_story *s, struct backup_line line, struct arena *arena)
{
    struct backup_line *lines = arena_array(arena, BACKUPS_LIST_MAX, sizeof(*lines));
    const struct backup_line *old = s->lines.items;
    size_t kept = s->lines.count < BACKUPS_LIST_MAX ? s->lines.count : BACKUPS_LIST_MAX - 1;

    line.time = (uint64_t)clock_wall_ms();
    line.reason = slice_head(line.reason, LINE_REASON);
    while (line.reason.len && !slice_is_utf8(line.reason)) {
        line.reason.len--;
    }
    lines[0] = line;
    for (size_t i = 0; i < kept; i++) {
        lines[i + 1] = old[i];
    }
    s->lines = (struct cbor_list){lines, kept + 1};
}

/* ── vaults ── */

static struct backup_vault last_vault(const struct backup_story *s)
{
    struct backup_vault v;

    v.prefix = slice_cut(s->vault, ' ', &v.place);
    return v;
}

static bool same(struct slice prefix, struct slice place, const struct backup_vault *v)
{
    return slice_equal(prefix, v->prefix) && place_same(place, v->place);
}

bool backup_story_moved(const struct backup_story *s, const struct backup_vault *now)
{
    const struct backup_vault last = last_vault(s);

    return s->vault.len && (!place_same(now->place, last.place) ||
                            (now->prefix.len && !slice_equal(now->prefix, last.prefix)));
}

static struct backup_left copy(struct backup_left l, struct arena *arena)
{
    l.prefix = arena_copy(arena, l.prefix);
    l.place = arena_copy(arena, l.place);
    l.digest = arena_copy(arena, l.digest);
    return l;
}

struct cbor_list backup_story_left(const struct backup_story *s, const struct backup_vault *now,
                                   struct slice place, struct arena *arena)
{
    struct backup_left *out = arena_array(arena, s->left.count + 1, sizeof(*out));
    const struct backup_left *old = s->left.items;
    const struct backup_vault last = last_vault(s);
    size_t n = 0;

    if (backup_story_moved(s, now) && (place.len == 0 || place_same(place, last.place))) {
        out[n++] = copy(
            (struct backup_left){last.prefix, last.place, s->made_at, s->number, s->digest}, arena);
    }
    for (size_t i = 0; i < s->left.count && n < BACKUPS_LEFT_MAX; i++) {
        if (!same(old[i].prefix, old[i].place, now) &&
            (place.len == 0 || place_same(place, old[i].place))) {
            out[n++] = copy(old[i], arena);
        }
    }
    return (struct cbor_list){out, n};
}

void backup_story_known(const struct backup_story *s, const struct backup_vault *now,
                        struct backup_next *out)
{
    const struct backup_left *left = s->left.items;

    if (!backup_story_moved(s, now)) {
        out->number = s->number;
        out->digest = s->digest;
        out->records = s->records;
        out->root = s->root;
        return;
    }
    for (size_t i = 0; i < s->left.count; i++) {
        if (same(left[i].prefix, left[i].place, now)) { /* back again */
            out->number = left[i].number;
            out->digest = left[i].digest;
        }
    }
}

void backup_story_made(struct backup_story *s, const struct backup_record *r, struct slice root,
                       struct arena *arena)
{
    const struct backup_vault now = {r->prefix, r->place};
    const struct backup_left *old = s->left.items;
    bool full = backup_story_moved(s, &now) && s->left.count == BACKUPS_LEFT_MAX;

    if (full && old[s->left.count - 1].last_at > s->more_left_at) {
        s->more_left_at = old[s->left.count - 1].last_at;
    }
    if (backup_story_moved(s, &now)) { /* of a round in another vault nothing counts */
        s->locked = s->locking = 0;
        s->lock_from = s->lock_next = SLICE_NONE;
    }
    s->left = backup_story_left(s, &now, SLICE_NONE, arena);
    s->vault = arena_printf(arena, "%.*s %.*s", SLICE_ARG(now.prefix), SLICE_ARG(now.place));
    s->number = r->number;
    s->digest = r->digest;
    s->records = r->records;
    s->root = root;
    s->made_at = r->at;
}

void backup_story_locks(const struct backup_story *s, struct backup_next *out)
{
    bool under_way = s->locking == s->number;

    if (s->number == 0 || s->locked == s->number) {
        return;
    }
    out->lock_due = true;
    out->lock_next = s->lock_next;
    out->lock_from = under_way ? s->lock_from : s->lock_next;
    out->lock_wrapped = under_way && s->lock_wrapped;
}

void backup_story_locked(struct backup_story *s, const struct backup_locked *l)
{
    if (l->number != s->number) {
        return;
    }
    s->locking = l->number;
    s->locked = l->done ? l->number : s->locked;
    s->lock_from = l->from;
    s->lock_next = l->next;
    s->lock_wrapped = l->wrapped;
}

void backup_story_ended(struct backup_story *s, struct slice prefix, struct slice place,
                        struct arena *arena)
{
    struct backup_left *kept = arena_array(arena, s->left.count + 1, sizeof(*kept));
    const struct backup_left *old = s->left.items;
    const struct backup_vault gone = {prefix, place};
    size_t n = 0;

    for (size_t i = 0; i < s->left.count; i++) {
        if (!same(old[i].prefix, old[i].place, &gone)) {
            kept[n++] = old[i];
        }
    }
    s->left = (struct cbor_list){kept, n};
    const struct backup_vault last = last_vault(s);
    if (same(last.prefix, last.place, &gone)) {
        s->vault = s->digest = s->root = SLICE_NONE;
        s->number = s->records = s->oldest_at = 0;
        s->locked = s->locking = 0;
    }
}
