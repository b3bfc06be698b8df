#include "formats/sasl/prepare.h"

#include <stringprep.h>

#define PREPARED_MAX ((size_t)4096)

bool sasl_prepare(struct slice password, struct buf *out)
{
    char text[PREPARED_MAX];

    /* NFKC makes at most 18 times as much (U+FDFA); a longer result is refused below. */
    if (password.len == 0 || password.len >= sizeof(text) || !slice_is_utf8(password) ||
        slice_find(password, 0) < password.len) {
        return false;
    }
    (void)memcpy(text, password.ptr, password.len);
    text[password.len] = 0;
    int rc = stringprep(text, sizeof(text), 0, stringprep_saslprep);
    if (rc == STRINGPREP_OK) {
        buf_add_text(out, text);
    }
    bool good = rc == STRINGPREP_OK && text[0] && !out->full;
    explicit_bzero(text, sizeof(text));
    return good;
}
