#include "stages/policy/policy.h"

#include "formats/smtp/address.h"

enum tls_level policy_level(enum setting_tls tls)
{
    switch (tls) {
    case SETTING_TLS_CLEARTEXT:
        return LEVEL_CLEARTEXT;
    case SETTING_TLS_VERIFIED:
        return LEVEL_VERIFIED;
    case SETTING_TLS_AUTHENTICATED:
        return LEVEL_AUTHENTICATED;
    case SETTING_TLS_ENCRYPTED:
    case SETTING_TLS_DEFAULT:
        return LEVEL_ENCRYPTED;
    }
    return LEVEL_VERIFIED;
}

/* As settings and the DNS name it. What no such name is comes back from delivery. */
static struct slice canonical(struct slice domain, struct arena *arena)
{
    uint8_t text[SMTP_DOMAIN_MAX];
    size_t len = 0;
    struct error ignored = {0};

    return smtp_domain_canonical(domain, text, &len, &ignored)
               ? arena_copy(arena, slice_of(text, len))
               : domain;
}

static struct slice endpoint_text(const struct config_endpoint *host, struct arena *arena)
{
    bool v6 = slice_find(host->host, ':') < host->host.len;

    return arena_printf(arena, v6 ? "[%.*s]:%u" : "%.*s:%u", SLICE_ARG(host->host), host->port);
}

/* What the settings say about one domain. */
static void rule(struct ruling *r, const struct settings *s, struct arena *arena)
{
    const struct domain_settings *own = settings_domain(s, r->domain);
    bool named = own && own->tls != SETTING_TLS_DEFAULT;

    r->level = policy_level(settings_domain_tls(s, r->domain));
    r->reason = named ? arena_printf(arena, "[domain %.*s] tls", SLICE_ARG(own->name))
                      : SLICE("outbound-tls");
    if (own && own->route.port) {
        r->route = endpoint_text(&own->route, arena);
    } else if (s->smarthost.present) {
        r->route = endpoint_text(&s->smarthost.host, arena);
        r->level = s->smarthost.tls == SETTING_SMARTHOST_NONE ? LEVEL_CLEARTEXT : LEVEL_VERIFIED;
        r->reason = SLICE("[smarthost] tls");
    }
}

/* Recipients' indexes of one ruling while they are gathered. */
struct group {
    struct slice domain;
    uint8_t *indexes;
    size_t count;
};

static struct group *find_group(struct group *groups, size_t count, struct slice domain)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equal(groups[i].domain, domain)) {
            return &groups[i];
        }
    }
    return NULL;
}

static size_t gather(const struct facts *f, struct group *groups, struct arena *arena)
{
    const struct recipient *r = f->recipients.items;
    size_t n_groups = 0;

    for (size_t i = 0; i < f->recipients.count; i++) {
        struct slice domain = canonical(letter_domain(r[i].address), arena);
        struct group *g = find_group(groups, n_groups, domain);
        if (!g) {
            g = &groups[n_groups++];
            g->domain = domain;
            g->indexes = arena_alloc(arena, 2 * f->recipients.count);
        }
        g->indexes[2 * g->count] = (uint8_t)(i >> 8);
        g->indexes[2 * g->count + 1] = (uint8_t)i;
        g->count++;
    }
    return n_groups;
}

void policy_decide(const struct policy_letter *l, const struct settings *settings,
                   struct arena *arena, struct decision *out)
{
    const struct facts *facts = l->facts;

    if (facts->drill) { /* without a ruling nothing comes into the queue */
        *out = (struct decision){.id = facts->id, .drill = true};
        return;
    }
    struct group *groups = arena_array(arena, facts->recipients.count + 1, sizeof(*groups));
    size_t n_groups = gather(facts, groups, arena);
    struct ruling *rulings = arena_array(arena, n_groups + 1, sizeof(*rulings));

    for (size_t i = 0; i < n_groups; i++) {
        rulings[i].domain = groups[i].domain;
        rulings[i].recipients = slice_of(groups[i].indexes, 2 * groups[i].count);
        rule(&rulings[i], settings, arena);
    }
    *out = (struct decision){
        .id = facts->id, .rulings = {rulings, n_groups}
    };
}
