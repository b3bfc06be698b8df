#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/bytes.h"

#include "formats/nsupdate/internal.h"

#define TIME_LEN 6 /* seconds in 48 bits */

static bool fits(uint8_t c)
{
    c = ascii_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool nsupdate_is_name(struct slice name)
{
    size_t label = 0;

    if (name.len == 0 || name.len > NSUPDATE_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        bool dot = name.ptr[i] == '.';
        if (dot ? label == 0 : !fits(name.ptr[i]) || label == LABEL_MAX) {
            return false;
        }
        label = dot ? 0 : label + 1;
    }
    return label > 0;
}

bool nsupdate_is_below(struct slice name, struct slice zone)
{
    if (name.len <= zone.len) {
        return slice_equal_nocase(name, zone);
    }
    size_t before = name.len - zone.len;

    return zone.len && name.ptr[before - 1] == '.' &&
           slice_equal_nocase(slice_from(name, before), zone);
}

void nsupdate_name(struct buf *out, struct slice name)
{
    if (!nsupdate_is_name(name)) {
        out->full = true;
        return;
    }
    while (name.len) {
        struct slice label = slice_cut(name, '.', &name);
        buf_add_byte(out, (uint8_t)label.len);
        for (size_t i = 0; i < label.len; i++) {
            buf_add_byte(out, ascii_lower(label.ptr[i]));
        }
    }
    buf_add_byte(out, 0);
}

struct slice nsupdate_algorithm_name(enum nsupdate_algorithm algorithm)
{
    return algorithm == NSUPDATE_HMAC_SHA512 ? SLICE("hmac-sha512") : SLICE("hmac-sha256");
}

static void add16(struct buf *out, uint16_t value)
{
    uint8_t bytes[2];

    put16(bytes, value);
    buf_add(out, SLICE_ARRAY(bytes));
}

static void add_variables(struct buf *out, const struct nsupdate_key *key, const struct tsig *t)
{
    uint8_t time[8];

    nsupdate_name(out, key->name);
    add16(out, CLASS_ANY);
    add16(out, 0); /* TTL */
    add16(out, 0);
    nsupdate_name(out, nsupdate_algorithm_name(key->algorithm));
    put64(time, t->time_s);
    buf_add(out, slice_of(time + sizeof(time) - TIME_LEN, TIME_LEN));
    add16(out, t->fudge_s);
    add16(out, t->error);
    add16(out, (uint16_t)t->other.len);
    buf_add(out, t->other);
}

size_t nsupdate_mac(const struct nsupdate_key *key, struct slice before, struct slice message,
                    const struct tsig *tsig, uint8_t out[static NSUPDATE_MAC_MAX])
{
    OWN(buf) struct buf signed_ = {.max = 2 * (size_t)NSUPDATE_MESSAGE_MAX};
    const EVP_MD *digest = key->algorithm == NSUPDATE_HMAC_SHA512 ? EVP_sha512() : EVP_sha256();
    unsigned len = NSUPDATE_MAC_MAX;

    if (before.len) {
        add16(&signed_, (uint16_t)before.len);
        buf_add(&signed_, before);
    }
    buf_add(&signed_, message);
    add_variables(&signed_, key, tsig);
    if (signed_.full || key->secret.len < NSUPDATE_SECRET_MIN ||
        key->secret.len > NSUPDATE_SECRET_MAX ||
        !HMAC(digest, key->secret.ptr, (int)key->secret.len, signed_.ptr, signed_.len, out, &len)) {
        return 0;
    }
    return len;
}
