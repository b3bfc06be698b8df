/* Second factors: an account's holder sets up an authenticator app at the desk, and takes it off again for a code; who runs
 * the system takes it off with a reason, and of who has an office with a second person.
 *
 * | in the row                | means                                                               |
 * |---------------------------|---------------------------------------------------------------------|
 * | totp_asked, totp_asked_at | a secret was shown, and counts for nothing before its first code;   |
 * |                           | for 15 minutes, and until the password is set                       |
 * | totp, recovery            | on: the main password sends nothing, the desk asks for a code       |
 * | totp_step, recovery_spent | codes that were used: written before whoever showed one is let in  |
 *
 * What switches it on ends every session of the account once the row is written; a sign-in looks at the row once more when
 * its session is there. */
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#include "keeper/account_change.h"
#include "keeper/account_parts.h"
#include "keeper/admin.h"
#include "keeper/desks.h"
#include "keeper/factors.h"
#include "keeper/internal.h"
#include "keeper/passkey_rows.h"
#include "requests/auth.h"
#include "requests/factors.h"

/* ── codes ── */

static bool explain(const struct auth_code_answer *said, struct error *e)
{
    if (said->verdict == LOGIN_BLOCKED) {
        return error_set(e, ERROR_DENIED, "too many wrong codes: try again in some minutes");
    }
    return said->verdict == LOGIN_ACCEPTED ||
           error_set(e, ERROR_DENIED, "the code is wrong, or was used already");
}

/* Ask auth what a code is. */
static bool prove(struct keeper_admin *admin, const struct auth_second *second, struct slice code,
                  struct arena *arena, struct auth_proof *proof, struct error *e)
{
    const struct auth_code_ask ask = {.account = admin->caller.account,
                                      .client = admin->caller.at,
                                      .code = code,
                                      .second = *second};
    struct auth_code_answer said;

    if (!ipc_call(admin->keeper->options.auth, &auth_code, &ask, -1, &said, NULL, arena,
                  KEEPER_ASK_MS, e)) {
        return false;
    }
    (void)usleep((useconds_t)said.delay_ms * 1000);
    *proof = said.proof;
    return explain(&said, e);
}

static bool make_codes(struct keeper *k, struct slice account, struct arena *arena,
                       struct auth_recovery_answer *out, struct error *e)
{
    const struct auth_account_ask ask = {account};

    return ipc_call(k->options.auth, &auth_recovery_new, &ask, -1, out, NULL, arena, KEEPER_ASK_MS,
                    e);
}

/* ── a change of the row, and what is recorded of it ── */

struct turn {
    struct keeper_admin *admin;
    struct slice account;
    const char *verb;
    struct slice reason;
    struct slice detail;
    struct slice asked; /* on: the secret whose code was shown */
    struct auth_proof proof;
    struct slice recovery;
};

static bool record(const struct turn *t, struct error *e)
{
    struct act act = {.verb = slice_text(t->verb),
                      .object = t->account,
                      .reason = t->reason,
                      .detail = t->detail};

    return keeper_admin_act(t->admin, &act, e);
}

static bool ask_for_first_code(struct factors *f, void *context, struct error *e)
{
    const struct turn *t = context;

    if (f->totp.len) {
        return error_set(e, ERROR_INPUT,
                         "there is a second factor: `postern totp off` takes it off first");
    }
    f->totp_asked = t->asked;
    f->totp_asked_at = (uint64_t)clock_wall_ms();
    return true;
}

static bool forget_asked(struct factors *f, void *context, struct error *e)
{
    (void)context;
    (void)e;
    f->totp_asked = SLICE_NONE;
    f->totp_asked_at = 0;
    return true;
}

bool factors_forget_asked(struct keeper *k, struct slice account, struct arena *arena,
                          struct error *e)
{
    struct factors f;

    return state_factors_get(k->state, account, arena, &f, e) &&
           (f.totp_asked.len == 0 || factors_put(k, account, arena, forget_asked, NULL, e));
}

static bool switch_on(struct factors *f, void *context, struct error *e)
{
    const struct turn *t = context;

    if (f->totp.len || !slice_equal(f->totp_asked, t->asked)) {
        return error_set(e, ERROR_BUSY,
                         "it was changed just now: begin anew with `postern totp on`");
    }
    if (!record(t, e)) {
        return false;
    }
    f->totp = t->asked;
    f->totp_asked = SLICE_NONE;
    f->totp_asked_at = 0;
    f->totp_step = t->proof.step;
    f->totp_since = (uint64_t)clock_wall_ms(); /* recording takes its time */
    f->recovery = t->recovery;
    f->recovery_spent = 0;
    return true;
}

static bool renew_codes(struct factors *f, void *context, struct error *e)
{
    const struct turn *t = context;

    if (!factors_spend(f, &t->proof, e)) {
        return false;
    }
    f->recovery = t->recovery;
    f->recovery_spent = 0;
    return record(t, e);
}

