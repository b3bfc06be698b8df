/* cli/verbs_domain - the rows of verbs.c about domains, our own and others'. */
#pragma once

#include "cli/own_domain.h"

#define DKIM_VERBS                                                                                 \
    VERB(.name = "dkim list", .words = "", .help = "List the DKIM keys, and changes under way.",   \
         .run = cli_dkim_list),                                                                    \
        VERB(.name = "dkim dns", .words = "[SELECTOR]", .words_max = 1,                            \
             .help = "Print the DNS records to publish, as lines of a zone file.",                 \
             .run = cli_dkim_dns),                                                                 \
        VERB(.name = "dkim rotate", .words = "[DOMAIN]", .words_max = 1,                           \
             .options = reason_options,                                                            \
             .help = "Make new DKIM keys, which sign when the DNS shows them.",                    \
             .more = "The former ones sign until then, and are destroyed when nothing that they\n" \
                     "signed waits any more. dkim-rotate does it by itself.\n",                    \
             .run = cli_dkim_rotate)

#define DOMAIN_VERBS                                                                               \
    VERB(.name = "domain dns", .words = "[DOMAIN]", .words_max = 1,                                \
         .help = "Print what our domains should say in the DNS, as lines of a zone file.",         \
         .more = "SPF, DKIM, DMARC, TLS reporting, MTA-STS with its policy file, SRV, TLSA.\n",    \
         .run = cli_domain_dns),                                                                   \
        VERB(.name = "domain check", .words = "[DOMAIN]", .words_max = 1,                          \
             .help = "Look up what our domains say in the DNS, and say what is to be mended.",     \
             .more = "Ends with 1 when something that counts is missing or wrong.\n",              \
             .run = cli_domain_check),                                                             \
        VERB(.name = "domain publish", .words = "DOMAIN", .words_min = 1, .words_max = 1,          \
             .options = publish_options,                                                           \
             .help = "Put a domain's records into the DNS, by the server of its [dns-update].",    \
             .more = "What somebody else put there stays, and is told. Ends with 1 when a record " \
                     "that counts\ncould not be published.\n",                                     \
             .run = cli_domain_publish),                                                           \
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
