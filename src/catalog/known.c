#include "catalog/known.h"

#include <sodium.h>

#include "catalog/internal.h"
#include "letter/device.h"

#define SEEN_MAX 320 /* bytes of an address that count; LETTER_ADDRESS_MAX */

_Static_assert(CATALOG_KNOWN_KEY_LEN == crypto_shorthash_KEYBYTES, "SipHash takes 16 bytes");

void catalog_known_begin(struct catalog *c)
{
    static const uint8_t label[] = "known recipients";

    (void)crypto_generichash(c->known_key, sizeof(c->known_key), label, sizeof(label), c->key,
                             sizeof(c->key));
}

struct slice catalog_known_network(struct slice client)
{
    unsigned parts = 0;

    for (size_t i = 0; i < client.len; i++) {
        if ((client.ptr[i] == '.' || client.ptr[i] == ':') && ++parts == 3) {
            return slice_head(client, i);
        }
    }
    return client;
}

static size_t add_lower(uint8_t *out, struct slice s)
{
    size_t n = s.len < SEEN_MAX ? s.len : SEEN_MAX;

    for (size_t i = 0; i < n; i++) {
        out[i] = ascii_lower(s.ptr[i]);
    }
    out[n] = 0;
    return n + 1;
}

static uint64_t key_of(const struct catalog *c, struct slice domain, struct slice address)
{
    uint8_t text[2 * (SEEN_MAX + 1)];
    uint64_t key = 0;
    size_t len = add_lower(text, domain);

    len += add_lower(text + len, address);
    (void)crypto_shorthash((uint8_t *)&key, text, len, c->known_key);
    return key;
}

uint64_t catalog_known_key(const struct catalog *c, struct slice domain, struct slice address)
{
    return key_of(c, domain, address) & ~CATALOG_KNOWN_LINK;
}

uint64_t catalog_known_app(const struct catalog *c, struct slice account, struct slice app,
                           struct slice client)
{
    OWN(buf) struct buf where = {.max = 2 * SEEN_MAX};
    struct slice network = catalog_known_network(client);

    buf_printf(&where, " app %.*s %.*s", SLICE_ARG(app), SLICE_ARG(network));
    return catalog_known_key(c, account, buf_slice(&where));
}

uint64_t catalog_known_device(const struct catalog *c, struct slice account, struct slice app,
                              struct slice device)
{
    OWN(buf) struct buf text = {.max = 2 * SEEN_MAX};

    buf_printf(&text, " device %.*s %.*s", SLICE_ARG(device.len ? app : device), SLICE_ARG(device));
    return catalog_known_key(c, account, buf_slice(&text));
}

/* What can stand in an address without quotes, and some that can with them: nothing here is parsed for anybody's safety. */
static bool is_inner(uint8_t c)
{
    return c > ' ' && c != '<' && c != '>' && c != ',' && c != ';' && c != '"' && c != '(' &&
           c != ')' && c != '@' && c != 0x7f;
}

/* The next address in a text for people, as facts have them; *rest is what follows. */
static bool next_address(struct slice *rest, struct slice *address)
{
    while (rest->len) {
        struct slice text = *rest;
        size_t at = slice_find(text, '@');
        size_t from = at;
        size_t to = at < text.len ? at + 1 : at;
        while (from > 0 && is_inner(text.ptr[from - 1])) {
            from--;
        }
        while (to < text.len && is_inner(text.ptr[to])) {
            to++;
        }
        *rest = slice_from(text, to);
        *address = slice_of(text.ptr + from, to - from);
        if (from < at && to > at + 1 && address->len <= SEEN_MAX) {
            return true;
        }
    }
    return false;
}

/* Who gets the numbers of one letter's recipients. */
struct telling {
    const struct catalog *catalog;
    struct slice domain; /* of the sender */
    void (*each)(void *context, uint64_t key);
    void *context;
};

static void tell_named(const struct telling *t, struct slice text)
{
    struct slice address;

    while (next_address(&text, &address)) {
        t->each(t->context, catalog_known_key(t->catalog, t->domain, address));
    }
}

static void tell_envelope(const struct telling *t, const struct facts *f)
{
    const struct recipient *recipients = f->recipients.items;

    for (size_t i = 0; i < f->recipients.count; i++) {
        t->each(t->context, catalog_known_key(t->catalog, t->domain, recipients[i].address));
    }
}

struct slice catalog_known_country(struct slice country, uint8_t text[static CATALOG_COUNTRY_LEN])
{
    struct slice two = slice_head(country, CATALOG_COUNTRY_LEN - 1);

    text[0] = '=';
    if (two.len) {
        (void)memcpy(text + 1, two.ptr, two.len);
    }
    return slice_of(text, 1 + two.len);
}

