/* The process of mail clients' connections: sockets in, the stage behind them. */
#include "processes/front.h"
#include "processes/roles.h"

bool submission_run(struct role *r, struct error *e)
{
    const struct submission_options options = {
        .settings = front_settings,
        .context = r,
        .keeper = role_pool(r, "keeper"),
        .auth = role_pool(r, "auth"),
        .signer = role_pool(r, "signer"),
        .stop_fd = role_stop_fd(r),
    };

    return front_run(r, &options, "submissions", "submission", NULL, e);
}
