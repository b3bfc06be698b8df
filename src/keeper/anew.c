/* Whoever sits at an open desk proves anew that he is the account's holder, before something is changed that opens it. */
#include <unistd.h>

#include "keeper/admin.h"
#include "keeper/factors.h"
#include "keeper/internal.h"

static bool explain(const struct auth_code_answer *said, struct error *e)
{
    if (said->verdict == LOGIN_BLOCKED) {
        return error_set(e, ERROR_DENIED, "too many failed sign-ins: try again in some minutes");
    }
    if (said->verdict == LOGIN_BUSY) {
        return error_set(e, ERROR_BUSY, "too many are signing in just now: try again");
    }
    return said->verdict == LOGIN_ACCEPTED ||
           error_set(e, ERROR_DENIED,
                     "the password, code or passkey is wrong, or was used already");
}

static bool ask_code(struct keeper_admin *admin, struct slice code, struct arena *arena,
                     struct auth_code_answer *said, struct error *e)
{
    struct keeper *k = admin->keeper;
    struct factors f;

    if (!state_factors_get(k->state, admin->caller.account, arena, &f, e)) {
        return false;
    }
    const struct auth_code_ask ask = {.account = admin->caller.account,
                                      .client = admin->caller.at,
                                      .code = code,
                                      .second = factors_second(&f, arena)};
    return ipc_call(k->options.auth, &auth_code, &ask, -1, said, NULL, arena, KEEPER_ASK_MS, e);
}

static bool spend(struct factors *f, void *context, struct error *e)
{
    return factors_spend(f, context, e);
}

bool factors_prove_anew(struct keeper_admin *admin, const struct desk_proof *proof, bool password,
                        struct arena *arena, struct error *e)
{
    struct keeper *k = admin->keeper;
    const struct auth_again_ask again = {
        admin->caller.account, admin->caller.at,
        proof->passkey.credential.len ? SLICE_NONE : proof->password, proof->passkey};
    struct auth_code_answer said;

    if (proof->code.len) {
        if (!ask_code(admin, proof->code, arena, &said, e)) {
            return false;
        }
    } else if (proof->passkey.credential.len || (password && proof->password.len)) {
        if (!ipc_call(k->options.auth, &auth_again, &again, -1, &said, NULL, arena, KEEPER_ASK_MS,
                      e)) {
            return false;
        }
    } else {
        return error_set(e, ERROR_DENIED,
                         password ? "this wants the password again, a code or a passkey"
                                  : "this wants a code, or a passkey");
    }
    (void)usleep((useconds_t)said.delay_ms * 1000);
    bool used = said.proof.step || said.proof.recovery || said.proof.passkey.len;
    if (!explain(&said, e)) {
        return false;
    }
    if (used && !factors_put(k, admin->caller.account, arena, spend, &said.proof, e)) {
        factors_alarm(k, e);
        return false;
    }
    return true;
}

bool factors_prove_or_ask(struct keeper_admin *admin, const struct desk_proof *proof,
                          struct arena *arena, struct admin_asked *asked, struct error *e)
{
    asked->wants_proof =
        proof->code.len == 0 && proof->passkey.credential.len == 0 && proof->password.len == 0;
    return asked->wants_proof || factors_prove_anew(admin, proof, true, arena, e);
}
