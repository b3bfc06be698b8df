/* Devices, which sign in by the key of their certificates. The row that finds a key is written before the device is, and goes
 * after it: what a crash leaves between finds an account without such a device, and that signs nobody in. */
#include "keeper/devices.h"

#include "keeper/account_change.h"
#include "keeper/admin.h"
#include "keeper/app_passwords.h"
#include "keeper/internal.h"
#include "requests/factors.h"

/* Held from looking whose a key is until row and device are written, and while a row goes. */
static pthread_mutex_t rows = PTHREAD_MUTEX_INITIALIZER;

static struct slice row_name(struct slice pin, struct arena *arena)
{
    OWN(buf) struct buf name = {.max = 100};

    buf_add_text(&name, "device/");
    for (size_t i = 0; i < pin.len; i++) {
        buf_printf(&name, "%02x", pin.ptr[i]);
    }
    return arena_copy(arena, buf_slice(&name));
}

/* Whether the account has a device with this key. */
static bool has_device(struct keeper *k, struct slice account, struct slice pin,
                       struct arena *arena, bool *has, struct error *e)
{
    struct factors f;

    *has = false;
    if (!state_factors_get(k->state, account, arena, &f, e)) {
        return false;
    }
    const struct app_password *apps = f.apps.items;
    for (size_t i = 0; i < f.apps.count; i++) {
        *has = *has || slice_equal(apps[i].pin, pin);
    }
    return true;
}

bool devices_find(struct keeper *k, struct slice pin, struct arena *arena, struct slice *account,
                  bool *found, struct error *e)
{
    *found = false;
    return pin.len != APP_PASSWORD_PIN_LEN ||
           (state_value_get(k->state, row_name(pin, arena), arena, account, found, e) &&
            (!*found || has_device(k, *account, pin, arena, found, e)));
}

/* Unless it was added anew meanwhile. */
static bool forget(struct keeper *k, struct slice pin, struct slice account, struct arena *arena,
                   struct error *e)
{
    struct slice owner = SLICE_NONE;
    bool found = false;
    bool has = false;

    if (!state_value_get(k->state, row_name(pin, arena), arena, &owner, &found, e) ||
        !has_device(k, account, pin, arena, &has, e)) {
        return false;
    }
    return !found || has || !slice_equal(owner, account) ||
           state_value_delete(k->state, row_name(pin, arena), &found, e);
}

bool devices_forget(struct keeper *k, struct slice pin, struct slice account, struct arena *arena,
                    struct error *e)
{
    (void)pthread_mutex_lock(&rows);
    bool done = forget(k, pin, account, arena, e);
    (void)pthread_mutex_unlock(&rows);
    return done;
}

/* Whoever adds one to another's account could send as him: to one that has an office that is its holder's alone. */
static bool may_add(const struct keeper_admin *admin, const struct account *account,
                    struct slice reason, struct error *e)
{
    if (slice_equal(account->name, admin->caller.account)) {
        return true;
    }
    if (account->role != ACCOUNT_EMPLOYEE && account->role != ACCOUNT_APPLICATION) {
        return error_set(e, ERROR_DENIED,
                         "%.*s has an office: its holder adds a device, after `postern login`",
                         SLICE_ARG(account->name));
    }
    return slice_trim(reason).len > 0 ||
           error_set(e, ERROR_INPUT, "say why with --reason TEXT; it stands in the ledger");
}

/* What the account may send as: its name first. */
static struct cbor_list addresses_of(const struct account *account, struct arena *arena)
{
    size_t n = account->addresses.count;
    struct slice *all = arena_array(arena, n + 1, sizeof(*all));

    all[0] = account->name;
    if (n) {
        (void)memcpy(all + 1, account->addresses.items, n * sizeof(*all));
    }
    return (struct cbor_list){all, n + 1};
}

static bool is_free(struct keeper *k, struct slice pin, struct arena *arena, struct error *e)
{
    struct slice owner = SLICE_NONE;
    bool found = false;

    if (pin.len != APP_PASSWORD_PIN_LEN) {
        return error_set(e, ERROR_INPUT, "a device is known by the key of its certificate");
    }
    return devices_find(k, pin, arena, &owner, &found, e) &&
           (!found || error_set(e, ERROR_INPUT,
                                "%.*s has a device with this key; `postern device revoke` ends it",
                                SLICE_ARG(owner)));
}

static bool put(struct keeper *k, struct app_adding *adding, struct error *e)
{
    struct slice pin = adding->app.pin;

    (void)pthread_mutex_lock(&rows);
    bool done = is_free(k, pin, adding->arena, e) &&
                state_value_put(k->state, row_name(pin, adding->arena), adding->account, e) &&
                factors_put(k, adding->account, adding->arena, app_password_append, adding, e);
    (void)pthread_mutex_unlock(&rows);
    return done;
}

bool keeper_on_device_add(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct device_add_ask *ask = r->ask;
    struct device_added *answer = r->answer;
    struct app_adding adding = {
        .admin = keeper_admin_of(k, r), .arena = r->arena, .reason = ask->reason};
    struct account account;
    bool found = false;

    if (!factors_account(adding.admin, ask->account, r->arena, &adding.account, e) ||
        !state_account_get(k->state, adding.account, r->arena, &account, &found, e)) {
        return false;
    }
    if (!found || account.disabled) {
        return error_set(e, ERROR_INPUT, "there is no such account that is open");
    }
    const struct app_holder holder = {account.name, addresses_of(&account, r->arena)};
    if (!may_add(adding.admin, &account, ask->reason, e) ||
        !app_password_take(&holder, &ask->device, r->arena, &adding.app, e) ||
        (slice_equal(account.name, adding.admin->caller.account) &&
         !factors_prove_anew(adding.admin, &ask->proof, true, r->arena, e)) ||
        !put(k, &adding, e)) {
        return false;
    }
    *answer = (struct device_added){account.name, adding.app.id};
    return true;
}
