/* Passkeys within a sign-in, and what the keeper asks about them. */
#include "processes/auth_passkeys.h"

#include "base/clock.h"

#include "passwords/normal.h"
#include "processes/auth_passkey.h"

static const struct settings *settings_of(const struct auth *a)
{
    return a->options.settings(a->options.context);
}

static const struct auth_passkey *find(const struct auth_second *second, struct slice credential)
{
    const struct auth_passkey *keys = second->passkeys.items;

    for (size_t i = 0; i < second->passkeys.count; i++) {
        if (slice_equal(keys[i].credential, credential)) {
            return &keys[i];
        }
    }
    return NULL;
}

/* Take the challenge back that the client data name. */
static bool take_challenge(struct auth *a, struct slice account, enum passkey_purpose purpose,
                           struct slice client_data, struct arena *arena, struct error *e)
{
    uint8_t challenge[WEBAUTHN_CHALLENGE_LEN];
    enum webauthn_type type = purpose == PASSKEY_ADD ? WEBAUTHN_CREATE : WEBAUTHN_GET;

    return passkey_client(settings_of(a), type, client_data, arena, challenge, e) &&
           (challenges_take(a->challenges, account, purpose, challenge, clock_steady_ms()) ||
            error_set(e, ERROR_INPUT, "that challenge was used, or is older than a minute"));
}

struct slice auth_challenge_for(struct auth *a, struct slice account, enum passkey_purpose purpose,
                                struct arena *arena)
{
    uint8_t *challenge = arena_alloc(arena, AUTH_CHALLENGE_LEN);

    challenges_draw(a->challenges, account, purpose, clock_steady_ms(), challenge);
    return slice_of(challenge, AUTH_CHALLENGE_LEN);
}

/* The challenge goes first, so that one that good client data name is gone whatever else is wrong. `l->user` is what it was
 * drawn for: there may be no such account. */
enum login_verdict auth_prove_passkey(struct auth *a, struct login *l, enum passkey_purpose purpose,
                                      struct arena *arena)
{
    const struct auth_assertion *said = &l->ask->passkey;
    bool usable = l->account.found && !l->account.disabled;
    const struct auth_passkey *key = usable ? find(&l->account.second, said->credential) : NULL;
    struct error e;

    if (!take_challenge(a, l->user, purpose, said->client_data, arena, &e)) {
        l->reason = arena_text(arena, slice_text(e.text));
        return LOGIN_REFUSED;
    }
    if (!key) {
        l->reason = !l->account.found     ? "unknown account"
                    : l->account.disabled ? "closed account"
                                          : "no passkey of this account";
        return LOGIN_REFUSED;
    }
    if (!passkey_assert(settings_of(a), a->options.seal, l->account.account, key, said,
                        purpose == PASSKEY_ALONE, &l->proof.counter, &e)) {
        l->reason = arena_text(arena, slice_text(e.text));
        return LOGIN_REFUSED;
    }
    l->proof.passkey = key->id;
    return LOGIN_ACCEPTED;
}

/* ── for the keeper ── */

bool auth_on_passkey_begin(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct auth_passkey_begin_ask *ask = r->ask;
    struct auth_passkey_begin_answer *answer = r->answer;

    if (ask->purpose == 0 || ask->purpose == PASSKEY_SECOND) { /* that one comes of a password */
        return error_set(e, ERROR_INPUT, "that is nothing to begin with");
    }
    answer->challenge = auth_challenge_for(ctx, auth_lower(ask->account, r->arena),
                                           (enum passkey_purpose)ask->purpose, r->arena);
    return true;
}

bool auth_on_passkey_new(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_passkey_new_ask *ask = r->ask;

    return take_challenge(a, ask->account, PASSKEY_ADD, ask->client_data, r->arena, e) &&
           passkey_register(settings_of(a), a->options.seal, ask, r->arena, r->answer, e);
}

bool auth_on_again(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_again_ask *ask = r->ask;
    struct auth_code_answer *answer = r->answer;
    const struct auth_login_ask as = {.user = ask->account,
                                      .password = ask->password,
                                      .client = ask->client,
                                      .mechanism = SLICE(AUTH_DESK_MECHANISM),
                                      .passkey = ask->passkey};
    struct auth_login_answer said = {.verdict = LOGIN_ACCEPTED};
    struct login l = {.ask = &as, .user = ask->account, .now_ms = clock_steady_ms(), .desk = true};
    struct ipc_request within = *r;
    struct password_normal password;

    within.answer = &said;
    if (auth_admits(a, &l, &said)) {
        if (!auth_look_up(a, &l, r->arena, e)) {
            return false;
        }
        (void)password_normalise(ask->password, &password); /* as in a sign-in */
        l.password = password_slice(&password);
        enum login_verdict verdict = ask->passkey.credential.len
                                         ? auth_prove_passkey(a, &l, PASSKEY_PROVE, r->arena)
                                         : auth_check_password(a, &l, r->arena);
        password_wipe(&password);
        if (verdict == LOGIN_REFUSED) {
            auth_refuse(a, &l, &within);
        } else {
            said.verdict = verdict;
        }
    }
    *answer = (struct auth_code_answer){said.verdict, said.delay_ms, l.proof};
    return true;
}
