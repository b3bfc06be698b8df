#include "processes/auth_login.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#include "letter/records.h"
#include "processes/auth_factor.h"
#include "processes/auth_memory.h"
#include "processes/auth_slots.h"
#include "processes/auth_throttle.h"
#include "processes/auth_verifier.h"
#include "requests/keeper.h"

#define WAITING_MAX        16    /* sign-ins that wait for a slot */
#define WAIT_MS            5000  /* how long they do */
#define VERIFIER_WAIT_MS   20000 /* a new verifier is made for an administrator who is waiting */
#define KEEPER_MS          10000
#define VERIFIERS_A_MINUTE 600

struct auth {
    struct auth_options options;
    struct verifiers *verifiers;
    struct auth_memory *memory;
    struct auth_throttle *throttle;
    struct auth_slots slots;
};

/* A sign-in on its way. */
struct login {
    const struct auth_login_ask *ask;
    struct slice user; /* in lower case */
    struct keeper_account_answer account;
    const char *reason; /* of a refusal; for the record, not for the client */
    int64_t now_ms;
    bool desk;        /* at the command line */
    struct slice app; /* id of the app password that was right; empty: none was */
};

struct auth *auth_new(const struct auth_options *options, struct error *e)
{
    OWN(auth) struct auth *a = calloc(1, sizeof(*a));

    if (!a) {
        arena_panic("out of memory");
    }
    a->options = *options;
    a->memory = auth_memory_new();
    a->throttle = auth_throttle_new();
    auth_slots_init(&a->slots, (unsigned)options->settings(options->context)->auth.parallel,
                    WAITING_MAX);
    a->verifiers = verifiers_new(options->seal, e);
    return a->verifiers ? TAKE(a, NULL) : NULL;
}

void auth_free(struct auth *a)
{
    if (a) {
        verifiers_free(a->verifiers);
        auth_memory_free(a->memory);
        auth_throttle_free(a->throttle);
        free(a);
    }
}

static const struct auth_settings *settings_of(const struct auth *a)
{
    return &a->options.settings(a->options.context)->auth;
}

/* Accounts are kept in lower case: people do not remember the case of their login. */
static struct slice lower(struct slice name, struct arena *arena)
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
    };
    struct error e;
    bool addresses = a->options.settings(a->options.context)->general.log_addresses;

    log_event(LOG_WARNING, "auth.refused", LOG_TEXT("reason", l->reason),
              LOG_NUMBER("blocked", blocked),
              LOG_SLICE("account", addresses ? sign_in.account : SLICE_NONE),
              LOG_SLICE("client", addresses ? l->ask->client : SLICE_NONE));
    if (!ipc_call(a->options.keeper, &keeper_sign_in_failed, &sign_in, -1, NULL, NULL, arena,
                  KEEPER_MS, &e)) {
        log_event(LOG_WARNING, "auth.unrecorded", LOG_TEXT("reason", e.text));
    }
}

/* Which of the account's app passwords it is, if any. They open no desk. All are looked at, whichever is right; one costs
 * microseconds, and of an account that cannot be used there is none. */
static bool is_app(struct auth *a, struct login *l)
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

/* Compare the password with the account's verifier: from memory, or at full price. An account that
 * is unknown, closed or without password costs the same and is refused. */
static enum login_verdict check(struct auth *a, struct login *l)
{
    const struct keeper_account_answer *account = &l->account;
    struct slice password = l->ask->password;
    bool usable = account->found && !account->disabled && account->verifier.len;
    struct slice verifier = usable ? account->verifier : SLICE_NONE;

