#include "formats/smtp/base64.h"

#include "base/base64.h"

bool smtp_base64_decode(struct slice in, uint8_t *out, size_t max, size_t *len)
{
    if (in.len % 4) {
        return false;
    }
    for (size_t pad = 0; pad < 2 && in.len && in.ptr[in.len - 1] == '='; pad++) {
        in.len--;
    }
    return base64_decode(BASE64_PLAIN, in, out, max, len);
}

size_t smtp_base64_encode(struct slice in, uint8_t *out)
{
    size_t made = base64_encode(BASE64_PLAIN, in, out);

    while (made % 4) {
        out[made++] = '=';
    }
    return made;
}
