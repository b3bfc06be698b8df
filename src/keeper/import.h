/* keeper/import - imports under way: which were begun over the control socket and have not ended. */
#pragma once

#include <pthread.h>

#include "base/arena.h"

#include "letter/id.h"
#include "letter/records.h"
#include "requests/keeper.h"

#define IMPORTS_MAX 16 /* at once */

struct import {
    bool used;
    uint64_t turn; /* when it was last asked about: of all, the lowest is the oldest */
    struct letter_id id;
    uint8_t ticket[IMPORT_TICKET_LEN]; /* of whoever began it last */
    struct import_record record;       /* the last one, with what the first said */
    struct arena arena;                /* its texts */
};

struct imports {
    pthread_mutex_t lock; /* held over a whole batch; guards all */
    uint64_t turns;
    struct import open[IMPORTS_MAX];
};

/* The import of that id, or NULL; it is then the newest. With the lock held. */
struct import *imports_find(struct imports *all, struct slice id);

/* The import whose ticket that is, or NULL; it is then the newest. With the lock held. */
struct import *imports_admit(struct imports *all, struct slice ticket);

/* Free what they hold; nobody uses them any more. */
void imports_done(struct imports *all);
