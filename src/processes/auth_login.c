#include "processes/auth_login.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#include "letter/records.h"
#include "processes/auth_factor.h"
#include "processes/auth_parts.h"
#include "processes/auth_passkeys.h"
#include "processes/auth_password.h"
#include "requests/oidc.h"

#define WAITING_MAX        32   /* sign-ins that wait for a slot */
#define WAIT_MS            5000 /* how long they do */
#define VERIFIERS_A_MINUTE 600

struct auth *auth_new(const struct auth_options *options, struct error *e)
{
    OWN(auth) struct auth *a = calloc(1, sizeof(*a));

    if (!a) {
        arena_panic("out of memory");
    }
    a->options = *options;
    a->memory = auth_memory_new();
    a->throttle = auth_throttle_new();
    a->exchanges = exchanges_new();
    a->end_points = end_points_new();
    a->challenges = challenges_new();
    a->providers = providers_new(options->courier);
    a->tokens = auth_tokens_new();
    a->attempts = attempts_new();
    auth_slots_init(&a->slots, (unsigned)options->settings(options->context)->auth.parallel,
                    WAITING_MAX);
    auth_begin_directories(a);
    a->verifiers = verifiers_new(options->seal, e);
    return a->verifiers ? TAKE(a, NULL) : NULL;
}

void auth_free(struct auth *a)
{
    if (a) {
        verifiers_free(a->verifiers);
        auth_memory_free(a->memory);
        auth_throttle_free(a->throttle);
        exchanges_free(a->exchanges);
        end_points_free(a->end_points);
        challenges_free(a->challenges);
        providers_free(a->providers);
        auth_tokens_free(a->tokens);
        attempts_free(a->attempts);
        free(a);
    }
}

void auth_use_certificate(struct auth *a, struct slice chain)
{
    end_points_note(a->end_points, chain);
}

void auth_tidy(struct auth *a)
{
    exchanges_tidy(a->exchanges, clock_steady_ms());
}

const struct auth_settings *auth_settings_of(const struct auth *a)
{
    return &a->options.settings(a->options.context)->auth;
}

struct slice auth_lower(struct slice name, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, name.len + 1);

    for (size_t i = 0; i < name.len; i++) {
        copy[i] = ascii_lower(name.ptr[i]);
    }
    return slice_of(copy, name.len);
}

/* Tell the keeper, who records it, and the log, which does not say who. */
static void note_failure(struct auth *a, const struct login *l, bool blocked, struct arena *arena)
{
    struct sign_in sign_in = {
        .account = l->account.found ? l->account.account : SLICE_NONE,
        .client = l->ask->client,
        .mechanism = l->ask->mechanism,
        .reason = slice_text(l->reason),
        .app = l->app,
        .device = l->ask->device,
    };
    struct error e;
    bool addresses = a->options.settings(a->options.context)->general.log_addresses;

    log_event(LOG_WARNING, "auth.refused", LOG_TEXT("reason", l->reason),
              LOG_NUMBER("blocked", blocked),
              LOG_SLICE("account", addresses ? sign_in.account : SLICE_NONE),
              LOG_SLICE("client", addresses ? l->ask->client : SLICE_NONE));
    if (!ipc_call(a->options.keeper, &keeper_sign_in_failed, &sign_in, -1, NULL, NULL, arena,
                  AUTH_KEEPER_MS, &e)) {
        log_event(LOG_WARNING, "auth.unrecorded", LOG_TEXT("reason", e.text));
    }
}

/* The password is right: if its verifier has not the SCRAM keys that it should have, make them. In the slot of the check,
 * for it takes as long. */
static void complete(struct auth *a, const struct login *l, struct buf *sealed)
{
    const struct keeper_account_answer *account = &l->account;
    struct scram_wish wish;

    if (auth_wants_keys(a, account, false, &wish)) {
        (void)!verifier_complete(a->verifiers, account->account, account->verifier, l->password,
                                 &wish, sealed);
    }
}

/* Have the keeper keep it. What fails is tried again the next time. */
static void keep(struct auth *a, struct login *l, const struct buf *completed, struct arena *arena)
{
    struct keeper_account_answer *account = &l->account;
    struct error e;

    if (completed->len == 0 || completed->full) {
        return;
    }
    const struct keeper_verifier_ask ask = {account->account, account->verifier,
                                            buf_slice(completed)};
    if (ipc_call(a->options.keeper, &keeper_verifier, &ask, -1, NULL, NULL, arena, AUTH_KEEPER_MS,
                 &e)) {
        account->verifier = arena_copy(arena, buf_slice(completed));
    } else {
        log_event(LOG_WARNING, "auth.not_completed", LOG_TEXT("reason", e.text));
    }
}

