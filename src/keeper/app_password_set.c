/* App passwords and devices that are changed, and the devices of all accounts. */
#include "base/clock.h"

#include "config/settings_intake.h"
#include "keeper/account_change.h"
#include "keeper/admin.h"
#include "keeper/app_passwords.h"
#include "keeper/factors.h"
#include "keeper/internal.h"
#include "requests/factors.h"
#include "stages/limits/limits.h"

/* ── narrower or wider ── */

/* Whether every address of `inner` is in `outer`. */
static bool is_within(struct slice inner, struct slice outer)
{
    struct settings_network in;
    struct settings_network out;

    return settings_network_read(inner, &in) && settings_network_read(outer, &out) &&
           in.len == out.len && in.bits >= out.bits &&
           settings_network_has(&out, slice_of(in.bytes, in.len));
}

static bool networks_are_narrower(const struct cbor_list *now, const struct cbor_list *was)
{
    const struct slice *inner = now->items;
    const struct slice *outer = was->items;

    if (was->count && now->count == 0) {
        return false; /* from anywhere */
    }
    for (size_t i = 0; was->count && i < now->count; i++) {
        bool in = false;
        for (size_t j = 0; j < was->count; j++) {
            in = in || is_within(inner[i], outer[j]);
        }
        if (!in) {
            return false;
        }
    }
    return true;
}

/* 0 is no limit, and no end. */
static bool is_less(uint64_t now, uint64_t was)
{
    return was == 0 || (now != 0 && now <= was);
}

bool app_password_is_narrower(const struct app_password *now, const struct app_password *was)
{
    bool narrower = is_less(now->expires_at, was->expires_at) &&
                    networks_are_narrower(&now->networks, &was->networks);

    for (unsigned w = 0; w < APP_LIMIT_WINDOWS; w++) {
        for (unsigned m = 0; m < APP_LIMIT_MEASURES; m++) {
            narrower = narrower && is_less(now->most[w][m], was->most[w][m]);
        }
    }
    return narrower;
}

struct app_password app_password_changed(const struct app_password *was,
                                         const struct app_password_set_ask *ask)
{
    struct app_password now = *was;

    now.name = ask->change & APP_SET_NAME ? ask->app.name : now.name;
    now.expires_at = ask->change & APP_SET_EXPIRES ? ask->app.expires_at : now.expires_at;
    now.networks = ask->change & APP_SET_NETWORKS ? ask->app.networks : now.networks;
    for (unsigned w = 0; w < APP_LIMIT_WINDOWS; w++) {
        for (unsigned m = 0; m < APP_LIMIT_MEASURES; m++) {
            uint64_t kept = ask->change & APP_SET_NO_LIMITS ? 0 : was->most[w][m];
            now.most[w][m] = ask->app.most[w][m] ? ask->app.most[w][m] : kept;
        }
    }
    return now;
}

/* ── changing ── */

struct setting {
    struct keeper_admin *admin;
    struct arena *arena;
    struct slice account;
    const struct app_password_set_ask *ask;
    bool proven;
    struct slice id; /* of the one that was changed */
};

static bool find(const struct factors *f, const struct setting *s, struct app_password **out,
                 struct error *e)
{
    *out = app_password_find(f, s->ask->which);
    return *out ||
           error_set(e, ERROR_INPUT,
                     "%.*s has no app password or device `%.*s`; `postern app-password list` and "
                     "`device list` show those there are",
                     SLICE_ARG(s->account), SLICE_ARG(s->ask->which));
}

static bool is_sound(const struct factors *f, const struct app_password *was,
                     const struct app_password *now, struct error *e)
{
    const struct app_password *same = app_password_find(f, now->name);

    if (!app_password_name_is_good(now->name)) {
        return error_set(e, ERROR_INPUT,
                         "an app password or device is called by at most %d letters, digits, "
                         "blanks, dots and dashes, `phone` for instance",
                         APP_PASSWORD_NAME_MAX);
    }
    if (same && same != was) {
        return error_set(e, ERROR_INPUT, "there is an app password or device `%.*s`",
                         SLICE_ARG(now->name));
    }
    if (app_password_is_over(now, (uint64_t)clock_wall_ms())) {
        return error_set(e, ERROR_INPUT,
                         "it would have expired already: `postern app-password revoke` ends it");
    }
    return app_password_check_networks(&now->networks, e);
}

