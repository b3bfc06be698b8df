#include "requests/place.h"

/* A target taken apart; what is not understood is all path. */
struct spelt {
    struct slice scheme;
    struct slice user;
    struct slice host;
    uint64_t port;
    struct slice path;
};

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

/* "host", "host:port", "[::1]:port" */
static void take_port(struct spelt *p)
{
    size_t from = p->host.len && p->host.ptr[0] == '[' ? slice_find(p->host, ']') : 0;
    size_t colon = from + slice_find(slice_from(p->host, from), ':');

    if (colon < p->host.len &&
        slice_decimal(slice_from(p->host, colon + 1), UINT16_MAX, &p->port)) {
        p->host = slice_head(p->host, colon);
    }
    if (p->host.len && p->host.ptr[p->host.len - 1] == '.') {
        p->host.len--;
    }
}

static struct spelt take_apart(struct slice place)
{
    static const struct {
        struct slice prefix;
        uint64_t port; /* 0: it names no machine */
    } schemes[] = {
        {SLICE_INIT("file:///"), 0  },
        {SLICE_INIT("sftp://"),  22 },
        {SLICE_INIT("https://"), 443},
        {SLICE_INIT("http://"),  80 },
    };
    struct spelt p = {.path = place};

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (!p.scheme.len && slice_starts(place, schemes[i].prefix)) {
            p.scheme = schemes[i].prefix;
            p.port = schemes[i].port;
            p.path = slice_from(place, p.scheme.len);
        }
    }
    if (p.port) {
        p.host = slice_cut(p.path, '/', &p.path);
        if (slice_find(p.host, '@') < p.host.len) {
            p.user = slice_cut(p.host, '@', &p.host);
        }
        take_port(&p);
    }
    p.path = p.scheme.len ? trim_slashes(p.path) : p.path;
    return p;
}

bool place_same(struct slice a, struct slice b)
{
    const struct spelt x = take_apart(a);
    const struct spelt y = take_apart(b);

    return slice_equal(x.scheme, y.scheme) && slice_equal(x.user, y.user) &&
           slice_equal_nocase(x.host, y.host) && x.port == y.port && slice_equal(x.path, y.path);
}
