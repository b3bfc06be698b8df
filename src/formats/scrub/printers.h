/* formats/scrub/printers - what office documents keep of the printer that their author chose: its name, often with that of a server, and what
 * its driver noted. For this module alone. Pure. */
#pragma once

#include "base/buf.h"
#include "base/slice.h"

#include "formats/scrub/xml.h"

/* Whether a part of OOXML holds such settings, by its name. */
bool printer_is_settings(struct slice name);

/* Append the same settings without names: of a DEVMODE of Windows ([MS-RPRN] section 2.2.2.1) paper and quality stay, of others nothing. */
void printer_clean(struct slice part, struct buf *out);

/* Whether an element of an OpenDocument's settings is such, or says when which words were written. */
bool printer_is_item(const struct xml_token *token);
