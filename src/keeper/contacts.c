#include "keeper/contacts.h"

#include "keeper/internal.h"

bool contacts_owner(const struct keeper_admin *admin, bool company, bool changes,
                    struct slice *owner, struct error *e)
{
    bool runs = admin->role == ACCOUNT_OFFICER || admin->role == ACCOUNT_ADMINISTRATOR;

    if (company && changes && !runs) {
        return error_set(e, ERROR_DENIED,
                         "the company's contacts are changed by an officer or administrator");
    }
    if (!company && admin->caller.account.len == 0) {
        return error_set(e, ERROR_DENIED,
                         "contacts of one's own are for who is signed in: `postern login ACCOUNT`, "
                         "or give --company");
    }
    *owner = company ? SLICE_NONE : admin->caller.account;
    return true;
}

uint8_t contacts_separator(const struct keeper *k)
{
    return setting_separator_byte(k->options.settings(k->options.context)->submission.separator);
}

static bool load(struct keeper *k, struct contact_book *book, struct error *e)
{
    OWN(arena) struct arena arena = {.max = STATE_VALUE_MAX};
    uint8_t place[STATE_PLACE_LEN] = {0};
    bool found = true;

    while (found) {
        struct contact_row row;
        arena_reset(&arena);
        if (!state_contact_next(k->state, place, &arena, &row, &found, e)) {
            return false;
        }
        if (found) {
            contact_book_put(book, &row);
        }
    }
    return true;
}

bool contacts_open(struct keeper *k, struct error *e)
{
    struct contacts *c = calloc(1, sizeof(*c));
    OWN(arena) struct arena arena = {.max = STATE_VALUE_MAX * 2};
    struct slice value;
    bool on = false;

    if (!c) {
        arena_panic("out of memory");
    }
    (void)pthread_mutex_init(&c->changing, NULL);
    (void)pthread_rwlock_init(&c->lock, NULL);
    (void)pthread_mutex_init(&c->meter_lock, NULL);
    c->book = contact_book_new();
    c->meter = contact_meter_new();
    k->contacts = c;
    if (!load(k, c->book, e) ||
        !state_value_get(k->state, SLICE(CONTACTS_DECOYS_ON), &arena, &value, &on, e)) {
        return false;
    }
    atomic_store(&c->decoys, on);
    return true;
}

void contacts_close(struct keeper *k)
{
    struct contacts *c = k->contacts;

    if (c) {
        contact_book_free(c->book);
        contact_meter_free(c->meter);
        (void)pthread_mutex_destroy(&c->changing);
        (void)pthread_rwlock_destroy(&c->lock);
        (void)pthread_mutex_destroy(&c->meter_lock);
        free(c);
    }
}

bool contacts_write(struct keeper *k, const struct contact_row *rows, size_t n, struct error *e)
{
    struct contacts *c = k->contacts;

    if (!state_contacts_put(k->state, rows, n, e)) {
        return false;
    }
    (void)pthread_rwlock_wrlock(&c->lock);
    for (size_t i = 0; i < n; i++) {
        contact_book_put(c->book, &rows[i]);
    }
    (void)pthread_rwlock_unlock(&c->lock);
    return true;
}

bool contacts_drop(struct keeper *k, const struct contact_row *row, struct error *e)
{
    struct contacts *c = k->contacts;

    if (!state_contact_delete(k->state, row, e)) {
        return false;
    }
    (void)pthread_rwlock_wrlock(&c->lock);
    contact_book_remove(c->book, row->owner, row->contact.address);
    (void)pthread_rwlock_unlock(&c->lock);
    return true;
}
