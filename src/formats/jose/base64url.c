#include "formats/jose/base64url.h"

bool base64url_decode(struct slice in, uint8_t *out, size_t max, size_t *len)
{
    return base64_decode(BASE64_URL, in, out, max, len);
}

size_t base64url_encode(struct slice in, uint8_t *out)
{
    return base64_encode(BASE64_URL, in, out);
}
