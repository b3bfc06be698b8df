#include "keeper/sync_plan.h"

#include <stdlib.h>

#include "letter/group.h"

#define NOTES_MAX 20000

/* Somebody's hold of an address. The first in order has it. */
struct claim {
    struct slice address; /* in lower case */
    bool held;            /* by an account, otherwise wanted by a person */
    size_t who;           /* number of the account or the person */
};

struct planning {
    const struct sync_scene *scene;
    struct arena *arena;
    struct sync_plan *out;
    const struct account **own; /* of this directory, by key */
    size_t n_own;
    struct claim *claims;
    size_t n_claims;
    bool *seen;      /* account n was met among the people */
    bool *again;     /* person n has a key that one before has */
    size_t officers; /* in office, less those whom the plan takes */
    size_t administrators;
};

static struct slice lower(struct slice text, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, text.len + 1);

    for (size_t i = 0; i < text.len; i++) {
        copy[i] = ascii_lower(text.ptr[i]);
    }
    return slice_of(copy, text.len);
}

static void note(struct planning *p, struct slice sentence)
{
    if (p->out->n_notes < NOTES_MAX) {
        p->out->notes[p->out->n_notes++] = sentence;
    }
}

/* ── who has what ── */

static int by_key(const void *a, const void *b)
{
    const struct account *x = *(const struct account *const *)a;
    const struct account *y = *(const struct account *const *)b;

    return slice_compare(x->directory_key, y->directory_key);
}

static int by_claim(const void *a, const void *b)
{
    const struct claim *x = a;
    const struct claim *y = b;
    int order = slice_compare(x->address, y->address);

    if (order) {
        return order;
    }
    if (x->held != y->held) {
        return x->held ? -1 : 1;
    }
    return (x->who > y->who) - (x->who < y->who);
}

static void claim(struct planning *p, struct slice address, bool held, size_t who)
{
    p->claims[p->n_claims++] = (struct claim){lower(address, p->arena), held, who};
}

static void gather_claims(struct planning *p)
{
    const struct sync_scene *s = p->scene;
    size_t room = s->n_accounts;

    for (size_t i = 0; i < s->n_accounts; i++) {
        room += s->accounts[i].addresses.count;
    }
    for (size_t i = 0; i < s->n_people; i++) {
        room += s->people[i].addresses.count;
    }
    p->claims = arena_array(p->arena, room + 1, sizeof(*p->claims));
    for (size_t i = 0; i < s->n_accounts; i++) {
        const struct slice *also = s->accounts[i].addresses.items;
        claim(p, s->accounts[i].name, true, i);
        for (size_t n = 0; n < s->accounts[i].addresses.count; n++) {
            claim(p, also[n], true, i);
        }
    }
    for (size_t i = 0; i < s->n_people; i++) {
        const struct slice *addresses = s->people[i].addresses.items;
        for (size_t n = 0; n < s->people[i].addresses.count; n++) {
            claim(p, addresses[n], false, i);
        }
    }
    qsort(p->claims, p->n_claims, sizeof(*p->claims), by_claim);
}

