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

/* How a passkey is asked for; and what one proves anew with who one is, as passkey_prove() reads it. */
#define JSON_OPTION                                                                                \
    OPTION("json", 0, NULL, "a browser is asked instead of a security key: a line of JSON each way")
#define PROOF_OPTIONS                                                                              \
    OPTION("code", 0, "CODE",                                                                      \
           "of the second factor, or a recovery code, instead of the password"),                   \
        OPTION("password-stdin", 0, NULL, "your password is one line of standard input"),          \
        OPTION("passkey", 0, NULL, "a passkey of yours instead of the password"), JSON_OPTION

/* What may be sent at most; their names are those of the settings. */
#define LIMIT_OPTIONS                                                                              \
    OPTION("letters-per-hour", 0, "N", "the most letters within an hour"),                         \
        OPTION("letters-per-day", 0, "N", "within 24 hours"),                                      \
        OPTION("recipients-per-hour", 0, "N",                                                      \
               "the most recipients outside, of all letters together"),                            \
        OPTION("recipients-per-day", 0, "N", "within 24 hours"),                                   \
        OPTION("addresses-per-hour", 0, "N", "of these, each counted once"),                       \
        OPTION("addresses-per-day", 0, "N", "within 24 hours"),                                    \
        OPTION("first-time-per-hour", 0, "N", "of these, to whom nobody here has written before"), \
        OPTION("first-time-per-day", 0, "N", "within 24 hours"),                                   \
        OPTION("bytes-per-hour", 0, "MIB", "the most bytes of letters, in MiB"),                   \
        OPTION("bytes-per-day", 0, "MIB", "within 24 hours")

extern const struct argument_option init_options[];
extern const struct argument_option login_options[];
extern const struct argument_option app_password_options[];
extern const struct argument_option device_options[];
extern const struct argument_option app_revoke_options[];
extern const struct argument_option app_set_options[];
extern const struct argument_option device_list_options[];
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
