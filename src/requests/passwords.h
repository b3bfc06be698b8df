/* requests/passwords - what the command line may ask of the keeper about passwords, over its control socket. */
#pragma once

#include "ipc/ipc.h"
#include "requests/auth.h"

/* password_check: say whether a password would do, and why not; nothing is kept of it. Answered with
 * struct auth_judge_answer. ERROR_DENIED for another's account by who does not run the system. */
struct password_check_ask {
    struct slice account; /* whose names count; empty: the company's alone */
    struct slice password;
    bool second_factor; /* as one beside a second factor */
};

extern const struct ipc_message password_check;

/* passwords_imported: record that a list was put in place, by the command line, which did it. */
struct passwords_imported_ask {
    uint64_t entries;
    struct slice reason;
};

extern const struct ipc_message passwords_imported;
