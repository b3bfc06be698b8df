/* keeper/sync_people - who has an account by a directory, read in pages. For the keeper's own files. */
#pragma once

#include "base/arena.h"

#include "keeper/sync_pages.h"
#include "requests/directory.h"

struct keeper;

/* All zero before. */
struct sync_people {
    struct directory_person *list; /* pages.count of them */
    struct sync_pages pages;
    size_t addresses; /* of all, as the next */
    size_t memberships;
};

/**
 * Ask the process that speaks with directory servers for all of them.
 *
 * @param out     in the arena
 * @param report  people and server are filled in; the server's name is in the arena
 * @return        false with ERROR_CONFIG when they come to more than the keeper bears, ERROR_INPUT when the process contradicts itself
 */
bool sync_people_read(struct keeper *k, struct slice directory, struct sync_people *out,
                      struct arena *arena, struct directory_report *report,
                      struct error *e) MUST_CHECK;
