/* cli/verbs_pgp - the rows of verbs.c about OpenPGP keys of our own people. */
#pragma once

#include "cli/pgp.h"

#define PGP_VERBS                                                                                  \
    VERB(.name = "pgp new", .words = "ADDRESS", .words_min = 1, .words_max = 1,                    \
         .options = pgp_new_options,                                                               \
         .help = "Make an OpenPGP key that signs the encrypted letters of one of our addresses.",  \
         .more = "Its private half stays in the signer.\n", .run = cli_pgp_new),                   \
        VERB(.name = "pgp list", .words = "",                                                      \
             .help = "List the OpenPGP keys of our own addresses.", .run = cli_pgp_list),          \
        VERB(.name = "pgp export", .words = "ADDRESS", .words_min = 1, .words_max = 1,             \
             .options = pgp_export_options,                                                        \
             .help = "Write out the public keys of one of our addresses, armored.",                \
             .run = cli_pgp_export),                                                               \
        VERB(.name = "pgp revoke", .words = "ADDRESS FINGERPRINT", .words_min = 2, .words_max = 2, \
             .options = pgp_revoke_options,                                                        \
             .help = "End an OpenPGP key of ours: nothing is signed with it any more.",            \
             .more = "Publish it again afterwards. Give --reason.\n", .run = cli_pgp_revoke),      \
        VERB(.name = "pgp wkd", .words = "DIR", .words_min = 1, .words_max = 1,                    \
             .help = "Write our public keys as a Web Key Directory, a folder for each web host.",  \
             .run = cli_pgp_wkd)
