/* config/settings_signing - the settings of letters that their senders sign. Conventions as in config/settings.h, which includes this. */
#pragma once

#include "config/config.h"

enum setting_signing { SETTING_SIGN_SMIME, SETTING_SIGN_OPENPGP };

struct signing_settings {
    struct config_list
        methods; /* int: enum setting_signing, in order of preference; none: nothing is signed */
};

/* "smime": as the file names it. */
const char *settings_signing_name(int method);
