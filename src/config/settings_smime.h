/* config/settings_smime - the settings of S/MIME. Conventions as in config/settings.h, which includes this. */
#pragma once

#include "config/config.h"

enum setting_revocation {
    SETTING_REVOCATION_SOFT,
    SETTING_REVOCATION_HARD,
    SETTING_REVOCATION_OFF
};

struct smime_settings {
    struct slice trust; /* path; empty: nobody */
    bool modern;
    enum setting_revocation revocation;
    bool ocsp;
    bool dns;
};
