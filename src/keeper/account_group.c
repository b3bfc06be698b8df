#include "keeper/account_parts.h"
#include "keeper/internal.h"

static bool has(const struct cbor_list *list, struct slice name)
{
    const struct slice *items = list->items;
    bool found = false;

    for (size_t i = 0; i < list->count; i++) {
        found = found || slice_equal(items[i], name);
    }
    return found;
}

bool account_is_in_group(const struct account *a, struct slice group)
{
    return has(&a->groups, group);
}

/* Whether a rule names one of `list` that is not in `other`. */
static bool ruled_alone(struct keeper *k, const struct cbor_list *list,
                        const struct cbor_list *other)
{
    const struct slice *items = list->items;
    bool ruled = false;

    for (size_t i = 0; i < list->count; i++) {
        ruled = ruled || (!has(other, items[i]) && retention_names_group(k, items[i]));
    }
    return ruled;
}

bool account_changes_ruled_group(const struct change *c)
{
    const struct cbor_list none = {NULL, 0};
    const struct cbor_list *old = c->found ? &c->old.groups : &none;
    struct keeper *k = c->admin->keeper;

    return ruled_alone(k, old, &c->account.groups) || ruled_alone(k, &c->account.groups, old);
}

/* Whether somebody may send as who is in that group. */
static bool is_delegated(struct keeper *k, const struct delegations *all, struct slice group)
{
    const struct delegation *rows = all->rows.items;
    uint64_t now = (uint64_t)approvals_now(k);
    bool delegated = false;

    for (size_t i = 0; i < all->rows.count; i++) {
        delegated =
            delegated || (slice_equal(rows[i].from, group) && !delegation_is_over(&rows[i], now));
    }
    return delegated;
}

static bool gains_address(const struct change *c)
{
    const struct slice *addresses = c->account.addresses.items;
    bool gains = !c->found;

    for (size_t i = 0; i < c->account.addresses.count; i++) {
        gains = gains || !account_has_address(&c->old, addresses[i]);
    }
    return gains;
}

bool account_adds_to_delegation(const struct change *c)
{
    const struct slice *groups = c->account.groups.items;
    struct delegations all;
    bool adds = false;

    delegations_all(c->admin->keeper, c->arena, &all);
    for (size_t i = 0; i < c->account.groups.count; i++) {
        bool new = !c->found || !account_is_in_group(&c->old, groups[i]);
        adds =
            adds || ((new || gains_address(c)) && is_delegated(c->admin->keeper, &all, groups[i]));
    }
    return adds;
}

bool account_groups_of(struct keeper *k, struct slice address, struct arena *arena,
                       struct cbor_list *groups, struct error *e)
{
    struct account *accounts = NULL;
    size_t count = 0;

    *groups = (struct cbor_list){NULL, 0};
    if (address.len == 0) {
        return true;
    }
    if (!state_accounts(k->state, arena, &accounts, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (accounts[i].groups.count && account_has_address(&accounts[i], address)) {
            *groups = accounts[i].groups;
        }
    }
    return true;
}
