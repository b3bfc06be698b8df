/* config/settings_backup - the settings of backups: part of config/settings, which includes this. */
#pragma once

#include "config/config.h"

struct backup_settings {
    struct slice target;      /* URL; empty: the daemon makes none */
    struct slice credentials; /* path */
    struct slice host_key;
    struct slice region;
    int64_t lock_ms; /* 0: objects are not locked */
    int64_t interval_ms;
    int64_t keep_ms;
    int64_t try_interval_ms;   /* 0: never */
    struct config_list report; /* slices: mailboxes */
};
