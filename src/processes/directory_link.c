#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"

#include "formats/ldap/entry.h"
#include "processes/directory_parts.h"
#include "processes/outward.h"

#define ADDRESSES_MAX 8
#define FILTER_MAX    4096
#define DN_MAX        2048
#define LOCKS_MAX     8

/* ── opening ── */

/* Of each section the server to begin with: while one is away nobody waits for it again and again. */
static atomic_size_t first_directory[SETTINGS_DIRECTORIES_MAX];
static atomic_size_t first_certificates[SETTINGS_CERTIFICATES_MAX];

static struct slice file_of(const struct visit *v, const char *name, size_t section)
{
    return role_file_of(v->role, v->settings, name, section);
}

bool visit_directory(struct visit *v, struct slice name)
{
    const struct directory_settings *all = v->settings->directories.items;
    const struct directory_settings *s = settings_directory(v->settings, name);
    size_t number = s ? (size_t)(s - all) : 0;

    v->section = s;
    if (s) {
        v->door = (struct visit_door){
            .section = s->name,
            .servers = &s->servers,
            .starttls = s->tls == SETTING_DIRECTORY_STARTTLS,
            .tls_name = s->tls_name,
            .trust = file_of(v, "directory-trust", number),
            .bind_dn = s->bind_dn,
            .password = outward_first_line(file_of(v, "directory-passwords", number)),
            .timeout_ms = s->timeout_ms,
            .first = &first_directory[number % SETTINGS_DIRECTORIES_MAX]};
    }
    return s != NULL;
}

bool visit_certificates(struct visit *v, struct slice name)
{
    const struct certificates_settings *all = v->settings->certificates.items;
    const struct certificates_settings *s = settings_certificates(v->settings, name);
    size_t number = s ? (size_t)(s - all) : 0;

    v->certificates = s;
    if (s) {
        v->door = (struct visit_door){
            .section = s->name,
            .servers = &s->servers,
            .starttls = s->tls == SETTING_DIRECTORY_STARTTLS,
            .tls_name = s->tls_name,
            .trust = file_of(v, "certificates-trust", number),
            .bind_dn = s->bind_dn,
            .password = outward_first_line(file_of(v, "certificates-passwords", number)),
            .timeout_ms = s->timeout_ms,
            .first = &first_certificates[number % SETTINGS_CERTIFICATES_MAX]};
    }
    return s != NULL;
}

int64_t visit_share(int64_t now_ms, int64_t until_ms, size_t left)
{
    return until_ms <= now_ms || left < 2 ? until_ms : now_ms + (until_ms - now_ms) / (int64_t)left;
}

static bool try_server(struct visit *v, const struct config_endpoint *server,
                       struct tls_client *trust, int64_t until_ms, struct error *e)
{
    const struct visit_door *s = &v->door;
    struct address addresses[ADDRESSES_MAX];
    struct dirlink_target target = {.name = s->tls_name.len ? s->tls_name : server->host,
                                    .trust = trust,
                                    .starttls = s->starttls,
                                    .timeout_ms = s->timeout_ms};
    int64_t found_ms = clock_steady_ms() + s->timeout_ms;
    size_t n = 0;

    if (!outward_find(v->resolver, server, v->settings->delivery.ipv6,
                      found_ms < until_ms ? found_ms : until_ms, v->arena, addresses, ADDRESSES_MAX,
                      &n, e)) {
        return false;
    }
    for (size_t i = 0; i < n && !v->link; i++) {
        target.address = &addresses[i];
        target.until_ms = visit_share(clock_steady_ms(), until_ms, n - i);
        v->link = dirlink_open(&target, e);
    }
    if (v->link) {
        dirlink_until(v->link, until_ms);
    }
    v->server = arena_printf(v->arena, "%.*s:%u", SLICE_ARG(server->host), server->port);
    return v->link || error_add(e, "%.*s", SLICE_ARG(slice_head(v->server, 100)));
}

static bool sign_in(struct visit *v, struct error *e)
{
    enum dirlink_bound bound = DIRLINK_REFUSED;

    if (v->door.bind_dn.len == 0) { /* RFC 4513 section 4: nobody, without a word */
        return true;
    }
    if (!dirlink_bind(v->link, v->door.bind_dn, v->door.password, &bound, e)) {
        return error_add(e, "%.*s", SLICE_ARG(slice_head(v->server, 100)));
    }
    return bound == DIRLINK_BOUND ||
           error_set(e, ERROR_CONFIG,
                     "%.*s refuses `bind-dn` with the password of `bind-password-file`",
                     SLICE_ARG(slice_head(v->server, 100)));
}

