/* cli/place - a backup target, for restoring: a folder, or a server that a process of its own speaks to.
 *
 * That process is begun before there is any key here, is locked in, has no terminal and no descriptor but its
 * channel, and sees sealed objects and the target's credentials alone. */
#pragma once

#include <sys/types.h>

#include "base/slice.h"

#include "cli/cli.h"
#include "ipc/pool.h"
#include "vault/store.h"

struct place {
    int folder;            /* -1: none */
    struct ipc_pool *pool; /* NULL: a folder */
    pid_t child;
};

#define PLACE_NONE                                                                                 \
    {                                                                                              \
        .folder = -1                                                                               \
    }

/* Open the target of a URL as in `backup-target`. What opens a server comes from --credentials, --host-key and
 * --region, or from the configuration. ERROR_INPUT, ERROR_CONFIG. */
bool place_open(struct cli *c, struct slice url, struct place *out, struct error *e) MUST_CHECK;

/* End the other process, whatever it is at; one that was not opened is fine. */
void place_close(struct place *p);

/* Its store; lives as long as the place. */
struct store place_store(struct place *p);
