/* App passwords, and devices (devices.c): their holder makes them, lists and revokes them at the desk. One that is revoked is gone from the state
 * before its sessions are ended, and a sign-in looks once more when its session is there: one of the two sees the other. */
#include "keeper/app_passwords.h"

#include "base/clock.h"

#include "config/settings_intake.h"
#include "formats/mail/address.h"
#include "formats/smtp/address.h"
#include "keeper/account_change.h"
#include "keeper/account_salt.h"
#include "keeper/admin.h"
#include "keeper/devices.h"
#include "keeper/factors.h"
#include "keeper/internal.h"
#include "keyring/keyring.h"
#include "requests/factors.h"
#include "stages/limits/limits.h"

#define DETAIL_MAX 900

/* ── what is asked for ── */

bool app_password_check_networks(const struct cbor_list *networks, struct error *e)
{
    const struct slice *texts = networks->items;
    struct settings_network ignored;

    for (size_t i = 0; i < networks->count; i++) {
        if (!settings_network_read(texts[i], &ignored)) {
            return error_set(e, ERROR_INPUT, "`%.*s` is no network such as 192.0.2.0/24",
                             SLICE_ARG(slice_head(texts[i], 60)));
        }
    }
    return true;
}

/* Domains as they are compared: lower-case A-labels. */
static bool take_domains(struct cbor_list *domains, struct arena *arena, struct error *e)
{
    const struct slice *texts = domains->items;
    struct slice *out = arena_array(arena, domains->count + 1, sizeof(*out));

    for (size_t i = 0; i < domains->count; i++) {
        uint8_t domain[SMTP_DOMAIN_MAX];
        size_t len = 0;
        if (!smtp_domain_valid(texts[i]) || !smtp_domain_canonical(texts[i], domain, &len, e)) {
            return error_set(e, ERROR_INPUT, "`%.*s` is no domain such as example.test",
                             SLICE_ARG(slice_head(texts[i], 100)));
        }
        out[i] = arena_copy(arena, slice_of(domain, len));
    }
    domains->items = out;
    return true;
}

static bool has_address(const struct app_holder *holder, struct slice address)
{
    const struct slice *addresses = holder->addresses.items;

    for (size_t i = 0; i < holder->addresses.count; i++) {
        if (slice_equal_nocase(addresses[i], address)) {
            return true;
        }
    }
    return false;
}

static bool check_addresses(const struct app_holder *holder, const struct cbor_list *addresses,
                            struct error *e)
{
    const struct slice *texts = addresses->items;

    for (size_t i = 0; i < addresses->count; i++) {
        if (!has_address(holder, texts[i])) {
            return error_set(e, ERROR_INPUT, "%.*s may not send as `%.*s`",
                             SLICE_ARG(holder->account), SLICE_ARG(slice_head(texts[i], 100)));
        }
    }
    return true;
}

static struct slice new_id(struct arena *arena)
{
    static const char letters[] = "abcdefghijkmnpqr"; /* 16: four bits each */
    uint8_t bytes[APP_PASSWORD_ID_LEN];
    uint8_t *id = arena_alloc(arena, sizeof(bytes));

    keyring_random_bytes(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        id[i] = (uint8_t)letters[bytes[i] % 16];
    }
    return slice_of(id, sizeof(bytes));
}

bool app_password_take(const struct app_holder *holder, const struct app_password *ask,
                       struct arena *arena, struct app_password *out, struct error *e)
{
    uint64_t now = (uint64_t)clock_wall_ms();

