/* cli/verbs_passkey - the rows of verbs.c about passkeys. */
#pragma once

#include "cli/passkey.h"
#include "cli/verbs_contacts.h"

#define PASSKEY_VERBS                                                                              \
    VERB(.name = "passkey add", .words = "NAME", .words_min = 1, .words_max = 1,                   \
         .options = passkey_options,                                                               \
         .help = "Add a passkey: a security key at this machine, or with --json a browser's.",     \
         .more = "Wants your password again, a code, or a passkey that you have. With the first "  \
                 "one the main\npassword sends no mail any more: programs take app passwords.\n",  \
         .run = cli_passkey_add),                                                                  \
        VERB(.name = "passkey list", .words = "[ACCOUNT]", .words_max = 1,                         \
             .help = "List your passkeys: what each is called, and when it was used.",             \
             .run = cli_passkey_list),                                                             \
        VERB(.name = "passkey remove", .words = "NAME", .words_min = 1, .words_max = 1,            \
             .options = passkey_remove_options,                                                    \
             .help = "Remove a passkey, with a passkey or a code; another one's, with a reason.",  \
             .run = cli_passkey_remove)