    if (usable && auth_memory_knows(a->memory, account->account, verifier, password, l->now_ms)) {
        return LOGIN_ACCEPTED;
    }
    if (!auth_slots_take(&a->slots, WAIT_MS)) {
        return LOGIN_BUSY;
    }
    enum verifier_match match = verifier_check(a->verifiers, account->account, verifier, password);
    auth_slots_give(&a->slots);
    switch (match) {
    case VERIFIER_RIGHT:
        auth_memory_add(a->memory, account->account, verifier, password, l->now_ms,
                        l->now_ms + settings_of(a)->remember_ms);
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
    l->reason = !account->found          ? "unknown account"
                : account->disabled      ? "closed account"
                : !account->verifier.len ? "no password is set"
                                         : "wrong password";
    return LOGIN_REFUSED;
}

static void refuse(struct auth *a, const struct login *l, struct ipc_request *r)
{
    struct auth_login_answer *answer = r->answer;
    bool blocked = false;

    answer->verdict = LOGIN_REFUSED;
    answer->delay_ms = (uint64_t)auth_throttle_failed(a->throttle, settings_of(a), l->user,
                                                      l->ask->client, l->now_ms, &blocked);
    note_failure(a, l, blocked, r->arena);
}

static bool accept(struct auth *a, struct login *l, struct ipc_request *r, struct error *e)
{
    struct auth_login_answer *answer = r->answer;
    struct keeper_session_ask ask = {.account = l->account.account,
                                     .client = l->ask->client,
                                     .mechanism = l->ask->mechanism,
                                     .desk = l->desk,
                                     .app = l->app};
    struct keeper_session_answer session;

    if (!ipc_call(a->options.keeper, &keeper_session, &ask, -1, &session, NULL, r->arena, KEEPER_MS,
                  e)) {
        return false;
    }
    if (session.session.len == 0) { /* the right password, and not good for this */
        l->reason = arena_text(r->arena, session.refused);
        refuse(a, l, r);
        return true;
    }
    auth_throttle_succeeded(a->throttle, l->user, l->ask->client, l->now_ms);
    answer->verdict = LOGIN_ACCEPTED;
    answer->session = session.session;
    answer->account = l->account.account;
    return true;
}

static bool sign_in(struct auth *a, struct ipc_request *r, bool desk, struct error *e)
{
    const struct auth_login_ask *ask = r->ask;
    struct auth_login_answer *answer = r->answer;
    struct login l = {
        .ask = ask, .user = lower(ask->user, r->arena), .now_ms = clock_steady_ms(), .desk = desk};
    const struct keeper_account_ask who = {.user = l.user};

    if (!auth_throttle_allows(a->throttle, l.user, ask->client, l.now_ms)) {
        answer->verdict = LOGIN_BLOCKED;
        answer->delay_ms = (uint64_t)settings_of(a)->failure_delay_ms;
        return true;
    }
    if (!ipc_call(a->options.keeper, &keeper_account, &who, -1, &l.account, NULL, r->arena,
                  KEEPER_MS, e)) {
        return false;
    }
    switch (is_app(a, &l) ? LOGIN_ACCEPTED : check(a, &l)) {
    case LOGIN_ACCEPTED:
        return accept(a, &l, r, e);
    case LOGIN_REFUSED:
        refuse(a, &l, r);
        return true;
    case LOGIN_BLOCKED:
    case LOGIN_BUSY:
        break;
    }
    answer->verdict = LOGIN_BUSY;
    return true;
}

static bool on_login(void *auth, struct ipc_request *r, struct error *e)
{
    return sign_in(auth, r, false, e);
}

static bool on_desk(void *auth, struct ipc_request *r, struct error *e)
{
    return sign_in(auth, r, true, e);
}

static bool on_verifier(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_verifier_ask *ask = r->ask;
    struct auth_verifier_answer *answer = r->answer;
    OWN(buf) struct buf sealed = {.max = AUTH_VERIFIER_MAX};

    if (!auth_slots_take(&a->slots, VERIFIER_WAIT_MS)) {
        return error_set(e, ERROR_BUSY, "too many passwords are being checked; try again");
    }
    bool made = verifier_make(a->verifiers, ask->account, ask->password, &sealed, e);
    auth_slots_give(&a->slots);
    if (made) {
        answer->verifier = arena_copy(r->arena, buf_slice(&sealed));
    }
    return made;
}

static bool on_renew(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_renew_ask *ask = r->ask;
    struct auth_verifier_answer *answer = r->answer;
    OWN(buf) struct buf renewed = {.max = AUTH_VERIFIER_MAX};

    if (!verifier_renew(a->verifiers, ask->account, ask->verifier, &renewed, e)) {
        return false;
    }
    answer->verifier = arena_copy(r->arena, buf_slice(&renewed));
    return !renewed.full || error_set(e, ERROR_LIMIT, "a verifier does not fit");
}

static bool on_app_new(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_app_ask *ask = r->ask;
    struct auth_app_answer *answer = r->answer;
    OWN(buf) struct buf password = {.max = AUTH_APP_TEXT_MAX};
    OWN(buf) struct buf verifier = {.max = APP_PASSWORD_VERIFIER_MAX};

    if (!auth_app_make(a->options.seal, ask->account, ask->id, &password, &verifier, e)) {
        return false;
    }
    answer->password = arena_copy(r->arena, buf_slice(&password));
    answer->verifier = arena_copy(r->arena, buf_slice(&verifier));
    explicit_bzero(password.ptr, password.capacity);
    return true;
}

static bool on_factor_renew(void *ctx, struct ipc_request *r, struct error *e)
{
    struct auth *a = ctx;
    const struct auth_factor_renew_ask *ask = r->ask;
    struct auth_sealed_answer *answer = r->answer;
    OWN(buf) struct buf renewed = {.max = AUTH_SEALED_MAX};

    if (!auth_factor_reseal(a->options.seal, ask->account, ask->label, ask->sealed, &renewed, e)) {
        return false;
    }
    answer->sealed = arena_copy(r->arena, buf_slice(&renewed));
    return true;
}

static const struct ipc_row submission_rows[] = {
    {&auth_login, 0, on_login},
};
const struct ipc_table auth_submission_table = IPC_TABLE("submission", submission_rows);

static const struct ipc_row keeper_rows[] = {
    {&auth_verifier,     VERIFIERS_A_MINUTE, on_verifier    },
    {&auth_desk,         VERIFIERS_A_MINUTE, on_desk        },
    {&auth_renew,        0,                  on_renew       },
    {&auth_app_new,      VERIFIERS_A_MINUTE, on_app_new     },
    {&auth_factor_renew, 0,                  on_factor_renew},
};
const struct ipc_table auth_keeper_table = IPC_TABLE("keeper", keeper_rows);
