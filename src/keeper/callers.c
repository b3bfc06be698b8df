#include "keeper/callers.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/account_change.h"
#include "keeper/admin.h"
#include "keeper/desks.h"
#include "keeper/drills.h"
#include "keeper/factors.h"
#include "keeper/guard.h"
#include "keeper/internal.h"
#include "requests/auth.h"

#define REFUSALS_A_MINUTE 600 /* that are recorded */

static bool pass_is_over(struct error *e)
{
    return error_set(e, ERROR_DENIED,
                     "the sign-in is over: `postern login ACCOUNT` begins another one");
}

/* The account behind a pass, as it is now. */
static bool find_account(struct keeper *k, struct slice pass, struct arena *arena,
                         struct caller *caller, struct error *e)
{
    struct session session;
    struct account account;
    bool found = false;

    if (!sessions_find(k->sessions, pass, arena, &session) || !session.desk) {
        return pass_is_over(e);
    }
    if (!state_account_get(k->state, session.account, arena, &account, &found, e)) {
        return false;
    }
    if (!found || account.disabled || drill_is_over(&account)) {
        return pass_is_over(e);
    }
    caller->by = session.account;
    caller->account = session.account;
    caller->role = account.role;
    caller->addresses =
        (struct cbor_list){(void *)(uintptr_t)session.addresses, session.n_addresses};
    return true;
}

bool keeper_caller_find(struct keeper *k, struct slice pass, uint64_t uid, struct arena *arena,
                        struct caller *caller, struct error *e)
{
    *caller = (struct caller){
        .at = arena_printf(arena, "uid %llu", (unsigned long long)uid),
        .machine = uid == 0 || uid == geteuid(),
    };
    caller->by = caller->at;
    return pass.len == 0 || find_account(k, pass, arena, caller, e);
}

/* ── the control socket ── */

static struct slice shown_pass(const struct ipc_request *r)
{
    static const uint8_t none[IPC_PASS_LEN];

    return memcmp(r->pass, none, IPC_PASS_LEN) == 0 ? SLICE_NONE : slice_of(r->pass, IPC_PASS_LEN);
}

/* Nobody fills the disk with what he was refused. */
static bool may_record(struct refusals *refusals)
{
    int64_t now = clock_steady_ms() / 60000;

    if (atomic_exchange(&refusals->minute, now) != now) {
        atomic_store(&refusals->count, 0);
    }
    return atomic_fetch_add(&refusals->count, 1) < REFUSALS_A_MINUTE;
}

static void record_refusal(struct keeper *k, const struct permit *p, const struct caller *caller,
                           const struct error *why)
{
    struct act act = {.by = caller->by,
                      .at = caller->at,
                      .role = caller->role,
                      .verb = slice_text(p->verb),
                      .reason = slice_text(why->text),
                      .refused = true};
    struct error e;

    log_event(LOG_WARNING, "admin.refused", LOG_TEXT("verb", p->verb), LOG_SLICE("by", caller->at));
    if (!may_record(&k->refusals) ||
        !keeper_record_one(k, LEDGER_AWAITED, RECORD_ADMIN, &act_schema, &act, &e)) {
        log_event(LOG_WARNING, "admin.unrecorded", LOG_TEXT("verb", p->verb));
    }
}

/* Whoever uses an account that is suspended may be who stole it. */
static bool is_not_suspended(struct keeper *k, const struct permit *p, const struct caller *caller,
                             struct arena *arena, struct error *e)
{
    return caller->account.len == 0 || !permit_ends_with_suspension(p->message) ||
           !guard_is_closed(k, caller->account, arena) ||
           error_set(e, ERROR_DENIED,
                     "%s is refused while your account is suspended, because somebody else may use "
                     "it: call your mail administrator, who lets it send again",
                     p->verb);
}

