/* cli/letter - verbs about letters that a second person must let go, and their rows for verbs.c. */
#pragma once

#include "cli/options.h"
#include "cli/verbs_contacts.h"

/* The verbs. */
bool cli_letter_waiting(struct cli *c, struct error *e);
bool cli_letter_show(struct cli *c, struct error *e);
bool cli_letter_approve(struct cli *c, struct error *e);
bool cli_letter_refuse(struct cli *c, struct error *e);

extern const struct argument_option letter_show_options[];
extern const struct argument_option letter_verdict_options[];

#define LETTER_VERBS                                                                               \
    VERB(.name = "letter waiting", .words = "",                                                    \
         .help = "List the letters that wait for a second person: for you, and your own.",         \
         .run = cli_letter_waiting),                                                               \
        VERB(.name = "letter show", .words = "ID", .words_min = 1, .words_max = 1,                 \
             .options = letter_show_options,                                                       \
             .help = "Show a letter that waits for you, as it would leave.",                       \
             .more = "That you looked at it is recorded. With -o, its bytes to a file.\n",         \
             .run = cli_letter_show),                                                              \
        VERB(.name = "letter approve", .words = "ID", .words_min = 1, .words_max = 1,              \
             .options = letter_verdict_options,                                                    \
             .help = "Let a letter go that waits for you, as it is.", .run = cli_letter_approve),  \
        VERB(.name = "letter refuse", .words = "ID", .words_min = 1, .words_max = 1,               \
             .options = letter_verdict_options,                                                    \
             .help = "Send a letter back that waits for you; --reason says why to its sender.",    \
             .run = cli_letter_refuse)
