/* config/settings_scanners - the settings of who looks at letters besides us: a malware scanner (clamd), a spam filter (Rspamd).
 * Conventions as in config/settings.h, which includes this. */
#pragma once

#include "config/config.h"

enum setting_malware { SETTING_MALWARE_HOLD, SETTING_MALWARE_REFUSE };

enum setting_scanner_away { SETTING_SCANNER_WAIT, SETTING_SCANNER_SEND };

struct scanners_settings {
    struct slice clamd;  /* place; empty: none */
    struct slice rspamd; /* likewise */
    int64_t timeout_ms;
    enum setting_malware malware;
    enum setting_scanner_away away;
    uint64_t spam_hold; /* points; 0: none is held */
    struct slice geo;   /* path of a MaxMind database; empty: none */
};

#define SETTINGS_SOCKET_PATH_MAX 107 /* as the kernel has it */

/* Where a scanner listens: a Unix socket, or an address and port. No names: who connects asks no DNS. */
struct settings_scanner_place {
    struct slice path; /* of the Unix socket; empty: */
    struct slice host; /* an IPv4 or IPv6 address without brackets */
    uint16_t port;
};

/* Read "unix:/run/clamav/clamd.ctl", "127.0.0.1:3310", "[::1]:3310"; `scheme` ("http://") may stand before an address. False when
 * it is none of these. The slices look into the text. */
bool settings_scanner_place(struct slice text, struct slice scheme,
                            struct settings_scanner_place *out) MUST_CHECK;

/* The same with the scheme that `rspamd` has. */
#define SETTINGS_RSPAMD_SCHEME "http://"
