/* cli/import - what the verbs `import ...` share. */
#pragma once

#include "cli/cli.h"
#include "letter/import.h"

/* One import while it goes on. */
struct importing {
    struct cli *cli;
    const char *path; /* as it is opened; whole */
    struct import_record record;
    struct slice ticket;          /* of the keeper's: with it letters are added */
    struct arena arena;           /* for one batch */
    unsigned failures;            /* of the daemon, one behind the other */
    struct import_failure *found; /* known before the files are looked at */
    size_t n_found;
};

/* Begin an import, or go on with one. `path` is what was typed. */
bool import_begin(struct importing *x, struct cli *c, enum source_kind kind, const char *path,
                  struct error *e) MUST_CHECK;

/* After a failure: whether to try the same again, the import having been begun again. It waits for a
 * daemon that is being restarted; otherwise *e says why not. */
bool import_again(struct importing *x, struct error *e) MUST_CHECK;

/* End it and print its report. */
bool import_end(struct importing *x, struct error *e) MUST_CHECK;

/* Print the report of an import; *failed is how much could not be taken. */
bool import_print(struct cli *c, struct slice id, uint64_t *failed, struct error *e) MUST_CHECK;

/* Append a letter as readpst wrote it down, but for the random number in its boundaries, which stand there as
 * 1, 2 ... in their order: what is taken again is to be known by its content. */
void import_pst_settle(struct slice letter, struct buf *out);

/* Take the files of a directory. */
bool import_walk(struct importing *x, struct error *e) MUST_CHECK;
