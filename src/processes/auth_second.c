/* Who may try to sign in, app passwords and second factors within a sign-in, and what the keeper asks about them. */
#include "base/clock.h"

#include "processes/auth_codes.h"
#include "processes/auth_factor.h"
#include "processes/auth_parts.h"
#include "processes/auth_passkeys.h"

/* ── who may try ── */

enum admitted auth_admitted(struct auth *a, const struct login *l)
{
    struct slice client = l->ask->client;

    if (auth_throttle_allows(a->throttle, l->user, client, l->now_ms)) {
        return ADMITTED;
    }
    return !l->desk && auth_throttle_allows_unguessable(a->throttle, l->user, client, l->now_ms)
               ? ADMITTED_APP
               : ADMITTED_NOT;
}

bool auth_admits(struct auth *a, const struct login *l, struct auth_login_answer *answer)
{
    if (auth_admitted(a, l) == ADMITTED) {
        return true;
    }
    auth_turn_away(a, l, answer);
    return false;
}

void auth_turn_away(struct auth *a, const struct login *l, struct auth_login_answer *answer)
{
    const struct auth_settings *settings = auth_settings_of(a);
    struct slice client = l->ask->client;

    auth_span_end(l->span);
    auth_throttle_knocked(a->throttle, settings, l->user, client, l->ask->password, l->now_ms);
    answer->verdict = LOGIN_BLOCKED;
    answer->delay_ms = (uint64_t)settings->failure_delay_ms;
    answer->closed_ms = (uint64_t)auth_throttle_closed(a->throttle, settings, client, l->now_ms);
}

/* ── within a sign-in ── */

bool auth_is_app(struct auth *a, struct login *l)
{
    const struct keeper_app *apps = l->account.apps.items;
    size_t count = l->account.found && !l->account.disabled ? l->account.apps.count : 0;

    if (l->desk || !auth_app_is_one(l->ask->password)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (auth_app_check(a->options.seal, l->account.account, apps[i].id, apps[i].verifier,
                           l->ask->password)) {
            l->app = apps[i].id;
        }
    }
    return l->app.len > 0;
}

enum login_verdict auth_prove(struct auth *a, struct login *l, struct arena *arena)
{
    const struct auth_second *second = &l->account.second;

    if (!auth_second_is_on(second) || l->app.len || l->identity.factor) {
        return LOGIN_ACCEPTED;
    }
    if (!l->desk) { /* here, so that a right password takes no longer than a wrong one; the keeper would refuse it too */
        l->reason = "there is a second factor: an app password is needed";
        return LOGIN_REFUSED;
    }
    if (l->ask->passkey.credential.len) {
        return auth_prove_passkey(a, l, PASSKEY_SECOND, arena);
    }
    if (l->ask->code.len == 0) {
        return LOGIN_CODE;
    }
    if (auth_code_check(a->options.seal, l->account.account, second, l->ask->code,
                        clock_wall_ms() / 1000, &l->proof, l->proof_of)) {
        return LOGIN_ACCEPTED;
    }
    l->reason = "wrong code";
    return LOGIN_REFUSED;
}

/* ── for the keeper ── */

/* SCRAM keys take some 25 ms of a core each: in a slot, as all that takes long. */
static bool make_app(struct auth *a, const struct auth_app_ask *ask, const struct scram_wish *wish,
                     struct buf *password, struct buf *verifier, struct error *e)
{
    if (!auth_slots_take(&a->slots, AUTH_VERIFIER_WAIT_MS)) {
        return error_set(e, ERROR_BUSY, "too many passwords are being checked; try again");
    }
    bool made = auth_app_make(a->options.seal, ask->account, ask->id, wish, password, verifier, e);
    auth_slots_give(&a->slots);
    return made;
}

