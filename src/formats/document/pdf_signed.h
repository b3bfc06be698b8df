/* formats/document/pdf_signed - whether a PDF document that libqpdf has read is signed (ISO 32000-1 section 12.8). Apart from the reader of
 * texts, pdf.h, since it is about the document as libqpdf sees it. Pure. One thread. */
#pragma once

#include <qpdf/qpdf-c.h>
#include <stdbool.h>

#include "base/slice.h"

#define PDF_SIGNED_OBJECTS_MAX 500000 /* of which each is looked at */

/**
 * Look for a signature, whether its words stand in the file or are packed in a stream of objects, or written in other letters. What a
 * document has more than PDF_SIGNED_OBJECTS_MAX objects of is taken for signed.
 *
 * @param q      read, without an error
 * @param bytes  of the file
 */
bool pdf_is_signed(qpdf_data q, struct slice bytes) __attribute__((warn_unused_result));
