/* config/settings_documents - the settings of files that a password opens, and of the passwords. Conventions as in
 * config/settings.h, which includes this. */
#pragma once

#include "config/config.h"

enum setting_password {
    SETTING_PASSWORD_GENERATED,
    SETTING_PASSWORD_AGREED,
    SETTING_PASSWORD_TOLD,
};

enum setting_text { SETTING_TEXT_INSIDE, SETTING_TEXT_OUTSIDE };

/* As stages/attachments numbers them. */
enum setting_language { SETTING_ENGLISH, SETTING_GERMAN, SETTING_FRENCH };

struct documents_settings {
    enum setting_password password; /* where one comes from when none was agreed on */
    int64_t keep_ms;                /* how long a generated one can be shown */
    struct slice command;           /* tells a recipient one; empty: nothing does */
    int64_t command_ms;             /* how long it may take, and before it is tried again */
    enum setting_text text;         /* where the letter's own text goes */
    enum setting_language language;
    struct slice cover; /* empty: the one of ours */
    bool scrub;         /* take out what files say of who made them */
};
