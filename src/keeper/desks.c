#include "keeper/desks.h"

#include "base/clock.h"

#include "keeper/drills.h"
#include "keeper/internal.h"
#include "keeper/suspend.h"
#include "requests/auth.h"
#include "state/factors.h"

#define VALUE     "desk/passes"
#define ARENA_MAX ((size_t)8 << 20)

/* Who is told to write last writes last. */
static pthread_mutex_t writing = PTHREAD_MUTEX_INITIALIZER;

struct desk_pass {
    struct slice hash;
    struct slice account;
    uint64_t ends_at;       /* wall clock */
    uint64_t since;         /* likewise; 0: written by a version that did not know it */
    struct slice mechanism; /* empty: likewise */
};

struct desk_passes {
    struct cbor_list passes; /* struct desk_pass */
};

static const struct cbor_field pass_fields[] = {
    CBOR_FIELD(1, CBOR_BYTES, struct desk_pass, hash, DIGEST_LEN),
    CBOR_FIELD(2, CBOR_TEXT, struct desk_pass, account, LETTER_ADDRESS_MAX),
    CBOR_FIELD(3, CBOR_UINT, struct desk_pass, ends_at, INT64_MAX),
    CBOR_OPTIONAL(4, CBOR_UINT, struct desk_pass, since, INT64_MAX),
    CBOR_OPTIONAL(5, CBOR_TEXT, struct desk_pass, mechanism, 32),
};
static const struct cbor_schema pass_schema = CBOR_SCHEMA(pass_fields, struct desk_pass);

static const struct cbor_field passes_fields[] = {
    CBOR_SUB_OPTIONAL(1, CBOR_LIST, struct desk_passes, passes, DESKS_MAX, &pass_schema),
};
static const struct cbor_schema passes_schema = CBOR_SCHEMA(passes_fields, struct desk_passes);

bool desks_remember(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    OWN(buf) struct buf bytes = {.max = STATE_VALUE_MAX};
    struct desk_session *open = arena_array(&arena, DESKS_MAX, sizeof(*open));
    struct desk_pass *passes = arena_array(&arena, DESKS_MAX, sizeof(*passes));
    int64_t ahead = clock_wall_ms() - clock_steady_ms();

    (void)pthread_mutex_lock(&writing);
    size_t n = sessions_desks(k->sessions, &arena, open, DESKS_MAX);
    for (size_t i = 0; i < n; i++) {
        passes[i] = (struct desk_pass){SLICE_ARRAY(open[i].hash), open[i].account,
                                       (uint64_t)(open[i].ends_at_ms + ahead), open[i].since,
                                       open[i].mechanism};
    }
    const struct desk_passes all = {
        {passes, n}
    };
    cbor_write(&bytes, &passes_schema, &all);
    bool ok = !bytes.full ? state_value_put(k->state, SLICE(VALUE), buf_slice(&bytes), e)
                          : error_set(e, ERROR_LIMIT, "too many are signed in");
    (void)pthread_mutex_unlock(&writing);
    return ok;
}

static bool resume(struct keeper *k, const struct desk_pass *pass, struct arena *arena,
                   struct error *e)
{
    const struct settings *settings = k->options.settings(k->options.context);
    int64_t left = (int64_t)pass->ends_at - clock_wall_ms();
    struct desk_session desk = {.account = pass->account};
    struct factors f;
    struct suspension_record suspension;
    struct account account;
    bool suspended = false;
    bool found = false;

    if (left <= 0 || pass->hash.len != DIGEST_LEN) {
        return true;
    }
    if (!state_account_get(k->state, pass->account, arena, &account, &found, e)) {
        return false;
    }
    if (!found || account.disabled || drill_is_over(&account)) {
        return true;
    }
    if (!suspension_of(k, account.name, arena, &suspension, &suspended, e)) {
        return false;
    }
    if (suspended &&
        pass->since <= suspension.at) { /* it was ended, though that may be unwritten */
        return true;
    }
    /* One from before its second factor, or opened by a passkey that was removed, is none that a crash may save. */
    if (!state_factors_get(k->state, account.name, arena, &f, e)) {
        return false;
    }
    if ((f.totp.len && pass->since < f.totp_since) || pass->since < f.passkeys_at) {
        return true;
    }
    desk.since = pass->since;
    left = left < settings->auth.desk_timeout_ms ? left : settings->auth.desk_timeout_ms;
    desk.ends_at_ms = drill_bounds(&account, clock_steady_ms() + left);
    (void)memcpy(desk.hash, pass->hash.ptr, DIGEST_LEN);
    return sessions_resume(k->sessions, &account,
                           pass->mechanism.len ? pass->mechanism : SLICE(AUTH_DESK_MECHANISM),
                           &desk, e);
}

bool desks_resume(struct keeper *k, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_MAX};
    struct desk_passes all = {0};
    struct slice bytes = SLICE_NONE;
    bool found = false;

    if (!state_value_get(k->state, SLICE(VALUE), &arena, &bytes, &found, e)) {
        return false;
    }
    if (found && !cbor_read(bytes, &passes_schema, &arena, &all, e)) {
        e->kind = ERROR_CORRUPT;
        return error_add(e, "state: who is signed in");
    }
    const struct desk_pass *passes = all.passes.items;
    for (size_t i = 0; i < all.passes.count; i++) {
        if (!resume(k, &passes[i], &arena, e)) {
            return false;
        }
    }
    return true;
}

bool desks_end_account(struct keeper *k, struct slice account, struct error *e)
{
    sessions_end_account(k->sessions, account);
    return desks_remember(k, e) ||
           error_add(e,
                     "the account is changed, but its sign-ins would come back at a restart: try "
                     "again");
}
