/* config/settings_certificates - [certificates NAME]: a directory (LDAP) in which certificates of recipients stand. Part of
 * config/settings, which includes this. */
#pragma once

#include "config/settings_directory.h"

#define SETTINGS_CERTIFICATES_MAX 16

struct certificates_settings {
    struct slice name;
    struct config_list servers; /* endpoints, in the order to try */
    enum setting_directory_tls tls;
    struct slice tls_name;           /* empty: the host's */
    struct slice trust_store;        /* path */
    struct slice bind_dn;            /* empty: as nobody */
    struct slice bind_password_file; /* path; empty with bind_dn alone */
    struct slice base;
    struct config_list domains; /* slices, canonical; none: all that are not ours */
    int64_t timeout_ms;
};

struct settings;

/* The first section that answers for addresses of that domain, or NULL. */
const struct certificates_settings *settings_certificates_of(const struct settings *s,
                                                             struct slice domain);

/* The [certificates] section of that name, or NULL. */
const struct certificates_settings *settings_certificates(const struct settings *s,
                                                          struct slice name);

/* What is wrong with the sections, or NULL. */
const char *settings_certificates_contradiction(const struct settings *s);
