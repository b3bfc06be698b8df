#include "formats/jose/form.h"

static bool stands_for_itself(uint8_t c)
{
    uint8_t letter = ascii_lower(c);

    return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void form_encode(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (stands_for_itself(text.ptr[i])) {
            buf_add_byte(out, text.ptr[i]);
        } else {
            buf_printf(out, "%%%02X", text.ptr[i]);
        }
    }
}

void form_add(struct buf *out, const char *name, struct slice value)
{
    if (out->len && out->ptr[out->len - 1] != '?') {
        buf_add_byte(out, '&');
    }
    buf_printf(out, "%s=", name);
    form_encode(out, value);
}

/* The value of a hexadecimal digit, or 16. */
static unsigned digit_of(uint8_t c)
{
    uint8_t letter = ascii_lower(c);

    return c >= '0' && c <= '9'             ? c - (unsigned)'0'
           : letter >= 'a' && letter <= 'f' ? letter - (unsigned)'a' + 10U
                                            : 16U;
}

static bool decode(struct slice text, uint8_t *out, size_t *len)
{
    size_t made = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i] == '+' ? ' ' : text.ptr[i];
        if (c == '%') {
            unsigned high = i + 2 < text.len ? digit_of(text.ptr[i + 1]) : 16;
            unsigned low = high < 16 ? digit_of(text.ptr[i + 2]) : 16;
            if (low > 15) {
                return false;
            }
            c = (uint8_t)(high << 4 | low);
            i += 2;
        }
        out[made++] = c;
    }
    *len = made;
    return true;
}

bool form_value(struct slice form, const char *name, struct arena *arena, struct slice *out)
{
    for (struct slice rest = form; rest.len;) {
        struct slice value;
        struct slice pair = slice_cut(rest, '&', &rest);
        struct slice key = slice_cut(pair, '=', &value);
        if (!slice_equal(key, slice_text(name))) {
            continue;
        }
        uint8_t *bytes = arena_alloc(arena, value.len + 1);
        size_t len = 0;
        bool good = decode(value, bytes, &len) && slice_is_utf8(slice_of(bytes, len));
        *out = good ? slice_of(bytes, len) : *out;
        return good;
    }
    return false;
}
