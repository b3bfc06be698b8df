/* stages/intake/internal - one folder while it is pulled, for pull_folder.c and pull_batch.c. */
#pragma once

#include "stages/intake/pull.h"

#define PULL_KEEPER_MS                                                                             \
    600000 /* for one batch or ticket, with all that is asked again: the keeper may wait for the index */
#define PULL_ASK_LEAST_MS  1000
#define PULL_BATCH_LETTERS 400
#define HANG_UPS_MAX       3 /* over one letter, or over the list of one UID */

enum want_state { WANT_ASK, WANT_AGAIN, WANT_LATER, WANT_TAKEN, WANT_REFUSED, WANT_GONE };

struct pull_want {
    uint32_t uid;
    uint32_t tag;
    enum want_state state;
    bool asked_twice;
    bool mentioned; /* an answer about it came, whatever was in it */
    bool declined;  /* WANT_REFUSED: by the server's own answer */
    uint64_t size;
    uint64_t received_at;
    struct slice flags;
    struct slice why; /* WANT_REFUSED */
    uint64_t start;   /* WANT_TAKEN: in the batch's bytes */
    uint64_t len;
};

/* What of a batch goes to the keeper. */
struct pull_parcel {
    struct import_letter letters[PULL_BATCH_LETTERS];
    struct import_failure failures[PULL_BATCH_LETTERS];
    size_t n_letters;
    size_t n_failures;
};

struct pull_folder {
    const struct pull_target *target;
    struct ipc_pool *keeper;
    struct pull_session *s;
    struct pull_counts *counts;
    struct slice wire;
    struct slice shown; /* in UTF-8 */
    uint32_t validity;
    uint32_t last; /* the highest UID there can be */
    uint32_t exists;
    uint8_t ticket[IMPORT_TICKET_LEN];
    struct import_counts before; /* of the whole import */
    struct pull_want *wants;     /* of the window, by UID */
    size_t n_wants;
    struct arena arena; /* of the window */
    struct buf bytes;   /* of the batch */
    size_t body_start;  /* of the letter that is coming */
    bool body_dropped;  /* it does not fit */
    bool given;         /* a letter of the batch came, kept or not */
    bool careful;       /* one letter at a time: the server hung up */
    uint32_t trouble;   /* the UID it hung up over last */
    unsigned hang_ups;  /* over that one */
    unsigned unlisted;  /* times that it hung up over the list of one UID */
    unsigned reopened;
    struct pull_parcel *parcel;
};

/* What the server says to a command, as an error of ours. */
bool pull_refused(const struct pull_folder *f, const struct imap_response *r, struct error *e);

/* Get a ticket for the folder, and the UID up to which all is settled; `until`: steady clock. */
bool pull_begin(struct pull_folder *f, int64_t until, uint32_t *from, struct error *e) MUST_CHECK;

/* After a failure of the keeper's: pause, and say whether to ask again; not when `until` (steady clock) is over. */
bool pull_again(int64_t until, const struct error *e);

/* How long the next question may take, in milliseconds. */
int64_t pull_ask_ms(int64_t until);

/* The server hung up, or speaks nonsense: connect again. */
bool pull_reopen(struct pull_folder *f, struct error *e) MUST_CHECK;

/* For qsort() and bsearch(). */
int pull_by_uid(const void *a, const void *b);

/* Whether the server gives any letter at all just now, but for these: the last one is asked for, and let go. */
bool pull_gives_another(struct pull_folder *f, struct pull_want *wants, size_t n, bool *gives,
                        struct error *e) MUST_CHECK;

/* Fetch the window's letters and hand them on. */
bool pull_take_window(struct pull_folder *f, struct error *e) MUST_CHECK;

/* Record what is settled of these, up to the first that is not; *settled is how many that are. */
bool pull_hand_on(struct pull_folder *f, const struct pull_want *wants, size_t n, size_t *settled,
                  struct error *e) MUST_CHECK;