bool visit_open(struct visit *v, struct error *e)
{
    const struct config_endpoint *servers = v->door.servers->items;
    OWN(tls_client) struct tls_client *trust = tls_client_from_pem(v->door.trust, e);

    if (!trust) {
        return error_add(e, "trust-store");
    }
    size_t n = v->door.servers->count;
    size_t first = atomic_load(v->door.first);
    for (size_t i = 0; i < n && !v->link; i++) {
        int64_t until_ms = visit_share(clock_steady_ms(), v->until_ms, n - i);
        v->number = (first + i) % n;
        if (!try_server(v, &servers[v->number], trust, until_ms, e) || !sign_in(v, e)) {
            visit_failed(v);
            visit_close(v);
        }
    }
    if (v->link) {
        atomic_store(v->door.first, v->number);
        dirlink_until(v->link, v->until_ms);
    }
    return v->link != NULL;
}

void visit_failed(struct visit *v)
{
    atomic_store(v->door.first, (v->number + 1) % v->door.servers->count);
}

void visit_close(struct visit *v)
{
    dirlink_close(TAKE(v->link, NULL));
}

/* ── one person ── */

static struct slice name_of_nobody(const struct visit *v)
{
    uint8_t chance[8];

    if (getrandom(chance, sizeof(chance), 0) != sizeof(chance)) {
        arena_panic("the kernel has no random numbers");
    }
    return arena_printf(v->arena, "cn=%02x%02x%02x%02x%02x%02x%02x%02x,%.*s", chance[0], chance[1],
                        chance[2], chance[3], chance[4], chance[5], chance[6], chance[7],
                        SLICE_ARG(v->section->base));
}

bool visit_is_locked(const struct dirlink_entry *entry)
{
    bool locked = false;

    for (size_t i = 0; entry_locks[i]; i++) {
        for (size_t n = 0; n < entry->attributes[i].count; n++) {
            locked = locked || entry_is_locked(i, entry->attributes[i].values[n], clock_wall_ms());
        }
    }
    return locked;
}

size_t visit_name_locks(struct slice names[static DIRLINK_ATTRIBUTES_MAX])
{
    size_t n = 0;

    for (; entry_locks[n]; n++) {
        names[n] = slice_text(entry_locks[n]);
    }
    return n;
}

void visit_name_more(struct slice *names, size_t *n, const struct config_list *list, size_t max)
{
    const struct slice *all = list->items;

    for (size_t i = 0; i < list->count && i < max; i++) {
        names[(*n)++] = all[i];
    }
}

/* Find the one entry that has this key; *dn is nobody's when there is none. */
static bool look_up(struct visit *v, struct slice key, struct slice *dn, bool *locked,
                    struct error *e)
{
    OWN(buf) struct buf filter = {.max = FILTER_MAX};
    struct slice names[LOCKS_MAX];
    struct dirlink_search search = {.base = v->section->base, .attributes = names};
    struct dirlink_entry *entries = NULL;
    size_t count = 0;
    bool found = false;

    while (entry_locks[search.n_attributes]) {
        names[search.n_attributes] = slice_text(entry_locks[search.n_attributes]);
        search.n_attributes++;
    }
    buf_printf(&filter, "(&%.*s(%.*s=", SLICE_ARG(settings_directory_filter(v->section)),
               SLICE_ARG(settings_directory_key(v->section)));
    entry_filter_value(key.len ? key : name_of_nobody(v), &filter);
    buf_add_text(&filter, "))");
    search.filter = buf_slice(&filter);
    if (!dirlink_ask(v->link, &search, v->arena, &entries, &count, &found, e)) {
        return false;
    }
    bool one = count == 1 && entries[0].dn.len && entries[0].dn.len <= DN_MAX;
    *dn = one ? entries[0].dn : name_of_nobody(v);
    *locked = one && visit_is_locked(&entries[0]);
    return true;
}

enum directory_verdict visit_prove(struct visit *v, struct slice key, struct slice password)
{
    enum dirlink_bound bound = DIRLINK_REFUSED;
    bool empty = password.len == 0;
    bool locked = false;
    struct slice dn;
    struct error e;

    if (!visit_open(v, &e) || !look_up(v, key, &dn, &locked, &e) ||
        !dirlink_bind(v->link, empty ? name_of_nobody(v) : dn, empty ? SLICE("-") : password,
                      &bound, &e)) {
        log_event(LOG_WARNING, "directory.away", LOG_SLICE("directory", v->section->name),
                  LOG_TEXT("reason", e.text));
        if (v->link && e.kind == ERROR_BUSY) {
            visit_failed(v);
        }
        return DIRECTORY_AWAY;
    }
    if (bound != DIRLINK_BOUND || empty || key.len == 0) {
        return DIRECTORY_WRONG;
    }
    return locked ? DIRECTORY_CLOSED : DIRECTORY_RIGHT;
}
