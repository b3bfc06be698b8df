/* config/settings_domain - [domain NAME]: how letters to one recipient domain travel. Conventions as in config/settings.h,
 * which includes this. */
#pragma once

#include "config/config.h"

#define SETTINGS_PINS_MAX  8 /* keys pinned for one domain */
#define SETTINGS_PIN_BYTES 32

/* Ascending: what is demanded of the next hop's TLS. */
enum setting_tls {
    SETTING_TLS_DEFAULT, /* only in a [domain]: as outbound-tls says */
    SETTING_TLS_CLEARTEXT,
    SETTING_TLS_ENCRYPTED,
    SETTING_TLS_VERIFIED,
    SETTING_TLS_AUTHENTICATED,
};

struct domain_settings {
    struct slice name;
    enum setting_tls tls;
    struct config_endpoint route; /* port 0: by MX */
    struct config_list tls_names; /* slices: names the certificate may show instead of the host's */
    struct config_list
        tls_pins;        /* slices: SHA-256 of a SubjectPublicKeyInfo in hexadecimal digits */
    struct slice tls_ca; /* path; empty: none */
    bool require_tls;
};

extern const char *const settings_tls_words[];

/* Read a pin: 64 hexadecimal digits. */
bool settings_pin_read(struct slice pin, uint8_t digest[static SETTINGS_PIN_BYTES]);

struct settings;

/* What is wrong with the [domain] sections, or NULL. */
const char *settings_domain_contradiction(const struct settings *s);
