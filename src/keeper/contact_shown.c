#include "keeper/contact_shown.h"

#include "base/clock.h"

#include "keeper/contacts.h"
#include "keeper/drills.h"
#include "keeper/internal.h"

#define AHEAD     20 /* parts of an hour's limit */
#define ARENA_MAX (STATE_VALUE_MAX * 2)

static const struct cbor_field shown_fields[] = {
    CBOR_FIELD(1, CBOR_UINT, struct contact_shown, hour_from_ms, INT64_MAX),
    CBOR_FIELD(2, CBOR_UINT, struct contact_shown, hour, 0),
    CBOR_FIELD(3, CBOR_UINT, struct contact_shown, day_from_ms, INT64_MAX),
    CBOR_FIELD(4, CBOR_UINT, struct contact_shown, day, 0),
};
static const struct cbor_schema shown_schema = CBOR_SCHEMA(shown_fields, struct contact_shown);

/* Who writes last has what was counted last. */
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

static struct slice row_name(struct slice who, struct arena *arena)
{
    return arena_printf(arena, "contacts-shown/%.*s", SLICE_ARG(who));
}

/* What lies ahead, because the clock was set back, began now: a window lasts no longer for that. */
static uint64_t past(uint64_t wall_ms, uint64_t now_ms)
{
    return wall_ms < now_ms ? wall_ms : now_ms;
}

bool contact_shown_know(const struct keeper_admin *admin, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    struct contacts *c = admin->keeper->contacts;
    uint64_t now = (uint64_t)clock_wall_ms();
    struct contact_shown was = {.hour = 0};
    struct slice value = SLICE_NONE;
    bool found = false;

    (void)pthread_mutex_lock(&c->meter_lock);
    bool known = contact_meter_has(c->meter, admin->caller.by);
    (void)pthread_mutex_unlock(&c->meter_lock);
    if (known) {
        return true;
    }
    if (!state_value_get(admin->keeper->state, row_name(admin->caller.by, &arena), &arena, &value,
                         &found, e) ||
        (found && !cbor_read(value, &shown_schema, &arena, &was, e))) {
        return false;
    }
    if (!found) {
        return true;
    }
    /* The meter's clock does not go back. */
    int64_t steady = clock_steady_ms();
    was.hour_from_ms = steady - (int64_t)(now - past((uint64_t)was.hour_from_ms, now));
    was.day_from_ms = steady - (int64_t)(now - past((uint64_t)was.day_from_ms, now));
    (void)pthread_mutex_lock(&c->meter_lock);
    contact_meter_restore(c->meter, admin->caller.by, &was, steady);
    (void)pthread_mutex_unlock(&c->meter_lock);
    return true;
}

static bool write_down(const struct keeper_admin *admin, const struct contact_shown *shown,
                       struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    OWN(buf) struct buf value = {.max = STATE_VALUE_MAX};
    int64_t ahead = clock_wall_ms() - clock_steady_ms();
    struct contact_shown row = *shown;

    row.hour_from_ms += ahead;
    row.day_from_ms += ahead;
    cbor_write(&value, &shown_schema, &row);
    return state_value_put(admin->keeper->state, row_name(admin->caller.by, &arena),
                           buf_slice(&value), e);
}

bool contact_shown_keep(const struct keeper_admin *admin, uint64_t per_hour, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    struct contacts *c = admin->keeper->contacts;
    struct contact_shown shown;
    bool played = false;

    if (admin->caller.account.len &&
        !drill_is(admin->keeper, admin->caller.account, &arena, &played, e)) {
        return false;
    }
    if (played) {
        return true;
    }
    (void)pthread_mutex_lock(&writing);
    (void)pthread_mutex_lock(&c->meter_lock);
    bool due = contact_meter_is_due(c->meter, admin->caller.by, per_hour / AHEAD, &shown);
    (void)pthread_mutex_unlock(&c->meter_lock);
    bool ok = !due || write_down(admin, &shown, e);
    if (due && ok) {
        (void)pthread_mutex_lock(&c->meter_lock);
        contact_meter_kept(c->meter, admin->caller.by, &shown);
        (void)pthread_mutex_unlock(&c->meter_lock);
    }
    (void)pthread_mutex_unlock(&writing);
    return ok;
}
