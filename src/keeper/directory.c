#include "keeper/directory.h"

#include <stdlib.h>

#include "formats/mail/address.h"
#include "formats/smtp/address.h"
#include "keeper/account_parts.h"
#include "keeper/internal.h"

#define KEY_ROOM      1024                /* a key, and what reading it takes */
#define DIRECTORY_MAX ((size_t)512 << 20) /* some million addresses */

struct directory_row {
    struct slice
        key; /* local@domain: the local part in lower case, the domain in canonical form; or a group's name */
    struct slice account; /* or an address */
};

void directory_close(struct directory *d)
{
    arena_done(&d->arena);
    (void)pthread_mutex_destroy(&d->lock);
}

static struct slice make_key(struct slice local, struct slice domain, struct arena *arena)
{
    return arena_printf(arena, "%.*s@%.*s", SLICE_ARG(account_canonical(local, arena)),
                        SLICE_ARG(domain));
}

/* One that is no address has none. */
static struct slice key_of(struct slice text, struct arena *arena)
{
    uint8_t domain[SMTP_DOMAIN_MAX];
    size_t len = 0;
    struct mail_address address;
    struct error ignored;

    if (mail_address_read(text, true, arena, &address) != MAIL_ADDRESS_CLEAR ||
        !smtp_domain_canonical(address.domain, domain, &len, &ignored)) {
        return SLICE_NONE;
    }
    return make_key(address.local, slice_of(domain, len), arena);
}

static void add(struct directory *d, struct slice text, const struct account *a)
{
    const struct slice *groups = a->groups.items;
    struct slice key = key_of(text, &d->arena);

    if (key.len) {
        d->rows[d->count++] = (struct directory_row){key, a->name};
    }
    for (size_t i = 0; i < a->groups.count; i++) {
        d->groups[d->n_groups++] = (struct directory_row){groups[i], text};
    }
}

static int compare(const void *a, const void *b)
{
    const struct directory_row *x = a;
    const struct directory_row *y = b;

    return slice_compare(x->key, y->key);
}

static bool read_all(struct keeper *k, struct directory *d, struct error *e)
{
    struct account *accounts = NULL;
    size_t count = 0;
    size_t room = 1;
    size_t in_groups = 1;
    uint64_t version = state_accounts_version(k->state);

    arena_done(&d->arena);
    arena_init(&d->arena, DIRECTORY_MAX);
    d->read = false;
    d->count = 0;
    d->n_groups = 0;
    if (!state_accounts(k->state, &d->arena, &accounts, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        room += 1 + accounts[i].addresses.count;
        in_groups += (1 + accounts[i].addresses.count) * accounts[i].groups.count;
    }
    if (arena_left(&d->arena) <
        room * (sizeof(*d->rows) + KEY_ROOM) + in_groups * sizeof(*d->groups)) {
        return error_set(e, ERROR_LIMIT, "the accounts have too many addresses and groups");
    }
    d->rows = arena_array(&d->arena, room, sizeof(*d->rows));
    d->groups = arena_array(&d->arena, in_groups, sizeof(*d->groups));
    for (size_t i = 0; i < count; i++) {
        const struct slice *also = accounts[i].addresses.items;
        add(d, accounts[i].name, &accounts[i]);
        for (size_t n = 0; n < accounts[i].addresses.count; n++) {
            add(d, also[n], &accounts[i]);
        }
    }
    qsort(d->rows, d->count, sizeof(*d->rows), compare);
    qsort(d->groups, d->n_groups, sizeof(*d->groups), compare);
    d->version = version;
    d->read = true;
    return true;
}

/* The first row of that key or a greater one. */
static size_t first(const struct directory_row *rows, size_t count, struct slice key)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(rows[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool find(const struct directory *d, struct slice key, struct slice account)
{
    bool another = false;

    for (size_t i = first(d->rows, d->count, key); i < d->count && slice_equal(d->rows[i].key, key);
         i++) {
        another = another || !slice_equal(d->rows[i].account, account);
    }
    return another;
}

/* What stands beside a key; in the arena. */
static struct slice *values(const struct directory_row *rows, size_t count, struct slice key,
                            struct arena *arena, size_t *n)
{
    size_t from = first(rows, count, key);
    size_t to = from;

    while (to < count && slice_equal(rows[to].key, key)) {
        to++;
    }
    struct slice *out = arena_array(arena, to - from + 1, sizeof(*out));
    for (size_t i = from; i < to; i++) {
        out[i - from] = arena_copy(arena, rows[i].account);
    }
    *n = to - from;
    return out;
}

/* Have it be what the state says; under the lock. */
static bool be_current(struct keeper *k, struct directory *d, struct error *e)
{
    return (d->read && d->version == state_accounts_version(k->state)) || read_all(k, d, e);
}

bool directory_accounts(struct keeper *k, struct slice address, struct arena *arena,
                        struct slice **accounts, size_t *count, struct error *e)
{
    struct directory *d = &k->senders.directory;
    struct slice key = key_of(address, arena);

    *accounts = NULL;
    *count = 0;
    (void)pthread_mutex_lock(&d->lock);
    bool ok = be_current(k, d, e);
    if (ok && key.len) {
        *accounts = values(d->rows, d->count, key, arena, count);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return ok;
}

bool directory_group(struct keeper *k, struct slice group, struct arena *arena,
                     struct slice **addresses, size_t *count, struct error *e)
{
    struct directory *d = &k->senders.directory;

    *addresses = NULL;
    *count = 0;
    (void)pthread_mutex_lock(&d->lock);
    bool ok = be_current(k, d, e);
    if (ok) {
        *addresses = values(d->groups, d->n_groups, group, arena, count);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return ok;
}

bool directory_has_another(struct keeper *k, struct slice account, struct slice local,
                           struct slice domain, bool *another, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct slice key = make_key(local, domain, &arena);
    struct directory *d = &k->senders.directory;

    (void)pthread_mutex_lock(&d->lock);
    bool ok = be_current(k, d, e);
    *another = ok && find(d, key, account);
    (void)pthread_mutex_unlock(&d->lock);
    return ok;
}