static void clear(struct factors *f)
{
    f->totp = SLICE_NONE;
    f->totp_asked = SLICE_NONE;
    f->totp_asked_at = 0;
    f->totp_step = 0;
    f->totp_since = 0;
    f->recovery = SLICE_NONE;
    f->recovery_spent = 0;
}

static bool switch_off(struct factors *f, void *context, struct error *e)
{
    const struct turn *t = context;
    bool proven = t->proof.step || t->proof.recovery;

    if (f->totp.len == 0) {
        return error_set(e, ERROR_INPUT, "%.*s has no second factor", SLICE_ARG(t->account));
    }
    if (proven && !factors_spend(f, &t->proof, e)) {
        return false;
    }
    clear(f);
    return record(t, e);
}

/* ── the holder ── */

bool keeper_on_totp_begin(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    struct turn t = {.admin = keeper_admin_of(k, r)};
    const struct auth_account_ask ask = {t.admin->caller.account};
    const struct factors_totp_ask *asked = r->ask;
    struct factors_totp_secret *answer = r->answer;
    struct auth_totp_answer made;

    if (!factors_prove_anew(t.admin, &asked->proof, true, r->arena, e) ||
        !ipc_call(k->options.auth, &auth_totp_new, &ask, -1, &made, NULL, r->arena, KEEPER_ASK_MS,
                  e)) {
        return false;
    }
    t.asked = made.sealed;
    if (!factors_put(k, ask.account, r->arena, ask_for_first_code, &t, e)) {
        return false;
    }
    *answer = (struct factors_totp_secret){ask.account, made.secret};
    return true;
}

bool keeper_on_totp_confirm(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct factors_code_ask *ask = r->ask;
    struct factors_codes *answer = r->answer;
    struct turn t = {.admin = keeper_admin_of(k, r), .verb = "totp on"};
    struct auth_recovery_answer codes;
    struct factors f;

    t.account = t.admin->caller.account;
    if (!state_factors_get(k->state, t.account, r->arena, &f, e)) {
        return false;
    }
    if (!factors_is_asked(&f, (uint64_t)clock_wall_ms())) {
        return error_set(e, ERROR_INPUT,
                         "begin with `postern totp on`, which shows the secret: its first code is "
                         "taken for 15 minutes");
    }
    t.asked = f.totp_asked;
    const struct auth_second second = {.totp = t.asked};
    if (!prove(t.admin, &second, ask->code, r->arena, &t.proof, e) ||
        !make_codes(k, t.account, r->arena, &codes, e)) {
        return false;
    }
    t.recovery = codes.sealed;
    if (!factors_put(k, t.account, r->arena, switch_on, &t, e)) {
        return false;
    }
    answer->codes = codes.codes;
    return desks_end_account(k, t.account, e);
}

bool keeper_on_codes_new(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct factors_code_ask *ask = r->ask;
    struct factors_codes *answer = r->answer;
    struct turn t = {.admin = keeper_admin_of(k, r), .verb = "totp codes"};
    struct auth_recovery_answer codes;
    struct factors f;

    t.account = t.admin->caller.account;
    if (!state_factors_get(k->state, t.account, r->arena, &f, e)) {
        return false;
    }
    if (f.totp.len == 0) {
        return error_set(e, ERROR_INPUT,
                         "there is no second factor: `postern totp on` sets one up");
    }
    const struct auth_second second = factors_second(&f, r->arena);
    if (!prove(t.admin, &second, ask->code, r->arena, &t.proof, e) ||
        !make_codes(k, t.account, r->arena, &codes, e)) {
        return false;
    }
    t.recovery = codes.sealed;
    answer->codes = codes.codes;
    return factors_put(k, t.account, r->arena, renew_codes, &t, e);
}

/* ── taking it off ── */

/* Asked before the lock: auth answers late who guesses, and nobody else is to wait for that. */
static bool prove_own(struct turn *t, const struct factors *f, const struct factors_off_ask *ask,
                      struct arena *arena, struct error *e)
{
    const struct auth_second second = factors_second(f, arena);
    const struct desk_proof passkey = {.passkey = ask->passkey};

    if (ask->passkey.credential.len) {
        return factors_prove_anew(t->admin, &passkey, false, arena, e);
    }
    if (ask->code.len == 0) {
        return error_set(
            e, ERROR_INPUT,
            "taking it off wants a code, a passkey, or one of the recovery codes; without, ask an "
            "officer or administrator");
    }
    return prove(t->admin, &second, ask->code, arena, &t->proof, e);
}

static bool ask_for(const struct turn *t, const struct factors *f, struct arena *arena,
                    struct admin_asked *asked, struct error *e)
{
    OWN(buf) struct buf arguments = {.max = APPROVAL_ARGUMENTS_MAX};
    const struct request_factor factor = {t->account, f->totp_since};
    struct request_record request = {
        .kind = REQUEST_FACTOR,
        .object =
            arena_printf(arena, "%.*s signs in without a second factor", SLICE_ARG(t->account)),
        .reason = t->reason};

