/* ledger/reader - records back from the ledger: one by its reference, or all from a position on.
 *
 * Works in another process than the writer, with a read-only folder, while the writer appends: what
 * stands behind the last whole commit does not exist here. Each record is checked on its way out
 * (length, digest, seal, commitment). A reader belongs to one thread; open as many as needed. */
#pragma once

#include "base/arena.h"

#include "ledger/ledger.h"

struct ledger_reader;

struct ledger_entry {
    struct ledger_ref ref;
    uint16_t type;
    int64_t time_ms; /* when it was appended */
    uint8_t commitment[32];
    uint8_t blind[32]; /* SHA-256(blind || body) is the commitment */
    struct slice body; /* from the arena */
    bool erased;       /* its key was destroyed: there is no body any more */
};

/* Where reading goes on; a plain value to be stored. All zero is the beginning. */
struct ledger_position {
    uint64_t seq; /* the first record not yet read */
    uint32_t segment;
    uint64_t offset;
};

enum ledger_next {
    LEDGER_ENTRY,  /* one record */
    LEDGER_AT_END, /* nothing behind the last whole commit; more may come */
    LEDGER_FAILED,
};

/**
 * Open a ledger for reading.
 *
 * @param dirfd  the folder; duplicated, may be read-only
 * @param key    the derived key "ledger"; copied
 * @return       false with ERROR_CONFIG when the folder holds no ledger or a newer one
 */
bool ledger_reader_open(int dirfd, const struct secret *key, struct ledger_reader **out,
                        struct error *e) MUST_CHECK;

/* Free. NULL is fine. */
void ledger_reader_close(struct ledger_reader *r);

/* Name the folder of the keys of packs' records, which cannot be read without; duplicated. */
void ledger_reader_record_keys(struct ledger_reader *r, int dirfd);

/* Have ledger_reader_next() return records of this type without their body, which it then neither
 * reads nor opens. Their heads, which the commits vouch for, are checked as all others. */
void ledger_reader_leave_out(struct ledger_reader *r, uint16_t type);

/* The same of all records but those of these types, from the first to the last of them. */
void ledger_reader_only(struct ledger_reader *r, uint16_t first, uint16_t last);

/**
 * Read one record.
 *
 * @param arena  receives the body
 * @return       false with ERROR_CORRUPT when what stands there is not that record, whole; ERROR_INPUT
 *               when it was erased; ERROR_BUSY when the disk fails
 *
 * A reference stays good when the segment becomes a pack: `seq` and `segment` are enough then.
 */
bool ledger_reader_get(struct ledger_reader *r, struct ledger_ref ref, struct arena *arena,
                       struct ledger_entry *entry, struct error *e) MUST_CHECK;

/* Find where record `seq` is. False with ERROR_INPUT when no commit holds it. Reads the headers of
 * one segment: for single questions, not for loops. */
bool ledger_reader_find(struct ledger_reader *r, uint64_t seq, struct ledger_ref *ref,
                        struct error *e) MUST_CHECK;

/**
 * Read the record at a position and move the position behind it; the ledger's own records are
 * passed over.
 *
 * @param at     moved only when LEDGER_ENTRY is returned; store it to go on later, in any process
 * @param limit  stop at this head, e.g. ledger_head() of the writing process; NULL: at the last
 *               whole commit on disk, which may not be acknowledged yet
 * @param arena  receives the body; the caller resets it between records
 */
enum ledger_next ledger_reader_next(struct ledger_reader *r, struct ledger_position *at,
                                    const struct ledger_head *limit, struct arena *arena,
                                    struct ledger_entry *entry, struct error *e) MUST_CHECK;

OWN_BY(ledger_reader, struct ledger_reader, ledger_reader_close)