static const char *why_not(const struct keeper_account_answer *account)
{
    return !account->found          ? "unknown account"
           : account->disabled      ? "closed account"
           : !account->verifier.len ? "no password is set"
                                    : "wrong password";
}

/* Compare the password with the account's verifier: from memory, or at full price. An account that
 * is unknown, closed or without password costs the same and is refused. */
enum login_verdict auth_check_password(struct auth *a, struct login *l, struct arena *arena)
{
    const struct keeper_account_answer *account = &l->account;
    OWN(buf) struct buf completed = {.max = AUTH_VERIFIER_MAX};
    struct slice password = l->password;
    bool usable = account->found && !account->disabled && account->verifier.len;
    struct slice verifier = usable ? account->verifier : SLICE_NONE;

    /* What is refused in the end must not be refused sooner when the password is right. */
    bool remembers = l->desk || !auth_second_is_on(&account->second);

    if (auth_is_of_directory(a, l)) {
        return auth_ask_directory(a, l, remembers, arena);
    }
    if (usable && remembers &&
        auth_memory_knows(a->memory, account->account, verifier, password, l->now_ms)) {
        return LOGIN_ACCEPTED;
    }
    if (!auth_slots_take(&a->slots, WAIT_MS)) {
        return LOGIN_BUSY;
    }
    enum verifier_match match = verifier_check(a->verifiers, account->account, verifier, password);
    if (match == VERIFIER_RIGHT && remembers) {
        complete(a, l, &completed);
    }
    auth_slots_give(&a->slots);
    switch (match) {
    case VERIFIER_RIGHT:
        if (remembers) {
            keep(a, l, &completed, arena);
            auth_memory_add(a->memory, account->account, account->verifier, password, l->now_ms,
                            l->now_ms + auth_settings_of(a)->remember_ms);
        }
        return LOGIN_ACCEPTED;
    case VERIFIER_BUSY:
        return LOGIN_BUSY;
    case VERIFIER_UNREADABLE:
        log_event(LOG_ERROR, "auth.verifier_unreadable",
                  LOG_TEXT("hint", "set the account's password anew"));
        l->reason = "the verifier cannot be read";
        return LOGIN_REFUSED;
    case VERIFIER_WRONG:
        break;
    }
    l->reason = why_not(account);
    return LOGIN_REFUSED;
}

/* What came of a sign-in by a provider. */
static void count_provider(struct auth *a, const struct login *l, enum provider_event event)
{
    const struct oidc_settings *provider =
        settings_oidc(a->options.settings(a->options.context), l->identity.provider);

    if (provider) {
        providers_count(a->providers, provider, event);
    }
}

void auth_refuse(struct auth *a, const struct login *l, struct ipc_request *r)
{
    struct auth_login_answer *answer = r->answer;
    bool blocked = false;

    auth_span_end(l->span);
    answer->verdict = LOGIN_REFUSED;
    int64_t delay = auth_throttle_failed(a->throttle, auth_settings_of(a), l->user, l->ask->client,
                                         l->now_ms, &blocked);
    note_failure(a, l, blocked, r->arena);
    count_provider(a, l, PROVIDER_REFUSED);
    answer->delay_ms = auth_rest_of(a, l, delay);
}

static struct slice mechanism_of(const struct login *l)
{
    return l->proof.passkey.len == 0 || l->identity.provider.len ? l->ask->mechanism
           : l->ask->password.len == 0                           ? SLICE(AUTH_DESK_ALONE)
                                                                 : SLICE(AUTH_DESK_SECOND);
}

bool auth_accept(struct auth *a, struct login *l, struct ipc_request *r, struct error *e)
{
    struct auth_login_answer *answer = r->answer;
    struct keeper_session_ask ask = {.account = l->account.account,
                                     .client = l->ask->client,
                                     .mechanism = mechanism_of(l),
                                     .desk = l->desk,
                                     .app = l->app,
                                     .proof = l->proof,
                                     .provider = l->identity.provider,
                                     .until = (uint64_t)l->identity.until_ms,
                                     .factor = l->identity.factor,
                                     .device = l->ask->device};
    struct keeper_session_answer session;

    if (!ipc_call(a->options.keeper, &keeper_session, &ask, -1, &session, NULL, r->arena,
                  AUTH_KEEPER_MS, e)) {
        return false;
    }
    if (session.session.len == 0) { /* the right password, and not good for this */
        l->reason = arena_text(r->arena, session.refused);
        answer->message = SLICE_NONE;
        auth_refuse(a, l, r);
        return true;
    }
    count_provider(a, l, PROVIDER_ACCEPTED);
    auth_throttle_succeeded(a->throttle, l->user, l->ask->client, l->now_ms);
    answer->verdict = LOGIN_ACCEPTED;
    answer->session = session.session;
    answer->account = l->account.account;
    return true;
}

