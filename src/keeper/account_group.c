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
