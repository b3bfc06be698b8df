/* formats/cms/der - the little DER that a signature is made of (X.690), written. */
#pragma once

#include "base/buf.h"

#define DER_INTEGER     0x02
#define DER_OCTETS      0x04
#define DER_NULL        0x05
#define DER_OBJECT      0x06
#define DER_UTC_TIME    0x17
#define DER_TIME        0x18 /* GeneralizedTime */
#define DER_SEQUENCE    0x30
#define DER_SET         0x31
#define DER_EXPLICIT(n) (0xa0 + (n)) /* or an implicit tag of something constructed */

/* Append tag, length and content. */
void der_put(struct buf *out, unsigned tag, struct slice content);

/* The same from what was built; `content` is emptied for its next use. */
void der_wrap(struct buf *out, unsigned tag, struct buf *content);

/* The SEQUENCE at the beginning, with tag and length; empty when there is none, or it is longer than `s` or 64 KiB. */
struct slice der_first(struct slice s);
