/* cli/options - tables of options that are too long to stand among the verbs, and how one is written. */
#pragma once

#include "cli/arguments.h"

#define OPTION(name_, letter_, value_, help_)                                                      \
    {                                                                                              \
        .name = (name_), .value = (value_), .help = (help_), .letter = (letter_), .many = false    \
    }
#define OPTION_MANY(name_, value_, help_)                                                          \
    {                                                                                              \
        .name = (name_), .value = (value_), .help = (help_), .letter = 0, .many = true             \
    }
#define OPTION_END OPTION(NULL, 0, NULL, NULL)

extern const struct argument_option init_options[];
extern const struct argument_option login_options[];
extern const struct argument_option app_password_options[];
extern const struct argument_option device_options[];
extern const struct argument_option app_revoke_options[];
extern const struct argument_option code_options[];
extern const struct argument_option totp_on_options[];
extern const struct argument_option totp_off_options[];
extern const struct argument_option passkey_options[];
extern const struct argument_option passkey_remove_options[];
extern const struct argument_option restore_options[];
extern const struct argument_option preview_options[];
extern const struct argument_option disposal_options[];
extern const struct argument_option certificate_options[];
extern const struct argument_option hold_options[];
extern const struct argument_option case_open_options[];
extern const struct argument_option case_options[];
extern const struct argument_option delegate_add_options[];
extern const struct argument_option delegate_remove_options[];
extern const struct argument_option dkim_new_options[];
extern const struct argument_option erase_options[];
extern const struct argument_option again_options[];
extern const struct argument_option subject_options[];
extern const struct argument_option key_wrap_options[];
extern const struct argument_option key_rotate_options[];
extern const struct argument_option key_options[];
