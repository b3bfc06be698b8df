/* requests/intake - have the mail in files read and recorded. From the command line, which opens the
 * files and looks at none of their bytes.
 *
 * Each question is one batch: it is in the ledger when it is answered. So whoever asks needs to
 * remember nothing, and may ask the same again after a crash. */
#pragma once

#include "ipc/ipc.h"
#include "requests/keeper.h"

#define INTAKE_FILES_MAX IMPORT_LETTERS_MAX

/* intake_mbox: the file's descriptor comes along. */
struct intake_mbox_ask {
    struct slice ticket; /* from admin_import_begin */
    struct slice path;   /* as it is to stand with the letters */
    uint64_t offset;     /* where a letter begins */
    uint64_t quoting;    /* enum mbox_quoting */
    bool journal;        /* each letter is a journal report: take the one in it */
};

struct intake_mbox_answer {
    struct import_counts counts;
    uint64_t next; /* where to go on */
    bool end;      /* that is behind the last letter */
};

/* intake_files: many files' bytes one behind the other in a sealed memfd. */
struct intake_file {
    uint64_t start;
    uint64_t len;
    struct slice path;
    struct slice flags;
    uint64_t received_at;
};

struct intake_files_ask {
    struct slice ticket;
    struct cbor_list files;    /* struct intake_file */
    struct cbor_list failures; /* struct import_failure: files that could not be read */
    bool journal;
};

/* Answered with struct import_counts. */
extern const struct ipc_message intake_mbox;
extern const struct ipc_message intake_files;
