/* verify/segment_walk - a segment that is gone through. For segment.c, which goes from batch to batch, and
 * segment_record.c, which takes one record.
 *
 * What is wrong inside a batch waits until its commit was read: of the last segment's end nobody was ever
 * told, so a batch without a commit is no damage there. */
#pragma once

#include "verify/check.h"

#define PENDING_MAX 512 /* findings in one batch that are shown */

enum step {
    STEP_RECORD,
    STEP_COMMIT,
    STEP_END,  /* zeros or the end of the file */
    STEP_LOST, /* something else than a record, from which no way leads on */
};

struct pending {
    struct place where;
    fault what;
};

struct segment_walk {
    struct check *c;
    struct input *in;
    uint32_t number;
    uint64_t limit; /* nothing of the file counts from here on */
    uint64_t at;    /* the next record */
    struct segment_head head;
    bool head_whole;
    uint64_t index;   /* records in this segment so far */
    uint64_t claimed; /* the number of the record before, if that was not the one expected */
    uint64_t ended;   /* reason of the end record; 0: none yet */

    /* the batch */
    uint64_t from;
    uint64_t first;  /* number of its first record */
    uint64_t own_at; /* of the first record that is kept in claims; 0: none */
    bool doubted;    /* a finding is about one of its headers */
    struct pending pending[PENDING_MAX];
    size_t n_pending;

    /* after the last commit */
    uint64_t committed;
    uint64_t committed_first; /* number of the last batch's first record */
    uint64_t committed_next;
    uint64_t committed_ended;
    size_t committed_checkpoint;
    bool committed_trusted;
    struct tree committed_tree;
};

/* Keep a finding about records of the batch until its commit was read; report those kept. */
void walk_pend(struct segment_walk *w, uint64_t first, uint64_t last, fault what);
void walk_flush(struct segment_walk *w);

/* Keep a finding about the header of the record that is due: the batch's digest and root would only say
 * the same once more. */
void walk_doubt(struct segment_walk *w, fault what);

/* Look at the file; only what is before the limit counts. */
struct view walk_look(struct segment_walk *w, uint64_t at, size_t len);

/* Take the record at w->at. */
enum step walk_record(struct segment_walk *w);
