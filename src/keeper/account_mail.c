/* By its addresses an account reads what was imported as mail of theirs. Whose an address was stays in the state when it
 * is given up: "held/ADDRESS" is the account, or SHARED when it was several accounts'. */
#include "catalog/catalog.h"
#include "keeper/account_parts.h"
#include "keeper/internal.h"

#define SHARED       "*"
#define IMPORTS_PAGE 500

bool account_has_address(const struct account *a, struct slice address)
{
    const struct slice *also = a->addresses.items;
    bool in = slice_equal_nocase(a->name, address);

    for (size_t i = 0; i < a->addresses.count; i++) {
        in = in || slice_equal_nocase(also[i], address);
    }
    return in;
}

static struct slice held_name(struct slice address, struct arena *arena)
{
    return arena_printf(arena, "held/%.*s", SLICE_ARG(account_canonical(address, arena)));
}

/* Of an account that there is. */
static bool is_others(const struct change *c, struct slice address, bool *others, struct error *e)
{
    struct account *accounts = NULL;
    size_t count = 0;

    if (!state_accounts(c->admin->keeper->state, c->arena, &accounts, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        *others = *others || (!slice_equal(accounts[i].name, c->account.name) &&
                              account_has_address(&accounts[i], address));
    }
    return true;
}

bool account_was_others(struct keeper *k, struct slice account, struct slice address,
                        struct arena *arena, bool *others, struct error *e)
{
    struct slice holder;
    bool found = false;

    if (!state_value_get(k->state, held_name(address, arena), arena, &holder, &found, e)) {
        return false;
    }
    *others = *others || (found && !slice_equal(holder, account));
    return true;
}

/* Look through a page of imports, the newest first; *before moves to its last. */
static bool look_through(struct keeper *k, struct catalog *catalog, struct slice address,
                         uint64_t *before, size_t *count, bool *imported, struct error *e)
{
    OWN(arena) struct arena arena = {.max = (size_t)16 << 20};
    OWN(arena) struct arena one = {.max = (size_t)64 << 20};
    struct catalog_import *imports = NULL;

    if (!catalog_imports(catalog, *before, IMPORTS_PAGE, &arena, &imports, count, e)) {
        return false;
    }
    for (size_t i = 0; i < *count && !*imported; i++) {
        struct catalog_record *records = NULL;
        struct import_record r;
        size_t n = 0;
        arena_reset(&one);
        if (!catalog_records(catalog, imports[i].seq, &one, &records, &n, e) ||
            (n && !keeper_read(k, records[0].ref, &import_record_schema, &one, &r, e))) {
            return false;
        }
        *imported = n && slice_equal_nocase(r.owner, address);
        *before = imports[i].seq;
    }
    return true;
}

static bool is_of_imports(const struct change *c, struct slice address, bool *imported,
                          struct error *e)
{
    OWN(catalog) struct catalog *catalog = NULL;
    struct keeper *k = c->admin->keeper;
    uint64_t before = UINT64_MAX;
    size_t count = IMPORTS_PAGE;

    (void)tail_settle(k);
    if (!catalog_open(k->options.catalog_path, false, SLICE_NONE, &catalog, e)) {
        return false;
    }
    while (count == IMPORTS_PAGE && !*imported) {
        if (!look_through(k, catalog, address, &before, &count, imported, e)) {
            return false;
        }
    }
    return true;
}

static bool takes(const struct change *c, struct slice address, struct slice *out, struct error *e)
{
    bool others = false;

    if (out->len || (c->found && account_has_address(&c->old, address))) {
        return true;
    }
    if (!is_others(c, address, &others, e) ||
        !account_was_others(c->admin->keeper, c->account.name, address, c->arena, &others, e) ||
        (!others && !is_of_imports(c, address, &others, e))) {
        return false;
    }
    *out = others ? address : *out;
    return true;
}

bool account_takes_mail(const struct change *c, struct slice *address, struct error *e)
{
    const struct slice *also = c->account.addresses.items;
    bool told = takes(c, c->account.name, address, e);

    for (size_t i = 0; told && i < c->account.addresses.count; i++) {
        told = takes(c, also[i], address, e);
    }
    return told;
}

bool account_remember_addresses(struct keeper *k, const struct account *was,
                                const struct account *now, struct arena *arena, struct error *e)
{
    const struct slice *also = was ? was->addresses.items : NULL;

    for (size_t i = 0; was && i < was->addresses.count; i++) {
        struct slice name = held_name(also[i], arena);
        struct slice holder = was->name;
        bool found = false;
        if (account_has_address(now, also[i])) {
            continue;
        }
        if (!state_value_get(k->state, name, arena, &holder, &found, e)) {
            return false;
        }
        bool another = found && !slice_equal(holder, was->name);
        if (!state_value_put(k->state, name, another ? SLICE(SHARED) : was->name, e)) {
            return false;
        }
    }
    return true;
}
