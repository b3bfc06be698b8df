/* For which site passkeys are, and from which pages they are taken. */
#include "config/settings.h"

#define SCHEME "https://"

struct slice settings_passkey_site(const struct settings *s)
{
    return s->auth.passkey_site.len ? s->auth.passkey_site : s->general.hostname;
}

struct slice settings_passkey_origin(const struct settings *s, struct arena *arena)
{
    const struct slice *origins = s->auth.passkey_origins.items;

    return s->auth.passkey_origins.count
               ? origins[0]
               : arena_printf(arena, SCHEME "%.*s", SLICE_ARG(settings_passkey_site(s)));
}

bool settings_passkey_allows(const struct settings *s, struct slice origin)
{
    const struct slice *origins = s->auth.passkey_origins.items;
    size_t count = s->auth.passkey_origins.count;

    if (count == 0) {
        return slice_starts(origin, SLICE(SCHEME)) &&
               slice_equal(slice_from(origin, sizeof(SCHEME) - 1), settings_passkey_site(s));
    }
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(origins[i], origin)) {
            return true;
        }
    }
    return false;
}

/* A browser lets a page use passkeys of its own host and of what that is within (WebAuthn section 5.1.3). */
static bool is_within(struct slice host, struct slice site)
{
    if (host.len <= site.len) {
        return slice_equal(host, site);
    }
    struct slice end = slice_from(host, host.len - site.len - 1);
    return end.ptr[0] == '.' && slice_equal(slice_from(end, 1), site);
}

static bool is_host_and_port(struct slice s, struct slice site)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-:";
    struct slice port;
    struct slice host = slice_cut(s, ':', &port);
    uint64_t number = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (!memchr(allowed, s.ptr[i], sizeof(allowed) - 1)) {
            return false;
        }
    }
    return is_within(host, site) && (host.len == s.len || (slice_decimal(port, 65535, &number) &&
                                                           number > 0 && number != 443));
}

const char *settings_passkey_problem(const struct settings *s)
{
    const struct slice *origins = s->auth.passkey_origins.items;

    for (size_t i = 0; i < s->auth.passkey_origins.count; i++) {
        if (!slice_starts(origins[i], SLICE(SCHEME)) ||
            !is_host_and_port(slice_from(origins[i], sizeof(SCHEME) - 1),
                              settings_passkey_site(s))) {
            return "`passkey-origin` wants pages of `passkey-site` as a browser names them, such "
                   "as `https://mail.example.test`: in small letters, without a path, and "
                   "without the port 443";
        }
    }
    return NULL;
}
