/* cli/place - a backup target, for restoring: a folder. */
#pragma once

#include "base/slice.h"

#include "cli/cli.h"
#include "vault/store.h"

struct place {
    int folder; /* -1: none */
};

#define PLACE_NONE                                                                                 \
    {                                                                                              \
        .folder = -1                                                                               \
    }

/* Open the target of a URL, file:///FOLDER. ERROR_INPUT for another, ERROR_CONFIG when it cannot be used. */
bool place_open(struct cli *c, struct slice url, struct place *out, struct error *e) MUST_CHECK;
void place_close(struct place *p);

/* Its store; lives as long as the place. */
struct store place_store(struct place *p);
