#include "processes/pins.h"

#include "base/log.h"

#include "host/tlsa.h"

#define AUTHORITIES_MAX (TLSA_RECORDS_MAX - SETTINGS_PINS_MAX)

static void read_one(const struct domain_settings *d, struct slice authorities, struct arena *arena,
                     struct pins_of_domain *out)
{
    const struct slice *keys = d->tls_pins.items;
    struct slice *records = arena_array(arena, TLSA_RECORDS_MAX, sizeof(*records));
    size_t n = 0;

    *out = (struct pins_of_domain){.set = d->tls_pins.count || d->tls_ca.len, .records = records};
    for (size_t i = 0; i < d->tls_pins.count && i < SETTINGS_PINS_MAX; i++) {
        uint8_t digest[SETTINGS_PIN_BYTES];
        if (settings_pin_read(keys[i], digest)) {
            records[n++] = tlsa_from_key(digest, arena);
        }
    }
    size_t more =
        d->tls_ca.len ? tlsa_from_pem(authorities, arena, records + n, AUTHORITIES_MAX) : 0;
    if (d->tls_ca.len && more == 0) {
        log_event(LOG_ERROR, "domain.no-authority", LOG_TEXT("file", (const char *)d->tls_ca.ptr));
    }
    out->n_records = n + more;
}

void pins_read(const struct role *r, const struct settings *s, struct arena *arena,
               struct pins *out)
{
    const struct domain_settings *domains = s->domains.items;

    *out = (struct pins){.settings = s,
                         .of = arena_array(arena, s->domains.count + 1, sizeof(*out->of))};
    for (size_t i = 0; i < s->domains.count; i++) {
        if (domains[i].tls_pins.count || domains[i].tls_ca.len) {
            read_one(&domains[i], role_file_of(r, s, "domain-authorities", i), arena, &out->of[i]);
        }
    }
}

struct pins_of_domain pins_find(const struct pins *p, struct slice domain)
{
    const struct domain_settings *own = settings_domain(p->settings, domain);

    return own ? p->of[own - (const struct domain_settings *)p->settings->domains.items]
               : (struct pins_of_domain){0};
}
