/* Signing in at the desk by an OpenID provider: auth knows how, the person's command line has the browser's answer. */
#include "requests/oidc.h"

#include "keeper/admin.h"
#include "keeper/callers.h"
#include "keeper/internal.h"
#include "requests/admin.h"
#include "requests/auth.h"

bool keeper_on_oidc_begin(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct keeper_admin *admin = r->caller;
    const struct auth_oidc_begin_ask ask = {*(const struct oidc_begin_ask *)r->ask,
                                            admin->caller.at};

    return ipc_call(k->options.auth, &auth_oidc_begin, &ask, -1, r->answer, NULL, r->arena,
                    KEEPER_ASK_MS, e);
}

bool keeper_on_oidc_finish(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper *k = ctx;
    const struct keeper_admin *admin = r->caller;
    const struct auth_oidc_finish_ask ask = {*(const struct oidc_finish_ask *)r->ask,
                                             admin->caller.at};
    struct auth_login_answer said;

    if (!ipc_call(k->options.auth, &auth_oidc_finish, &ask, -1, &said, NULL, r->arena,
                  KEEPER_ASK_MS, e)) {
        return false;
    }
    if (said.verdict == LOGIN_CODE) {
        return keeper_ask_second(k, said.account, said.challenge, r->arena, r->answer, e);
    }
    if (said.verdict == LOGIN_WAITS) {
        ((struct admin_sign_in_answer *)r->answer)->wait_ms = said.delay_ms;
        return true;
    }
    if (said.verdict == LOGIN_UNREADABLE) {
        return error_set(e, ERROR_DENIED, "that sign-in is over: begin again");
    }
    return keeper_signed_in(k, r, &said, e);
}
