/* The daemon as it is - supervisor, table of roles, walls - but for the roles' duties: each process
 * behaves as if it had been taken over. Linked in place of the run functions of src/processes, so
 * nothing in the product knows of it. After a start each tries what is only refused; after a reload
 * the deadly deed that `hostname` names, as in "exec.walls.test". */
#include "processes/roles.h"
#include "stages/inspection/inspection.h"
#include "tests/walls/deeds.h"

#define NAME_MAX_ 32

static void on_reload(void *role)
{
    struct slice rest;
    char name[NAME_MAX_ + 1] = "";
    struct slice deed = slice_cut(role_settings(role)->general.hostname, '.', &rest);

    (void)memcpy(name, deed.ptr, deed.len < NAME_MAX_ ? deed.len : NAME_MAX_);
    deeds_try_deadly(name);
}

static bool taken_over(struct role *r, bool sockets)
{
    role_on_reload(r, on_reload, r);
    role_ready(r);
    deeds_try_all(r, sockets);
    role_wait(r);
    return true;
}

bool keeper_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, false);
}

bool signer_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, false);
}

bool auth_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, false);
}

bool inspector_prepare(struct role *r, struct error *e)
{
    (void)r;
    (void)e;
    inspection_init();
    return true;
}

bool inspector_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, false);
}

bool reader_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, false);
}

bool backup_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, false);
}

bool delivery_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, true); /* one of those that may connect */
}

bool courier_prepare(struct role *r, struct error *e)
{
    (void)r;
    (void)e;
    return true;
}

bool courier_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, true);
}

bool intake_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, false);
}

bool journal_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, false);
}

bool connector_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, false);
}

bool scanner_prepare(struct role *r, struct error *e)
{
    (void)r;
    (void)e;
    return true;
}

bool scanner_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, false);
}

bool directory_prepare(struct role *r, struct error *e)
{
    (void)r;
    (void)e;
    return true;
}

bool directory_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, true);
}

bool pull_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, true);
}

bool submission_run(struct role *r, struct error *e)
{
    (void)e;
    return taken_over(r, false);
}
