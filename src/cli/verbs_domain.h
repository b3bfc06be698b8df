/* cli/verbs_domain - the rows of verbs.c about domains, our own and others'. */
#pragma once

#include "cli/own_domain.h"

#define DOMAIN_VERBS                                                                               \
    VERB(.name = "domain dns", .words = "[DOMAIN]", .words_max = 1,                                \
         .help = "Print what our domains should say in the DNS, as lines of a zone file.",         \
         .more = "SPF, DKIM, DMARC, TLS reporting, MTA-STS with its policy file, SRV, TLSA.\n",    \
         .run = cli_domain_dns),                                                                   \
        VERB(.name = "domain check", .words = "[DOMAIN]", .words_max = 1,                          \
             .help = "Look up what our domains say in the DNS, and say what is to be mended.",     \
             .more = "Ends with 1 when something that counts is missing or wrong.\n",              \
             .run = cli_domain_check),                                                             \
        VERB(.name = "domain forget", .words = "DOMAIN", .words_min = 1, .words_max = 1,           \
             .options = reason_options,                                                            \
             .help = "Forget how well a domain's servers have protected letters so far.",          \
             .more = "Its letters then need what the settings demand, and no more. A domain with " \
                     "a fixed\nnext hop shares that with all whose letters go there.\n",           \
             .run = cli_domain_forget),                                                            \
        VERB(.name = "domain override", .words = "DOMAIN", .words_min = 1, .words_max = 1,         \
             .options = override_options,                                                          \
             .help =                                                                               \
                 "For a while, say what a domain's servers must prove, whatever it publishes.",    \
             .more =                                                                               \
                 "Neither DANE, MTA-STS and pins nor what was demanded or shown before counts "    \
                 "then. It\nends by itself, is recorded, and stands in `postern status`.\n",       \
             .run = cli_domain_override)
