/* processes/directory_groups - who is in the groups that the settings of a directory name.
 *
 * Groups are read before people, member by member; a group that cannot be read ends it all, for whoever seemed to be in none
 * would lose his role. Where `group-base` says where groups lie, members that are groups are read likewise, each once. For
 * the files of the directory process. */
#pragma once

#include "processes/directory_parts.h"

#define GROUPS_PAGE_ARENA ((size_t)160 << 20) /* more than a page of DIRLINK_PAGE_MAX */

/* A group that the settings name, and what being in it means. */
struct meaning {
    struct slice dn;    /* in its normal words */
    struct slice group; /* ours; empty: it is about a role */
    uint64_t role;
};

struct membership {
    struct slice dn; /* of the person */
    const struct meaning *meaning;
};

struct gathering {
    struct visit *visit;
    struct meaning *meanings;
    size_t n_meanings;
    struct membership *members;
    size_t n_members;
    size_t room;
    struct slice *nested; /* groups that may stand in groups, in their normal words, sorted */
    size_t n_nested;
    struct directory_person *people;
    size_t n_people;
};

/* Fill in meanings and members, which are sorted by their names. */
bool groups_read(struct gathering *g, struct error *e) MUST_CHECK;

/* Whether so much can be kept of what the servers say, and a person beside it. */
bool groups_have_room(const struct gathering *g, size_t bytes, struct error *e) MUST_CHECK;
