/* catalog/catalog - where things are in the ledger and what is still to be done.
 *
 * Derived: a fold over the ledger's records in their order, and nothing else. Throwing the file
 * away and folding again gives the same rows (`postern catalog rebuild`). It holds ids, places,
 * times, sizes, counters and keyed hashes; whatever a person reads comes from the ledger.
 *
 * SQLite in WAL mode. One process writes (one thread, inside catalog_begin/commit); others open it
 * read-only while the writer has it open. The place up to which records were folded is stored in
 * the same transaction as their rows, so after a crash folding goes on where the file ends. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/own.h"

#include "ledger/reader.h"
#include "letter/records.h"

#define CATALOG_FORMAT_VERSION 2
#define CATALOG_KEY_LEN        32
#define CATALOG_REPEAT_LEN     16
#define CATALOG_DOCKET         ((uint64_t)INT64_MAX)     /* no letter: see catalog_records() */
#define CATALOG_SUBJECTS       ((uint64_t)INT64_MAX - 1) /* likewise */
#define CATALOG_SUBJECT_PARTS  ((uint64_t)INT64_MAX - 2) /* likewise */

struct catalog;

enum queue_state {
    QUEUE_WAITING = 1, /* to be tried at next_at */
    QUEUE_HELD = 2,    /* waits for a person */
};

struct catalog_letter {
    uint64_t seq; /* of the facts record; it names the letter in this file */
    struct letter_id id;
    uint64_t kind; /* enum letter_kind */
    uint64_t received_at;
    uint64_t size;
    bool decided;
    struct ledger_ref facts;
    uint8_t repeat[CATALOG_REPEAT_LEN]; /* see catalog_repeat_key() */
};

struct catalog_queue_row {
    uint64_t letter; /* seq */
    struct letter_id id;
    uint64_t ruling; /* index into the decision's rulings */
    uint64_t state;  /* enum queue_state */
    uint64_t attempt;
    uint64_t queued_at;
    uint64_t next_at;
    bool warned;          /* a delay warning was sent */
    struct slice pending; /* indexes of recipients without a final outcome, as in struct ruling */
};

struct catalog_record {
    struct ledger_ref ref;
    uint64_t type; /* enum record_type */
};

struct catalog_counts {
    uint64_t letters;
    uint64_t waiting; /* queue rows */
    uint64_t held;
    uint64_t undecided; /* letters that inspection and policy have not seen */
};

/**
 * Open the catalog, making it when it is not there and `writable`. Otherwise it is opened in the state
 * of this moment, and shows no other; close it soon.
 *
 * @param path  of catalog.db; -wal and -shm stand beside it
 * @param key   CATALOG_KEY_LEN bytes for the keyed hash; not needed for reading
 * @return      false with ERROR_CONFIG for a newer format, ERROR_CORRUPT when it is no catalog,
 *              ERROR_BUSY when it cannot be opened
 */
bool catalog_open(const char *path, bool writable, struct slice key, struct catalog **out,
                  struct error *e) MUST_CHECK;

/* As catalog_open() for writing, of a file that is damaged: what is in it is thrown away. */
bool catalog_open_anew(const char *path, struct slice key, struct catalog **out,
                       struct error *e) MUST_CHECK;

/* NULL is fine. */
void catalog_close(struct catalog *c);

/* Where folding goes on. */
struct ledger_position catalog_position(const struct catalog *c);

/* A transaction around any number of catalog_apply(); the commit stores the position behind the
 * last of them. After a failure nothing of it is there, nor the position. */
bool catalog_begin(struct catalog *c, struct error *e) MUST_CHECK;
bool catalog_commit(struct catalog *c, struct ledger_position next, struct error *e) MUST_CHECK;

/* Give up the transaction. */
void catalog_abort(struct catalog *c);

/* Forget everything, to fold from the beginning; a damaged file is whole afterwards. */
bool catalog_clear(struct catalog *c, struct error *e) MUST_CHECK;

/**
 * Fold the next record.
 *
 * @param entry  as the reader gave it; the body of RECORD_CONTENT is not looked at and may be
 *               left out, since content always stands right behind its facts. Of an erased
 *               record nothing is kept
 * @param arena  for reading the body; the caller resets it
 * @return       false with ERROR_CORRUPT when the body cannot be read or belongs to no letter,
 *               ERROR_BUSY when SQLite fails
 */
