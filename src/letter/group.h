/* letter/group - names of groups of accounts. Which accounts are in one, each account says; what a group means is said
 * by who names it, a rule of retention, say. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

#define GROUP_NAME_MAX 64
#define GROUPS_MAX     50 /* that an account is in */

/* Whether it is one: a-z, 0-9 and dashes, these neither first nor last. */
bool group_name_is_good(struct slice name);