    *out = (struct app_password){.name = ask->name,
                                 .scopes = ask->scopes ? ask->scopes : APP_SCOPE_SEND,
                                 .addresses = ask->addresses,
                                 .networks = ask->networks,
                                 .domains = ask->domains,
                                 .created_at = now,
                                 .expires_at = ask->expires_at,
                                 .pin = ask->pin,
                                 .id = new_id(arena)};
    (void)memcpy(out->most, ask->most, sizeof(out->most));
    if (!app_password_name_is_good(out->name)) {
        return error_set(
            e, ERROR_INPUT,
            "an app password or device is called by at most %d letters, digits, blanks, dots "
            "and dashes, `phone` for instance",
            APP_PASSWORD_NAME_MAX);
    }
    if (app_password_is_over(out, now)) {
        return error_set(e, ERROR_INPUT, "it would have expired already");
    }
    return check_addresses(holder, &out->addresses, e) &&
           app_password_check_networks(&out->networks, e) && take_domains(&out->domains, arena, e);
}

/* ── what is said of it ── */

static void add_texts(struct buf *out, const char *what, const struct cbor_list *list)
{
    const struct slice *texts = list->items;

    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, "%s%.*s", i ? " " : what, SLICE_ARG(texts[i]));
    }
}

struct slice app_password_describe(const struct app_password *p, struct arena *arena)
{
    OWN(buf) struct buf text = {.max = DETAIL_MAX};

    buf_printf(&text, "%.*s (%.*s), to%s%s%s", SLICE_ARG(p->name), SLICE_ARG(p->id),
               p->scopes & APP_SCOPE_SEND ? " send" : "",
               p->scopes == (APP_SCOPE_SEND | APP_SCOPE_READ) ? " and" : "",
               p->scopes & APP_SCOPE_READ ? " read" : "");
    if (p->pin.len) {
        buf_add_text(&text, ", by the key ");
        for (size_t i = 0; i < p->pin.len; i++) {
            buf_printf(&text, "%02x", p->pin.ptr[i]);
        }
    }
    add_texts(&text, ", as ", &p->addresses);
    add_texts(&text, ", from ", &p->networks);
    add_texts(&text, ", to recipients in ", &p->domains);
    for (unsigned w = 0; w < LIMITS_WINDOWS; w++) {
        for (unsigned m = 0; m < LIMITS_MEASURES; m++) {
            if (p->most[w][m]) {
                buf_printf(&text, ", %s %llu", limits_setting(w, m),
                           (unsigned long long)p->most[w][m]);
            }
        }
    }
    buf_add_text(&text, p->expires_at ? ", with an end" : "");
    return letter_text(arena, buf_slice(&text), DETAIL_MAX);
}

/* ── adding ── */

bool app_password_append(struct factors *f, void *context, struct error *e)
{
    struct app_adding *a = context;
    struct act act = {.verb = a->app.pin.len ? SLICE("device add") : SLICE("app-password add"),
                      .object = a->account,
                      .reason = a->reason,
                      .detail = app_password_describe(&a->app, a->arena)};
    size_t count = f->apps.count;
    struct app_password *apps = arena_array(a->arena, count + 1, sizeof(*apps));

    if (app_password_find(f, a->app.name) || app_password_find(f, a->app.id)) {
        return error_set(e, ERROR_INPUT,
                         "there is an app password or device `%.*s`; `postern app-password revoke` "
                         "and `device revoke` end it",
                         SLICE_ARG(a->app.name));
    }
    if (count >= APP_PASSWORDS_MAX) {
        return error_set(
            e, ERROR_LIMIT,
            "an account has at most %d app passwords and devices: revoke one that is not "
            "used",
            APP_PASSWORDS_MAX);
    }
    if (count) {
        (void)memcpy(apps, f->apps.items, count * sizeof(*apps));
    }
    apps[count] = a->app;
    f->apps = (struct cbor_list){apps, count + 1};
    return keeper_admin_act(a->admin, &act, e);
}