bool auth_on_app_new(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_app_ask *ask = r->ask;
    struct auth_app_answer *answer = r->answer;
    struct scram_wish wish;
    OWN(buf) struct buf password = {.max = AUTH_APP_TEXT_MAX};
    OWN(buf) struct buf verifier = {.max = APP_PASSWORD_VERIFIER_MAX};
    bool wants = false;

    if (!auth_wishes_of(a, ask->account, ask->salt, true, r->arena, &wish, &wants, e) ||
        !make_app(a, ask, wants ? &wish : NULL, &password, &verifier, e)) {
        return false;
    }
    answer->password = arena_copy(r->arena, buf_slice(&password));
    answer->verifier = arena_copy(r->arena, buf_slice(&verifier));
    auth_factor_wipe(&password);
    return true;
}

bool auth_is_present(const struct auth *a, uint64_t generation, struct error *e)
{
    return generation == a->options.generation ||
           error_set(e, ERROR_BUSY,
                     "auth works with generation %llu of the master key, not with %llu",
                     (unsigned long long)a->options.generation, (unsigned long long)generation);
}

bool auth_on_factor_renew(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_factor_renew_ask *ask = r->ask;
    struct auth_sealed_answer *answer = r->answer;
    OWN(buf) struct buf renewed = {.max = AUTH_SEALED_MAX};

    if (!auth_is_present(a, ask->generation, e) ||
        !auth_factor_reseal(a->options.seal, ask->account, ask->label, ask->sealed, &renewed, e)) {
        return false;
    }
    answer->sealed = arena_copy(r->arena, buf_slice(&renewed));
    return true;
}

bool auth_on_totp_new(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_account_ask *ask = r->ask;
    struct auth_totp_answer *answer = r->answer;
    OWN(buf) struct buf shown = {.max = AUTH_CODE_MAX};
    OWN(buf) struct buf sealed = {.max = AUTH_SEALED_MAX};

    if (!auth_totp_make(a->options.seal, ask->account, &shown, &sealed, e)) {
        return false;
    }
    answer->secret = arena_copy(r->arena, buf_slice(&shown));
    answer->sealed = arena_copy(r->arena, buf_slice(&sealed));
    auth_factor_wipe(&shown);
    return true;
}

bool auth_on_recovery_new(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_account_ask *ask = r->ask;
    struct auth_recovery_answer *answer = r->answer;
    OWN(buf) struct buf shown = {.max = AUTH_SEALED_MAX};
    OWN(buf) struct buf sealed = {.max = AUTH_SEALED_MAX};

    if (!auth_recovery_make(a->options.seal, ask->account, &shown, &sealed, e)) {
        return false;
    }
    struct slice rest = arena_copy(r->arena, buf_slice(&shown));
    struct slice *codes = arena_array(r->arena, AUTH_RECOVERY_CODES, sizeof(*codes));
    for (size_t i = 0; i < AUTH_RECOVERY_CODES; i++) {
        codes[i] = slice_cut(rest, '\n', &rest);
    }
    answer->codes = (struct cbor_list){codes, AUTH_RECOVERY_CODES};
    answer->sealed = arena_copy(r->arena, buf_slice(&sealed));
    auth_factor_wipe(&shown);
    return true;
}

/* Wrong ones count and are recorded as failed sign-ins: a code has six digits. */
bool auth_on_code(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_code_ask *ask = r->ask;
    struct auth_code_answer *answer = r->answer;
    const struct auth_login_ask as = {.client = ask->client,
                                      .mechanism = SLICE(AUTH_DESK_MECHANISM)};
    struct auth_login_answer said = {.verdict = LOGIN_ACCEPTED};
    struct login l = {
        .ask = &as,
        .user = ask->account,
        .account = {.found = true, .account = ask->account},
        .reason = "wrong code",
        .now_ms = clock_steady_ms(),
        .desk = true
    };
    struct ipc_request within = *r;

    (void)e;
    within.answer = &said;
    if (auth_admits(a, &l, &said) &&
        !auth_code_check(a->options.seal, ask->account, &ask->second, ask->code,
                         clock_wall_ms() / 1000, &answer->proof,
                         arena_alloc(r->arena, DIGEST_LEN))) {
        auth_refuse(a, &l, &within);
    }
    answer->verdict = said.verdict;
    answer->delay_ms = said.delay_ms;
    return true;
}
