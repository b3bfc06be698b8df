#include "config/settings.h"
#include "keeper/internal.h"
#include "keeper/publish.h"

enum setting_published publish_setting_of(enum zone_kind kind)
{
    static const enum setting_published of[] = {
        [ZONE_KIND_SPF] = SETTING_PUBLISHED_SPF,     [ZONE_KIND_DKIM] = SETTING_PUBLISHED_DKIM,
        [ZONE_KIND_DMARC] = SETTING_PUBLISHED_DMARC, [ZONE_KIND_TLSRPT] = SETTING_PUBLISHED_TLS_RPT,
        [ZONE_KIND_STS] = SETTING_PUBLISHED_MTA_STS, [ZONE_KIND_SERVICE] = SETTING_PUBLISHED_SRV,
        [ZONE_KIND_DANE] = SETTING_PUBLISHED_TLSA,
    };

    return of[kind];
}

static struct slice state_name(struct slice domain, struct arena *arena)
{
    struct slice name = arena_printf(arena, PUBLISHED_STATE "%.*s", SLICE_ARG(domain));
    uint8_t *lower = arena_alloc(arena, name.len + 1);

    for (size_t i = 0; i < name.len; i++) {
        lower[i] = ascii_lower(name.ptr[i]);
    }
    return slice_of(lower, name.len);
}

bool publish_read(struct keeper *k, struct slice domain, struct arena *arena, struct published *out,
                  struct error *e)
{
    struct slice value = SLICE_NONE;
    bool found = false;

    *out = (struct published){0};
    return state_value_get(k->state, state_name(domain, arena), arena, &value, &found, e) &&
           (!found || cbor_read(value, &published_schema, arena, out, e));
}

bool publish_keep(struct keeper *k, struct slice domain, const struct published *ours,
                  struct error *e)
{
    OWN(arena) struct arena arena = {.max = (size_t)64 << 10};
    OWN(buf) struct buf value = {.max = STATE_VALUE_MAX};

    cbor_write(&value, &published_schema, ours);
    if (value.full) {
        return error_set(e, ERROR_LIMIT, "what was published does not fit");
    }
    return state_value_put(k->state, state_name(domain, &arena), buf_slice(&value), e);
}

struct slice publish_key_name(struct slice selector, struct slice domain, struct arena *arena)
{
    return arena_printf(arena, "%.*s._domainkey.%.*s", SLICE_ARG(selector), SLICE_ARG(domain));
}

bool publish_does_keys(const struct settings *s, struct slice domain)
{
    OWN(arena) struct arena arena = {.max = (size_t)64 << 10};
    /* `_domainkey` may be a zone of its own. */
    const struct update_settings *u =
        settings_update(s, publish_key_name(SLICE("a"), domain, &arena));

    return u && settings_update_has(u, SETTING_PUBLISHED_DKIM);
}
