/* The process that knows passwords' verifiers: whether somebody is who he says. */
#include "processes/auth_login.h"
#include "processes/roles.h"

static const struct settings *settings_now(void *role)
{
    return role_settings(role);
}

bool auth_run(struct role *r, struct error *e)
{
    static struct ipc_server submission; /* threads use them until the process ends */
    static struct ipc_server keeper;
    const struct auth_options options = {
        .settings = settings_now,
        .context = r,
        .seal = role_key(r, "auth"),
        .keeper = role_pool(r, "keeper"),
    };
    struct auth *auth = auth_new(&options, e);

    if (!auth) {
        return false;
    }
    ipc_server_init(&submission, &auth_submission_table, auth);
    ipc_server_init(&keeper, &auth_keeper_table, auth);
    role_serve(r, "submission", &submission);
    role_serve(r, "keeper", &keeper);
    role_ready(r);
    role_wait(r);
    return true;
}
