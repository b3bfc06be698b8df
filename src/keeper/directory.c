#include "keeper/directory.h"

#include <stdlib.h>

#include "formats/mail/address.h"
#include "formats/smtp/address.h"
#include "keeper/account_parts.h"
#include "keeper/internal.h"

#define DIRECTORY_MAX ((size_t)512 << 20) /* some million addresses */

struct directory_row {
    struct slice key; /* local@domain: the local part in lower case, the domain in canonical form */
    struct slice account;
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

/* One that is no address is nobody's. */
static void add(struct directory *d, struct slice text, struct slice account)
{
    uint8_t domain[SMTP_DOMAIN_MAX];
    size_t len = 0;
    struct mail_address address;
    struct error ignored;

    if (mail_address_read(text, true, &d->arena, &address) != MAIL_ADDRESS_CLEAR ||
        !smtp_domain_canonical(address.domain, domain, &len, &ignored)) {
        return;
    }
    d->rows[d->count++] =
        (struct directory_row){make_key(address.local, slice_of(domain, len), &d->arena), account};
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
    uint64_t version = state_accounts_version(k->state);

    arena_done(&d->arena);
    arena_init(&d->arena, DIRECTORY_MAX);
    d->read = false;
    d->count = 0;
    if (!state_accounts(k->state, &d->arena, &accounts, &count, e)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        room += 1 + accounts[i].addresses.count;
    }
    d->rows = arena_array(&d->arena, room, sizeof(*d->rows));
    for (size_t i = 0; i < count; i++) {
        const struct slice *also = accounts[i].addresses.items;
        add(d, accounts[i].name, accounts[i].name);
        for (size_t n = 0; n < accounts[i].addresses.count; n++) {
            add(d, also[n], accounts[i].name);
        }
    }
    qsort(d->rows, d->count, sizeof(*d->rows), compare);
    d->version = version;
    d->read = true;
    return true;
}

static bool find(const struct directory *d, struct slice key, struct slice account)
{
    size_t low = 0;
    size_t high = d->count;
    bool another = false;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(d->rows[middle].key, key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (size_t i = low; i < d->count && slice_equal(d->rows[i].key, key); i++) {
        another = another || !slice_equal(d->rows[i].account, account);
    }
    return another;
}

bool directory_has_another(struct keeper *k, struct slice account, struct slice local,
                           struct slice domain, bool *another, struct error *e)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct slice key = make_key(local, domain, &arena);
    struct directory *d = &k->senders.directory;

    (void)pthread_mutex_lock(&d->lock);
    bool ok = (d->read && d->version == state_accounts_version(k->state)) || read_all(k, d, e);
    *another = ok && find(d, key, account);
    (void)pthread_mutex_unlock(&d->lock);
    return ok;
}
