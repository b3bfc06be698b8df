/* cli/export_many - all letters that a query finds, in a directory that others can read.
 *
 * After each page of letters the files are durable and `export.state` says how long they were; when an
 * export goes on, they are cut to that and the page begins again. `manifest.csv` has a line for each
 * letter; its SHA-256 becomes a record of the ledger when the export is whole. */
#pragma once

#include "cli/cli.h"
#include "letter/findings.h"
#include "letter/records.h"
#include "requests/reader.h"

enum export_format { EXPORT_EML, EXPORT_MBOX, EXPORT_EDRM, EXPORT_CONCORDANCE };

/* Files that grow letter by letter; which of them there are depends on the format. */
enum export_file { EXPORT_MANIFEST, EXPORT_EXCEPTIONS, EXPORT_LOAD, EXPORT_FAMILIES, EXPORT_FILES };

struct export
{
    struct cli *cli;
    struct slice query;
    struct slice case_name; /* all letters are of this case; empty: of none */
    enum export_format format;
    int directory;
    int natives; /* the directory below it, or -1 */
    int fds[EXPORT_FILES];
    uint64_t sizes[EXPORT_FILES]; /* of the files, as far as they count */
    struct buf pending[EXPORT_FILES];
    struct slice place; /* of the next page; empty: the first */
    uint64_t count;
    uint64_t exceptions;
    bool end;   /* no page follows */
    bool whole; /* an export that was ended before */
    struct arena page;
};

/* One letter on its way. */
struct export_letter {
    struct slice id; /* as text */
    uint64_t seq;
    struct facts facts;
    struct findings findings;
    struct slice bytes;
};

/* `postern export --query`, or --case. */
bool export_many(struct cli *c, struct error *e) MUST_CHECK;

/* The name of a growing file in this format, or NULL. */
const char *export_name(enum export_format format, enum export_file file);

/* What stands in a file before and behind its letters. */
void export_begin(struct export *x);
bool export_end(struct export *x, struct error *e) MUST_CHECK;

/* Add one letter to what is pending, and write its native file when the format has those. */
bool export_letter(struct export *x, const struct export_letter *l, struct error *e) MUST_CHECK;

/* Add a line to the exceptions. */
void export_exception(struct export *x, struct slice id, struct slice what, struct slice why);

/* Open the directory and its files, new ones or those of an export that was interrupted. */
bool export_open(struct export *x, const char *path, struct error *e) MUST_CHECK;

/* Make what is pending durable, then the state. */
bool export_save(struct export *x, struct error *e) MUST_CHECK;

/* Close everything. */
void export_close(struct export *x);

/* Write all of it. */
bool export_write_all(int fd, struct slice bytes, struct error *e) MUST_CHECK;
