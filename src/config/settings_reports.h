/* config/settings_reports - the settings of reports on TLS that go to other domains. Conventions as in config/settings.h, which
 * includes this. */
#pragma once

#include "config/config.h"

struct tls_reports_settings {
    bool on;
    struct slice contact;      /* empty: postmaster of the first of our domains */
    struct slice organisation; /* empty: that domain */
};
