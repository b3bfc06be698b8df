/* ledger/ledger - the one append-only record of what happened: its writer.
 *
 * ledger_append() returns when the records are durable: not before, and never "perhaps". Any number
 * of threads may call it; those that wait during one fdatasync share the next. Records are opaque
 * here: a type and a CBOR body. docs/ledger-format.md is the format, ledger/reader.h reads,
 * ledger/verify.h proves.
 *
 * One process writes a ledger: a lock on the folder keeps a second one out. A struct ledger is
 * thread-safe but for ledger_close(). Reading needs no lock and never delays a commit. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/own.h"
#include "base/secret.h"

#include "keyring/digest.h"

#define LEDGER_ID_LEN      16
#define LEDGER_ROOT_LEN    32
#define LEDGER_BODY_MAX    ((size_t)256 << 20) /* bytes of one record's body */
#define LEDGER_RECORDS_MAX 1024                /* in one ledger_append() */
#define LEDGER_ERASE_MAX   1000                /* records in one ledger_erase() */
#define LEDGER_WHY_MAX     2                   /* that say why */
#define LEDGER_CLOCK_MS    10000               /* how far behind the last commit a clock may be */
#define LEDGER_TYPE_OWN    16 /* types below are the ledger's; callers begin here */

struct ledger;

/* What binds a record's body: docs/ledger-format.md section 4. */
struct ledger_commitment {
    uint8_t blind[DIGEST_LEN];
    uint8_t digest[DIGEST_LEN];
};

struct ledger_record {
    uint16_t type;                              /* LEDGER_TYPE_OWN to 65535 */
    struct slice body;                          /* deterministic CBOR, at most LEDGER_BODY_MAX */
    const struct ledger_commitment *commitment; /* of this body; NULL: it is made with the seal */
    struct slice rest; /* of the body, where it does not lie in one piece: a letter where it came */
};

/* Make the commitment of a body in two pieces before it is appended, for a caller who wants the hash of the second as
 * well: the two together cost little more than one. */
void ledger_commit_to(struct slice front, struct slice rest, struct ledger_commitment *out,
                      uint8_t digest[static DIGEST_LEN]);

/* Where a record is: all three are needed to read it, `seq` alone to name it for ever (re-sealing
 * moves records to other files, and ledger_reader_find() then tells where). */
struct ledger_ref {
    uint64_t seq; /* 0 for the first record; the index of its leaf */
    uint32_t segment;
    uint64_t offset; /* bytes from the start of the segment's file */
};

/* The tree after the last commit. */
struct ledger_head {
    uint64_t size; /* leaves: the next record's seq */
    uint8_t root[LEDGER_ROOT_LEN];
    int64_t time_ms;  /* of that commit */
    uint32_t segment; /* the file that is written, and how long it is */
    uint64_t offset;
    uint64_t stored_bytes; /* in all segments */
};

enum ledger_alarm {
    LEDGER_ALARM_FAILED,    /* a write or sync failed: segment closed, its batch refused */
    LEDGER_ALARM_UNSETTLED, /* and the refused batch could not be removed: see ledger_append() */
    LEDGER_ALARM_DISK,      /* free space fell below the reserve */
    LEDGER_ALARM_CUT,       /* recovery found and cut an unfinished batch behind the last commit */
    LEDGER_ALARM_CLOCK,     /* the last commit was made at a time that has not come yet */
};

struct ledger_options {
    uint64_t segment_bytes;  /* a segment is closed when it has grown past this; 0: 256 MiB */
    uint64_t reserve_bytes;  /* free disk space that ordinary records leave alone; 0: none */
    mode_t mode;             /* of new segments; 0: 0640 */
    int64_t (*now_ms)(void); /* NULL: clock_wall_ms() */
    int record_keys; /* the folder of the keys of packs' records, the caller's; 0: nothing is packed */

    /* Called with what went wrong, from whichever thread met it; must not call the ledger. */
    void (*alarm)(void *context, enum ledger_alarm alarm, const struct error *why);
    void *alarm_context;
};

/**
 * Open the ledger in a folder, or begin one in an empty folder.
 *
 * Finds the last whole commit, cuts what stands behind it, and starts a new segment with a new key.
 * Reads one segment's headers at most, so it takes no longer for an old ledger than for a new one.
 *
 * @param dirfd    the folder, which must exist; duplicated
 * @param key      the derived key "ledger"; copied
 * @param options  copied; NULL for the defaults
 * @return         false with ERROR_CONFIG when the key is another ledger's or a newer Postern wrote
 *                 the ledger; ERROR_CORRUPT when committed bytes are damaged or a segment is
 *                 missing; ERROR_BUSY when another process has it open or the disk fails
 */
bool ledger_open(int dirfd, const struct secret *key, const struct ledger_options *options,
                 struct ledger **out, struct error *e) MUST_CHECK;

