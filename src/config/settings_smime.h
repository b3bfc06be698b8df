/* config/settings_smime - the settings of S/MIME. Conventions as in config/settings.h, which includes this. */
#pragma once

#include "config/config.h"

struct smime_settings {
    struct slice trust; /* path; empty: nobody */
    bool modern;
};
