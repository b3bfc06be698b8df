/* config/settings_policy - the settings of how letters must be protected, and of the labels that people put on them. Conventions as in
 * config/settings.h, which includes this. */
#pragma once

#include "config/settings_conditions.h"

#define SETTINGS_LABEL_NAME_MAX  40
#define SETTINGS_POLICY_NAME_MAX 40
#define SETTINGS_METHODS_MAX     7
#define SETTINGS_POLICY_DEFAULT  "default" /* the section for what no other is for */

/* Steps of a policy. */
enum setting_method {
    SETTING_METHOD_SMIME,
    SETTING_METHOD_OPENPGP,
    SETTING_METHOD_ATTACHMENTS,
    SETTING_METHOD_AUTHENTICATED,
    SETTING_METHOD_VERIFIED,
    SETTING_METHOD_ENCRYPTED,
    SETTING_METHOD_CLEARTEXT,
};

/* What files say of who made them: as enum ruling_clean. */
enum setting_metadata { SETTING_METADATA_KEEP, SETTING_METADATA_REMOVE, SETTING_METADATA_REQUIRE };

enum setting_otherwise { SETTING_OTHERWISE_HOLD, SETTING_OTHERWISE_RETURN };

/* [policy NAME]: the first section that a letter and its recipient meet counts for this recipient. */
struct policy_settings {
    struct slice name;
    struct conditions_settings when;
    struct config_list methods; /* int: enum setting_method, in order of preference */
    enum setting_otherwise otherwise;
    struct slice reason; /* for the sender; may be empty */
    enum setting_metadata metadata;
};

/* [label NAME]: what puts it on a letter; one of them is enough. */
struct label_settings {
    struct slice name;
    struct config_list headers; /* "Name: value" */
    struct config_list subject_tags;
    struct config_list accounts;
    bool remove_tag; /* from the subject of what leaves */
};

struct settings;

/* The next [policy] section, from `*at` on, whose `methods` have steps behind `attachments` that stand for letters alone which cannot
 * be changed so, because a password is made for everybody; NULL: there is none. */
const struct policy_settings *settings_policy_shadowed(const struct settings *s, size_t *at);

/* The [label] section of that name, or NULL. */
const struct label_settings *settings_label(const struct settings *s, struct slice name);

/* "smime": as the file names it. */
const char *settings_method_name(int method);

/* What is wrong with the sections, in the arena: a sentence that begins with the file and, where it can be found in `bytes`, the
 * line; empty: nothing. */
struct slice settings_policy_contradiction(const struct settings *s, struct slice bytes,
                                           const char *file, struct arena *arena);
