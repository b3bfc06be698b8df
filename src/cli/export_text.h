/* cli/export_text - values in the files of an export. What a letter says is hostile: it must neither end
 * a field, nor become a formula in a spreadsheet, nor break the XML. Pure. */
#pragma once

#include "base/buf.h"

/* Append a field of a CSV (RFC 4180), always quoted. One that a spreadsheet would take for a formula
 * begins with an apostrophe. */
void export_csv(struct buf *out, struct slice value);

/* Append a field of a Concordance .dat file with its delimiters, in UTF-8: U+00FE around it, U+0014
 * before it unless it is the first, U+00AE for a line end. */
void export_dat(struct buf *out, struct slice value, bool first);

/* Append text for the value of an XML attribute. What XML 1.0 does not allow becomes U+FFFD. */
void export_xml(struct buf *out, struct slice value);

/* Append a letter as it stands in an mbox (mboxrd), with LF for CRLF, and the empty line behind it. */
void export_mbox(struct buf *out, struct slice letter);
