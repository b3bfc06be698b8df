#include "formats/mail/header.h"
#include "stages/intake/intake.h"

#define LINES_MAX 100 /* in which a header field must stand */

/* Whatever holds one readable field is kept: an archive does not mend and does not choose. */
const char *intake_judge(struct slice bytes)
{
    struct mail_field field;
    struct slice rest = bytes;

    if (bytes.len == 0) {
        return "it is empty";
    }
    if (bytes.len > LETTER_BYTES_MAX) {
        return "it is longer than 64 MiB";
    }
    for (size_t i = 0; i < LINES_MAX && rest.len; i++) {
        size_t end = slice_find(rest, '\n');
        if (mail_field_read(slice_head(rest, end + 1), &field)) {
            return NULL;
        }
        rest = slice_from(rest, end + 1);
    }
    return "it has no header, so it is no letter";
}
