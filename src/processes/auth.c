#include "processes/roles.h"

bool auth_run(struct role *r, struct error *e)
{
    (void)e;
    role_ready(r);
    role_wait(r);
    return true;
}
