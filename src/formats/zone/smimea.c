#include "formats/zone/smimea.h"

#include <openssl/evp.h>

#include "base/buf.h"

#define LOCAL_MAX  64  /* octets, RFC 5321 section 4.5.3.1.1 */
#define DOMAIN_MAX 253 /* characters of a name */
#define HASH_LEN   28  /* octets of SHA-256 that are written */
#define SHA256_LEN 32

enum { USAGE_PKIX_TA, USAGE_PKIX_EE, USAGE_DANE_TA, USAGE_DANE_EE };

static bool is_domain(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = ascii_lower(name.ptr[i]);
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool inner = i > 0 && i + 1 < name.len && name.ptr[i - 1] != '.';
        if (!letter && !(inner && (c == '-' || c == '.'))) {
            return false;
        }
    }
    return name.len > 0;
}

/* Section 3, steps 1 and 2: what is within quotes, without the backslashes. */
static bool read_local(struct slice local, struct buf *out)
{
    bool quoted = local.len >= 2 && local.ptr[0] == '"' && local.ptr[local.len - 1] == '"';
    size_t end = quoted ? local.len - 1 : local.len;

    for (size_t i = quoted ? 1 : 0; i < end; i++) {
        bool escaped = quoted && local.ptr[i] == '\\';
        if (escaped && ++i == end) {
            return false;
        }
        buf_add_byte(out, ascii_lower(local.ptr[i]));
    }
    return out->len > 0 && !out->full;
}

bool smimea_name(struct slice address, struct arena *arena, struct slice *out)
{
    OWN(buf) struct buf local = {.max = LOCAL_MAX};
    OWN(buf) struct buf name = {.max = DOMAIN_MAX};
    uint8_t digest[SHA256_LEN];
    size_t at = address.len;

    while (at > 0 && address.ptr[at - 1] != '@') {
        at--;
    }
    struct slice domain = slice_from(address, at);
    if (at == 0 || !read_local(slice_head(address, at - 1), &local) || !is_domain(domain)) {
        return false;
    }
    struct slice text = buf_slice(&local);
    if (EVP_Digest(text.ptr, text.len, digest, NULL, EVP_sha256(), NULL) != 1) {
        arena_panic("SHA-256 is not available");
    }
    for (size_t i = 0; i < HASH_LEN; i++) {
        buf_printf(&name, "%02x", digest[i]);
    }
    buf_printf(&name, "._smimecert.%.*s", SLICE_ARG(domain));
    if (name.full) {
        return false;
    }
    *out = arena_copy(arena, buf_slice(&name));
    return true;
}

enum smimea_use smimea_read(struct slice rdata, struct slice *certificate)
{
    if (rdata.len < 4 || rdata.ptr[0] > USAGE_DANE_EE || rdata.ptr[1] > 1 || rdata.ptr[2] > 2) {
        return SMIMEA_UNREADABLE;
    }
    if (rdata.ptr[0] == USAGE_PKIX_TA || rdata.ptr[0] == USAGE_DANE_TA) {
        return SMIMEA_AUTHORITY;
    }
    if (rdata.ptr[1] != 0 || rdata.ptr[2] != 0) {
        return SMIMEA_DIGEST;
    }
    *certificate = slice_from(rdata, 3);
    return rdata.ptr[0] == USAGE_DANE_EE ? SMIMEA_TRUSTED : SMIMEA_ISSUED;
}
