/* formats/scrub/xml - the tags of an XML part, one behind the other, so that what is not to change stays byte for byte. No validation: what is no
 * XML in UTF-8 ends the reading. For this module alone. Pure. */
#pragma once

#include <stdbool.h>

#include "base/buf.h"
#include "base/slice.h"

#define XML_DEPTH_MAX 400

enum xml_kind { XML_TEXT, XML_OPEN, XML_EMPTY, XML_CLOSE };

struct xml_token {
    enum xml_kind kind; /* comments, declarations and CDATA sections are TEXT */
    struct slice raw;
    struct slice name; /* with its prefix; empty of TEXT */
};

/* Take the next token off *rest; false at the end and, with *broken, where it is no XML. */
bool xml_next(struct slice *rest, struct xml_token *token, bool *broken);

/* All of a tag behind its name: its attributes, and its end. */
struct slice xml_attributes(const struct xml_token *token);

/* Take the next attribute off *rest, which stands behind the tag's name or an attribute; false when there is none, and *rest is the tag's
 * end then. *raw has the blanks before it. */
bool xml_next_attribute(struct slice *rest, struct slice *raw, struct slice *name,
                        struct slice *value);

/* The value of a tag's attribute as it is written, or nothing. */
struct slice xml_attribute(const struct xml_token *token, const char *name);

/* Append a tag without the attributes whose names begin as one of these; true when there was one. */
bool xml_without(const struct xml_token *token, const char *const *prefixes, struct buf *out);
