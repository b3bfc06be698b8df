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
    bool scram;                /* main passwords may be used with SCRAM */
    uint64_t scram_iterations; /* of PBKDF2, for keys that are made */
};