static void tell_country(const struct telling *t, const struct facts *f)
{
    uint8_t text[CATALOG_COUNTRY_LEN];

    if (f->country.len) {
        t->each(t->context,
                catalog_known_key(t->catalog, f->account, catalog_known_country(f->country, text)));
        t->each(t->context,
                catalog_known_key(t->catalog, f->account, catalog_known_country(SLICE_NONE, text)));
    }
}

static void tell_device(const struct telling *t, const struct facts *f)
{
    struct slice device = device_name(f->helo);

    if (device.len) {
        t->each(t->context, catalog_known_device(t->catalog, f->account, f->app, device));
        t->each(t->context, catalog_known_device(t->catalog, f->account, f->app, SLICE_NONE));
    }
}

void catalog_known_of(const struct catalog *c, const struct facts *f,
                      void (*each)(void *context, uint64_t key), void *context)
{
    struct telling t = {c, letter_domain(f->account), each, context};
    struct slice from = f->from;
    struct slice sender;

    if (f->kind == LETTER_SUBMITTED) {
        if (!f->drill) {
            tell_envelope(&t, f);
        }
        if (f->client.len) {
            each(context, catalog_known_key(c, f->account, catalog_known_network(f->client)));
            each(context, catalog_known_key(c, f->account, SLICE_NONE));
            tell_country(&t, f);
            tell_device(&t, f);
        }
        if (f->client.len && f->app.len) {
            each(context, catalog_known_app(c, f->account, f->app, f->client));
            each(context, catalog_known_app(c, f->account, f->app, SLICE_NONE));
        }
    } else if (f->kind == LETTER_IMPORTED && next_address(&from, &sender)) {
        t.domain = letter_domain(sender);
        tell_envelope(&t, f);
        tell_named(&t, f->to);
        tell_named(&t, f->cc);
        tell_named(&t, f->bcc);
    }
}

/* A host is no network: the mark keeps a link to "192.0.2" from making that one known. */
struct slice catalog_known_link(struct slice host, struct arena *arena)
{
    return host.len ? arena_printf(arena, "//%.*s", SLICE_ARG(host)) : SLICE("//");
}

void catalog_known_links(const struct catalog *c, const struct findings *f, struct arena *arena,
                         void (*each)(void *context, uint64_t key), void *context)
{
    const struct slice *hosts = f->links.items;

    if (f->account.len == 0 || f->links.count == 0) {
        return;
    }
    each(context,
         key_of(c, f->account, catalog_known_link(SLICE_NONE, arena)) | CATALOG_KNOWN_LINK);
    for (size_t i = 0; i < f->links.count; i++) {
        each(context,
             key_of(c, f->account, catalog_known_link(hosts[i], arena)) | CATALOG_KNOWN_LINK);
    }
}

/* ── in the file ── */

struct adding {
    struct catalog *catalog;
    uint64_t letter;
    bool failed;
    struct error *e;
};

static void add(void *context, uint64_t key)
{
    struct adding *a = context;
    sqlite3_stmt *s = a->failed ? NULL : catalog_statement(a->catalog, SQL_ADD_KNOWN, a->e);

    if (!s) {
        a->failed = true;
        return;
    }
    (void)sqlite3_bind_int64(s, 1, (int64_t)key);
    (void)sqlite3_bind_int64(s, 2, (int64_t)a->letter);
    a->failed = !catalog_run(a->catalog, s, a->e);
}

bool catalog_fold_known(struct catalog *c, const struct facts *f, uint64_t letter, struct error *e)
{
    struct adding a = {.catalog = c, .letter = letter, .e = e};

    catalog_known_of(c, f, add, &a);
    return !a.failed;
}

bool catalog_fold_links(struct catalog *c, const struct findings *f, uint64_t letter,
                        struct arena *arena, struct error *e)
{
    struct adding a = {.catalog = c, .letter = letter, .e = e};

    catalog_known_links(c, f, arena, add, &a);
    return !a.failed;
}

bool catalog_known_each(struct catalog *c, void (*each)(void *context, uint64_t key), void *context,
                        struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_KNOWN, e);
    int step = SQLITE_DONE;

    if (!s) {
        return false;
    }
    while ((step = sqlite3_step(s)) == SQLITE_ROW) {
        each(context, (uint64_t)sqlite3_column_int64(s, 0));
    }
    bool ok = step == SQLITE_DONE || catalog_failed(c, "read who is known", e);
    (void)sqlite3_reset(s);
    return ok;
}

bool catalog_known_first(struct catalog *c, uint64_t key, uint64_t letter, bool *first,
                         struct error *e)
{
    sqlite3_stmt *s = catalog_statement(c, SQL_KNOWN_FIRST, e);

    if (!s) {
        return false;
    }
    (void)sqlite3_bind_int64(s, 1, (int64_t)key);
    (void)sqlite3_bind_int64(s, 2, (int64_t)letter);
    int step = sqlite3_step(s);
    *first = step == SQLITE_ROW;
    (void)sqlite3_reset(s);
    return step == SQLITE_ROW || step == SQLITE_DONE || catalog_failed(c, "find", e);
}
