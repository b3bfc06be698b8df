/* processes/certificate - what the ledger says of a disposal or an erasure: who asked for it, who approved it, what
 * was destroyed. docs/ledger-format.md section 14 has the file that is made of it.
 *
 * Gathered from the ledger alone, never from the catalog; nothing of the letters is in it, for that is gone. What
 * is gathered lives in its arena; one thread. */
#pragma once

#include "letter/approval.h"
#include "letter/disposal.h"
#include "letter/removal.h"
#include "processes/reader.h"

#define CERTIFICATE_RECORDS_MAX 1000000             /* that were destroyed */
#define CERTIFICATE_KEPT_MAX    ((size_t)192 << 20) /* bytes of the records that are opened */

/* A record that the certificate opens. */
struct opened {
    uint64_t seq;
    uint16_t type;
    int64_t time_ms;
    uint8_t blind[32]; /* zeros: a clear one */
    struct slice body;
};

struct certificate {
    struct arena arena;
    struct slice id;      /* of the request */
    struct slice id_text; /* as it is printed */
    struct opened *list;
    size_t n, room;
    uint64_t *destroyed; /* numbers, ascending */
    size_t n_destroyed, destroyed_room;
    uint64_t size; /* records of the ledger that were looked at, up to the last one of callers */
    bool put_off;  /* there is none yet: keys are still to be destroyed */
};

/* All zero before; certificate_done() ends it, also after a failure. */
void certificate_done(struct certificate *c);
OWN_VALUE(certificate, struct certificate, certificate_done)

/* Gather everything about a request, of the first `size` records; 0: of all. False with ERROR_INPUT when there is no
 * such request, or nothing was done about it yet. */
bool certificate_gather(struct certificate *c, struct desk *d, struct slice id, uint64_t size,
                        struct error *e) MUST_CHECK;

/* Add a record to what is gathered. False with ERROR_LIMIT when it is too much. */
bool certificate_keep(struct certificate *c, const struct opened *record,
                      struct error *e) MUST_CHECK;

/* Likewise, as the ledger's reader gave it. */
bool certificate_keep_entry(struct certificate *c, const struct ledger_entry *entry,
                            struct error *e) MUST_CHECK;

/* Have its lists ascend. */
void certificate_sort(struct certificate *c);

/* Of the records that bind a text keep the last one alone, for that one counts. */
void certificate_drop_made(struct certificate *c);

/* Append a number to a list that grows; its owner frees it. */
void numbers_add(uint64_t **list, size_t *n, size_t *room, uint64_t number);

/* Append the part that people read. */
bool certificate_text(const struct certificate *c, struct buf *out, struct error *e) MUST_CHECK;
