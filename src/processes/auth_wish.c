/* How SCRAM keys are to be made, and with how many iterations those are that there are. */
#include "processes/auth_factor.h"
#include "processes/auth_parts.h"

uint64_t auth_app_iterations(const struct auth *a, const struct keeper_account_answer *account)
{
    const struct keeper_app *apps = account->apps.items;
    struct scram_keys keys = {.iterations = 0};

    for (size_t i = 0; i < account->apps.count; i++) {
        if (auth_app_scram(a->options.seal, account->account, apps[i].id, apps[i].verifier, 0,
                           &keys)) {
            break;
        }
        keys.iterations = 0;
    }
    uint64_t iterations = keys.iterations;
    explicit_bzero(&keys, sizeof(keys));
    return iterations;
}

static uint64_t main_iterations(const struct auth *a, const struct keeper_account_answer *account)
{
    struct scram_keys keys;

    bool has = verifier_scram(a->verifiers, account->account, account->verifier, &keys) &&
               slice_equal(SLICE_ARRAY(keys.salt), account->salt);
    uint64_t iterations = has ? keys.iterations : 0;
    explicit_bzero(&keys, sizeof(keys));
    return iterations;
}

bool auth_wants_keys(const struct auth *a, const struct keeper_account_answer *account, bool app,
                     struct scram_wish *wish)
{
    const struct auth_settings *settings = auth_settings_of(a);

    if (!settings->scram || account->salt.len != SCRAM_SALT_LEN) {
        return false;
    }
    uint64_t kept = account->found ? auth_app_iterations(a, account) : 0;
    if (!kept && app && account->found) {
        kept = main_iterations(a, account);
    }
    *wish = (struct scram_wish){.salt = account->salt,
                                .iterations = kept ? kept : settings->scram_iterations};
    return true;
}

bool auth_wishes_of(struct auth *a, struct slice name, struct slice salt, bool app,
                    struct arena *arena, struct scram_wish *wish, bool *wants, struct error *e)
{
    struct login l = {.user = name};

    *wants = false;
    if (!auth_settings_of(a)->scram || salt.len != SCRAM_SALT_LEN) {
        return true;
    }
    if (!auth_look_up(a, &l, arena, e)) {
        return false;
    }
    l.account.salt = salt;
    *wants = auth_wants_keys(a, &l.account, app, wish);
    return true;
}
