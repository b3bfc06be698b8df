#include "formats/openpgp/wkd.h"

#include <openssl/evp.h>

#include "base/buf.h"

#define SHA1_LEN  20
#define LOCAL_MAX 64  /* octets, RFC 5321 section 4.5.3.1.1 */
#define NAME_MAX_ 253 /* characters of a domain name */
#define URL_MAX   1500

/* z-base-32, most significant bits first: 20 bytes are 32 characters without a rest. */
static void encode(const uint8_t digest[static SHA1_LEN], char out[static WKD_HASH_LEN + 1])
{
    static const char digits[] = "ybndrfg8ejkmcpqxot1uwisza345h769";

    for (size_t i = 0; i < WKD_HASH_LEN; i++) {
        size_t bit = 5 * i;
        unsigned pair = (unsigned)digest[bit / 8] << 8;
        pair |= bit / 8 + 1 < SHA1_LEN ? digest[bit / 8 + 1] : 0u;
        out[i] = digits[(pair >> (11 - bit % 8)) & 31];
    }
    out[WKD_HASH_LEN] = '\0';
}

static bool is_domain(struct slice name)
{
    bool dot = false;

    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = ascii_lower(name.ptr[i]);
        bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool inner = i > 0 && i + 1 < name.len && name.ptr[i - 1] != '.';
        if (!letter && !(inner && (c == '-' || c == '.'))) {
            return false;
        }
        dot = dot || c == '.';
    }
    return dot && name.len <= NAME_MAX_;
}

/* The local part as it is written, in a query (section 3.1). */
static void add_query(struct buf *out, struct slice local)
{
    for (size_t i = 0; i < local.len; i++) {
        uint8_t c = local.ptr[i];
        uint8_t low = ascii_lower(c);
        bool plain = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                     c == '_' || c == '~';
        if (plain) {
            buf_add_byte(out, c);
        } else {
            buf_printf(out, "%%%02X", c);
        }
    }
}

static struct slice lower(struct slice s, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, s.len + 1);

    for (size_t i = 0; i < s.len; i++) {
        copy[i] = ascii_lower(s.ptr[i]);
    }
    return slice_of(copy, s.len);
}

bool wkd_place(struct slice address, struct arena *arena, struct wkd_place *out)
{
    size_t at = address.len;
    uint8_t digest[SHA1_LEN];
    OWN(buf) struct buf query = {.max = URL_MAX};

    while (at > 0 && address.ptr[at - 1] != '@') {
        at--;
    }
    struct slice local = slice_head(address, at ? at - 1 : 0);
    struct slice domain = lower(slice_from(address, at), arena);
    if (local.len == 0 || local.len > LOCAL_MAX || !is_domain(domain)) {
        return false;
    }
    struct slice low = lower(local, arena);
    if (EVP_Digest(low.ptr, low.len, digest, NULL, EVP_sha1(), NULL) != 1) {
        arena_panic("SHA-1 is not available");
    }
    encode(digest, out->hash);
    add_query(&query, local);
    out->advanced =
        arena_printf(arena, "https://openpgpkey.%.*s/.well-known/openpgpkey/%.*s/hu/%s?l=%.*s",
                     SLICE_ARG(domain), SLICE_ARG(domain), out->hash, SLICE_ARG(buf_slice(&query)));
    out->direct = arena_printf(arena, "https://%.*s/.well-known/openpgpkey/hu/%s?l=%.*s",
                               SLICE_ARG(domain), out->hash, SLICE_ARG(buf_slice(&query)));
    return true;
}
