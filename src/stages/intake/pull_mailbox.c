#include "stages/intake/pull.h"

#define NAMES_ARENA ((size_t)1 << 20)

bool pull_mailbox(const struct pull_target *target, struct ipc_pool *keeper,
                  struct pull_counts *counts, struct error *e)
{
    OWN(arena) struct arena arena = {.max = NAMES_ARENA};
    struct slice *names = arena_array(&arena, PULL_FOLDERS_MAX, sizeof(*names));
    struct pull_session s;
    size_t count = 0;
    bool read = true;

    if (!pull_open(target, &s, e)) {
        return false;
    }
    if (!pull_folders(&s, target->settings, &arena, names, &count, e)) {
        pull_close(&s, false);
        return false;
    }
    for (size_t i = 0; i < count && s.conn; i++) {
        struct error why = {0};
        if (!pull_folder(target, keeper, names[i], &s, counts, &why) && read) {
            read = false; /* the other folders all the same */
            *e = why;
        }
    }
    pull_close(&s, true);
    return read;
}
