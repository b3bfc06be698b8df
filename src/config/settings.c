#include "config/settings.h"

const struct domain_settings *settings_domain(const struct settings *s, struct slice domain)
{
    const struct domain_settings *all = s->domains.items;

    for (size_t i = 0; i < s->domains.count; i++) {
        if (slice_equal_nocase(all[i].name, domain)) {
            return &all[i];
        }
    }
    return NULL;
}

enum setting_tls settings_domain_tls(const struct settings *s, struct slice domain)
{
    const struct domain_settings *own = settings_domain(s, domain);

    return own && own->tls != SETTING_TLS_DEFAULT ? own->tls : s->delivery.tls;
}
