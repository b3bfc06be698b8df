/* formats/mime/within - files in the text of a letter, as programs older than MIME put them there: uuencoded (POSIX.1, also with the letters of
 * base64), or by yEnc. Pure; one pass over the text. */
#pragma once

#include <stdbool.h>

#include "base/slice.h"

/* Whether a text, without its transfer encoding, has one, or the beginning of one. */
bool text_holds_file(struct slice text);