bool auth_look_up(struct auth *a, struct login *l, struct arena *arena, struct error *e)
{
    const struct keeper_account_ask who = {.user = l->user};

    return ipc_call(a->options.keeper, &keeper_account, &who, -1, &l->account, NULL, arena,
                    AUTH_KEEPER_MS, e);
}

/* By password, and what there is besides; or, at the desk, by a passkey alone. */
static enum login_verdict judge_proof(struct auth *a, struct login *l, struct arena *arena)
{
    if (l->desk && l->ask->password.len == 0 && l->ask->passkey.credential.len) {
        return auth_prove_passkey(a, l, PASSKEY_ALONE, arena);
    }
    enum login_verdict verdict =
        auth_is_app(a, l) ? LOGIN_ACCEPTED : auth_check_password(a, l, arena);
    return verdict == LOGIN_ACCEPTED ? auth_prove(a, l, arena) : verdict;
}

static bool judge_sign_in(struct auth *a, struct login l, struct ipc_request *r, struct error *e)
{
    struct auth_login_answer *answer = r->answer;

    enum admitted admitted = auth_admitted(a, &l);

    if (admitted == ADMITTED_NOT ||
        (admitted == ADMITTED_APP && !auth_app_is_one(l.ask->password))) {
        auth_turn_away(a, &l, answer);
        return true;
    }
    if (!auth_look_up(a, &l, r->arena, e)) {
        return false;
    }
    if (admitted == ADMITTED_APP && !auth_is_app(a, &l)) {
        auth_turn_away(a, &l, answer);
        return true;
    }
    switch (judge_proof(a, &l, r->arena)) {
    case LOGIN_ACCEPTED:
        return auth_accept(a, &l, r, e);
    case LOGIN_REFUSED:
        auth_refuse(a, &l, r);
        return true;
    case LOGIN_CODE:
        answer->verdict = LOGIN_CODE;
        if (l.account.second.passkeys.count) {
            answer->challenge = auth_challenge_for(a, l.user, PASSKEY_SECOND, r->arena);
        }
        return true;
    case LOGIN_BLOCKED:
    case LOGIN_BUSY:
    case LOGIN_CONTINUES:
    case LOGIN_UNREADABLE:
    case LOGIN_WAITS:
        break;
    }
    answer->verdict = LOGIN_BUSY;
    return true;
}

static bool sign_in(struct auth *a, struct ipc_request *r, bool desk, struct error *e)
{
    const struct auth_login_ask *ask = r->ask;
    struct password_normal password;

    (void)password_normalise(ask->password, &password); /* what is no text is a wrong password */
    const struct timespec end = auth_span_begin();
    const struct login l = {
        .ask = ask,
        .user = auth_lower(ask->user, r->arena),
        .password = password_slice(&password),
        .now_ms = clock_steady_ms(),
        .span = ask->passkey.credential.len || auth_app_is_one(ask->password) ? &end : NULL,
        .desk = desk};
    bool judged = judge_sign_in(a, l, r, e);
    password_wipe(&password);
    return judged;
}

static bool on_login(void *auth, struct ipc_request *r, struct error *e)
{
    return sign_in(auth, r, false, e);
}

static bool on_desk(void *auth, struct ipc_request *r, struct error *e)
{
    return sign_in(auth, r, true, e);
}

static bool judge(const struct auth *a, const struct auth_verifier_ask *ask,
                  struct password_judgement *judgement, struct error *e)
{
    return auth_password_judge(a->options.settings(a->options.context), a->options.passwords, ask,
                               judgement, e);
}

static bool make_verifier(struct auth *a, const struct auth_verifier_ask *ask, struct arena *arena,
                          struct buf *sealed, struct error *e)
{
    struct password_normal password;
    struct scram_wish wish;
    bool wants = false;