    cbor_write(&arguments, &request_factor_schema, &factor);
    request.arguments = buf_slice(&arguments);
    return approvals_ask(t->admin, &request, t->account, arena, asked, e);
}

/* Without it the password alone lets in whoever has an office: as with a new password, that takes two. */
static bool off_others(struct turn *t, const struct factors *f, struct arena *arena,
                       struct admin_asked *asked, struct error *e)
{
    struct keeper *k = t->admin->keeper;
    bool two = false;

    if (slice_trim(t->reason).len == 0) {
        return error_set(e, ERROR_INPUT, "say why with --reason TEXT; it stands in the ledger");
    }
    if (!factors_wants_two(k, t->account, arena, &two, e)) {
        return false;
    }
    if (two) {
        return ask_for(t, f, arena, asked, e);
    }
    return factors_put(k, t->account, arena, switch_off, t, e) &&
           desks_end_account(k, t->account, e);
}

bool keeper_on_totp_off(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct factors_off_ask *ask = r->ask;
    struct turn t = {.admin = keeper_admin_of(k, r), .verb = "totp off", .reason = ask->reason};
    struct factors f;

    if (!factors_account(t.admin, ask->account, r->arena, &t.account, e) ||
        !state_factors_get(k->state, t.account, r->arena, &f, e)) {
        return false;
    }
    if (f.totp.len == 0) {
        return error_set(e, ERROR_INPUT, "%.*s has no second factor", SLICE_ARG(t.account));
    }
    bool own = slice_equal(t.account, t.admin->caller.account);
    if (own && !prove_own(&t, &f, ask, r->arena, e)) {
        return false;
    }
    (void)pthread_mutex_lock(&k->approvals.changing); /* officers are counted */
    bool done = factors_stand_without(k, t.account, SLICE_NONE, r->arena, e) &&
                (own ? factors_put(k, t.account, r->arena, switch_off, &t, e)
                     : off_others(&t, &f, r->arena, r->answer, e));
    (void)pthread_mutex_unlock(&k->approvals.changing);
    return done;
}

/* ── what was approved ── */

struct approved {
    struct keeper *keeper;
    const struct docket_request *request;
    const struct request_factor *factor;
    struct arena *arena;
    struct slice credential; /* of the passkey that went */
};

static bool record_approved(const struct approved *a, const char *verb, struct error *e)
{
    const struct docket_request *r = a->request;
    const struct act act = {
        .by = r->record.by,
        .at = r->record.at,
        .role = r->record.role,
        .verb = slice_text(verb),
        .object = a->factor->account,
        .reason = r->record.reason,
        .detail = arena_printf(a->arena, "approved by %.*s", SLICE_ARG(r->approval.by))};

    return keeper_record_one(a->keeper, LEDGER_AWAITED, RECORD_ADMIN, &act_schema, &act, e);
}

static bool made_anew(struct error *e)
{
    return error_set(e, ERROR_INPUT, "it was set up anew since that was asked: ask again");
}

static bool switch_off_approved(struct factors *f, void *context, struct error *e)
{
    const struct approved *a = context;

    if (f->totp.len == 0) { /* before a crash, or by its holder: as it is to be */
        return true;
    }
    if (f->totp_since != a->factor->since) {
        return made_anew(e);
    }
    clear(f);
    return record_approved(a, "totp off", e);
}

static bool cut_approved(struct factors *f, void *context, struct error *e)
{
    struct approved *a = context;
    struct passkey *p = passkey_find(f, a->factor->passkey);

    if (!p) { /* likewise */
        return true;
    }
    if (p->created_at != a->factor->since) {
        return made_anew(e);
    }
    a->credential = p->credential;
    if (!record_approved(a, "passkey remove", e)) {
        return false;
    }
    passkeys_cut(f, p);
    return true;
}

enum carried factor_approved(struct keeper *k, const struct docket_request *r, struct arena *arena,
                             struct slice *said, struct error *e)
{
    struct request_factor factor;
    struct approved a = {k, r, &factor, arena, SLICE_NONE};

    if (!cbor_read(r->record.arguments, &request_factor_schema, arena, &factor, e)) {
        return CARRIED_FAILED;
    }
    factors_change *change = factor.passkey.len ? cut_approved : switch_off_approved;
    (void)pthread_mutex_lock(&k->approvals.changing);
    bool put = factors_stand_without(k, factor.account, factor.passkey, arena, e) &&
               factors_put(k, factor.account, arena, change, &a, e);
    (void)pthread_mutex_unlock(&k->approvals.changing);
    if (!put) {
        return e->kind == ERROR_INPUT ? CARRIED_FAILED : CARRIED_LATER;
    }
    if (!desks_end_account(k, factor.account, e) ||
        (a.credential.len && !passkey_rows_forget(k, factor.account, a.credential, arena, e))) {
        return CARRIED_LATER;
    }
    *said = arena_printf(arena, "%.*s signs in without a second factor", SLICE_ARG(factor.account));
    return CARRIED_DONE;
}
