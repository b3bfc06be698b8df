/* keeper/copy_clean - the letter without what its files say of who made them, once for all copies that are to be so. For keeper/copying and
 * keeper/copy_make. */
#pragma once

#include "host/memfd.h"
#include "keeper/copies.h"

/* What came of cleaning a letter. */
struct copy_cleaned {
    bool made;    /* otherwise nobody has tried yet, or not now */
    bool changed; /* fd and map are the cleaned letter; otherwise it is as it was */
    int fd;
    struct memfd_map map;
    struct cbor_list texts; /* for the record: what was taken out, and what stays and why */
    struct slice left;      /* the first that stays, or may, and why; empty: nothing does */
};

/**
 * Have the inspector clean it.
 *
 * @param ask    its recipients and sender are left out: all get the same
 * @param arena  of the letter
 * @param out    made only when COPY_MADE
 * @return       COPY_CANNOT: it cannot be done, *e says why; COPY_LATER: not now
 */
enum copy_end copy_clean(struct keeper *k, const struct copy_ask *ask, struct arena *arena,
                         struct copy_cleaned *out, struct error *e);

/* Give back what was made. */
void copy_cleaned_done(struct copy_cleaned *c);
