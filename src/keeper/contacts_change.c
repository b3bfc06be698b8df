/* Contacts are added, changed, imported, removed. */
#include <stdio.h>

#include "base/clock.h"

#include "formats/mail/address.h"
#include "keeper/contacts.h"
#include "keeper/internal.h"
#include "requests/contacts.h"

/* A question under way; `changing` is held. */
struct change {
    struct keeper *keeper;
    const struct contact_put_ask *ask;
    struct slice owner;
    struct arena *arena;
    struct contact_put_answer *answer;
    struct contact_row *rows; /* to be written */
    size_t n;
};

static bool check(const struct contact *c, struct arena *arena, struct error *e)
{
    struct mail_address address;
    enum mail_address_flaw flaw = mail_address_read(c->address, true, arena, &address);
    const char *long_one = contact_flaw(c);

    if (long_one) {
        return error_set(e, ERROR_INPUT, "the %s of a contact is too long", long_one);
    }
    return flaw == MAIL_ADDRESS_CLEAR ||
           error_set(e, ERROR_INPUT, "`%.*s` is no address such as `anna@example.test`: it %s",
                     SLICE_ARG(slice_head(c->address, 100)), mail_address_flaw_text(flaw));
}

static struct slice either(uint64_t parts, enum contact_part part, struct slice given,
                           struct slice there)
{
    return parts & part ? given : there;
}

/* What is given of an import. */
static uint64_t given_parts(const struct contact *c)
{
    return (c->name.len ? CONTACT_NAME : 0U) | (c->organisation.len ? CONTACT_ORGANISATION : 0U) |
           (c->title.len ? CONTACT_TITLE : 0U) | (c->phone.len ? CONTACT_PHONE : 0U) |
           (c->note.len ? CONTACT_NOTE : 0U) | (c->favourite ? CONTACT_FAVOURITE : 0U);
}

static struct contact merge(const struct contact *there, const struct contact *given,
                            uint64_t parts)
{
    return (struct contact){
        .address = there->address,
        .name = either(parts, CONTACT_NAME, given->name, there->name),
        .organisation =
            either(parts, CONTACT_ORGANISATION, given->organisation, there->organisation),
        .title = either(parts, CONTACT_TITLE, given->title, there->title),
        .phone = either(parts, CONTACT_PHONE, given->phone, there->phone),
        .note = either(parts, CONTACT_NOTE, given->note, there->note),
        .favourite = parts & CONTACT_FAVOURITE ? given->favourite : there->favourite,
    };
}

static bool is_same(const struct contact *a, const struct contact *b)
{
    return slice_equal(a->name, b->name) && slice_equal(a->organisation, b->organisation) &&
           slice_equal(a->title, b->title) && slice_equal(a->phone, b->phone) &&
           slice_equal(a->note, b->note) && a->favourite == b->favourite;
}

/* An entry that stands in lists: of one that does not, nobody knows. */
static const struct contact_row *listed(const struct change *c, struct slice address)
{
    const struct contact_row *row = contact_book_get(c->keeper->contacts->book, c->owner, address);

    return row && row->kind == CONTACT_RETIRED ? NULL : row;
}

/* Whoever adds what is or was a decoy, in whosever book, has it stand in this one as a decoy: whom nobody is to write to, nobody finds. */
static void add(struct change *c, const struct contact *given)
{
    struct slice bare = contact_book_bare(given->address, contacts_separator(c->keeper), c->arena);
    bool hidden = contact_book_decoy(c->keeper->contacts->book, bare) != NULL;

    c->rows[c->n++] = (struct contact_row){.owner = c->owner,
                                           .contact = *given,
                                           .kind = hidden ? CONTACT_DECOY : CONTACT_REAL,
                                           .until = hidden ? UINT64_MAX >> 1 : 0};
    c->answer->added++;
}

static bool put_one(struct change *c, const struct contact *given, struct error *e)
{
    const struct contact_row *there = listed(c, given->address);

    if (c->ask->mode == CONTACT_ADD && there) {
        return error_set(e, ERROR_INPUT, "%.*s is there already: `postern contact set` changes it",
                         SLICE_ARG(slice_head(given->address, 100)));
    }
    if (c->ask->mode == CONTACT_CHANGE && !there) {
        return error_set(e, ERROR_INPUT, "there is no contact %.*s: `postern contact add` makes it",
                         SLICE_ARG(slice_head(given->address, 100)));
    }
    if (!there) {
        add(c, given);
        return true;
    }
    struct contact_row row = *there;
    uint64_t parts = c->ask->mode == CONTACT_IMPORT ? given_parts(given) : c->ask->parts;
    row.contact = merge(&there->contact, given, parts);
    if (is_same(&row.contact, &there->contact)) {
        c->answer->unchanged++;
        return true;
    }
    row.directory = SLICE_NONE; /* from now on a person says what it is */
    c->rows[c->n++] = row;
    c->answer->changed++;
    return true;
}

