#include "letter/account_role.h"

static const char *const names[] = {[ACCOUNT_EMPLOYEE] = "employee",
                                    [ACCOUNT_AUDITOR] = "auditor",
                                    [ACCOUNT_OFFICER] = "officer",
                                    [ACCOUNT_ADMINISTRATOR] = "administrator",
                                    [ACCOUNT_APPLICATION] = "application"};

const char *account_role_name(uint64_t role)
{
    return role >= ACCOUNT_EMPLOYEE && role <= ACCOUNT_ROLE_LAST ? names[role] : "unknown";
}

bool account_role_from(struct slice name, uint64_t *role)
{
    for (uint64_t i = ACCOUNT_EMPLOYEE; i <= ACCOUNT_ROLE_LAST; i++) {
        if (slice_equal(name, slice_text(names[i]))) {
            *role = i;
            return true;
        }
    }
    return false;
}
