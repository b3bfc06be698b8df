/* config/settings_conditions - what a letter must be for a section to be about it: the same settings in every section that asks. Conventions as
 * in config/settings.h. */
#pragma once

#include "config/config.h"

enum setting_finding {
    SETTING_FINDING_ATTACHMENT,
    SETTING_FINDING_ENCRYPTED,
    SETTING_FINDING_MISMATCH,
    SETTING_FINDING_CARD,
    SETTING_FINDING_IBAN,
    SETTING_FINDING_UNREAD,
};

/* All that are set must hold; of a list one is enough, and an empty one is no condition. */
struct conditions_settings {
    struct config_list subject_tags;
    struct config_list header_labels; /* "Name: value" */
    struct config_list groups;
    uint64_t attachment_larger; /* than that; 0: no condition */
    struct config_list domains; /* of a recipient */
    struct config_list recipients;
    bool outside; /* a recipient that is in none of our domains */
    struct config_list senders;
    struct config_list sender_domains;
    struct config_list labels;
    struct config_list findings; /* int: enum setting_finding */
    uint64_t larger;             /* than that; 0: no condition */
};

#define SETTINGS_CONDITIONS 12 /* how many rows they are */

extern const struct config_setting settings_conditions_rows[SETTINGS_CONDITIONS];

/* These rows as a table of the sections that have them in `member`. */
#define CONDITIONS_TABLE(title, section_type, member)                                              \
    {                                                                                              \
        title, offsetof(section_type, member), settings_conditions_rows, SETTINGS_CONDITIONS       \
    }

struct settings;

/* Whether nothing is set: every letter meets them. */
bool settings_conditions_none(const struct conditions_settings *c);

/* What is wrong with them, a sentence in the arena, and of which setting; empty: nothing. */
struct slice settings_conditions_problem(const struct conditions_settings *c,
                                         const struct settings *s, struct arena *arena,
                                         const char **setting);

/* "card": as the file names it. */
const char *settings_finding_name(int finding);
