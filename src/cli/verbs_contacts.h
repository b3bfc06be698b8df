/* cli/verbs_contacts - the rows of verbs.c about contacts and decoys, and how a row is written. */
#pragma once

#include "cli/cli.h"
#include "cli/contact.h"
#include "cli/options.h"

/* In parentheses: clang-format 14 crashes on an array of structs of unequal length. */
#define VERB(...)                                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

#define CONTACT_VERBS                                                                              \
    VERB(.name = "contact add", .words = "ADDRESS", .words_min = 1, .words_max = 1,                \
         .options = contact_add_options, .help = "Add a contact to one's own, or the company's.",  \
         .run = cli_contact_add),                                                                  \
        VERB(.name = "contact set", .words = "ADDRESS", .words_min = 1, .words_max = 1,            \
             .options = contact_set_options, .help = "Change a contact; what is not given stays.", \
             .run = cli_contact_set),                                                              \
        VERB(.name = "contact remove", .words = "ADDRESS", .words_min = 1, .words_max = 1,         \
             .options = contact_options, .help = "Remove a contact.", .run = cli_contact_remove),  \
        VERB(.name = "contact find", .words = "[WORDS...]", .words_max = 16,                       \
             .options = contact_find_options,                                                      \
             .help =                                                                               \
                 "Find a few contacts, one's own and the company's; without words, favourites.",   \
             .run = cli_contact_find),                                                             \
        VERB(.name = "contact show", .words = "ADDRESS", .words_min = 1, .words_max = 1,           \
             .help = "Show all about a contact.", .run = cli_contact_show),                        \
        VERB(.name = "contact list", .words = "", .options = contact_options,                      \
             .help = "List one's own contacts, or the company's, as far as the limits allow.",     \
             .more = "It is recorded. How many contacts an account is shown in an hour and a day " \
                     "is limited.\n",                                                              \
             .run = cli_contact_list),                                                             \
        VERB(.name = "contact import", .words = "FILE", .words_min = 1, .words_max = 1,            \
             .options = contact_options,                                                           \
             .help = "Take contacts from a vCard file, or a table as CSV with heads.",             \
             .more = "What is there already stays, but for what the file has. A line that cannot " \
                     "be read is "                                                                 \
                     "named, and left out.\n",                                                     \
             .run = cli_contact_import),                                                           \
        VERB(.name = "contact export", .words = "", .options = contact_export_options,             \
             .help = "Write all contacts of a book to a file, when another person approved it.",   \
             .more = "The first time it is asked for; give --reason. When it is approved the "     \
                     "same command writes the "                                                    \
                     "file, once.\n",                                                              \
             .run = cli_contact_export),                                                           \
        VERB(.name = "decoys on", .words = "", .options = reason_options,                          \
             .help = "Put decoys among the contacts: who writes to one is suspended.",             \
             .run = cli_decoys_on),                                                                \
        VERB(.name = "decoys off", .words = "", .options = reason_options,                         \
             .help = "Take the decoys out; nobody is suspended for one any more.",                 \
             .run = cli_decoys_off),                                                               \
        VERB(.name = "decoys status", .words = "", .help = "Show how many decoys there are.",      \
             .run = cli_decoys_status),                                                            \
        VERB(.name = "decoys forget", .words = "ADDRESS", .words_min = 1, .words_max = 1,          \
             .options = reason_options,                                                            \
             .help = "Say that this address is a real person's: it is no decoy any more.",         \
             .run = cli_decoys_forget)
