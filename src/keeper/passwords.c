/* Passwords: whether one would do, and the list of stolen ones that the command line put in place. */
#include "requests/passwords.h"

#include "keeper/account_change.h"
#include "keeper/admin.h"
#include "keeper/internal.h"

/* Who does not run the system asks about his own account: its names are nobody else's business. */
static bool may_ask(const struct keeper_admin *admin, struct slice account, struct error *e)
{
    bool runs = admin->role == ACCOUNT_ADMINISTRATOR || admin->role == ACCOUNT_OFFICER;

    return runs || account.len == 0 || slice_equal(account, admin->caller.account) ||
           error_set(e, ERROR_DENIED,
                     "for another's account the officer or an administrator asks; leave out "
                     "--account");
}

bool keeper_on_password_check(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct password_check_ask *ask = r->ask;
    struct slice name = account_canonical(ask->account, r->arena);
    struct account account = {.disabled = false};
    bool found = false;

    if (!may_ask(admin, name, e)) {
        return false;
    }
    if (name.len && !state_account_get(admin->keeper->state, name, r->arena, &account, &found, e)) {
        return false;
    }
    if (name.len && !found) {
        return error_set(e, ERROR_INPUT, "there is no account `%.*s`", SLICE_ARG(name));
    }
    const struct auth_verifier_ask judge = {.account = name,
                                            .password = ask->password,
                                            .display = account.display,
                                            .addresses = account.addresses,
                                            .second_factor = ask->second_factor};
    return ipc_call(admin->keeper->options.auth, &auth_judge, &judge, -1, r->answer, NULL, r->arena,
                    KEEPER_ASK_MS, e);
}

bool keeper_on_list_imported(void *ctx, struct ipc_request *r, struct error *e)
{
    const struct passwords_imported_ask *ask = r->ask;
    struct act act = {.verb = SLICE("passwords import"),
                      .object = SLICE("breached"),
                      .detail =
                          arena_printf(r->arena, "%llu entries", (unsigned long long)ask->entries),
                      .reason = ask->reason};

    return keeper_admin_act(keeper_admin_of(ctx, r), &act, e);
}