static bool has_room(const struct change *c, struct error *e)
{
    const struct contact_book *book = c->keeper->contacts->book;
    size_t max = c->owner.len ? CONTACT_ACCOUNT_MAX : CONTACT_COMPANY_MAX;
    size_t now = contact_book_count(book, c->owner, CONTACT_REAL) +
                 contact_book_count(book, c->owner, CONTACT_DECOY); /* as a list counts them */

    return (now + c->answer->added <= max &&
            contact_book_size(book) + c->answer->added <= CONTACT_ALL_MAX) ||
           error_set(e, ERROR_LIMIT, "this book holds at most %zu contacts, and has %zu", max, now);
}

/* Named twice in one question, the last counts: one row for each. */
static bool is_named_before(const struct contact *all, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (slice_equal_nocase(all[j].address, all[i].address)) {
            return true;
        }
    }
    return false;
}

static bool put_all(struct change *c, struct error *e)
{
    const struct contact *given = c->ask->contacts.items;

    for (size_t i = 0; i < c->ask->contacts.count; i++) {
        if (!check(&given[i], c->arena, e)) {
            return false;
        }
        if (is_named_before(given, i)) {
            c->answer->unchanged++;
        } else if (!put_one(c, &given[i], e)) {
            return false;
        }
    }
    return has_room(c, e);
}

/* What changes the company's book, or much at once, is an act. */
static bool record(struct keeper_admin *admin, const struct change *c, struct error *e)
{
    static const char *const verbs[] = {"contact", "contact add", "contact set", "contact import"};
    const struct contact *given = c->ask->contacts.items;
    bool import = c->ask->mode == CONTACT_IMPORT;
    struct act act = {.verb = slice_text(verbs[c->ask->mode]),
                      .object = import ? SLICE_NONE : given->address,
                      .count = c->n,
                      .detail = c->owner.len ? SLICE("own contacts") : SLICE("company contacts")};

    return c->n == 0 || (c->owner.len && !import) || keeper_admin_act(admin, &act, e);
}

bool keeper_on_contact_put(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct contact_put_ask *ask = r->ask;
    struct contacts *contacts = admin->keeper->contacts;
    struct change c = {.keeper = admin->keeper, .ask = ask, .arena = r->arena, .answer = r->answer};

    if (ask->mode == 0 || ask->contacts.count == 0) {
        return error_set(e, ERROR_INPUT, "no contact was given");
    }
    if (!contacts_owner(admin, ask->company, true, &c.owner, e)) {
        return false;
    }
    c.rows = arena_array(r->arena, ask->contacts.count, sizeof(*c.rows));
    (void)pthread_mutex_lock(&contacts->changing);
    bool put = put_all(&c, e) && record(admin, &c, e) && contacts_write(c.keeper, c.rows, c.n, e);
    (void)pthread_mutex_unlock(&contacts->changing);
    return put;
}

/* ── removing ── */

static bool remove_listed(struct keeper *k, struct slice owner, struct slice address,
                          struct error *e)
{
    const struct contact_row *there = contact_book_get(k->contacts->book, owner, address);
    struct contact_row row;

    if (!there || there->kind == CONTACT_RETIRED) {
        return error_set(e, ERROR_INPUT, "there is no contact %.*s",
                         SLICE_ARG(slice_head(address, 100)));
    }
    row = *there;
    if (row.kind == CONTACT_REAL) {
        return contacts_drop(k, &row, e);
    }
    row.kind = CONTACT_RETIRED;
    return contacts_write(k, &row, 1, e);
}

bool keeper_on_contact_remove(void *ctx, struct ipc_request *r, struct error *e)
{
    struct keeper_admin *admin = keeper_admin_of(ctx, r);
    const struct contact_remove_ask *ask = r->ask;
    struct contacts *contacts = admin->keeper->contacts;
    struct slice owner;

    if (!contacts_owner(admin, ask->company, true, &owner, e) ||
        (ask->company &&
         !keeper_admin_record(admin, "contact remove", ask->address, SLICE_NONE, e))) {
        return false;
    }
    (void)pthread_mutex_lock(&contacts->changing);
    bool removed = remove_listed(admin->keeper, owner, ask->address, e);
    (void)pthread_mutex_unlock(&contacts->changing);
    return removed;
}
