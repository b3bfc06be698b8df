#include "places/places.h"

#include <libssh2.h>
#include <unistd.h>

#include "base/clock.h"

#include "host/fetch.h"
#include "places/internal.h"

#define TRIES       3
#define PAUSE_US    500000 /* before the second; twice that before the third */
#define ARENA_BYTES ((size_t)64 << 10)
#define SFTP_PORT   22
#define HTTPS_PORT  443
#define HTTP_PORT   80
#define URL_MAX     2048

bool places_init(struct error *e)
{
    return fetch_init(e) &&
           (libssh2_init(0) == 0 || error_set(e, ERROR_CONFIG, "libssh2 cannot be used"));
}

static bool is_plain(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.ptr[i];
        uint8_t low = ascii_lower(c);
        if (!((low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
              c == '_' || c == '/' || c == '~')) {
            return false;
        }
    }
    return true;
}

static struct slice trim_slashes(struct slice s)
{
    while (s.len && s.ptr[0] == '/') {
        s = slice_from(s, 1);
    }
    while (s.len && s.ptr[s.len - 1] == '/') {
        s.len--;
    }
    return s;
}

static bool split_port(struct places_parts *p, uint16_t initial)
{
    bool six = p->host.len && p->host.ptr[0] == '[';
    size_t from = six ? slice_find(p->host, ']') : 0;
    size_t colon = from + slice_find(slice_from(p->host, from), ':');
    uint64_t port = initial;

    if (colon < p->host.len) {
        if (!slice_decimal(slice_from(p->host, colon + 1), UINT16_MAX, &port) || port == 0) {
            return false;
        }
        p->host = slice_head(p->host, colon);
    }
    if (six) {
        if (p->host.len < 3 || p->host.ptr[p->host.len - 1] != ']') {
            return false;
        }
        p->host = slice_of(p->host.ptr + 1, p->host.len - 2);
    }
    p->port = (uint16_t)port;
    return p->host.len > 0;
}

bool places_parse(struct slice url, struct arena *arena, struct places_parts *out, struct error *e)
{
    static const struct {
        struct slice prefix;
        uint16_t port;
    } schemes[] = {
        {SLICE_INIT("sftp://"),  SFTP_PORT },
        {SLICE_INIT("https://"), HTTPS_PORT},
        {SLICE_INIT("http://"),  HTTP_PORT },
    };
    struct places_parts p = {.port = 0};
    uint16_t port = 0;

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (slice_starts(url, schemes[i].prefix)) {
            p.scheme = slice_head(schemes[i].prefix, schemes[i].prefix.len - 3);
            p.path = arena_copy(arena, slice_from(url, schemes[i].prefix.len));
            port = schemes[i].port;
        }
    }
    if (p.scheme.len == 0 || url.len > URL_MAX) {
        return error_set(e, ERROR_CONFIG, "a backup target is file:///, sftp:// or https://");
    }
    p.host = slice_cut(p.path, '/', &p.path);
    if (slice_find(p.host, '@') < p.host.len) {
        p.user = slice_cut(p.host, '@', &p.host);
    }
    p.path = trim_slashes(p.path);
    if (!split_port(&p, port) || !is_plain(p.user) || p.path.len == 0 || !is_plain(p.path)) {
        return error_set(e, ERROR_CONFIG, "the URL of the backup target is not understood");
    }
    *out = p;
    return true;
}

static bool is_self(struct slice host)
{
    struct address a;
    struct error e;

    return slice_equal(host, SLICE("localhost")) ||
           (address_parse(host, 1, &a, &e) && address_is_loopback(&a));
}

static bool check_parts(const struct places_parts *p, struct error *e)
{
    bool sftp = slice_equal(p->scheme, SLICE("sftp"));

    if (sftp && p->user.len == 0) {
        return error_set(e, ERROR_CONFIG, "an SFTP target names its user: sftp://USER@HOST/FOLDER");
    }
    if (!sftp && p->user.len) {
        return error_set(e, ERROR_CONFIG, "credentials stand in a file, not in the URL");
    }
    return !slice_equal(p->scheme, SLICE("http")) || is_self(p->host) ||
           error_set(e, ERROR_CONFIG, "http is for this machine itself: use https");
}

