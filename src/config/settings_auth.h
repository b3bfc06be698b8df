/* config/settings_auth - the settings of signing in: part of config/settings, which includes this. */
#pragma once

#include "config/config.h"

struct auth_settings {
    uint64_t parallel;       /* argon2 computations at once */
    uint64_t failures_limit; /* within failures_window, for one address or one account */
    int64_t failures_window_ms;
    int64_t block_ms;
    int64_t failure_delay_ms;
    int64_t remember_ms; /* how long a verified password needs no new argon2 */
    int64_t desk_timeout_ms;
    bool scram;                         /* main passwords may be used with SCRAM */
    uint64_t scram_iterations;          /* of PBKDF2, for keys that are made */
    struct slice passkey_site;          /* empty: the host name; see below */
    struct config_list passkey_origins; /* struct slice; empty: the site's */
    bool devices;           /* clients are asked for a certificate, and may sign in by it */
    struct slice device_ca; /* path: who must have issued it; empty: nobody in particular */
};

struct settings;

/* The site that passkeys are made for: WebAuthn's RP ID. */
struct slice settings_passkey_site(const struct settings *s);

/* The page that they are made on, in the arena: the first of `passkey-origin`, by default the site's own. */
struct slice settings_passkey_origin(const struct settings *s, struct arena *arena);

/* Whether passkeys are taken from that page. Compared byte by byte. */
bool settings_passkey_allows(const struct settings *s, struct slice origin);

/* A sentence about what cannot be, or NULL. */
const char *settings_passkey_problem(const struct settings *s);
