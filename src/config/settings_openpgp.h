/* config/settings_openpgp - where OpenPGP keys of recipients come from by themselves: part of config/settings, which
 * includes this. */
#pragma once

#include "config/config.h"

struct openpgp_settings {
    bool lookup;    /* in Web Key Directories */
    bool autocrypt; /* from letters that are taken in */
};
