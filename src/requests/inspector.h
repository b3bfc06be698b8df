/* requests/inspector - read one letter for search and policy. From keeper. */
#pragma once

#include "ipc/ipc.h"
#include "letter/findings.h"

#define INSPECTOR_SENDER_LEN 16

/* The letter comes as a sealed memfd; its search terms go back as another, in the form that
 * stages/inspection describes. */
struct inspector_ask {
    struct slice sender; /* tag of the account: one life of the inspector serves one sender */
};

struct inspector_answer {
    struct findings findings; /* its id is left empty */
};

extern const struct ipc_message inspector_inspect;
