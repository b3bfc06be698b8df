/* cli/verbs_totp - the rows of verbs.c about the second factor. */
#pragma once

#include "cli/verbs_contacts.h"

#define TOTP_VERBS                                                                                 \
    VERB(.name = "totp on", .words = "", .options = totp_on_options,                               \
         .help = "Set up a second factor: an authenticator app whose code `login` asks for.",      \
         .more = "Shows the app's secret, asks for a first code, and shows recovery codes once. "  \
                 "From then on the\nmain password sends no mail: programs take app passwords.\n",  \
         .run = cli_totp_on),                                                                      \
        VERB(.name = "totp codes", .words = "", .options = code_options,                           \
             .help = "Make new recovery codes; the old ones are good no more.",                    \
             .run = cli_totp_codes),                                                               \
        VERB(.name = "totp off", .words = "", .options = totp_off_options,                         \
             .help = "Take the second factor off, for a code; another one's, with a reason.",      \
             .run = cli_totp_off)
