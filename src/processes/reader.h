/* processes/reader - answers to those who read the archive: search, show, export, verify.
 *
 * Everything is opened anew for each question: the catalog may have been made anew meanwhile, and
 * questions come from people. The keeper says who asks (reader_gate): an auditor reads all letters and
 * gives a reason, anybody else with an account his own letters. What was read is recorded by the keeper before the answer leaves; who
 * cannot be recorded reads nothing. Thread-safe. */
#pragma once

#include <stdatomic.h>

#include "base/secret.h"

#include "catalog/catalog.h"
#include "ipc/ipc.h"
#include "ledger/reader.h"
#include "requests/consent.h"
#include "requests/permits.h"

#define READER_ARENA_MAX                                                                           \
    ((size_t)512 << 20) /* the largest letter, packed and unpacked, and its copy */

/* The context of reader_table. */
struct reader {
    int ledger_directory;
    int record_keys; /* folder; 0: none */
    const struct secret *ledger_key;
    const struct secret *search_key;
    const char *catalog_path;
    const char *search_path;
    /* Have it recorded durably that this was read. */
    bool (*record)(void *context, const struct act *act, struct error *e);
    /* Have the catalog catch up with the ledger, as far as that is possible in a moment. */
    void (*settle)(void *context);
    /* Who shows this pass? What it fills lives in the arena. */
    bool (*who)(void *context, const struct caller_ask *ask, struct arena *arena,
                struct caller *caller, struct error *e);
    /* Have the search index looked at: it could not be read. NULL: nobody to tell. */
    void (*suspect)(void *context);
    /* What holds a letter, as a line of names in the arena; NULL: nobody to ask. */
    bool (*held)(void *context, const struct letter_id *id, struct arena *arena,
                 struct slice *holds, struct error *e);
    /* Whether an account may approve a letter that waits for a second person, and the digest of the copy that would leave,
     * in the arena; NULL: nobody to ask. */
    bool (*approves)(void *context, const struct keeper_consent_ask *ask, struct arena *arena,
                     struct keeper_consent_answer *answer, struct error *e);
    void *context;
    atomic_bool verifying; /* one at a time: it reads everything */
};

/* What may be asked over the socket. */
extern const struct ipc_table reader_table;

/* The gate before them: whoever asks is found out, and refused what his role may not. */
ipc_gate reader_gate;

/* ── between the reader's own files ── */

/* Who asks. */
struct visitor {
    struct caller caller;
    uint64_t uid;  /* of the process at the other end */
    uint64_t role; /* in which he may ask; 0: anybody may */
    bool own;      /* he may see his own letters alone */
};

/* What one question works with. */
struct desk {
    struct reader *reader;
    struct ledger_reader *ledger;
    struct catalog *catalog;
    struct arena arena; /* for one record at a time */
};

/* Open ledger and catalog for one request. desk_done() ends it, also after a failure. */
bool desk_open(struct reader *r, struct desk *d, struct error *e) MUST_CHECK;
void desk_done(struct desk *d);

/* Read the record at a place into its struct, which lives in the desk's arena. */
bool desk_read(struct desk *d, struct ledger_ref ref, uint16_t type,
               const struct cbor_schema *schema, void *out, struct error *e) MUST_CHECK;

/* Open the ledger for one request. */
bool reader_open_ledger(struct reader *r, struct ledger_reader **ledger,
                        struct error *e) MUST_CHECK;

/* Find a letter by its id. False with ERROR_INPUT when there is none. */
bool desk_find(struct desk *d, struct slice id, struct catalog_letter *letter,
               struct error *e) MUST_CHECK;

/* The bytes as they came, in the desk's arena; checked against the digest of the facts. *letter becomes
 * the one that it repeats. */
bool desk_content(struct desk *d, struct catalog_letter *letter, struct slice *bytes,
                  struct error *e) MUST_CHECK;

