/* formats/scrub/revisions - the text of a document as it is when all its tracked changes are accepted and its comments are gone: WordprocessingML
 * (ECMA-376 part 1, section 17.13) and OpenDocument. For this module alone. Pure. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

/* What happens to an element. */
enum revision_act {
    REVISION_NONE,
    REVISION_DROP,    /* with all that is in it */
    REVISION_UNWRAP,  /* what is in it stays */
    REVISION_DELETED, /* the same as DROP; in the properties of a paragraph or row these go */
    REVISION_REFUSE,  /* it cannot be accepted here */
};

struct revision_rule {
    const char *name; /* with the prefix that everybody writes; NULL ends the table */
    enum revision_act act;
    const char *word; /* for the list of what was taken out */
};

/* What goes from the parts of one kind. */
struct revision_kind {
    const struct revision_rule *rules;
    const char *const *attributes; /* those whose names begin so, NULL at the end */
    const char *const *spaces;     /* declarations of the namespaces that the prefixes stand for */
};

extern const struct revision_kind revision_word;
extern const struct revision_kind revision_odf;
extern const struct revision_kind revision_slide;
extern const struct revision_kind revision_workbook;

/**
 * Write a part anew.
 *
 * @param out   empty
 * @param what  appended to; as it was: the part is
 * @return      false when it is no sound XML in UTF-8, nested too deeply, or refused
 */
bool revisions_accept(struct slice part, const struct revision_kind *kind, struct buf *out,
                      struct buf *what) __attribute__((warn_unused_result));
