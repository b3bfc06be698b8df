/* requests/redecide - have a letter decided once more that its policy holds. */
#pragma once

#include "ipc/ipc.h"

#define DECIDE_REASON_MAX 900 /* bytes */

struct letter_decide_ask {
    struct slice id;
    struct slice reason;
};

struct letter_decide_answer {
    uint64_t sent, held; /* recipients of those who were decided */
    struct slice why;    /* the first of these is held */
};

/* letter_decide: the officer, and its sender. */
extern const struct ipc_message letter_decide;