    if (!auth_wishes_of(a, ask->account, ask->salt, false, arena, &wish, &wants, e)) {
        return false;
    }
    if (!auth_slots_take(&a->slots, AUTH_VERIFIER_WAIT_MS)) {
        return error_set(e, ERROR_BUSY, "too many passwords are being checked; try again");
    }
    (void)password_normalise(ask->password, &password); /* it was judged: it is text */
    bool made = verifier_make(a->verifiers, ask->account, password_slice(&password),
                              wants ? &wish : NULL, sealed, e);
    password_wipe(&password);
    auth_slots_give(&a->slots);
    return made;
}

/* Whether what was found good enough would not be without the second factor. */
static bool needs_factor(const struct auth *a, struct auth_verifier_ask ask, bool *beside,
                         struct error *e)
{
    struct password_judgement judgement;

    if (!ask.second_factor) {
        *beside = false;
        return true;
    }
    ask.second_factor = false;
    if (!judge(a, &ask, &judgement, e)) {
        return false;
    }
    *beside = judgement.verdict != PASSWORD_GOOD;
    return true;
}

static bool on_verifier(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_verifier_ask *ask = r->ask;
    struct auth_verifier_answer *answer = r->answer;
    struct password_judgement judgement;
    OWN(buf) struct buf sealed = {.max = AUTH_VERIFIER_MAX};

    if (!judge(a, ask, &judgement, e)) {
        return false;
    }
    if (judgement.verdict != PASSWORD_GOOD) {
        return error_set(e, ERROR_INPUT, "%.*s",
                         SLICE_ARG(password_sentence(&judgement, r->arena)));
    }
    if (!make_verifier(a, ask, r->arena, &sealed, e)) {
        return false;
    }
    answer->verifier = arena_copy(r->arena, buf_slice(&sealed));
    return needs_factor(a, *ask, &answer->beside, e);
}

static bool on_judge(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth_judge_answer *answer = r->answer;
    struct password_judgement judgement;

    if (!judge(ctx, r->ask, &judgement, e)) {
        return false;
    }
    answer->good = judgement.verdict == PASSWORD_GOOD;
    answer->sentence = password_sentence(&judgement, r->arena);
    return true;
}

static bool on_renew(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_renew_ask *ask = r->ask;
    struct auth_verifier_answer *answer = r->answer;
    OWN(buf) struct buf renewed = {.max = AUTH_VERIFIER_MAX};

    if (!auth_is_present(a, ask->generation, e) ||
        !verifier_renew(a->verifiers, ask->account, ask->verifier, &renewed, e)) {
        return false;
    }
    answer->verifier = arena_copy(r->arena, buf_slice(&renewed));
    return !renewed.full || error_set(e, ERROR_LIMIT, "a verifier does not fit");
}

static const struct ipc_row submission_rows[] = {
    {&auth_login,      0, on_login          },
    {&auth_sasl_begin, 0, auth_on_sasl_begin},
    {&auth_sasl_next,  0, auth_on_sasl_next },
    {&auth_external,   0, auth_on_external  },
};
const struct ipc_table auth_submission_table = IPC_TABLE("submission", submission_rows);

static const struct ipc_row keeper_rows[] = {
    {&auth_judge,         VERIFIERS_A_MINUTE, on_judge             },
    {&auth_verifier,      VERIFIERS_A_MINUTE, on_verifier          },
    {&auth_desk,          VERIFIERS_A_MINUTE, on_desk              },
    {&auth_renew,         0,                  on_renew             },
    {&auth_app_new,       VERIFIERS_A_MINUTE, auth_on_app_new      },
    {&auth_factor_renew,  0,                  auth_on_factor_renew },
    {&auth_totp_new,      VERIFIERS_A_MINUTE, auth_on_totp_new     },
    {&auth_recovery_new,  VERIFIERS_A_MINUTE, auth_on_recovery_new },
    {&auth_code,          VERIFIERS_A_MINUTE, auth_on_code         },
    {&auth_oidc_begin,    VERIFIERS_A_MINUTE, auth_on_oidc_begin   },
    {&auth_oidc_finish,   VERIFIERS_A_MINUTE, auth_on_oidc_finish  },
    {&auth_providers,     0,                  auth_on_providers    },
    {&auth_passkey_begin, 0,                  auth_on_passkey_begin},
    {&auth_passkey_new,   VERIFIERS_A_MINUTE, auth_on_passkey_new  },
    {&auth_again,         VERIFIERS_A_MINUTE, auth_on_again        },
};
const struct ipc_table auth_keeper_table = IPC_TABLE("keeper", keeper_rows);