bool keeper_gate(void *keeper, const struct ipc_message *m, struct ipc_request *r, struct error *e)
{
    struct keeper *k = keeper;
    const struct permit *p = permit_find(m);
    struct keeper_admin *admin = arena_alloc(r->arena, sizeof(*admin));
    struct ucred peer;
    socklen_t len = sizeof(peer);

    if (!p || getsockopt(r->channel, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) {
        return error_set(e, ERROR_DENIED, "nobody may ask this");
    }
    admin->keeper = k;
    admin->uid = peer.uid;
    if (!keeper_caller_find(k, shown_pass(r), peer.uid, r->arena, &admin->caller, e)) {
        explicit_bzero(r->pass, IPC_PASS_LEN);
        return false;
    }
    if (!permit_allows(p, &admin->caller, &admin->role, e) ||
        !is_not_suspended(k, p, &admin->caller, r->arena, e)) {
        record_refusal(k, p, &admin->caller, e);
        return false;
    }
    r->caller = admin;
    return true;
}

bool keeper_on_pass(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_admin *admin = r->caller;
    const struct caller_pass_ask *ask = r->ask;
    struct caller caller;

    if (ask->pass.len != IPC_PASS_LEN) {
        return pass_is_over(e);
    }
    if (!keeper_caller_find(ctx, ask->pass, admin->uid, r->arena, &caller, e)) {
        return false;
    }
    (void)memcpy(r->pass, ask->pass.ptr, IPC_PASS_LEN);
    return true;
}

/* ── signing in ── */

static bool explain_refusal(uint64_t verdict, struct error *e)
{
    switch ((enum login_verdict)verdict) {
    case LOGIN_BLOCKED:
        return error_set(e, ERROR_DENIED, "too many failed sign-ins: try again in some minutes");
    case LOGIN_BUSY:
    case LOGIN_CONTINUES:
    case LOGIN_UNREADABLE:
        return error_set(e, ERROR_BUSY, "too many are signing in just now: try again");
    case LOGIN_ACCEPTED:
    case LOGIN_REFUSED:
    case LOGIN_CODE:
    case LOGIN_WAITS:
        break;
    }
    return error_set(e, ERROR_DENIED,
                     "account, password or code is wrong, or the account is closed");
}

bool keeper_ask_second(struct keeper *k, struct slice user, struct slice challenge,
                       struct arena *arena, struct admin_sign_in_answer *answer, struct error *e)
{
    struct slice account = account_canonical(user, arena);
    struct factors f;

    answer->wants_code = true;
    if (challenge.len == 0) {
        return true;
    }
    if (!state_factors_get(k->state, account, arena, &f, e)) {
        return false;
    }
    answer->wants_code = f.totp.len > 0;
    passkeys_ask(k, account, &f, challenge, arena, &answer->asked);
    return true;
}

bool keeper_signed_in(struct keeper *k, struct ipc_request *r, const struct auth_login_answer *said,
                      struct error *e)
{
    const struct keeper_admin *admin = r->caller;
    struct admin_sign_in_answer *answer = r->answer;
    struct caller caller;
    struct error unwritten;

    if (said->verdict != LOGIN_ACCEPTED) {
        (void)usleep((useconds_t)said->delay_ms * 1000);
        return explain_refusal(said->verdict, e);
    }
    if (!keeper_caller_find(k, said->session, admin->uid, r->arena, &caller, e)) {
        return false;
    }
    if (!desks_remember(k, &unwritten)) { /* then it ends with the process */
        log_event(LOG_WARNING, "desk.unwritten", LOG_TEXT("reason", unwritten.text));
    }
    int64_t lasts_ms = k->options.settings(k->options.context)->auth.desk_timeout_ms;
    *answer = (struct admin_sign_in_answer){.pass = said->session,
                                            .account = caller.account,
                                            .role = caller.role,
                                            .ends_at = (uint64_t)(clock_wall_ms() + lasts_ms)};
    return true;
}

bool keeper_on_sign_in(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct keeper_admin *admin = r->caller;
    struct keeper *k = ctx;
    const struct admin_sign_in_ask *ask = r->ask;
    struct admin_sign_in_answer *answer = r->answer;
    const struct auth_login_ask login = {.user = ask->account,
                                         .password = ask->password,
                                         .client = admin->caller.at,
                                         .mechanism = SLICE(AUTH_DESK_MECHANISM),
                                         .code = ask->code,
                                         .passkey = ask->passkey};
    struct auth_login_answer said;

    if (!ipc_call(k->options.auth, &auth_desk, &login, -1, &said, NULL, r->arena, KEEPER_ASK_MS,
                  e)) {
        return false;
    }
    if (said.verdict == LOGIN_CODE) {
        return keeper_ask_second(k, ask->account, said.challenge, r->arena, answer, e);
    }
    return keeper_signed_in(k, r, &said, e);
}

bool keeper_on_sign_out(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;

    sessions_end(k->sessions, slice_of(r->pass, IPC_PASS_LEN));
    explicit_bzero(r->pass, IPC_PASS_LEN);
    return desks_remember(k, e);
}
