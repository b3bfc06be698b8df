#include "processes/directory_groups.h"

#include <stdlib.h>

#include "letter/records.h"

#define PERSON_ROOM ((size_t)64 << 10) /* more than a person takes */
#define MEMBERS_MAX 200000             /* of all groups */
#define NESTED_MAX  50000              /* groups below `group-base` */
#define WITHIN_MAX  1000               /* groups that are read for one that the settings name */
#define DN_GROWS    3                  /* a byte can become `\\2c` */

static bool add_meaning(struct gathering *g, struct slice dn, struct slice group, uint64_t role,
                        struct error *e)
{
    struct slice normal = dirlink_dn(dn, g->visit->arena);

    if (normal.len == 0) {
        return error_set(e, ERROR_CONFIG, "`%.*s` is no distinguished name of a group",
                         SLICE_ARG(slice_head(dn, 150)));
    }
    g->meanings[g->n_meanings++] = (struct meaning){normal, group, role};
    return true;
}

static bool add_roles(struct gathering *g, const struct config_list *list, uint64_t role,
                      struct error *e)
{
    const struct slice *all = list->items;

    for (size_t i = 0; i < list->count; i++) {
        if (!add_meaning(g, all[i], SLICE_NONE, role, e)) {
            return false;
        }
    }
    return true;
}

static bool read_meanings(struct gathering *g, struct error *e)
{
    const struct directory_settings *s = g->visit->section;
    const struct slice *groups = s->groups.items;
    struct slice group;
    struct slice dn;

    g->meanings =
        arena_array(g->visit->arena, SETTINGS_DIRECTORY_GROUP_MAX + 1, sizeof(*g->meanings));
    for (size_t i = 0; i < s->groups.count; i++) {
        if (!settings_directory_group(groups[i], &group, &dn) || !add_meaning(g, dn, group, 0, e)) {
            return false;
        }
    }
    return add_roles(g, &s->officers, ACCOUNT_OFFICER, e) &&
           add_roles(g, &s->auditors, ACCOUNT_AUDITOR, e) &&
           add_roles(g, &s->administrators, ACCOUNT_ADMINISTRATOR, e) &&
           add_roles(g, &s->employees, ACCOUNT_EMPLOYEE, e);
}

bool groups_have_room(const struct gathering *g, size_t bytes, struct error *e)
{
    return arena_left(g->visit->arena) >= bytes + PERSON_ROOM ||
           error_set(
               e, ERROR_LIMIT,
               "the directory says more than can be kept: a narrower `base` or `user-filter`, "
               "or smaller groups are wanted");
}

/* Groups that are read for one meaning, the first of which the settings name. */
struct reading {
    struct slice groups[WITHIN_MAX];
    size_t n;
};

