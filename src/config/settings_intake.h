/* config/settings_intake - the settings of what takes mail in: pulls, the listeners of journal and connectors.
 * Conventions as in config/settings.h, which includes this. */
#pragma once

#include "config/config.h"

#define SETTINGS_MAILBOXES_MAX 500 /* of one pull */

enum setting_sign_in { SETTING_SIGN_IN_PASSWORD, SETTING_SIGN_IN_XOAUTH2 };

/* Addresses that share their first bits: "192.0.2.0/24", "2001:db8::/32", "192.0.2.7". */
struct settings_network {
    uint8_t bytes[16];
    uint8_t len;  /* of the address: 4 or 16 */
    uint8_t bits; /* that are shared */
};

/* Where journal reports come in by SMTP. */
struct journal_settings {
    struct config_list listen;    /* endpoints, STARTTLS; none: nowhere */
    struct config_list addresses; /* slices: the mailboxes to which reports are sent */
    struct config_list networks;  /* slices; none: from anywhere */
    struct slice user;            /* who signs in; empty: nobody does */
    struct slice password_file;   /* path */
};

/* [pull NAME]: letters fetched from a provider's server (IMAP) again and again. */
struct pull_settings {
    struct slice name;
    struct config_endpoint host;
    struct slice tls_name;        /* empty: the host's */
    struct config_list mailboxes; /* slices: whose letters, and their owners here */
    struct slice user;            /* who signs in; empty: each mailbox itself */
    bool on_behalf;               /* user opens others' mailboxes */
    enum setting_sign_in sign_in;
    struct slice password_file; /* path */
    struct config_list folders; /* slices; none: those that the server calls Sent */
    int64_t interval_ms;
};

#define SETTINGS_CONNECTOR_NAME_MAX 20

/* Where a provider hands on what our people send with it, and what must hold of whoever does. */
struct connectors_settings {
    struct config_list listen; /* endpoints, STARTTLS; none: nowhere */
    struct slice trust_store;  /* path: who may have issued a provider's certificate */
};

/* [connector NAME]: one provider. */
struct connector_settings {
    struct slice name;
    struct config_list networks;          /* slices; none: from anywhere */
    struct config_list certificate_names; /* slices; none: a certificate is not looked at */
    struct config_list tenant_headers;    /* slices "Name: value": a letter has one of them */
};

/* "Name: value" apart; false when it is none. */
bool settings_tenant_header(struct slice text, struct slice *name, struct slice *value)
    __attribute__((warn_unused_result));

/* Read a network as the settings have it. */
bool settings_network_read(struct slice text, struct settings_network *out)
    __attribute__((warn_unused_result));

/* Whether an address (4 or 16 bytes) is in a network; an IPv4 address may come as one of IPv6. */
bool settings_network_has(const struct settings_network *n, struct slice address);

struct settings;

/* Whether an address is in one of the networks of a list, each of them as the settings have it. */
bool settings_networks_have(const struct config_list *networks, struct slice address);

/* The [connector] section of that name, or NULL. */
const struct connector_settings *settings_connector(const struct settings *s, struct slice name);

/* The [pull] section of that name, or NULL. */
const struct pull_settings *settings_pull(const struct settings *s, struct slice name);
