/* config/settings_contacts - the settings of contacts and decoys: part of config/settings, which includes this. */
#pragma once

#include "config/config.h"

enum setting_unknown { SETTING_UNKNOWN_ACCEPT, SETTING_UNKNOWN_REFUSE };

struct contacts_settings {
    uint64_t found; /* contacts that one question shows at most */
    uint64_t per_hour;
    uint64_t per_day;
    uint64_t alarm;               /* contacts an hour from which the person responsible is told */
    int64_t export_within_ms;     /* how long an export that was approved can be taken */
    enum setting_unknown unknown; /* recipients in our domains whom nobody knows */
    struct config_list decoy_domains; /* slices; none: our own */
    uint64_t decoys_company;
    uint64_t decoys_account;
    int64_t decoy_rotation_ms;
};
