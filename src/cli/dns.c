#include "cli/dns.h"

#include <openssl/evp.h>

#define STRING_MAX  255
#define ED25519_LEN 32 /* the key itself, at the end of its SubjectPublicKeyInfo (RFC 8410) */

static void add_string(struct buf *out, struct slice s)
{
    buf_add_byte(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\') {
            buf_add_byte(out, '\\');
        }
        buf_add_byte(out, s.ptr[i]);
    }
    buf_add_byte(out, '"');
}

void dns_txt(struct buf *out, struct slice name, struct slice text)
{
    buf_printf(out, "%.*s. IN TXT ", SLICE_ARG(name));
    if (text.len <= STRING_MAX) {
        add_string(out, text);
        buf_add_byte(out, '\n');
        return;
    }
    buf_add_text(out, "(");
    for (; text.len; text = slice_from(text, STRING_MAX)) {
        buf_add_text(out, "\n    ");
        add_string(out, slice_head(text, STRING_MAX));
    }
    buf_add_text(out, " )\n");
}

static struct slice base64(struct slice bytes, struct arena *arena)
{
    uint8_t *text = arena_alloc(arena, (bytes.len + 2) / 3 * 4 + 1);
    int len = EVP_EncodeBlock(text, bytes.ptr, (int)bytes.len);

    return slice_of(text, len > 0 ? (size_t)len : 0);
}

struct slice dns_dkim_text(const struct signer_key *key, struct arena *arena)
{
    if (key->kind == KEY_DKIM_RSA) {
        struct slice text = base64(key->public, arena);
        return arena_printf(arena, "v=DKIM1; k=rsa; h=sha256; p=%.*s", SLICE_ARG(text));
    }
    if (key->kind == KEY_DKIM_ED25519 && key->public.len >= ED25519_LEN) {
        struct slice raw = slice_from(key->public, key->public.len - ED25519_LEN);
        struct slice text = base64(raw, arena);
        return arena_printf(arena, "v=DKIM1; k=ed25519; h=sha256; p=%.*s", SLICE_ARG(text));
    }
    return SLICE_NONE;
}
