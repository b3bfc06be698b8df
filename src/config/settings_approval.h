/* config/settings_approval - the settings of which letters a second person must let go. Conventions as in config/settings.h,
 * which includes this. */
#pragma once

#include "config/settings_conditions.h"

enum setting_approver_role {
    SETTING_APPROVER_EMPLOYEE,
    SETTING_APPROVER_AUDITOR,
    SETTING_APPROVER_OFFICER,
    SETTING_APPROVER_ADMINISTRATOR,
};

enum setting_on_timeout { SETTING_TIMEOUT_RETURN };

#define SETTINGS_APPROVAL_NAME_MAX 40
#define SETTINGS_APPROVERS_MAX     100 /* roles, groups and accounts of one section */

/* [approval NAME]: letters that meet all of its conditions wait. The first section that a letter meets counts. */
struct approval_settings {
    struct slice name;
    uint64_t recipients_outside; /* more than that; SETTINGS_RECIPIENTS_LIMIT_MAX: no condition */
    struct conditions_settings when;
    struct config_list roles; /* int: enum setting_approver_role */
    struct config_list approver_groups;
    struct config_list approver_accounts;
    int64_t timeout_ms;
    enum setting_on_timeout on_timeout;
};

struct settings;

/* What is wrong with the sections, a sentence in the arena; empty: nothing. */
struct slice settings_approval_contradiction(const struct settings *s, struct arena *arena);
