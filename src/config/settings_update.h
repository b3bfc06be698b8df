/* config/settings_update - [dns-update ZONE]: which server takes our own domains' DNS records, and by which key. Conventions as in
 * config/settings.h, which includes this. */
#pragma once

#include "config/config.h"

/* Bits of `records`: 1 << one of these. */
enum setting_published {
    SETTING_PUBLISHED_SPF,
    SETTING_PUBLISHED_DKIM,
    SETTING_PUBLISHED_DMARC,
    SETTING_PUBLISHED_TLS_RPT,
    SETTING_PUBLISHED_MTA_STS,
    SETTING_PUBLISHED_SRV,
    SETTING_PUBLISHED_TLSA,
};

enum setting_update_algorithm { SETTING_HMAC_SHA256, SETTING_HMAC_SHA512 };

struct update_settings {
    struct slice zone;
    struct config_endpoint server;
    struct slice key_name;
    enum setting_update_algorithm key_algorithm;
    struct slice key_file;      /* path */
    struct config_list records; /* int: enum setting_published */
    int64_t ttl_ms;
};

struct settings;

/* The [dns-update] section with the longest zone that this name is in, or NULL. */
const struct update_settings *settings_update(const struct settings *s, struct slice name);

/* Whether a section publishes this kind. */
bool settings_update_has(const struct update_settings *u, enum setting_published kind);

/* Whether records of this name and type (as in DNS messages) are any that a section publishes: SPF and those below `_domainkey`, `_dmarc`,
 * `_smtp._tls` and `_mta-sts` of a domain of ours, the services of mail clients there, TLSA of the ports that this server
 * listens on; each where its `records` names it. */
bool settings_update_covers(const struct settings *s, const struct update_settings *u,
                            struct slice name, uint64_t type);

/* What is wrong with the [dns-update] sections, or NULL. */
const char *settings_update_contradiction(const struct settings *s);