/* Where the records of the letter's sealed copies are, in the order of their numbers. None was made: count is 0. */
bool desk_copies(struct desk *d, const struct catalog_letter *letter, struct arena *arena,
                 struct ledger_ref **refs, size_t *count, struct error *e) MUST_CHECK;

/* One of these records, in the desk's arena; refused unless it is this letter's, and of that number. */
bool desk_sealed(struct desk *d, const struct catalog_letter *letter, struct ledger_ref ref,
                 uint64_t number, struct sealed *out, struct error *e) MUST_CHECK;

/* A record's body as it is shown: of a sealed copy of many bytes all but its edits, in the arena. */
bool desk_slim(struct desk *d, uint16_t type, struct slice body, struct arena *arena,
               struct slice *out, struct error *e) MUST_CHECK;

/* Append the bytes that leave, made again; refused unless they are those that were recorded. `which` counts from 1; 0 is the only
 * one, and refused when there are several. */
bool desk_copy(struct desk *d, const struct catalog_letter *letter, uint64_t which,
               struct slice content, struct buf *copy, struct error *e) MUST_CHECK;

/* The visitor behind a request that came through the gate. */
const struct visitor *reader_visitor(const struct ipc_request *r) __attribute__((returns_nonnull));

/* Who reads others' letters says why: false with ERROR_DENIED, which is recorded, when the reason is
 * blank. */
bool reader_wants_reason(struct reader *reader, const struct ipc_request *r, const char *verb,
                         struct slice object, struct slice reason, struct error *e) MUST_CHECK;

/* Whether this letter is one that the visitor may see. */
bool reader_may_see(struct desk *d, const struct visitor *v, const struct facts *f);

/* Record that a letter which he may not see was asked for, and answer as if there were none. */
bool reader_refuse(struct reader *reader, const struct ipc_request *r, const char *verb,
                   struct slice object, struct error *e) MUST_CHECK;

/* That *e is why somebody may not see what he asked for is an act. False. */
bool reader_refused(struct reader *reader, const struct ipc_request *r, const char *verb,
                    struct slice object, struct error *e);

/* Find the letter that was asked for, if it is one that this visitor may see, and says why. */
bool desk_find_for(struct desk *d, const struct ipc_request *r, const char *verb, struct slice id,
                   struct slice reason, struct catalog_letter *letter, struct error *e) MUST_CHECK;

/* An id as it is printed. */
struct slice desk_letter_name(const struct letter_id *id, struct arena *arena);

/* Record what is being read on behalf of whoever sent the request. */
bool reader_record(struct reader *reader, const struct ipc_request *r, const char *verb,
                   struct slice object, struct slice reason, uint64_t count,
                   struct error *e) MUST_CHECK;

ipc_handler reader_on_pass;        /* reader_gate.c */
ipc_handler reader_on_acts;        /* reader_acts.c */
ipc_handler reader_on_sign_ins;    /* reader_acts.c */
ipc_handler reader_on_search;      /* reader_search.c */
ipc_handler reader_on_show;        /* reader_letter.c */
ipc_handler reader_on_export;      /* reader_letter.c */
ipc_handler reader_on_waiting;     /* reader_waiting.c */
ipc_handler reader_on_verify;      /* reader_verify.c */
ipc_handler reader_on_growth;      /* reader_prove.c */
ipc_handler reader_on_prove;       /* reader_prove.c */
ipc_handler reader_on_anchors;     /* reader_anchors.c */
ipc_handler reader_on_pull;        /* reader_pull.c */
ipc_handler reader_on_exported;    /* reader_pull.c */
ipc_handler reader_on_imports;     /* reader_imports.c */
ipc_handler reader_on_import;      /* reader_imports.c */
ipc_handler reader_on_cases;       /* reader_cases.c */
ipc_handler reader_on_disposals;   /* reader_disposal.c */
ipc_handler reader_on_certificate; /* reader_disposal.c */
ipc_handler reader_on_evidence;    /* reader_evidence.c */

OWN_VALUE(desk, struct desk, desk_done)
