/* The process that knows passwords' verifiers: whether somebody is who he says. */
#include <poll.h>

#include "processes/auth_login.h"
#include "processes/roles.h"

#define TIDY_EVERY_MS 60000

static const struct settings *settings_now(void *role)
{
    return role_settings(role);
}

static struct slice anchors_now(void *role)
{
    return role_file(role, "device-ca");
}

struct shown {
    struct role *role;
    struct auth *auth;
};

static void on_reload(void *context)
{
    struct shown *shown = context;

    auth_use_certificate(shown->auth, role_file(shown->role, "tls-certificate"));
}

bool auth_run(struct role *r, struct error *e)
{
    static struct ipc_server submission; /* threads use them until the process ends */
    static struct ipc_server keeper;
    static struct shown shown;
    const struct auth_options options = {
        .settings = settings_now,
        .context = r,
        .seal = role_key(r, "auth"),
        .generation = role_master(r)->generation,
        .keeper = role_pool(r, "keeper"),
        .anchors = anchors_now,
        .courier = role_pool(r, "courier"),
        .directory = role_pool(r, "directory"),
        .passwords = role_directory(r, "passwords"),
    };
    struct auth *auth = auth_new(&options, e);

    if (!auth) {
        return false;
    }
    shown = (struct shown){r, auth};
    on_reload(&shown);
    role_on_reload(r, on_reload, &shown);
    ipc_server_init(&submission, &auth_submission_table, auth);
    ipc_server_init(&keeper, &auth_keeper_table, auth);
    role_serve(r, "submission", &submission);
    role_serve(r, "keeper", &keeper);
    role_ready(r);
    while (!role_stopping(r)) {
        struct pollfd stop = {.fd = role_stop_fd(r), .events = POLLIN};
        (void)poll(&stop, 1, TIDY_EVERY_MS);
        auth_tidy(auth);
    }
    return true;
}
