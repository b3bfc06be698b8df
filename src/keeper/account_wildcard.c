/* An application may send as every address of a domain, by that domain's name: `*@alerts.example.test`. */
#include "keeper/account_parts.h"
#include "keeper/internal.h"

static bool is_wildcard(struct slice address)
{
    return slice_starts(address, SLICE("*@"));
}

void account_split_addresses(const struct cbor_list *asked, struct arena *arena,
                             struct cbor_list *addresses, struct cbor_list *domains)
{
    const struct slice *all = asked->items;
    struct slice *plain = arena_array(arena, asked->count + 1, sizeof(*plain));
    struct slice *wild = arena_array(arena, asked->count + 1, sizeof(*wild));
    size_t n_plain = 0;
    size_t n_wild = 0;

    for (size_t i = 0; i < asked->count; i++) {
        if (is_wildcard(all[i])) {
            wild[n_wild++] = account_canonical(slice_from(all[i], 2), arena);
        } else {
            plain[n_plain++] = all[i];
        }
    }
    *addresses = (struct cbor_list){plain, n_plain};
    *domains = (struct cbor_list){wild, n_wild};
}

struct cbor_list account_join_addresses(const struct account *a, struct arena *arena)
{
    const struct slice *plain = a->addresses.items;
    const struct slice *wild = a->domains.items;
    size_t count = a->addresses.count + a->domains.count;
    struct slice *all = arena_array(arena, count + 1, sizeof(*all));

    for (size_t i = 0; i < a->addresses.count; i++) {
        all[i] = plain[i];
    }
    for (size_t i = 0; i < a->domains.count; i++) {
        all[a->addresses.count + i] = arena_printf(arena, "*@%.*s", SLICE_ARG(wild[i]));
    }
    return (struct cbor_list){all, count};
}

static bool has_domain(const struct account *a, struct slice domain)
{
    const struct slice *domains = a->domains.items;
    bool has = false;

    for (size_t i = 0; i < a->domains.count; i++) {
        has = has || slice_equal(domains[i], domain);
    }
    return has;
}

bool account_gains_domain(const struct change *c)
{
    const struct slice *domains = c->account.domains.items;
    bool gains = false;

    for (size_t i = 0; i < c->account.domains.count; i++) {
        gains = gains || !c->found || !has_domain(&c->old, domains[i]);
    }
    return gains;
}

static bool has_address_in(const struct account *a, struct slice domain)
{
    const struct slice *also = a->addresses.items;
    bool has = slice_equal_nocase(letter_domain(a->name), domain);

    for (size_t i = 0; i < a->addresses.count; i++) {
        has = has || slice_equal_nocase(letter_domain(also[i]), domain);
    }
    return has;
}

/* People's addresses stand in other domains: one that nobody has yet would be the application's. */
static bool is_nobodys(const struct change *c, struct slice domain, struct error *e)
{
    struct account *accounts = NULL;
    size_t count = 0;

    if (!state_accounts(c->admin->keeper->state, c->arena, &accounts, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!slice_equal(accounts[i].name, c->account.name) &&
            has_address_in(&accounts[i], domain)) {
            return error_set(e, ERROR_INPUT,
                             "`%.*s` has an address in %.*s: give applications a domain of their "
                             "own",
                             SLICE_ARG(accounts[i].name), SLICE_ARG(domain));
        }
    }
    return true;
}

bool account_check_domains(const struct change *c, struct error *e)
{
    const struct slice *domains = c->account.domains.items;

    if (c->account.domains.count && c->account.role != ACCOUNT_APPLICATION) {
        return error_set(e, ERROR_INPUT,
                         "only an application (`--role application`) sends as every address of a "
                         "domain; name the others one by one");
    }
    for (size_t i = 0; i < c->account.domains.count; i++) {
        struct slice some = arena_printf(c->arena, "x@%.*s", SLICE_ARG(domains[i]));
        if (c->found && has_domain(&c->old, domains[i])) {
            continue;
        }
        if (!account_address_is_ours(c->admin->keeper, some, c->arena, e) ||
            !is_nobodys(c, domains[i], e)) {
            return false;
        }
    }
    return true;
}