bool catalog_apply(struct catalog *c, const struct ledger_entry *entry, struct arena *arena,
                   struct error *e) MUST_CHECK;

/* What makes two submissions the same letter: account, envelope, Message-ID and content, under the
 * key. Of an imported one, its owner, or the source when nobody was named, stands for the account. */
void catalog_repeat_key(const struct catalog *c, const struct facts *f,
                        uint8_t key[static CATALOG_REPEAT_LEN]);

/* Find a letter by its id; *found says whether it is there. */
bool catalog_find(struct catalog *c, const struct letter_id *id, struct catalog_letter *out,
                  bool *found, struct error *e) MUST_CHECK;

/* The records about a letter in the order of the ledger; list from the arena. Under CATALOG_DOCKET those
 * of what takes two persons and of holds, under CATALOG_SUBJECTS where a person's request for erasure began and ended,
 * under CATALOG_SUBJECT_PARTS its batches: hints, for this file is not authenticated. */
bool catalog_records(struct catalog *c, uint64_t letter, struct arena *arena,
                     struct catalog_record **records, size_t *count, struct error *e) MUST_CHECK;

/* Find the last record of that type about a letter. */
bool catalog_record(struct catalog *c, uint64_t letter, uint16_t type, struct ledger_ref *ref,
                    bool *found, struct error *e) MUST_CHECK;

/* Where the record stands by which that letter was erased. */
bool catalog_removal(struct catalog *c, const struct letter_id *id, struct ledger_ref *ref,
                     bool *found, struct error *e) MUST_CHECK;

/* The facts' numbers of all letters that were erased; from the arena. */
bool catalog_removed(struct catalog *c, struct arena *arena, uint64_t **seqs, size_t *count,
                     struct error *e) MUST_CHECK;

/* Repetitions (LETTER_REPEAT) with that key, see catalog_repeat_key(); from the arena. */
bool catalog_repeated(struct catalog *c, const uint8_t key[static CATALOG_REPEAT_LEN],
                      struct arena *arena, struct catalog_letter **letters, size_t *count,
                      struct error *e) MUST_CHECK;

/* All queue rows, oldest first; from the arena. */
bool catalog_queue(struct catalog *c, struct arena *arena, struct catalog_queue_row **rows,
                   size_t *count, struct error *e) MUST_CHECK;

struct catalog_import {
    uint64_t seq; /* of its first record; catalog_records() lists them all under it */
    struct letter_id id;
    bool ended;
};

/* Imports, the newest first, whose first record stands before `before`; from the arena. */
bool catalog_imports(struct catalog *c, uint64_t before, size_t max, struct arena *arena,
                     struct catalog_import **imports, size_t *count, struct error *e) MUST_CHECK;

/* Whether an imported letter with this catalog_repeat_key() is there. */
bool catalog_has_imported(struct catalog *c, const uint8_t key[static CATALOG_REPEAT_LEN],
                          bool *found, struct error *e) MUST_CHECK;

/* When one with that key was erased; 0: none was. */
bool catalog_erased_import(struct catalog *c, const uint8_t key[static CATALOG_REPEAT_LEN],
                           int64_t *erased_ms, struct error *e) MUST_CHECK;

enum catalog_which {
    CATALOG_UNDECIDED, /* not seen by inspection and policy; `from` is a seq         */
    CATALOG_BEFORE,    /* facts record before `from`, a seq; the newest first        */
    CATALOG_BEHIND,    /* facts record at or behind `from`, a seq: for the index     */
};

/* Letters of that kind in the order of the ledger, or against it, at most `max`; from the arena. */
bool catalog_letters(struct catalog *c, enum catalog_which which, uint64_t from, size_t max,
                     struct arena *arena, struct catalog_letter **letters, size_t *count,
                     struct error *e) MUST_CHECK;

/* Count what the catalog holds. */
bool catalog_counts(struct catalog *c, struct catalog_counts *out, struct error *e) MUST_CHECK;

OWN_BY(catalog, struct catalog, catalog_close)
