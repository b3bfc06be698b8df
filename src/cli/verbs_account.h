/* cli/verbs_account - the rows of verbs.c about what accounts send. */
#pragma once

#include "cli/account.h"

#define ACCOUNT_VERBS                                                                              \
    VERB(.name = "account show", .words = "ACCOUNT", .words_min = 1, .words_max = 1,               \
         .help = "Show what an account may send, and what it has sent within an hour and a day.",  \
         .run = cli_account_show),                                                                 \
        VERB(.name = "account limits", .words = "ACCOUNT", .words_min = 1, .words_max = 1,         \
             .options = account_limits_options,                                                    \
             .help = "Give an account limits of its own, until a day and for a reason.",           \
             .more = "What is not given is as the settings say. The options take the place of "    \
                     "what it had before.\n",                                                      \
             .run = cli_account_limits),                                                           \
        VERB(.name = "account suspend", .words = "ACCOUNT", .words_min = 1, .words_max = 1,        \
             .options = reason_options,                                                            \
             .help =                                                                               \
                 "Have an account send no more: sessions end, letters of the last hour are held.", \
             .run = cli_account_suspend),                                                          \
        VERB(.name = "account release", .words = "ACCOUNT", .words_min = 1, .words_max = 1,        \
             .options = account_release_options,                                                   \
             .help = "Let a suspended account send again; not by itself.",                         \
             .run = cli_account_release),                                                          \
        VERB(.name = "account evidence", .words = "ACCOUNT", .words_min = 1, .words_max = 1,       \
             .options = account_evidence_options,                                                  \
             .help = "Write what proves a suspension as one file, which postern-verify proves.",   \
             .more =                                                                               \
                 "The suspension with its signs, the account's sign-ins, limits and acts of the "  \
                 "days around, its letters\nof the hour before, and for whom each of them left. "  \
                 "Subjects and recipients are in it, texts are not.\n",                            \
             .run = cli_account_evidence)
