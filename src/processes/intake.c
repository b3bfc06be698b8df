/* The process that reads mail which was kept elsewhere. It is given open files by the command line
 * and hands letters to the keeper; it has no files of its own, no keys, no network. */
#include "stages/intake/intake.h"

#include "processes/roles.h"

static bool on_mbox(void *keeper, struct ipc_request *r, struct error *e)
{
    return intake_take_mbox(keeper, r->fd, r->ask, r->arena, r->answer, e);
}

static bool on_files(void *keeper, struct ipc_request *r, struct error *e)
{
    return intake_take_files(keeper, r->fd, r->ask, r->arena, r->answer, e);
}

static const struct ipc_row rows[] = {
    {&intake_mbox,  0, on_mbox },
    {&intake_files, 0, on_files},
};
static const struct ipc_table table = IPC_TABLE("intake's socket", rows);

bool intake_run(struct role *r, struct error *e)
{
    static struct ipc_server server;

    ipc_server_init(&server, &table, role_pool(r, "keeper"));
    server.background = true;
    if (!role_serve_socket(r, "intake", &server, e)) {
        return false;
    }
    role_ready(r);
    role_wait(r);
    return true;
}
