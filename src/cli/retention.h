/* cli/retention - what the verbs about retention share. */
#pragma once

#include "cli/cli.h"
#include "letter/retention.h"

/* Rows of a table of options: which letters a rule is about. */
#define RETENTION_CONDITIONS                                                                       \
    {.name = "sender",                                                                             \
     .value = "PATTERN",                                                                           \
     .help = "sender's address; `*` is anything",                                                  \
     .many = true},                                                                                \
        {.name = "account",                                                                        \
         .value = "ACCOUNT",                                                                       \
         .help = "who sent it, or whose mail it was",                                              \
         .many = true},                                                                            \
        {.name = "group",                                                                          \
         .value = "NAME",                                                                          \
         .help = "of accounts; as when the letter was recorded",                                   \
         .many = true},                                                                            \
        {.name = "recipient-domain",                                                               \
         .value = "DOMAIN",                                                                        \
         .help = "of a recipient; *.DOMAIN is what is below",                                      \
         .many = true},                                                                            \
        {.name = "words",                                                                          \
         .value = "TEXT",                                                                          \
         .help = "these words one after the other",                                                \
         .many = true},                                                                            \
        {.name = "finding",                                                                        \
         .value = "NAME",                                                                          \
         .help = "`attachment`, `encrypted`, `mismatch`, `card`, `iban`",                          \
         .many = true},                                                                            \
    {                                                                                              \
        .name = "label", .value = "TEXT", .help = "a keyword of its header, or a flag",            \
        .many = true                                                                               \
    }

/* Fill in the conditions that were given. */
void retention_conditions(struct cli *c, struct rule *rule);

/* Whether a rule is about some letters only. */
bool retention_has_conditions(const struct rule *rule);
