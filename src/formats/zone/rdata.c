#include "base/bytes.h"

#include "formats/zone/zone.h"

#define STRING_MAX  255
#define LABEL_MAX   63
#define NAME_OCTETS 255

static void add_texts(struct buf *out, struct slice text)
{
    do {
        struct slice s = slice_head(text, STRING_MAX);
        buf_add_byte(out, (uint8_t)s.len);
        buf_add(out, s);
        text = slice_from(text, STRING_MAX);
    } while (text.len);
}

static int digit_of(uint8_t c)
{
    c = ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decimal numbers with a blank behind each. */
static bool read_numbers(struct slice *data, uint64_t *out, size_t count, uint64_t max)
{
    for (size_t i = 0; i < count; i++) {
        if (!slice_decimal(slice_cut(*data, ' ', data), max, &out[i])) {
            return false;
        }
    }
    return true;
}

static bool add_tlsa(struct buf *out, struct slice data)
{
    uint64_t fields[3];

    if (!read_numbers(&data, fields, 3, UINT8_MAX) || data.len == 0 || data.len % 2) {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        buf_add_byte(out, (uint8_t)fields[i]);
    }
    for (size_t i = 0; i < data.len; i += 2) {
        int high = digit_of(data.ptr[i]);
        int low = digit_of(data.ptr[i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        buf_add_byte(out, (uint8_t)(high << 4 | low));
    }
    return true;
}

/* A target with its last dot. */
static bool add_service(struct buf *out, struct slice data)
{
    uint64_t fields[3];
    uint8_t number[2];

    if (!read_numbers(&data, fields, 3, UINT16_MAX) || data.len < 2 || data.len > NAME_OCTETS ||
        data.ptr[data.len - 1] != '.') {
        return false;
    }
    for (size_t i = 0; i < 3; i++) {
        put16(number, (uint16_t)fields[i]);
        buf_add(out, SLICE_ARRAY(number));
    }
    data = slice_head(data, data.len - 1);
    while (data.len) {
        struct slice label = slice_cut(data, '.', &data);
        if (label.len == 0 || label.len > LABEL_MAX) {
            return false;
        }
        buf_add_byte(out, (uint8_t)label.len);
        buf_add(out, label);
    }
    buf_add_byte(out, 0);
    return true;
}

bool zone_rdata(const struct zone_record *r, struct buf *out, enum zone_type *type)
{
    bool well = true;

    if (slice_equal(r->type, SLICE("TXT"))) {
        *type = ZONE_TXT;
        add_texts(out, r->data);
    } else if (slice_equal(r->type, SLICE("TLSA"))) {
        *type = ZONE_TLSA;
        well = add_tlsa(out, r->data);
    } else {
        *type = ZONE_SRV;
        well = slice_equal(r->type, SLICE("SRV")) && add_service(out, r->data);
    }
    return well && !out->full;
}
