/* posternd-inspector - the process that reads letters. A program of its own, so that the libraries that take MIME, documents,
 * archives and OpenPGP apart are mapped where they are locked in, and nowhere else. The supervisor starts it. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "processes/roles.h"

static const struct role_duty duties[] = {
    {"inspector", inspector_run, inspector_prepare},
    {NULL,        NULL,          NULL             },
};

int main(int argc, char **argv)
{
    if (argc != 3 || strcmp(argv[1], "--role") != 0) {
        (void)fprintf(stderr, "posternd starts this program; nobody else does\n");
        return EX_USAGE;
    }
    return role_main(argv[2], duties);
}
