/* EXTERNAL (RFC 4422 appendix A): a device signs in by the certificate that it showed in its handshake.
 *
 * That it has the certificate's key was proved to the submission process, which says so by handing the chain on; all else is judged here: whose
 * the key is, by what the keeper has of it (letter/app_password), whether the certificate is good for a client now, and whether device-ca
 * issued it. What the device may then do, the keeper judges as for an app password. */
#include "base/bytes.h"
#include "base/clock.h"

#include "host/certificate.h"
#include "processes/auth_parts.h"

_Static_assert(AUTH_CHAIN_MAX == CERTIFICATE_CHAIN_MAX && APP_PASSWORD_PIN_LEN == TLS_DIGEST_LEN,
               "what host and requests say of it agree");

/* The account's device with this key. */
static bool find_device(struct login *l, struct slice pin)
{
    const struct keeper_app *apps = l->account.apps.items;

    for (size_t i = 0; l->account.found && i < l->account.apps.count; i++) {
        if (slice_equal(apps[i].pin, pin)) {
            l->app = apps[i].id;
        }
    }
    return l->app.len > 0;
}

/* Why it does not sign in; NULL: it does. */
static const char *judge_device(struct login *l, struct slice as, struct slice pin,
                                enum certificate_worth worth)
{
    if (worth != CERTIFICATE_GOOD) {
        return certificate_worth_text(worth);
    }
    if (!find_device(l, pin)) {
        return "unknown certificate";
    }
    if (l->account.disabled) {
        return "closed account";
    }
    return as.len == 0 || slice_equal(as, l->account.account)
               ? NULL
               : "the device's certificate is another account's";
}

static struct slice anchors_of(const struct auth *a)
{
    return a->options.anchors ? a->options.anchors(a->options.context) : SLICE_NONE;
}

/* Signatures are verified for who may try alone: it costs most. */
static enum certificate_worth judge_certificate(const struct auth *a, struct slice chain)
{
    uint8_t pin[APP_PASSWORD_PIN_LEN];

    return certificate_judge(chain, anchors_of(a), clock_wall_ms() / 1000, pin);
}

/* Failures are counted for the key, not for the account that is named: a stranger's certificate locks nobody out. */
static bool sign_in(struct auth *a, struct ipc_request *r, struct slice pin, struct error *e)
{
    const struct auth_external_ask *ask = r->ask;
    const struct auth_login_ask who = {
        .client = ask->client, .mechanism = SLICE("EXTERNAL"), .device = ask->device};
    struct slice name = arena_printf(r->arena, "key %llx", (unsigned long long)get64(pin.ptr));
    struct login l = {.ask = &who, .user = name, .now_ms = clock_steady_ms()};
    const struct keeper_account_ask device = {.user = name, .pin = pin};

    if (!auth_admits(a, &l, r->answer)) {
        return true;
    }
    if (!ipc_call(a->options.keeper, &keeper_account, &device, -1, &l.account, NULL, r->arena,
                  AUTH_KEEPER_MS, e)) {
        return false;
    }
    l.reason = judge_device(&l, auth_lower(ask->as, r->arena), pin,
                            judge_certificate(a, ask->certificates));
    if (l.reason) {
        auth_refuse(a, &l, r);
        return true;
    }
    return auth_accept(a, &l, r, e);
}

bool auth_on_external(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_external_ask *ask = r->ask;
    struct auth_login_answer *answer = r->answer;
    uint8_t pin[APP_PASSWORD_PIN_LEN] = {0};

    answer->verdict = LOGIN_UNREADABLE;
    if (!auth_settings_of(a)->devices) {
        return true;
    }
    /* Anchors that are asked for and cannot be read are no reason to do without. */
    if (auth_settings_of(a)->device_ca.len && anchors_of(a).len == 0) {
        return error_set(e, ERROR_CONFIG, "device-ca names a file in which there is nothing");
    }
    return !certificate_pin(ask->certificates, pin) || sign_in(a, r, SLICE_ARRAY(pin), e);
}
