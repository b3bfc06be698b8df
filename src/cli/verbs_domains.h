/* cli/verbs_domains - the rows of verbs.c about what is known of other people's domains. */
#pragma once

#include "cli/cli.h"

cli_run cli_domain_show;    /* domain_show.c */
cli_run cli_domain_reports; /* domain_show.c */

#define OTHER_DOMAIN_VERBS                                                                         \
    VERB(.name = "domain show", .words = "DOMAIN", .words_min = 1, .words_max = 1,                 \
         .help = "Show what is known of the servers of a domain that letters go to.",              \
         .more = "How well they have protected letters, and the MTA-STS policy in force.\n",       \
         .run = cli_domain_show),                                                                  \
        VERB(.name = "domain reports", .words = "[DOMAIN]", .words_max = 1,                        \
             .help = "List the reports on TLS that were sent to domains that ask for them.",       \
             .more = "The last 500. `tls-reports = no` in postern.conf turns them off.\n",         \
             .run = cli_domain_reports)
