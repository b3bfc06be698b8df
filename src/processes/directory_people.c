/* Entries of a directory as people: who has an account, which addresses, which role, in which groups (directory_groups.c, which
 * are read before). */
#include <stdlib.h>

#include "formats/ldap/entry.h"
#include "letter/group.h"
#include "letter/records.h"
#include "processes/directory_groups.h"

#define SCRATCH_ARENA                                                                              \
    ((size_t)64                                                                                    \
     << 20) /* one value in other words; SOURCES_MAX times DIRLINK_VALUES_MAX addresses */
#define NAME_TEXT_MAX 250 /* bytes, as accounts have it */
#define SOURCES_MAX   8   /* attributes of names, and of addresses, each */

/* ── one person ── */

/* The places of attributes in what is asked for: locks (visit_is_locked()), the key, memberOf, names, addresses. */
struct places {
    struct slice names[DIRLINK_ATTRIBUTES_MAX];
    size_t key, member_of, name, address, end;
};

static void find_places(const struct directory_settings *s, struct places *p)
{
    *p = (struct places){.end = 0};
    p->end = visit_name_locks(p->names);
    p->key = p->end;
    p->names[p->end++] = settings_directory_key(s);
    p->member_of = p->end;
    p->names[p->end++] = SLICE("memberOf");
    p->name = p->end;
    visit_name_more(p->names, &p->end, &s->name_attributes, SOURCES_MAX);
    p->address = p->end;
    visit_name_more(p->names, &p->end, &s->address_attributes, SOURCES_MAX);
}

static bool has_text(const struct slice *list, size_t n, struct slice text)
{
    bool has = false;

    for (size_t i = 0; i < n; i++) {
        has = has || slice_equal(list[i], text);
    }
    return has;
}

/* One more, where it stands already or at the end; the first primary address comes first. */
static void add_address(struct slice *list, size_t *n, struct slice address, bool first)
{
    size_t at = 0;

    while (at < *n && !slice_equal(list[at], address)) {
        at++;
    }
    *n += at == *n;
    list[at] = address;
    if (first) {
        list[at] = list[0];
        list[0] = address;
    }
}

/* As they are kept: nothing of those that stand there twice. */
static void keep_addresses(const struct slice *list, size_t n, struct arena *arena,
                           struct directory_person *out)
{
    struct slice *kept = arena_array(arena, n + 1, sizeof(*kept));

    for (size_t i = 0; i < n; i++) {
        kept[i] = arena_copy(arena, list[i]);
    }
    out->addresses = (struct cbor_list){kept, n};
}

static void read_addresses(const struct places *p, const struct dirlink_entry *entry,
                           struct arena *arena, struct directory_person *out)
{
    OWN(arena) struct arena scratch = {.max = SCRATCH_ARENA};
    struct slice list[DIRECTORY_ADDRESSES_MAX];
    bool primary = false;
    size_t n = 0;

    for (size_t i = p->address; i < p->end; i++) {
        for (size_t v = 0; v < entry->attributes[i].count && n < DIRECTORY_ADDRESSES_MAX; v++) {
            struct slice address = SLICE_NONE;
            enum entry_address kind =
                entry_address(entry->attributes[i].values[v], &scratch, &address);
            if (kind != ENTRY_NO_ADDRESS) {
                add_address(list, &n, address, kind == ENTRY_PRIMARY && !primary);
                primary = primary || kind == ENTRY_PRIMARY;
            }
        }
    }
    keep_addresses(list, n, arena, out);
}

/* What stands in no bounds of the keeper's is left out. */
static struct slice read_name(const struct places *p, const struct dirlink_entry *entry,
                              struct arena *arena)
{
    for (size_t i = p->name; i < p->address; i++) {
        const struct dirlink_values *v = &entry->attributes[i];
        if (v->count && v->values[0].len && slice_is_utf8(v->values[0])) {
            return letter_text(arena, v->values[0], NAME_TEXT_MAX);
        }
    }
    return SLICE_NONE;
}

/* What one membership means; of roles the first in the order of the meanings counts. */
static void mean(const struct meaning *m, const struct meaning **role, struct slice *groups,
                 size_t *n)
{
    if (m->group.len == 0) {
        *role = !*role || m < *role ? m : *role;
    } else if (*n < GROUPS_MAX && !has_text(groups, *n, m->group)) {
        groups[(*n)++] = m->group;
    }
}

