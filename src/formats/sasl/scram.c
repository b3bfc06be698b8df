#include "formats/sasl/scram.h"

#include "formats/smtp/base64.h"

/* Take "X=value" off the front, up to the next comma or the end. False when the attribute is
 * another one, or has no value. */
static bool take(struct slice *rest, char attribute, struct slice *value)
{
    struct slice part = slice_cut(*rest, ',', rest);

    if (part.len < 3 || part.ptr[0] != (uint8_t)attribute || part.ptr[1] != '=') {
        return false;
    }
    *value = slice_from(part, 2);
    return true;
}

/* ALPHA and DOT and "-", as IANA's registry has the names (section 7, cb-name). */
static bool is_binding_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = ascii_lower(s.ptr[i]);
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '.' && c != '-') {
            return false;
        }
    }
    return s.len > 0 && s.len <= 64;
}

/* printable = %x21-2B / %x2D-7E */
static bool is_nonce(struct slice s, size_t max)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f || s.ptr[i] == ',') {
            return false;
        }
    }
    return s.len > 0 && s.len <= max;
}

static bool is_text(struct slice s)
{
    return s.len <= SCRAM_MESSAGE_MAX && slice_find(s, 0) == s.len && slice_is_utf8(s);
}

/* Extensions that nobody knows are to be left alone (section 5.1); what we know does not stand among
 * them, and each is X=value. */
static bool are_extensions(struct slice rest)
{
    while (rest.len) {
        struct slice part = slice_cut(rest, ',', &rest);
        bool letter = part.len > 2 && ascii_lower(part.ptr[0]) >= 'a' &&
                      ascii_lower(part.ptr[0]) <= 'z' && part.ptr[1] == '=';
        if (!letter || slice_find(SLICE("amnrcpsvie"), part.ptr[0]) < 10) {
            return false;
        }
    }
    return true;
}

static bool read_flag(struct slice part, struct scram_client_first *out)
{
    if (slice_starts(part, SLICE("p="))) {
        out->flag = SCRAM_BOUND;
        out->binding = slice_from(part, 2);
        return is_binding_name(out->binding);
    }
    out->flag = slice_equal(part, SLICE("y")) ? SCRAM_UNSEEN : SCRAM_UNABLE;
    return out->flag == SCRAM_UNSEEN || slice_equal(part, SLICE("n"));
}

/* A comma at the very end stands before nothing, which slice_cut() does not tell from none. */
static bool ends_in_comma(struct slice message)
{
    return message.len && message.ptr[message.len - 1] == ',';
}

bool scram_read_first(struct slice message, struct scram_client_first *out)
{
    struct slice rest = message;
    struct scram_client_first first = {0};

    if (!is_text(message) || ends_in_comma(message) ||
        !read_flag(slice_cut(rest, ',', &rest), &first)) {
        return false;
    }
    struct slice authorize = slice_cut(rest, ',', &rest);
    if (authorize.len && (!slice_starts(authorize, SLICE("a=")) || authorize.len < 3)) {
        return false;
    }
    first.authorize = slice_from(authorize, 2);
    first.bare = rest;
    first.header = slice_head(message, message.len - rest.len);
    if (!take(&rest, 'n', &first.user) || !take(&rest, 'r', &first.nonce) ||
        !is_nonce(first.nonce, SCRAM_NONCE_MAX) || !are_extensions(rest)) {
        return false;
    }
    *out = first;
    return true;
}

bool scram_read_final(struct slice message, struct scram_client_final *out)
{
    struct slice rest = message;
    struct scram_client_final last = {0};
    struct slice proof = SLICE_NONE;
    size_t len = 0;

    if (!is_text(message) || ends_in_comma(message) || !take(&rest, 'c', &last.binding) ||
        !take(&rest, 'r', &last.nonce) || !is_nonce(last.nonce, SCRAM_MESSAGE_MAX)) {
        return false;
    }
    /* The proof is the last attribute; what stands before it is an extension. */
    size_t at = rest.len;
    while (at && rest.ptr[at - 1] != ',') {
        at--;
    }
    last.proven = slice_head(message, message.len - (rest.len - at) - 1);
    struct slice end = slice_from(rest, at);
    if (at == 1 || !are_extensions(slice_head(rest, at ? at - 1 : 0)) || !take(&end, 'p', &proof) ||
        !smtp_base64_decode(proof, last.proof, sizeof(last.proof), &len) ||
        len != sizeof(last.proof)) {
        return false;
    }
    *out = last;
    return true;
}

bool scram_name(struct slice encoded, uint8_t out[static SCRAM_NAME_MAX], size_t *len)
{
    size_t made = 0;

    for (size_t at = 0; at < encoded.len; at++) {
        uint8_t c = encoded.ptr[at];
        if (c == '=') {
            struct slice three = slice_head(slice_from(encoded, at), 3);
            bool comma = slice_equal(three, SLICE("=2C"));
            if (!comma && !slice_equal(three, SLICE("=3D"))) {
                return false;
            }
            c = comma ? ',' : '=';
            at += 2;
        }
        if (made == SCRAM_NAME_MAX) {
            return false;
        }
        out[made++] = c;
    }
    *len = made;
    return true;
}

void scram_write_base64(struct buf *out, struct slice bytes)
{
    uint8_t *room =
        bytes.len <= SCRAM_MESSAGE_MAX ? buf_room(out, SMTP_BASE64_LEN(bytes.len)) : NULL;

    if (room) {
        out->len += smtp_base64_encode(bytes, room);
    } else {
        out->full = true;
    }
}

void scram_write_first(struct buf *out, struct slice nonce, struct slice salt, uint64_t iterations)
{
    buf_add_text(out, "r=");
    buf_add(out, nonce);
    buf_add_text(out, ",s=");
    scram_write_base64(out, salt);
    buf_printf(out, ",i=%llu", (unsigned long long)iterations);
}

void scram_write_final(struct buf *out, const uint8_t signature[static SCRAM_KEY_LEN])
{
    buf_add_text(out, "v=");
    scram_write_base64(out, slice_of(signature, SCRAM_KEY_LEN));
}
