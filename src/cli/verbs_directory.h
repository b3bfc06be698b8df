/* cli/verbs_directory - the rows of verbs.c about directories that accounts come from. */
#pragma once

#include "cli/verbs_passkey.h"

extern const struct argument_option directory_sync_options[]; /* directory.c */

#define DIRECTORY_VERBS                                                                            \
    VERB(.name = "directory sync", .words = "NAME", .words_min = 1, .words_max = 1,                \
         .options = directory_sync_options,                                                        \
         .help = "Make accounts as a [directory] says, now, and show what was changed.",           \
         .more = "It is done by itself at its `interval`. What would close more than a third of "  \
                 "the accounts wants --close,\nwhat would take more than a third of its contacts " \
                 "away --drop.\n",                                                                 \
         .run = cli_directory_sync),                                                               \
        VERB(.name = "directory status", .words = "",                                              \
             .help = "Show what became of the last synchronisation with each [directory].",        \
             .run = cli_directory_status),                                                         \
        VERB(.name = "directory test", .words = "NAME", .words_min = 1, .words_max = 1,            \
             .help = "Connect to a [directory], read it, and show what would be changed.",         \
             .run = cli_directory_test)
