/* cli/verbs_devices - the rows of verbs.c about app passwords and devices. */
#pragma once

#include "cli/verbs_totp.h"

#define DEVICE_VERBS                                                                               \
    VERB(.name = "app-password add", .words = "NAME", .words_min = 1, .words_max = 1,              \
         .options = app_password_options,                                                          \
         .help = "Make a password for one program or device of yours; it is shown once.",          \
         .more = "Sign in with `postern login` before. It is written to standard output.\n",       \
         .run = cli_app_password_add),                                                             \
        VERB(.name = "app-password list", .words = "[ACCOUNT]", .words_max = 1,                    \
             .help = "List your app passwords: what each is good for, and when it was used.",      \
             .run = cli_app_password_list),                                                        \
        VERB(.name = "app-password set", .words = "NAME", .words_min = 1, .words_max = 1,          \
             .options = app_set_options,                                                           \
             .help = "Change what an app password is called or good for.",                         \
             .more = "What makes it good for more than before wants a proof anew who you are.\n",  \
             .run = cli_app_password_set),                                                         \
        VERB(.name = "app-password revoke", .words = "NAME", .words_min = 1, .words_max = 1,       \
             .options = app_revoke_options,                                                        \
             .help = "End an app password, and the sessions that it opened, at once.",             \
             .run = cli_app_password_revoke),                                                      \
        VERB(.name = "device add", .words = "NAME", .words_min = 1, .words_max = 1,                \
             .options = device_options,                                                            \
             .help = "Let a device sign in by the key of its certificate, without a password.",    \
             .more = "It says AUTH EXTERNAL; the setting device-sign-in allows that.\n",           \
             .run = cli_device_add),                                                               \
        VERB(.name = "device list", .words = "[ACCOUNT]", .words_max = 1,                          \
             .options = device_list_options,                                                       \
             .help = "List an account's devices: what each is good for, and when it was used.",    \
             .run = cli_device_list),                                                              \
        VERB(.name = "device set", .words = "NAME", .words_min = 1, .words_max = 1,                \
             .options = app_set_options,                                                           \
             .help = "Change what a device is called or good for; its key stays.",                 \
             .more = "What makes it good for more than before wants a proof anew who you are.\n",  \
             .run = cli_app_password_set),                                                         \
        VERB(.name = "device revoke", .words = "NAME", .words_min = 1, .words_max = 1,             \
             .options = app_revoke_options,                                                        \
             .help = "End a device's sign-in, and the sessions that it opened, at once.",          \
             .run = cli_app_password_revoke)
