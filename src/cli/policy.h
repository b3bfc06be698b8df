/* cli/policy - what the policy in force says, and what it makes of a letter. */
#pragma once

#include "cli/cli.h"
#include "cli/options.h"

extern const struct argument_option policy_test_options[];

cli_run cli_policy_test, cli_policy_show;

#define POLICY_VERBS                                                                               \
    VERB(.name = "policy test", .words = "LETTER", .words_min = 1, .words_max = 1,                 \
         .options = policy_test_options,                                                           \
         .help = "Show how a letter in a file would be protected for each recipient, and why.",    \
         .more =                                                                                   \
             "Nothing is sent or kept but that you asked. Scanners are not asked. Exit status "    \
             "1: for somebody no\nstep of the policy works.\n",                                    \
         .run = cli_policy_test),                                                                  \
        VERB(.name = "policy show", .words = "",                                                   \
             .help = "Show the policy in force: its version, since when, and what it says.",       \
             .run = cli_policy_show)
