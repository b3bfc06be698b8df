/* cli/verbs_recipients - the rows of verbs.c about recipients' keys. */
#pragma once

#include "cli/recipient.h"
#include "cli/secret.h"
#include "cli/smime.h"

#define RECIPIENT_VERBS                                                                            \
    VERB(.name = "recipient add-key", .words = "ADDRESS FILE", .words_min = 2, .words_max = 2,     \
         .options = recipient_add_options,                                                         \
         .help = "Keep a recipient's certificate or OpenPGP key, with which letters can be "       \
                 "encrypted.",                                                                     \
         .more = "For all of a domain as well, with its name as ADDRESS: a partner's gateway.\n",  \
         .run = cli_recipient_add_key),                                                            \
        VERB(.name = "recipient list", .words = "[PART]", .words_max = 1,                          \
             .help = "List recipients' keys; only those whose address contains PART.",             \
             .run = cli_recipient_list),                                                           \
        VERB(.name = "recipient show", .words = "ADDRESS", .words_min = 1, .words_max = 1,         \
             .options = recipient_show_options, .help = "Show all about the keys of a recipient.", \
             .run = cli_recipient_show),                                                           \
        VERB(.name = "recipient remove-key", .words = "ADDRESS FINGERPRINT", .words_min = 2,       \
             .words_max = 2, .options = recipient_remove_options,                                  \
             .help = "Take a key away; no letter is encrypted with it any more.",                  \
             .more = "The beginning of the fingerprint will do. Give --reason.\n",                 \
             .run = cli_recipient_remove_key),                                                     \
        VERB(.name = "recipient secret", .words = "ADDRESS set|generate|show|remove",              \
             .words_min = 2, .words_max = 2, .options = recipient_secret_options,                  \
             .help = "Agree on the password that opens what a recipient is sent.",                 \
             .more = "The method `attachments` uses it. What is done stands in the ledger.\n",     \
             .run = cli_recipient_secret),                                                         \
        VERB(.name = "recipient phone", .words = "ADDRESS [NUMBER]", .words_min = 1,               \
             .words_max = 2, .options = recipient_phone_options,                                   \
             .help = "Keep the telephone number to which a recipient is told passwords.",          \
             .more = "`attachments-password-command` gets it. Without NUMBER it is shown.\n",      \
             .run = cli_recipient_phone),                                                          \
        VERB(.name = "letter secret", .words = "ID", .words_min = 1, .words_max = 1,               \
             .help = "Show the password that was made for a letter of yours.",                     \
             .more = "Nobody else is shown it, and nobody sends it by mail.\n",                    \
             .run = cli_letter_secret),                                                            \
        VERB(.name = "smime import", .words = "FILE ADDRESS", .words_min = 2, .words_max = 2,      \
             .options = smime_import_options,                                                      \
             .help = "Sign letters of ADDRESS by the key in a PKCS #12 file (.p12, .pfx).",        \
             .more = "For all of a domain as well, with its name as ADDRESS.\n",                   \
             .run = cli_smime_import),                                                             \
        VERB(.name = "smime ca", .words = "NAME", .words_min = 1, .words_max = 1,                  \
             .options = smime_make_options,                                                        \
             .help = "Make an authority of our own that issues certificates of our people.",       \
             .run = cli_smime_ca),                                                                 \
        VERB(.name = "smime issue", .words = "ADDRESS", .words_min = 1, .words_max = 1,            \
             .options = smime_make_options,                                                        \
             .help =                                                                               \
                 "Have our authority issue a certificate; letters of ADDRESS are signed by it.",   \
             .run = cli_smime_issue),                                                              \
        VERB(.name = "smime list", .words = "",                                                    \
             .help = "List our own certificates, and when they end.", .run = cli_smime_list)
