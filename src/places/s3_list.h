/* places/s3_list - what an S3 server answers when it is asked for a list: enough of its XML and no more. Pure.
 *
 * Elements are looked for by name and read as text with the five entities of XML; attributes, comments
 * and everything else are passed over. What is found is what a stranger says. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/* One object, or one version of it. */
struct s3_item {
    struct slice key;
    struct slice version; /* of a version or a marker; otherwise empty */
    uint64_t size;
};

typedef bool s3_visit(void *context, const struct s3_item *item, struct error *e);

/**
 * Visit every Contents, Version and DeleteMarker.
 *
 * @param next  set to where the list goes on, in the arena: the text of NextContinuationToken; empty when it
 *              is complete
 * @return      false with ERROR_INPUT for what is no such answer
 */
bool s3_list_read(struct slice xml, s3_visit *visit, void *context, struct arena *arena,
                  struct slice *next, struct error *e) MUST_CHECK;

/* The text of the first element of that name, in the arena; empty: there is none. */
struct slice s3_list_text(struct slice xml, const char *name, struct arena *arena);
