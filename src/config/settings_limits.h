/* config/settings_limits - the settings of how much an account may send. Conventions as in config/settings.h, which includes
 * this. 0 is no limit. */
#pragma once

#include "config/config.h"

struct limits_window_settings {
    uint64_t letters;
    uint64_t recipients; /* outside of our domains, of all letters together */
    uint64_t addresses;  /* of these, each counted once */
    uint64_t first_time; /* of these, to whom nobody here has written before */
    uint64_t bytes;
};

/* Of one account, and of each app password. */
struct limits_settings {
    struct limits_window_settings hour;
    struct limits_window_settings day;
    bool sign_in_notices;   /* to who has an account, about sign-ins from new networks */
    uint64_t suspend_score; /* of signs that an account is stolen; 0: none is suspended by them */
};