static const struct membership *first_member(const struct gathering *g, struct slice dn)
{
    size_t low = 0;
    size_t high = g->n_members;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(g->members[middle].dn, dn) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return &g->members[low];
}

static int by_text(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

static void read_groups_of(const struct gathering *g, const struct places *p,
                           const struct dirlink_entry *entry, struct arena *arena,
                           struct directory_person *out)
{
    const struct dirlink_values *of = &entry->attributes[p->member_of];
    OWN(arena) struct arena scratch = {.max = SCRATCH_ARENA};
    struct slice *groups = arena_array(arena, GROUPS_MAX, sizeof(*groups));
    struct slice dn = dirlink_dn(entry->dn, &scratch);
    const struct meaning *role = NULL;
    size_t n = 0;

    for (const struct membership *m = g->n_members ? first_member(g, dn) : NULL;
         m && m < g->members + g->n_members && slice_equal(m->dn, dn); m++) {
        mean(m->meaning, &role, groups, &n);
    }
    for (size_t i = 0; i < of->count; i++) {
        arena_reset(&scratch);
        struct slice group = dirlink_dn(of->values[i], &scratch);
        for (size_t k = 0; k < g->n_meanings; k++) {
            if (group.len && slice_equal(group, g->meanings[k].dn)) {
                mean(&g->meanings[k], &role, groups, &n);
            }
        }
    }
    if (n) {
        qsort(groups, n, sizeof(*groups), by_text);
    }
    out->groups = (struct cbor_list){groups, n};
    out->role = role ? role->role : 0;
}

static bool add_person(struct gathering *g, const struct places *p,
                       const struct dirlink_entry *entry, struct error *e)
{
    const struct dirlink_values *key = &entry->attributes[p->key];
    const struct directory_settings *s = g->visit->section;
    struct directory_person *out = &g->people[g->n_people];

    if (key->count != 1 || key->values[0].len == 0 || key->values[0].len > DIRECTORY_KEY_MAX) {
        return error_set(e, ERROR_CONFIG,
                         "an entry has no `%.*s` by which it could be known again: see "
                         "`key-attribute`, and what `bind-dn` may read",
                         SLICE_ARG(settings_directory_key(s)));
    }
    if (!groups_have_room(g, 0, e)) {
        return false;
    }
    *out = (struct directory_person){.key = arena_copy(g->visit->arena, key->values[0])};
    read_addresses(p, entry, g->visit->arena, out);
    read_groups_of(g, p, entry, g->visit->arena, out);
    out->name = read_name(p, entry, g->visit->arena);
    out->closed = visit_is_locked(entry);
    if (out->role == 0 && s->employees.count) {
        return true; /* in none of the groups whose members have an account */
    }
    if (out->role == 0 && settings_directory_says_roles(s)) {
        out->role = ACCOUNT_EMPLOYEE;
    }
    g->n_people++;
    return true;
}

/* ── everybody ── */

static bool read_page(struct gathering *g, const struct places *p, struct dirlink_search *search,
                      struct error *e)
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
                         SLICE_ARG(slice_head(g->visit->section->base, 150)));
    }
    for (size_t i = 0; i < count; i++) {
        if (g->n_people == DIRECTORY_PEOPLE_MAX) {
            return error_set(e, ERROR_LIMIT,
                             "there are more than %d people: a narrower `base` or `user-filter` "
                             "is wanted",
                             DIRECTORY_PEOPLE_MAX);
        }
        if (!add_person(g, p, &entries[i], e)) {
            return false;
        }
    }
    if (!groups_have_room(g, search->cookie.len, e)) {
        return false;
    }
    search->cookie = arena_copy(g->visit->arena, search->cookie);
    return true;
}

bool visit_people(struct visit *v, struct directory_person **people, size_t *count, struct error *e)
{
    struct gathering g = {.visit = v};
    struct places places;

    find_places(v->section, &places);
    struct dirlink_search search = {.base = v->section->base,
                                    .filter = settings_directory_filter(v->section),
                                    .attributes = places.names,
                                    .n_attributes = places.end,
                                    .paged = true};
    g.people = arena_array(v->arena, DIRECTORY_PEOPLE_MAX, sizeof(*g.people));
    if (!groups_read(&g, e)) {
        return false;
    }
    do {
        if (!read_page(&g, &places, &search, e)) {
            return false;
        }
    } while (search.cookie.len);
    *people = g.people;
    *count = g.n_people;
    return true;
}