/* The first claim on the address: whose it is. */
static const struct claim *holder_of(const struct planning *p, struct slice address)
{
    const struct slice wanted = lower(address, p->arena);
    size_t low = 0;
    size_t high = p->n_claims;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(p->claims[middle].address, wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < p->n_claims && slice_equal(p->claims[low].address, wanted) ? &p->claims[low]
                                                                            : NULL;
}

static const struct account *account_of(const struct planning *p, struct slice key)
{
    const struct account wanted = {.directory_key = key};
    const struct account *pointer = &wanted;
    const struct account *const *found =
        p->n_own ? bsearch(&pointer, p->own, p->n_own, sizeof(struct account *), by_key) : NULL;

    return found ? *found : NULL;
}

/* ── one person's addresses ── */

static bool has_address(const struct account *a, struct slice address)
{
    const struct slice *also = a->addresses.items;
    bool has = slice_equal_nocase(a->name, address);

    for (size_t i = 0; i < a->addresses.count; i++) {
        has = has || slice_equal_nocase(also[i], address);
    }
    return has;
}

static void note_objection(struct planning *p, enum sync_objection why, struct slice address)
{
    if (why == SYNC_UNREADABLE) {
        note(p, arena_printf(p->arena, "left out: `%.*s` is no address as letters may have it",
                             SLICE_ARG(slice_head(address, 100))));
    } else if (why == SYNC_WAS_OTHERS) {
        note(p, arena_printf(p->arena,
                             "left out: %.*s was another account's; `postern user set --address` "
                             "gives it to somebody",
                             SLICE_ARG(address)));
    }
}

/* Whether the person may have it, who has the account `was` or none. */
static bool may_have(struct planning *p, size_t person, const struct account *was,
                     struct slice name, struct slice address)
{
    const struct sync_scene *s = p->scene;
    const struct claim *first = holder_of(p, address);

    if (was && has_address(was, address)) {
        return true;
    }
    enum sync_objection why = s->object(s->context, name, address);
    if (why != SYNC_FINE) {
        note_objection(p, why, address);
        return false;
    }
    if (first && !first->held && first->who == person) {
        return true;
    }
    note(p, arena_printf(p->arena, "left out: %.*s is %s", SLICE_ARG(address),
                         first && first->held ? "another account's"
                                              : "said of two people in the directory"));
    return false;
}

static struct cbor_list addresses_of(struct planning *p, size_t person, const struct account *was,
                                     struct slice name)
{
    const struct cbor_list *asked = &p->scene->people[person].addresses;
    const struct slice *all = asked->items;
    struct slice *kept = arena_array(p->arena, asked->count + 1, sizeof(*kept));
    size_t n = 0;

    for (size_t i = 0; i < asked->count; i++) {
        if (!slice_equal_nocase(all[i], name) && may_have(p, person, was, name, all[i])) {
            kept[n++] = all[i];
        }
    }
    return (struct cbor_list){kept, n};
}

/* ── role and groups ── */

/* The settings name a group that gives it; the directory process cannot make up another. */
static bool is_mapped_role(const struct directory_settings *s, uint64_t role)
{
    return (role == ACCOUNT_OFFICER && s->officers.count) ||
           (role == ACCOUNT_AUDITOR && s->auditors.count) ||
           (role == ACCOUNT_ADMINISTRATOR && s->administrators.count) ||
           (role == ACCOUNT_EMPLOYEE && (s->employees.count || settings_directory_says_roles(s)));
}

static bool is_mapped_group(const struct directory_settings *s, struct slice group)
{
    const struct slice *all = s->groups.items;
    bool mapped = false;
    struct slice ours;
    struct slice dn;

    for (size_t i = 0; i < s->groups.count; i++) {
        mapped =
            mapped || (settings_directory_group(all[i], &ours, &dn) && slice_equal(ours, group));
    }
    return mapped;
}

static int by_text(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* Those that people gave here, and those that the directory says. */
static struct cbor_list groups_of(struct planning *p, const struct directory_person *person,
                                  const struct account *was)
{
    const struct directory_settings *s = p->scene->section;
    const struct slice *said = person->groups.items;
    const struct slice *had = was ? was->groups.items : NULL;
    struct slice *kept = arena_array(p->arena, GROUPS_MAX + 1, sizeof(*kept));
    size_t n = 0;

    for (size_t i = 0; was && i < was->groups.count && n < GROUPS_MAX; i++) {
        if (!is_mapped_group(s, had[i])) {
            kept[n++] = had[i];
        }
    }
    size_t own = n;
    for (size_t i = 0; i < person->groups.count && n < GROUPS_MAX; i++) {
        const struct cbor_list so_far = {kept, n};
        if (is_mapped_group(s, said[i]) && !sync_has(&so_far, said[i])) {
            kept[n++] = said[i];
        }
    }
    if (n > own) {
        qsort(kept + own, n - own, sizeof(*kept), by_text);
    }
    return (struct cbor_list){kept, n};
}

/* ── what it comes to ── */

static size_t *count_of(struct planning *p, uint64_t role)
{
    return role == ACCOUNT_OFFICER         ? &p->officers
           : role == ACCOUNT_ADMINISTRATOR ? &p->administrators
                                           : NULL;
}

/* The last officer and the last administrator stay what they are: nobody could undo it. */
static void keep_last(struct planning *p, const struct account *was, struct account *now)
{
    size_t *left = was && !was->disabled ? count_of(p, was->role) : NULL;

    if (!left || (!now->disabled && now->role == was->role)) {
        return;
    }
    if (*left > 1) {
        (*left)--;
        return;
    }
    note(p, arena_printf(p->arena, "left as it is: %.*s is the last %s", SLICE_ARG(was->name),
                         account_role_name(was->role)));
    now->role = was->role;
    now->disabled = was->disabled;
    now->directory_closed = was->directory_closed;
}

static bool is_same(const struct account *was, const struct account *now)
{
    return was->role == now->role && was->disabled == now->disabled &&
           was->directory_closed == now->directory_closed &&
           slice_equal(was->display, now->display) && sync_is_same(&was->groups, &now->groups) &&
           sync_is_same(&was->addresses, &now->addresses);
}

static void add_change(struct planning *p, const struct account *was, struct account now,
                       const char *why)
{
    struct sync_change *c = &p->out->changes[p->out->n_changes];

    keep_last(p, was, &now);
    if (was && is_same(was, &now)) {
        return;
    }
    bool closes = was && now.disabled && !was->disabled;
    bool opens = was && !now.disabled && was->disabled;
    *c = (struct sync_change){.kind = !was     ? SYNC_ADD
                                      : closes ? SYNC_CLOSE
                                      : opens  ? SYNC_OPEN
                                               : SYNC_CHANGE,
                              .was = was,
                              .now = now,
                              .detail = sync_describe(was, &now,
                                                      closes  ? why
                                                      : opens ? "open again"
                                                              : "",
                                                      p->arena),
                              .gives = now.role != ACCOUNT_EMPLOYEE && !now.disabled &&
                                       (!was || was->disabled || was->role != now.role)};
    p->out->taken += was && !was->disabled && !now.disabled && was->role != ACCOUNT_EMPLOYEE &&
                     now.role == ACCOUNT_EMPLOYEE;
    p->out->counts[c->kind]++;
    p->out->n_changes++;
}

/* ── people ── */

/* The name of a new account: the first address that is ours, if it can be had. Empty: there is none. */
static struct slice name_for(struct planning *p, size_t person)
{
    const struct sync_scene *s = p->scene;
    const struct slice *all = s->people[person].addresses.items;

    for (size_t i = 0; i < s->people[person].addresses.count; i++) {
        if (s->object(s->context, all[i], all[i]) != SYNC_FOREIGN) {
            return may_have(p, person, NULL, all[i], all[i]) ? all[i] : SLICE_NONE;
        }
    }
    return SLICE_NONE;
}

/* A key that two people have would make one account theirs both. */
static void find_twins(struct planning *p)
{
    const struct sync_scene *s = p->scene;
    struct account *keys = arena_array(p->arena, s->n_people + 1, sizeof(*keys));
    const struct account **order = arena_array(p->arena, s->n_people + 1, sizeof(struct account *));

    p->again = arena_array(p->arena, s->n_people + 1, sizeof(*p->again));
    for (size_t i = 0; i < s->n_people; i++) {
        keys[i] = (struct account){.directory_key = s->people[i].key};
        order[i] = &keys[i];
        p->again[i] = false;
    }
    if (s->n_people) {
        qsort(order, s->n_people, sizeof(struct account *), by_key);
    }
    for (size_t i = 1; i < s->n_people; i++) {
        if (by_key(&order[i - 1], &order[i]) == 0) {
            p->again[order[i] - keys] = true;
            p->again[order[i - 1] - keys] = true;
        }
    }
}

/* The account as it is, or a new one; its name is empty when there is to be none. */
static struct account begin_with(struct planning *p, size_t number, const struct account *was)
{
    const struct sync_scene *s = p->scene;
    const struct directory_person *person = &s->people[number];
    struct account now = {.created_at = s->now,
                          .role = ACCOUNT_EMPLOYEE,
                          .directory = s->section->name,
                          .directory_key = person->key};

    if (was) {
        p->seen[was - s->accounts] = true;
        now = *was;
    }
    if (p->again[number]) {
        note(p, SLICE("left out: two entries have the same key; see `key-attribute`"));
        now.name = SLICE_NONE;
    } else if (!was && !person->closed) {
        now.name = name_for(p, number);
    }
    return now;
}

static void plan_person(struct planning *p, size_t number)
{
    const struct sync_scene *s = p->scene;
    const struct directory_person *person = &s->people[number];
    const struct account *was = account_of(p, person->key);
    struct account now = begin_with(p, number, was);

    if (now.name.len == 0) {
        return; /* none of its addresses is ours, or can be had */
    }
    now.display = person->name.len ? person->name : now.display;
    now.addresses = addresses_of(p, number, was, now.name);
    now.groups = groups_of(p, person, was);
    now.role = is_mapped_role(s->section, person->role) ? person->role : now.role;
    if (person->closed && !now.disabled) {
        now.disabled = now.directory_closed = true;
    } else if (!person->closed && now.disabled && now.directory_closed) {
        now.disabled = now.directory_closed = false;
    }
    add_change(p, was, now, "locked in the directory");
}

static void plan_gone(struct planning *p)
{
    for (size_t i = 0; i < p->n_own; i++) {
        const struct account *was = p->own[i];
        if (!p->seen[was - p->scene->accounts] && !was->disabled) {
            struct account now = *was;
            now.disabled = now.directory_closed = true;
            add_change(p, was, now, "gone from the directory");
        }
    }
}

void sync_plan_make(const struct sync_scene *scene, struct arena *arena, struct sync_plan *out)
{
    struct planning p = {.scene = scene, .arena = arena, .out = out};

    *out = (struct sync_plan){.open = 0};
    out->changes =
        arena_array(arena, scene->n_people + scene->n_accounts + 1, sizeof(*out->changes));
    out->notes = arena_array(arena, NOTES_MAX, sizeof(*out->notes));
    p.own = arena_array(arena, scene->n_accounts + 1, sizeof(struct account *));
    p.seen = arena_array(arena, scene->n_accounts + 1, sizeof(*p.seen));
    for (size_t i = 0; i < scene->n_accounts; i++) {
        const struct account *a = &scene->accounts[i];
        size_t *count = a->disabled ? NULL : count_of(&p, a->role);
        p.seen[i] = false;
        if (count) {
            (*count)++;
        }
        if (slice_equal(a->directory, scene->section->name)) {
            p.own[p.n_own++] = a;
            out->open += !a->disabled;
            out->offices += !a->disabled && a->role != ACCOUNT_EMPLOYEE;
        }
    }
    if (p.n_own) {
        qsort(p.own, p.n_own, sizeof(struct account *), by_key);
    }
    gather_claims(&p);
    find_twins(&p);
    for (size_t i = 0; i < scene->n_people; i++) {
        plan_person(&p, i);
    }
    plan_gone(&p);
}

bool sync_plan_is_alarming(const struct sync_plan *plan)
{
    size_t closed = plan->counts[SYNC_CLOSE];

    return (closed >= SYNC_CLOSE_MIN && closed * 3 > plan->open) ||
           (closed > 1 && closed == plan->open) ||
           (plan->taken > 1 && plan->taken * 3 > plan->offices);
}
