#include "processes/roles.h"
#include "stages/inspection/inspection.h"

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
    role_ready(r);
    role_wait(r);
    return true;
}
