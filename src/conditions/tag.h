/* conditions/tag - tags in the subject of a letter: "[secure]", and taking one off.
 *
 * Tag and subject are compared as people read them: by full case folding and without what is compatible or ignorable to Unicode (UAX 15
 * NFKD), so "[SICHER]", a full-width "［sicher］" and one with a zero-width character in it are the tag "[sicher]". Marks and
 * accents count. Pure; looks at TAG_SUBJECT_MAX bytes. */
#pragma once

#include "base/arena.h"
#include "base/slice.h"

#define TAG_SUBJECT_MAX 8192

/* Whether the tag stands in a text; *at and *len are where it does first. A tag of nothing stands nowhere. */
bool tag_find(struct slice text, struct slice tag, size_t *at, size_t *len)
    __attribute__((warn_unused_result));

/**
 * Take tags off a subject, each as often as it stands there.
 *
 * @param value  of the field, with the blank behind the colon and without the last CRLF; still folded and encoded
 * @param tags   texts in UTF-8
 * @return       a value that is valid in ASCII (RFC 5322, RFC 2047) where `value` was, or `value` itself: no tag stands there, it is
 *               too long, or it holds bytes that nobody can read for sure
 */
struct slice tag_remove(struct slice value, const struct slice *tags, size_t n_tags,
                        struct arena *arena);
