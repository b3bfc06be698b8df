/* Entries of a directory as contacts of the company's: a name, the first address, organisation, title and telephone. */
#include "formats/ldap/entry.h"
#include "letter/records.h"
#include "processes/directory_parts.h"

#define PAGE_ARENA    ((size_t)160 << 20) /* more than a page of DIRLINK_PAGE_MAX */
#define SCRATCH_ARENA ((size_t)8 << 20)
#define SOURCES_MAX   6 /* attributes of names, and of addresses, each */
#define COOKIE_ROOM   ((size_t)64 << 10)

/* The places of attributes in what is asked for: locks (visit_is_locked()), then these. */
struct places {
    struct slice names[DIRLINK_ATTRIBUTES_MAX];
    size_t name, address, organisation, title, phone, end;
};

static void find_places(const struct directory_settings *s, struct places *p)
{
    *p = (struct places){.end = 0};
    p->end = visit_name_locks(p->names);
    p->name = p->end;
    visit_name_more(p->names, &p->end, &s->name_attributes, SOURCES_MAX);
    p->address = p->end;
    visit_name_more(p->names, &p->end, &s->address_attributes, SOURCES_MAX);
    p->organisation = p->end;
    p->names[p->end++] = SLICE("o");
    p->names[p->end++] = SLICE("company");
    p->title = p->end;
    p->names[p->end++] = SLICE("title");
    p->phone = p->end;
    p->names[p->end++] = SLICE("telephoneNumber");
}

/* On one line, and no longer than a contact has it. */
static struct slice clean(struct slice text, struct arena *arena)
{
    struct slice cut = letter_text(arena, text, CONTACT_TEXT_MAX);
    uint8_t *copy = arena_alloc(arena, cut.len + 1);

    for (size_t i = 0; i < cut.len; i++) {
        copy[i] = cut.ptr[i] < ' ' || cut.ptr[i] == 0x7f ? ' ' : cut.ptr[i];
    }
    return slice_trim(slice_of(copy, cut.len));
}

/* The first text that stands in one of these attributes. */
static struct slice text_of(const struct dirlink_entry *entry, size_t from, size_t to,
                            struct arena *arena)
{
    for (size_t i = from; i < to; i++) {
        const struct dirlink_values *v = &entry->attributes[i];
        if (v->count && v->values[0].len && slice_is_utf8(v->values[0])) {
            return clean(v->values[0], arena);
        }
    }
    return SLICE_NONE;
}

/* The one that others are shown, or the first; empty: there is none. */
static struct slice address_of(const struct places *p, const struct dirlink_entry *entry,
                               struct arena *arena)
{
    OWN(arena) struct arena scratch = {.max = SCRATCH_ARENA};
    struct slice first = SLICE_NONE;

    for (size_t i = p->address; i < p->organisation; i++) {
        const struct dirlink_values *v = &entry->attributes[i];
        for (size_t n = 0; n < v->count && n < DIRECTORY_ADDRESSES_MAX; n++) {
            struct slice address = SLICE_NONE;
            enum entry_address kind = entry_address(v->values[n], &scratch, &address);
            if (kind == ENTRY_PRIMARY) {
                return arena_copy(arena, address);
            }
            first = kind == ENTRY_ADDRESS && !first.len ? address : first;
        }
    }
    return arena_copy(arena, first);
}

/* Whose entry is locked has left, mostly: nobody is to write to him. */
static void add_entry(struct visit *v, const struct places *p, const struct dirlink_entry *entry,
                      struct contact *contacts, size_t *count)
{
    if (visit_is_locked(entry)) {
        return;
    }
    struct slice address = address_of(p, entry, v->arena);
    if (address.len) {
        contacts[(*count)++] =
            (struct contact){.address = address,
                             .name = text_of(entry, p->name, p->address, v->arena),
                             .organisation = text_of(entry, p->organisation, p->title, v->arena),
                             .title = text_of(entry, p->title, p->phone, v->arena),
                             .phone = text_of(entry, p->phone, p->end, v->arena)};
    }
}

static bool read_page(struct visit *v, const struct places *p, struct dirlink_search *search,
                      struct contact *contacts, size_t *count, struct error *e)
{
    OWN(arena) struct arena arena = {.max = PAGE_ARENA};
    struct dirlink_entry *entries = NULL;
    size_t n = 0;
    bool found = false;

    if (!dirlink_ask(v->link, search, &arena, &entries, &n, &found, e)) {
        return false;
    }
    if (!found) {
        return error_set(e, ERROR_CONFIG, "there is no entry `%.*s`, or it cannot be read",
                         SLICE_ARG(slice_head(search->base, 150)));
    }
    for (size_t i = 0; i < n; i++) {
        if (*count == DIRECTORY_CONTACTS_MAX || arena_left(v->arena) < COOKIE_ROOM) {
            return error_set(e, ERROR_LIMIT,
                             "there are more than %d contacts, or more than fits into memory: a "
                             "narrower `contact-base` or `contact-filter` is wanted",
                             DIRECTORY_CONTACTS_MAX);
        }
        add_entry(v, p, &entries[i], contacts, count);
    }
    if (search->cookie.len > COOKIE_ROOM / 2 || arena_left(v->arena) < COOKIE_ROOM) {
        return error_set(e, ERROR_LIMIT, "what the directory says does not fit into memory");
    }
    search->cookie = arena_copy(v->arena, search->cookie);
    return true;
}

bool visit_contacts(struct visit *v, struct contact **contacts, size_t *count, struct error *e)
{
    struct places places;

    find_places(v->section, &places);
    struct dirlink_search search = {.base = settings_directory_contact_base(v->section),
                                    .filter = settings_directory_contact_filter(v->section),
                                    .attributes = places.names,
                                    .n_attributes = places.end,
                                    .paged = true};
    *contacts = arena_array(v->arena, DIRECTORY_CONTACTS_MAX, sizeof(**contacts));
    *count = 0;
    do {
        if (!read_page(v, &places, &search, *contacts, count, e)) {
            return false;
        }
    } while (search.cookie.len);
    return true;
}