bool places_url(struct slice url, struct error *e)
{
    OWN(arena) struct arena arena = {.max = ARENA_BYTES};
    struct places_parts parts;

    return slice_starts(url, SLICE("file:///")) ||
           (places_parse(url, &arena, &parts, e) && check_parts(&parts, e));
}

bool places_open(const struct places_options *options, struct places **out, struct error *e)
{
    OWN(places) struct places *p = calloc(1, sizeof(*p));

    if (!p) {
        arena_panic("out of memory");
    }
    p->options = *options;
    p->versioned = -1;
    arena_init(&p->arena, ARENA_BYTES);
    if (!places_parse(options->url, &p->arena, &p->parts, e) || !check_parts(&p->parts, e)) {
        return false;
    }
    bool sftp = slice_equal(p->parts.scheme, SLICE("sftp"));
    p->ops = sftp ? &places_sftp_ops : &places_s3_ops;
    if (!(sftp ? places_sftp_check(p, e) : places_s3_check(p, e))) {
        return false;
    }
    *out = TAKE(p, NULL);
    return true;
}

void places_close(struct places *p)
{
    if (p) {
        places_sftp_close(p);
        fetch_line_free(p->line);
        arena_done(&p->arena);
        free(p);
    }
}

void places_host(const struct places *p, struct slice *host, uint16_t *port)
{
    *host = p->parts.host;
    *port = p->parts.port;
}

/* ── what a server may take ── */

bool places_list_count(struct places_list *l, struct error *e)
{
    return l->count++ < PLACES_LIST_MAX ||
           error_set(e, ERROR_LIMIT, "the target's list of objects is too long");
}

bool places_list_in_time(const struct places_list *l, struct error *e)
{
    return clock_steady_ms() < l->until ||
           error_set(e, ERROR_BUSY, "the target's list of objects does not come to an end");
}

/* ── again, when it may help ── */

/* Whether to try again, after a pause. */
static bool again(unsigned try, const struct error *e)
{
    if (e->kind != ERROR_BUSY || try + 1 == TRIES) {
        return false;
    }
    (void)usleep((useconds_t)PAUSE_US << try);
    return true;
}

static bool put(void *context, struct slice name, struct slice bytes, struct error *e)
{
    struct places *p = context;
    bool done = false;

    for (unsigned i = 0; !done; i++) {
        done = p->ops->put(p, name, bytes, e);
        if (!done && !again(i, e)) {
            return false;
        }
    }
    return true;
}

static bool get(void *context, struct slice name, struct buf *out, struct error *e)
{
    struct places *p = context;
    size_t before = out->len;
    bool done = false;

    for (unsigned i = 0; !done; i++) {
        out->len = before;
        done = p->ops->get(p, name, out, e);
        if (!done && !again(i, e)) {
            return false;
        }
    }
    return true;
}

/* Not again: the visitor has seen a part. */
static bool list(void *context, struct slice prefix, store_visit *visit, void *visitor,
                 struct error *e)
{
    struct places *p = context;
    return p->ops->list(p, prefix, visit, visitor, e);
}

static bool remove_object(void *context, struct slice name, struct error *e)
{
    struct places *p = context;
    bool done = false;

    for (unsigned i = 0; !done; i++) {
        done = p->ops->remove(p, name, e);
        if (!done && !again(i, e)) {
            return false;
        }
    }
    return true;
}

static bool renew(void *context, struct slice name, struct error *e)
{
    struct places *p = context;
    bool done = p->options.lock_ms == 0 || !p->ops->renew;

    for (unsigned i = 0; !done; i++) {
        done = p->ops->renew(p, name, e);
        if (!done && !again(i, e)) {
            return false;
        }
    }
    return true;
}

struct store places_store(struct places *p)
{
    static const struct store_ops ops = {put, get, list, remove_object, renew};

    return (struct store){&ops, p};
}
