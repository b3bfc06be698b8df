/* config/document - what people read about settings, from the rows that the reader obeys.
 *
 * `postern config explain`, the file that `postern init` writes and postern.conf(5). All pure: text
 * goes into the caller's buffer, whose `full` the caller checks; CONFIG_DOCUMENT_MAX is enough. */
#pragma once

#include "config/config.h"

#define CONFIG_DOCUMENT_MAX (1 << 20) /* bytes of any of the texts */

/* A value that a written file gives, such as what `postern init` asked for. */
struct config_given {
    const char *section;  /* NULL: above the first section */
    const char *argument; /* of a named section, else NULL */
    const char *name;
    const char *value; /* as it stands in the file, a list with its commas */
};

/* Explain every setting called `name`, in whatever sections it stands: what it is for, type, bounds,
 * default, whether a reload changes it. False, nothing written, when there is none. */
bool config_explain(const struct config_schema *schema, struct slice name,
                    struct buf *out) MUST_CHECK;

/* The known name that is nearest to a mistyped one, or NULL when none is near. */
const char *config_suggest(const struct config_schema *schema, struct slice name);

/* Write a complete commented file: what is given stands as it is, everything else behind a `#` with
 * its default, so that the file shows all there is. config_read() accepts what comes out when every
 * required setting is given. */
void config_write_file(const struct config_schema *schema, const struct config_given *given,
                       size_t n_given, struct buf *out);

/* Write postern.conf(5) as mdoc. */
void config_write_manual(const struct config_schema *schema, struct buf *out);
