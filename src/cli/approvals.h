/* cli/approvals - what a person is told of what takes two. */
#pragma once

#include "cli/cli.h"
#include "requests/approvals.h"

/* Say that it was asked for, who may approve it and how; nothing when it was done at once. */
void approvals_say(struct cli *c, const struct admin_asked *asked);
