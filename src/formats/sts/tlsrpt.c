#include "formats/sts/tlsrpt.h"

#include "formats/sts/internal.h"

static int hex_value(uint8_t c)
{
    uint8_t l = ascii_lower(c);

    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* The byte that "%XX" stands for, or -1. */
static int escaped(struct slice text)
{
    int high = text.len >= 3 ? hex_value(text.ptr[1]) : -1;
    int low = text.len >= 3 ? hex_value(text.ptr[2]) : -1;

    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* Percent-encoding (RFC 6068 section 2); no control characters come out of it. */
static bool decode(struct slice text, struct arena *arena, struct slice *out)
{
    uint8_t *bytes = arena_alloc(arena, text.len + 1);
    size_t len = 0;

    while (text.len > 0) {
        bool escape = text.ptr[0] == '%';
        int c = escape ? escaped(text) : text.ptr[0];
        if (c <= ' ' || c >= 0x7f) {
            return false;
        }
        bytes[len++] = (uint8_t)c;
        text = slice_from(text, escape ? 3 : 1);
    }
    *out = slice_of(bytes, len);
    return len > 0;
}

/* One mailbox; what may stand behind "?" is not for reports. */
static bool read_place(struct slice uri, struct arena *arena, struct tlsrpt_place *out)
{
    struct slice rest = SLICE_NONE;
    struct slice mailto = SLICE("mailto:");

    if (slice_starts_nocase(uri, mailto)) {
        struct slice mailbox = slice_cut(slice_from(uri, mailto.len), '?', &rest);
        out->mail = true;
        return decode(mailbox, arena, &out->where) && slice_find(out->where, ',') == out->where.len;
    }
    if (slice_starts_nocase(uri, SLICE("https://"))) {
        out->mail = false;
        out->where = arena_copy(arena, uri);
        return slice_find(uri, ' ') == uri.len && slice_find(uri, '\t') == uri.len;
    }
    return false;
}

static size_t read_rua(struct slice value, struct arena *arena, struct tlsrpt_place *places)
{
    size_t n = 0;

    while (value.len > 0 && n < TLSRPT_PLACES_MAX) {
        struct slice uri = slice_trim(slice_cut(value, ',', &value));
        n += read_place(uri, arena, &places[n]);
    }
    return n;
}

size_t tlsrpt_places_read(const struct slice *texts, size_t n, struct arena *arena,
                          struct tlsrpt_place places[static TLSRPT_PLACES_MAX])
{
    struct slice prefix = SLICE("v=TLSRPTv1;");
    struct slice rest = SLICE_NONE;
    struct slice rua = SLICE_NONE;
    struct text_field field = {0};
    bool end = false;

    if (!text_pick(texts, n, prefix, &rest)) {
        return 0;
    }
    rest = slice_from(rest, prefix.len);
    while (!end) {
        if (!text_field_next(&rest, true, &field, &end)) {
            return 0;
        }
        if (!end && rua.len == 0 && slice_equal(field.name, SLICE("rua"))) {
            rua = field.value;
        }
    }
    return read_rua(rua, arena, places);
}
