/* search/index - writes the words of letters into search.db, none of them readable there.
 *
 * Every term is replaced by a keyed hash (SipHash-2-4, eight bytes); FTS5 keeps
 * the hashes and their positions without content. The hashes hide the words, not how often they
 * occur: that the pages hide, which are encrypted (search/pages). The rowid of a letter is the ledger
 * sequence number of its facts record. The file is derived: it can be deleted and made anew.
 *
 * Durability: SQLite WAL with synchronous=NORMAL. The position is stored in the same transaction as
 * the letters before it, so after a crash the writer continues where the file really ends.
 * One writer at a time; one thread at a time uses it. */
#pragma once

#include "base/error.h"
#include "base/own.h"
#include "base/secret.h"
#include "base/slice.h"

#include "formats/text/terms.h"

#define SEARCH_KEY_LEN 32
#define SEARCH_FORMAT_VERSION                                                                      \
    4 /* 3: terms of eleven characters; 2: pages with a digest and in the clear */

struct search_index;

enum search_reading {
    SEARCH_WHOLE = 1,  /* every part that should be read was, every word is in the index */
    SEARCH_PARTLY = 2, /* some part could not be read or a limit cut it                   */
    SEARCH_UNREAD = 3, /* only the envelope is in the index                               */
};

/* What else is found about a letter, by has: and finding:. */
#define SEARCH_ATTACHMENT (1U << 0) /* it has a file attached                     */
#define SEARCH_ENCRYPTED  (1U << 1) /* some part of it is encrypted               */
#define SEARCH_MISMATCH   (1U << 2) /* a file is something else than it says      */
#define SEARCH_CARD       (1U << 3) /* there is a payment card number in it       */
#define SEARCH_IBAN       (1U << 4) /* there is a bank account number in it       */
#define SEARCH_MALWARE    (1U << 5) /* a scanner found malware in it              */
#define SEARCH_UNSCANNED  (1U << 6) /* one was set and did not look, or not at all of it */

/* One letter to be indexed. Slices are used during the call only. */
struct search_letter {
    uint64_t seq;  /* of its facts record, below 2^62 */
    uint64_t at;   /* received: milliseconds since 1970 */
    uint64_t size; /* bytes, as submitted */
    enum search_reading reading;
    unsigned marks;             /* SEARCH_ATTACHMENT ... */
    struct slice account;       /* who sent it, as in its facts; for query_narrow() */
    const struct slice *groups; /* that the account was in, as in its facts; found by group: */
    size_t n_groups;
    struct slice sender;            /* reverse-path; found by from: */
    const struct slice *recipients; /* envelope recipients, Bcc among them; found by to: */
    size_t n_recipients;
    const struct text_terms *terms; /* from the inspector; NULL when there are none */
};

/**
 * Open or create the index for writing.
 *
 * @param path  of search.db; its -wal and -shm stand beside it. Files are created with the
 *              process's umask: the caller arranges that the reader's group can read
 * @param key   SEARCH_KEY_LEN bytes
 * @return      false with ERROR_CONFIG when the file has a newer format or belongs to another key,
 *              ERROR_CORRUPT when it is no index or of an older format, ERROR_BUSY when it cannot be opened
 */
bool search_index_open(const char *path, struct slice key, struct search_index **out,
                       struct error *e) MUST_CHECK;

/* As search_index_open(), of a file that is damaged: what is in it is thrown away. */
bool search_index_open_anew(const char *path, struct slice key, struct search_index **out,
                            struct error *e) MUST_CHECK;

/* Close; what was written is kept. NULL is fine. */
void search_index_close(struct search_index *x);

/* The ledger sequence number from which on letters may be missing: 0 for a new index. */
uint64_t search_index_position(const struct search_index *x);

/**
 * Index letters and move the position, in one transaction.
 *
 * @param letters   sorted here by seq; one that is already in the index is skipped
 * @param position  every letter whose facts record has a lower seq is now indexed; must not fall
 * @return          false with ERROR_BUSY (disk), ERROR_CORRUPT, or ERROR_LIMIT when nothing was merged for
 *                  long or the letters have too many words; nothing was written then
 */
bool search_index_write(struct search_index *x, struct search_letter *letters, size_t count,
                        uint64_t position, struct error *e) MUST_CHECK;

/* After each writing, also one that failed by ERROR_LIMIT: have merged what is due, so that searches stay quick and
 * there is room for more. What was written stays written when this fails, with ERROR_BUSY or ERROR_CORRUPT. */
bool search_index_merge(struct search_index *x, struct error *e) MUST_CHECK;

/* When there is nothing to write: have a step of what makes searches quicker done, some 4 MB of it. `more`: there may
 * be another. Errors as search_index_merge(). */
bool search_index_tidy(struct search_index *x, bool *more, struct error *e) MUST_CHECK;

/* Take every letter out: the position is 0 again, and a damaged file whole. False with ERROR_BUSY or
 * ERROR_CORRUPT. */
bool search_index_clear(struct search_index *x, struct error *e) MUST_CHECK;

/* Whether the open file is still the one at its path, and not removed or replaced. */
bool search_index_is_there(const struct search_index *x);

/* Read the whole file, from the disk and not from memory that knows it: false when a page of it is not
 * what was written. Takes as long as reading it takes. */
bool search_index_is_sound(const char *path, struct slice key);

/* Have a letter found no more; one that is not in the index is as good. Its hashed words stay in the file until
 * the index is made anew, for FTS5 without content cannot take them out. False with ERROR_BUSY or
 * ERROR_CORRUPT. */
bool search_index_remove(struct search_index *x, uint64_t seq, struct error *e) MUST_CHECK;

/* Whether the letter with this facts record is in the index. */
bool search_index_has(struct search_index *x, uint64_t seq);

OWN_BY(search_index, struct search_index, search_index_close)
