/* cli/verbs_drill - the row of verbs.c about drills. */
#pragma once

#include "cli/drill.h"
#include "cli/verbs_contacts.h"

#define DRILL_VERBS                                                                                \
    VERB(.name = "drill stolen-account", .words = "", .options = drill_options,                    \
         .help = "Play an attack by a stolen account, and show what would have happened.",         \
         .more = "With an account of its own, by real sign-ins and real letters, of which none "   \
                 "leaves. The alarms are\nreal, and say that it is a drill. Exit status 1: too "   \
                 "many were reached, or nobody was told.\nGive --reason.\n",                       \
         .run = cli_drill_stolen_account)
