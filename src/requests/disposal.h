/* requests/disposal - letters whose time is over, over the control socket of the keeper. */
#pragma once

#include "letter/disposal.h"
#include "requests/approvals.h"

#define DISPOSAL_CLASSES_MAX 200

/* disposal_preview: what a disposal would destroy now, as far as catalog and index say. */
struct disposal_preview_ask {
    uint64_t before; /* wall milliseconds; 0: now */
};

struct disposal_class {
    struct slice name;
    uint64_t letters; /* over: a letter of two classes counts for both */
};

struct disposal_preview_answer {
    uint64_t before;
    uint64_t over; /* of which ... */
    uint64_t held;
    uint64_t busy;            /* not in the index yet: looked at again when the time comes */
    uint64_t left;            /* letters that the rules in force still are to be applied to */
    bool doubted;             /* nobody knows what time it is */
    uint64_t believed;        /* the time that is believed */
    struct cbor_list classes; /* struct disposal_class */
    struct cbor_list holds;   /* struct disposal_class: by which letters are held */
};

extern const struct ipc_message disposal_preview;

/* disposal_ask: takes two persons; answered with struct admin_asked. */
struct disposal_ask_ask {
    uint64_t before;
    struct slice reason;
};

extern const struct ipc_message disposal_ask;

/* disposal_clock: say that the clock is right, where it is doubted. */
struct disposal_clock_ask {
    struct slice reason;
};

extern const struct ipc_message disposal_clock;