bool keeper_on_app_add(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct app_password_added *answer = r->answer;
    struct app_adding adding = {.admin = keeper_admin_of(k, r), .arena = r->arena};
    const struct caller *caller = &adding.admin->caller;
    const struct app_holder holder = {caller->account, caller->addresses};
    const struct app_password_add_ask *wanted = r->ask;
    struct app_password asked = wanted->app;
    struct auth_app_answer made;

    asked.pin = SLICE_NONE;
    if (!app_password_take(&holder, &asked, r->arena, &adding.app, e) ||
        !factors_prove_anew(adding.admin, &wanted->proof, true, r->arena, e)) {
        return false;
    }
    adding.account = caller->account;
    const struct auth_app_ask ask = {caller->account, adding.app.id,
                                     account_salt(k, caller->account, r->arena)};
    if (!ipc_call(k->options.auth, &auth_app_new, &ask, -1, &made, NULL, r->arena, KEEPER_ASK_MS,
                  e)) {
        return false;
    }
    adding.app.verifier = made.verifier;
    if (!factors_put(k, caller->account, r->arena, app_password_append, &adding, e)) {
        return false;
    }
    *answer = (struct app_password_added){adding.app.id, made.password};
    return true;
}

/* ── whose ── */

bool factors_account(struct keeper_admin *admin, struct slice named, struct arena *arena,
                     struct slice *account, struct error *e)
{
    struct account row;
    bool found = false;

    if (named.len == 0 && admin->caller.account.len == 0) {
        return error_set(e, ERROR_INPUT,
                         "say whose: --account ACCOUNT, or sign in with `postern login`");
    }
    *account = named.len ? account_canonical(named, arena) : admin->caller.account;
    if (slice_equal(*account, admin->caller.account)) {
        return true;
    }
    if (admin->role == ACCOUNT_EMPLOYEE) {
        return error_set(e, ERROR_DENIED,
                         "another account's are for an officer or administrator: `postern "
                         "login` as one");
    }
    if (!state_account_get(admin->keeper->state, *account, arena, &row, &found, e)) {
        return false;
    }
    return found || error_set(e, ERROR_INPUT, "there is no account `%.*s`",
                              SLICE_ARG(slice_head(named, 100)));
}

bool keeper_on_app_list(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct app_password_list_ask *ask = r->ask;
    struct app_password_list_answer *answer = r->answer;
    struct factors f;

    if (!factors_account(keeper_admin_of(k, r), ask->account, r->arena, &answer->account, e) ||
        !state_factors_get(k->state, answer->account, r->arena, &f, e)) {
        return false;
    }
    answer->apps = f.apps;
    return true;
}

/* ── revoking ── */

struct revoking {
    struct keeper_admin *admin;
    struct arena *arena;
    struct slice account;
    const struct app_password_revoke_ask *ask;
    struct slice id; /* of the one that went */
    struct slice pin;
};

static bool cut_out(struct factors *f, void *context, struct error *e)
{
    struct revoking *v = context;
    struct app_password *apps = f->apps.items;
    struct app_password *p = app_password_find(f, v->ask->which);

    if (!p) {
        return error_set(
            e, ERROR_INPUT,
            "%.*s has no app password or device `%.*s`; `postern app-password list` and "
            "`device list` show those there are",
            SLICE_ARG(v->account), SLICE_ARG(v->ask->which));
    }
    struct act act = {.verb = p->pin.len ? SLICE("device revoke") : SLICE("app-password revoke"),
                      .object = v->account,
                      .reason = v->ask->reason,
                      .detail = app_password_describe(p, v->arena)};
    v->id = p->id;
    v->pin = p->pin;
    size_t behind = f->apps.count - 1 - (size_t)(p - apps);
    (void)memmove(p, p + 1, behind * sizeof(*p));
    f->apps.count--;
    return keeper_admin_act(v->admin, &act, e);
}

bool keeper_on_app_revoke(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct revoking v = {.admin = keeper_admin_of(k, r), .arena = r->arena, .ask = r->ask};

    if (!factors_account(v.admin, v.ask->account, r->arena, &v.account, e) ||
        !factors_put(k, v.account, r->arena, cut_out, &v, e)) {
        return false;
    }
    sessions_end_app(k->sessions, v.account, v.id);
    return v.pin.len == 0 || devices_forget(k, v.pin, v.account, r->arena, e);
}
