/* cli/account - options of the verbs about what accounts send, for the table of verbs; and limits as they are given. */
#pragma once

#include "cli/cli.h"
#include "stages/limits/limits.h"

extern const struct argument_option account_limits_options[];
extern const struct argument_option account_release_options[];
extern const struct argument_option account_evidence_options[]; /* evidence.c */

/* Read LIMIT_OPTIONS; what is not given stays 0. */
bool account_figures(struct cli *c, uint64_t most[LIMITS_WINDOWS][LIMITS_MEASURES],
                     struct error *e) MUST_CHECK;
