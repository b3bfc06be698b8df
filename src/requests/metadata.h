/* requests/metadata - take out of a letter's files what they say of who made them, where and with what. From keeper to inspector. */
#pragma once

#include "ipc/ipc.h"
#include "requests/inspector.h"

#define METADATA_LINES_MAX 600
#define METADATA_LINE_MAX  400

/* inspector_clean: the letter comes as a sealed memory file, and the cleaned one goes back as another. */
struct inspector_clean_ask {
    struct slice sender; /* INSPECTOR_SENDER_LEN bytes, as inspector_ask has it */
};

struct inspector_clean_answer {
    struct cbor_list texts; /* what was taken out of which file, and what stays and why */
    struct slice left;      /* the first that stays, or may, and why; empty: nothing does */
    bool changed;           /* otherwise the file that comes back is empty */
};

extern const struct ipc_message inspector_clean;
