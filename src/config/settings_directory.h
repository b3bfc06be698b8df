/* config/settings_directory - [directory NAME]: a server (LDAP, Active Directory) whose people have accounts here. Part of
 * config/settings, which includes this. */
#pragma once

#include "config/config.h"

enum setting_directory_kind { SETTING_DIRECTORY_LDAP, SETTING_DIRECTORY_ACTIVE };

enum setting_directory_tls { SETTING_DIRECTORY_LDAPS, SETTING_DIRECTORY_STARTTLS };

#define SETTINGS_DIRECTORIES_MAX     16
#define SETTINGS_DIRECTORY_NAME_MAX  32
#define SETTINGS_DIRECTORY_GROUP_MAX 200 /* mappings of one section */

struct directory_settings {
    struct slice name;
    struct config_list servers; /* endpoints, in the order to try */
    enum setting_directory_tls tls;
    struct slice tls_name;    /* empty: the host's */
    struct slice trust_store; /* path */
    struct slice bind_dn;
    struct slice bind_password_file; /* path */
    enum setting_directory_kind kind;
    struct slice base;
    struct slice
        group_base; /* where groups lie that may stand in groups; empty: those do not count */
    struct slice user_filter;   /* empty: by the kind */
    struct slice key_attribute; /* likewise */
    struct config_list name_attributes;
    struct config_list address_attributes;
    struct config_list employees; /* slices: distinguished names of groups; none: everybody found */
    struct config_list auditors;
    struct config_list officers;
    struct config_list administrators;
    struct config_list groups;   /* slices "accounting: cn=..." */
    bool address_book;           /* its entries are contacts of the company's */
    struct slice contact_base;   /* empty: the base */
    struct slice contact_filter; /* empty: as for people */
    int64_t interval_ms;
    int64_t timeout_ms;
};

/* Which people it has accounts for, and by what it knows one again. */
struct slice settings_directory_filter(const struct directory_settings *d);
struct slice settings_directory_key(const struct directory_settings *d);

/* Where and which entries are contacts of the company's. */
struct slice settings_directory_contact_base(const struct directory_settings *d);
struct slice settings_directory_contact_filter(const struct directory_settings *d);

/* "accounting: cn=Accounting,..." apart; false when it is none. */
bool settings_directory_group(struct slice text, struct slice *group, struct slice *dn)
    __attribute__((warn_unused_result));

/* Whether groups of the directory say which role somebody has. */
bool settings_directory_says_roles(const struct directory_settings *d);

struct settings;

/* The [directory] section of that name, or NULL. */
const struct directory_settings *settings_directory(const struct settings *s, struct slice name);

/* What is wrong with the sections, or NULL. */
const char *settings_directory_contradiction(const struct settings *s);
