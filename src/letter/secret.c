#include "letter/secret.h"

#define WRITTEN_MIN 8 /* letters and digits */

bool secret_sound(struct slice password)
{
    size_t written = 0;

    for (size_t i = 0; i < password.len; i++) {
        uint8_t c = ascii_lower(password.ptr[i]);
        if (c <= ' ' || c > '~') {
            return false;
        }
        written += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    }
    return password.len >= SECRET_BYTES_MIN && password.len <= SECRET_BYTES_MAX &&
           written >= WRITTEN_MIN;
}
