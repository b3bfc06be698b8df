#include "letter/device.h"

static bool is_letter(uint8_t c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

struct slice device_name(struct slice helo)
{
    bool letters = false;

    if (helo.len == 0 || helo.len > DEVICE_NAME_MAX) {
        return SLICE_NONE;
    }
    for (size_t i = 0; i < helo.len; i++) {
        uint8_t c = helo.ptr[i];
        bool other = (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
        if (!is_letter(c) && !other) {
            return SLICE_NONE;
        }
        letters = letters || is_letter(c);
    }
    return letters ? helo : SLICE_NONE;
}
