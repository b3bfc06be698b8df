/* The rows of a [dns-update]. */
#include <stdio.h>

#include "config/internal.h"
#include "config/settings.h"

#define NAME_MAX_OCTETS 253
#define SECTIONS_MAX    200

static const char *const record_words[] = {"spf",     "dkim", "dmarc", "tls-rpt",
                                           "mta-sts", "srv",  "tlsa",  NULL};
static const char *const algorithm_words[] = {"hmac-sha256", "hmac-sha512", NULL};

static const struct config_setting update_rows[] = {
    CONFIG_ROW("server", ENDPOINT, struct update_settings, server, .required = true, .min = 53,
               .example = "ns1.example.test:53",
               .help = "The zone's primary server, which takes dynamic updates (RFC 2136)."),
    CONFIG_ROW("key-name", TEXT, struct update_settings, key_name, .required = true,
               .max = NAME_MAX_OCTETS, .example = "postern",
               .help = "What the server calls the key that updates are signed with (TSIG)."),
    CONFIG_ROW("key-algorithm", CHOICE, struct update_settings, key_algorithm,
               .initial = "hmac-sha256", .words = algorithm_words,
               .help = "By which algorithm they are signed."),
    CONFIG_ROW("key-file", PATH, struct update_settings, key_file, .required = true,
               .example = "/etc/postern/dns-update",
               .help = "File with the key in base64 in its first line.",
               .more = "Nobody but its owner may read or write it (mode 0600), or it is not used. "
                       "The key has 16 octets at least; `openssl rand -base64 32` makes one. Let "
                       "the server take updates by it for the names and types alone that are "
                       "published here: TXT, and SRV and TLSA where `records` names them."),
    CONFIG_ROW("records", CHOICE, struct update_settings, records, .list = true,
               .initial = "spf, dkim, dmarc, tls-rpt, mta-sts", .words = record_words,
               .help = "Which records `postern domain publish` puts there.",
               .more = "With `dkim`, a change of DKIM keys publishes the new ones and takes the "
                       "records of the former ones away by itself. What somebody else put there "
                       "stays as it is, and is told. SPF is published only where there is none, "
                       "and never with a smart host, whose operator knows it. `tlsa` is for a "
                       "zone that DNSSEC signs; its records are of this server's name."),
    CONFIG_ROW("ttl", DURATION, struct update_settings, ttl_ms, .initial = "1h", .min = 1000,
               .max = CONFIG_DAY, .help = "How long resolvers may remember these records."),
};
const struct config_table settings_update_table = {"[dns-update]", 0, update_rows,
                                                   sizeof(update_rows) / sizeof(update_rows[0])};

static bool is_below(struct slice name, struct slice zone)
{
    if (name.len <= zone.len) {
        return slice_equal_nocase(name, zone);
    }
    size_t before = name.len - zone.len;

    return name.ptr[before - 1] == '.' && slice_equal_nocase(slice_from(name, before), zone);
}

const struct update_settings *settings_update(const struct settings *s, struct slice name)
{
    const struct update_settings *all = s->updates.items;
    const struct update_settings *best = NULL;

    for (size_t i = 0; i < s->updates.count; i++) {
        if (is_below(name, all[i].zone) && (!best || all[i].zone.len > best->zone.len)) {
            best = &all[i];
        }
    }
    return best;
}

bool settings_update_has(const struct update_settings *u, enum setting_published kind)
{
    const int *kinds = u->records.items;

    for (size_t i = 0; i < u->records.count; i++) {
        if (kinds[i] == (int)kind) {
            return true;
        }
    }
    return false;
}

enum { TYPE_TXT = 16, TYPE_SRV = 33, TYPE_TLSA = 52 };

/* Names that are published of each domain of ours. */
static const struct {
    enum setting_published kind;
    uint64_t type;
    bool label;         /* one more label stands before it: a selector */
    const char *before; /* the domain */
} covered[] = {
    {SETTING_PUBLISHED_SPF,     TYPE_TXT, false, ""                  },
    {SETTING_PUBLISHED_DKIM,    TYPE_TXT, true,  "_domainkey."       },
    {SETTING_PUBLISHED_DMARC,   TYPE_TXT, false, "_dmarc."           },
    {SETTING_PUBLISHED_TLS_RPT, TYPE_TXT, false, "_smtp._tls."       },
    {SETTING_PUBLISHED_MTA_STS, TYPE_TXT, false, "_mta-sts."         },
    {SETTING_PUBLISHED_SRV,     TYPE_SRV, false, "_submissions._tcp."},
    {SETTING_PUBLISHED_SRV,     TYPE_SRV, false, "_submission._tcp." },
};

static bool is_of_domain(const struct settings *s, const char *before, struct slice name)
{
    struct slice prefix = slice_text(before);

    return slice_starts_nocase(name, prefix) && settings_is_ours(s, slice_from(name, prefix.len));
}

/* "_PORT._tcp.HOSTNAME" of one of these. */
static bool is_of_port(const struct settings *s, const struct config_list *endpoints,
                       struct slice name)
{
    const struct config_endpoint *all = endpoints->items;
    char before[32];

    for (size_t i = 0; i < endpoints->count; i++) {
        (void)snprintf(before, sizeof(before), "_%u._tcp.", (unsigned)all[i].port);
        struct slice prefix = slice_text(before);
        if (slice_starts_nocase(name, prefix) &&
            slice_equal_nocase(slice_from(name, prefix.len), s->general.hostname)) {
            return true;
        }
    }
    return false;
}

bool settings_update_covers(const struct settings *s, const struct update_settings *u,
                            struct slice name, uint64_t type)
{
    struct slice behind = slice_from(name, slice_find(name, '.') + 1);

    for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++) {
        if (covered[i].type == type && settings_update_has(u, covered[i].kind) &&
            is_of_domain(s, covered[i].before, covered[i].label ? behind : name)) {
            return true;
        }
    }
    return type == TYPE_TLSA && settings_update_has(u, SETTING_PUBLISHED_TLSA) &&
           (is_of_port(s, &s->submission.listen_submissions, name) ||
            is_of_port(s, &s->submission.listen_submission, name));
}

static bool is_key_name(struct slice name)
{
    size_t label = 0;

    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = ascii_lower(name.ptr[i]);
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (c == '.' ? label == 0 : !fits || label == 63) {
            return false;
        }
        label = c == '.' ? 0 : label + 1;
    }
    return label > 0;
}

const char *settings_update_contradiction(const struct settings *s)
{
    const struct update_settings *all = s->updates.items;

    if (s->updates.count > SECTIONS_MAX) {
        return "there are at most 200 [dns-update]";
    }
    for (size_t i = 0; i < s->updates.count; i++) {
        if (!is_key_name(all[i].key_name)) {
            return "`key-name` in a [dns-update] is a name such as `postern`, without a dot at its "
                   "end";
        }
        if (all[i].records.count == 0) {
            return "`records` in a [dns-update] names none";
        }
    }
    return NULL;
}
