/* letter/account_role - what an account's holder is in the company, beyond sending letters.
 *
 * The numbers stand in the state store and in records: once used, one keeps its meaning for ever. */
#pragma once

#include "base/slice.h"

enum account_role {
    ACCOUNT_EMPLOYEE = 1,      /* sends, and reads his own letters                      */
    ACCOUNT_AUDITOR = 2,       /* reads all letters, with a reason that is recorded     */
    ACCOUNT_OFFICER = 3,       /* the person responsible: says who may read             */
    ACCOUNT_ADMINISTRATOR = 4, /* runs the system; reads nobody's letters but his own   */
    ACCOUNT_APPLICATION = 5,   /* nobody: a program or device that sends                */
};

#define ACCOUNT_ROLE_LAST ACCOUNT_APPLICATION

/* "auditor"; "unknown" for a number that is none. */
const char *account_role_name(uint64_t role);

/* The role of that name; false when there is none. */
bool account_role_from(struct slice name, uint64_t *role);