static bool change(struct factors *f, void *context, struct error *e)
{
    struct setting *s = context;
    struct app_password *p = NULL;

    if (!find(f, s, &p, e)) {
        return false;
    }
    const struct app_password now = app_password_changed(p, s->ask);
    if (!s->proven && !app_password_is_narrower(&now, p)) {
        return error_set(e, ERROR_BUSY, "it was changed just now: try again");
    }
    if (!is_sound(f, p, &now, e)) {
        return false;
    }
    struct act act = {
        .verb = p->pin.len ? SLICE("device set") : SLICE("app-password set"),
        .object = s->account,
        .reason = s->ask->reason,
        .detail = arena_printf(s->arena, "%.*s, was %.*s",
                               SLICE_ARG(slice_head(app_password_describe(&now, s->arena), 450)),
                               SLICE_ARG(slice_head(app_password_describe(p, s->arena), 430)))};
    s->id = p->id;
    *p = now;
    return keeper_admin_act(s->admin, &act, e);
}

/* Wider is its holder's alone, who proves anew who he is. */
static bool prove(struct setting *s, struct admin_asked *asked, struct error *e)
{
    struct app_password *p = NULL;
    struct factors f;

    if (!state_factors_get(s->admin->keeper->state, s->account, s->arena, &f, e) ||
        !find(&f, s, &p, e)) {
        return false;
    }
    const struct app_password now = app_password_changed(p, s->ask);
    if (app_password_is_narrower(&now, p)) {
        return true;
    }
    if (!slice_equal(s->account, s->admin->caller.account)) {
        return error_set(e, ERROR_DENIED,
                         "its holder alone lets it do more than before; others can make it "
                         "narrower, or revoke it");
    }
    s->proven = true;
    return factors_prove_or_ask(s->admin, &s->ask->proof, s->arena, asked, e);
}

bool keeper_on_app_set(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct admin_asked *asked = r->answer;
    struct setting s = {.admin = keeper_admin_of(k, r), .arena = r->arena, .ask = r->ask};

    if (!factors_account(s.admin, s.ask->account, r->arena, &s.account, e) ||
        !prove(&s, asked, e)) {
        return false;
    }
    if (asked->wants_proof) {
        return true;
    }
    if (!factors_put(k, s.account, r->arena, change, &s, e)) {
        return false;
    }
    sessions_end_app(k->sessions, s.account, s.id); /* they have what it was good for */
    return true;
}

/* ── the devices of all accounts ── */

static int by_name(const void *a, const void *b)
{
    const struct account *left = a;
    const struct account *right = b;

    return slice_compare(left->name, right->name);
}

static bool add_devices(struct keeper *k, struct slice account, struct arena *arena,
                        struct device_of *out, size_t *count, struct error *e)
{
    struct factors f;

    if (!state_factors_get(k->state, account, arena, &f, e)) {
        return false;
    }
    const struct app_password *apps = f.apps.items;
    for (size_t i = 0; i < f.apps.count; i++) {
        if (apps[i].pin.len) {
            out[(*count)++] = (struct device_of){account, apps[i]};
        }
    }
    return true;
}

bool keeper_on_devices_all(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct device_list_all_ask *ask = r->ask;
    struct device_list_all_answer *answer = r->answer;
    struct device_of *out = arena_array(r->arena, DEVICES_PAGE + APP_PASSWORDS_MAX, sizeof(*out));
    struct account *accounts = NULL;
    size_t n = 0;
    size_t count = 0;

    if (!state_accounts(k->state, r->arena, &accounts, &n, e)) {
        return false;
    }
    if (n) {
        qsort(accounts, n, sizeof(*accounts), by_name);
    }
    for (size_t i = 0; i < n && answer->next.len == 0; i++) {
        if (slice_compare(accounts[i].name, ask->after) <= 0) {
            continue;
        }
        if (!add_devices(k, accounts[i].name, r->arena, out, &count, e)) {
            return false;
        }
        if (count >= DEVICES_PAGE && i + 1 < n) {
            answer->next = accounts[i].name;
        }
    }
    answer->devices = (struct cbor_list){out, count};
    return true;
}