/**
 * Append records, together and in order, and return when they are durable.
 *
 * @param n     1 to LEDGER_RECORDS_MAX; all become durable or none
 * @param refs  set to where each record is, n of them; may be NULL
 * @return      false with ERROR_LIMIT when the disk has no room above the reserve (nothing was
 *              written), ERROR_BUSY when writing failed: then the records are not in the ledger and
 *              never will be, and the next call starts a new segment
 *
 * When even removing the failed batch failed, the alarm LEDGER_ALARM_UNSETTLED precedes the return:
 * whoever must not say "no" wrongly ends the process there, before anybody is answered.
 */
bool ledger_append(struct ledger *l, const struct ledger_record *records, size_t n,
                   struct ledger_ref *refs, struct error *e) MUST_CHECK;

/* What a record is about decides what its writing may cost. */
enum ledger_urgency {
    LEDGER_LETTER, /* a new letter, for whose 250 a client waits; leaves the reserve alone */
    LEDGER_AWAITED, /* must still be recorded on a full disk, and somebody waits: refused sign-ins, orders */
    LEDGER_PATIENT, /* likewise, but a machine's own, or a sign-in: it lets some milliseconds pass for
                       others to share its fdatasync */
};

/* As ledger_append(), which is for letters. */
bool ledger_append_as(struct ledger *l, enum ledger_urgency urgency,
                      const struct ledger_record *records, size_t n, struct ledger_ref *refs,
                      struct error *e) MUST_CHECK;

/**
 * Replace the oldest segment that ended before a time by a pack, in which each record has a key of its own.
 *
 * Reads, writes and reads again the whole segment: for a thread in the background. Appending goes on
 * meanwhile. An erasure that was not finished is finished first, whatever the time.
 *
 * @param packed  set to whether there was one
 * @return        false when it could not be packed: it stays as it is. ERROR_CORRUPT when it is damaged,
 *                ERROR_BUSY when the disk fails or a backup is being made, ERROR_LIMIT when it is full
 */
bool ledger_pack(struct ledger *l, int64_t before_ms, bool *packed, struct error *e) MUST_CHECK;

/**
 * Erase records: what they say can be read by nobody any more; their leaves stay.
 *
 * Recorded, done, recorded as done. Segments that hold them become packs first, which takes a while. What
 * was recorded and not done is finished by the next start, ledger_pack() or ledger_erase().
 *
 * @param refs      `seq` and `segment` of each, ascending; records of callers, not the ledger's own
 * @param n         1 to LEDGER_ERASE_MAX
 * @param why       recorded in the same commit: first who wanted it, and on what ground
 * @param n_why     1 to LEDGER_WHY_MAX
 * @param recorded  set to whether the erasure is recorded: then it is finished sooner or later, also
 *                  after a failure
 * @return          false with ERROR_BUSY when a backup is being made or the disk fails, ERROR_INPUT for what
 *                  cannot be erased, ERROR_LIMIT when too many single records of a pack were, ERROR_CORRUPT
 *                  when pack or segment is damaged, see ledger_damaged()
 */
bool ledger_erase(struct ledger *l, const struct ledger_ref *refs, size_t n,
                  const struct ledger_record *why, size_t n_why, bool *recorded,
                  struct error *e) MUST_CHECK;

/* The segment or pack that is damaged, when the last ledger_erase() failed with ERROR_CORRUPT for that; 0: something else. */
uint32_t ledger_damaged(struct ledger *l);

#define LEDGER_REWRAP_MAX 200 /* files in one ledger_rewrap() */

/**
 * After the ledger's key was changed: put the keys of segments, packs and records that are sealed under a former one
 * (keyring/former) under the present one. Nothing else of the files changes. For a thread in the background.
 *
 * @param done  set to how many files were, also after a failure; 0: none is left that can be
 * @return      false with ERROR_BUSY when a backup is being made or the disk fails, ERROR_CORRUPT when a file is
 *              damaged; the others are done nevertheless
 */
bool ledger_rewrap(struct ledger *l, unsigned *done, struct error *e) MUST_CHECK;

/* End the segment that is written and begin the next, so that it can be packed. False with ERROR_BUSY when
 * the disk fails; the next record tries again. */
bool ledger_roll(struct ledger *l, struct error *e) MUST_CHECK;

/* Change options.reserve_bytes. */
void ledger_set_reserve(struct ledger *l, uint64_t reserve_bytes);

/* The tree after the last commit; what a checkpoint signs. */
void ledger_head(struct ledger *l, struct ledger_head *head);

/* The ledger's random name, in every segment. */
void ledger_id(const struct ledger *l, uint8_t id[static LEDGER_ID_LEN]);

/* End the segment cleanly and free. No ledger_append() may be under way. NULL is fine. */
void ledger_close(struct ledger *l);

OWN_BY(ledger, struct ledger, ledger_close)