static int by_text(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Read that group as well, once, if it is one. */
static bool read_later(const struct gathering *g, struct slice dn, struct reading *r,
                       struct error *e)
{
    if (g->n_nested == 0 || !bsearch(&dn, g->nested, g->n_nested, sizeof(dn), by_text)) {
        return true;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (slice_equal(r->groups[i], dn)) {
            return true; /* groups may hold each other */
        }
    }
    if (r->n == WITHIN_MAX) {
        return error_set(e, ERROR_LIMIT, "there are more than %d groups within `%.*s`", WITHIN_MAX,
                         SLICE_ARG(slice_head(r->groups[0], 150)));
    }
    r->groups[r->n++] = dn;
    return true;
}

static bool add_member(struct gathering *g, struct slice dn, const struct meaning *m,
                       struct reading *r, struct error *e)
{
    if (g->n_members == MEMBERS_MAX) {
        return error_set(e, ERROR_LIMIT, "the groups have more than %d members", MEMBERS_MAX);
    }
    if (!groups_have_room(g, DN_GROWS * dn.len, e)) {
        return false;
    }
    struct slice normal = dirlink_dn(dn, g->visit->arena);
    if (g->n_members == g->room) {
        g->room = g->room ? g->room * 2 : 256;
        if (!groups_have_room(g, g->room * sizeof(*g->members), e)) {
            return false;
        }
        struct membership *more = arena_array(g->visit->arena, g->room, sizeof(*more));
        if (g->n_members) {
            (void)memcpy(more, g->members, g->n_members * sizeof(*more));
        }
        g->members = more;
    }
    if (normal.len) {
        g->members[g->n_members++] = (struct membership){normal, m};
    }
    return normal.len == 0 || read_later(g, normal, r, e);
}

/* The members that stand in the group's entry. */
static bool read_group(struct gathering *g, struct slice dn, const struct meaning *m,
                       struct reading *r, struct error *e)
{
    OWN(arena) struct arena arena = {.max = GROUPS_PAGE_ARENA};
    static const struct slice names[] = {SLICE_INIT("member"), SLICE_INIT("uniqueMember")};
    struct dirlink_search search = {.base = dn,
                                    .base_alone = true,
                                    .filter = SLICE("(objectClass=*)"),
                                    .attributes = names,
                                    .n_attributes = 2};
    struct dirlink_entry *entries = NULL;
    size_t count = 0;
    bool found = false;

    if (!dirlink_ask(g->visit->link, &search, &arena, &entries, &count, &found, e)) {
        return false;
    }
    if (!found || count != 1) {
        return error_set(e, ERROR_CONFIG, "there is no group `%.*s`, or it cannot be read",
                         SLICE_ARG(slice_head(dn, 150)));
    }
    for (size_t i = 0; i < search.n_attributes; i++) {
        const struct dirlink_values *v = &entries[0].attributes[i];
        if (v->more) {
            return error_set(e, ERROR_LIMIT,
                             "the group `%.*s` has more than %d members, or more than its server "
                             "gives at once (`member;range=`): smaller groups are wanted",
                             SLICE_ARG(slice_head(dn, 150)), DIRLINK_VALUES_MAX);
        }
        for (size_t n = 0; n < v->count; n++) {
            if (!add_member(g, v->values[n], m, r, e)) {
                return false;
            }
        }
    }
    return true;
}

static int by_dn(const void *a, const void *b)
{
    return slice_compare(((const struct membership *)a)->dn, ((const struct membership *)b)->dn);
}

/* The group that the settings name, and those within it. */
static bool read_all_of(struct gathering *g, const struct meaning *m, struct reading *r,
                        struct error *e)
{
    *r = (struct reading){.n = 1};
    r->groups[0] = m->dn;
    for (size_t i = 0; i < r->n; i++) {
        if (!read_group(g, r->groups[i], m, r, e)) {
            return false;
        }
    }
    return true;
}

/* A page of the groups that there are. */
static bool read_nested_page(struct gathering *g, struct dirlink_search *search, struct error *e)
{
    OWN(arena) struct arena arena = {.max = GROUPS_PAGE_ARENA};
    struct dirlink_entry *entries = NULL;
    size_t count = 0;
    bool found = false;

    if (!dirlink_ask(g->visit->link, search, &arena, &entries, &count, &found, e)) {
        return false;
    }
    if (!found) {
        return error_set(e, ERROR_CONFIG, "there is no entry `%.*s`, or it cannot be read",
                         SLICE_ARG(slice_head(search->base, 150)));
    }
    for (size_t i = 0; i < count; i++) {
        if (g->n_nested == NESTED_MAX) {
            return error_set(e, ERROR_LIMIT,
                             "there are more than %d groups: a narrower `group-base` is wanted",
                             NESTED_MAX);
        }
        if (!groups_have_room(g, DN_GROWS * entries[i].dn.len, e)) {
            return false;
        }
        struct slice normal = dirlink_dn(entries[i].dn, g->visit->arena);
        if (normal.len) {
            g->nested[g->n_nested++] = normal;
        }
    }
    if (!groups_have_room(g, search->cookie.len, e)) {
        return false;
    }
    search->cookie = arena_copy(g->visit->arena, search->cookie);
    return true;
}

/* Which groups there are that may stand in groups: their names alone. */
static bool read_nested(struct gathering *g, struct error *e)
{
    static const struct slice names[] = {SLICE_INIT("cn")};
    struct dirlink_search search = {.base = g->visit->section->group_base,
                                    .filter =
                                        SLICE("(|(objectClass=group)(objectClass=groupOfNames)"
                                              "(objectClass=groupOfUniqueNames))"),
                                    .attributes = names,
                                    .n_attributes = 1,
                                    .paged = true};

    if (search.base.len == 0 || g->n_meanings == 0) {
        return true;
    }
    if (!groups_have_room(g, NESTED_MAX * sizeof(*g->nested), e)) {
        return false;
    }
    g->nested = arena_array(g->visit->arena, NESTED_MAX, sizeof(*g->nested));
    do {
        if (!read_nested_page(g, &search, e)) {
            return false;
        }
    } while (search.cookie.len);
    if (g->n_nested) {
        qsort(g->nested, g->n_nested, sizeof(*g->nested), by_text);
    }
    return true;
}

bool groups_read(struct gathering *g, struct error *e)
{
    struct reading *r = arena_alloc(g->visit->arena, sizeof(*r));

    if (!read_meanings(g, e) || !read_nested(g, e)) {
        return false;
    }
    for (size_t i = 0; i < g->n_meanings; i++) {
        if (!read_all_of(g, &g->meanings[i], r, e)) {
            return false;
        }
    }
    if (g->n_members) {
        qsort(g->members, g->n_members, sizeof(*g->members), by_dn);
    }
    return true;
}
