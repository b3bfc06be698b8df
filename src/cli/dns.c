#include "cli/dns.h"

#include "formats/dkim/dkim.h"

#define ED25519_LEN 32 /* the key itself, at the end of its SubjectPublicKeyInfo (RFC 8410) */

struct slice dns_dkim_text(const struct signer_key *key, struct arena *arena)
{
    if (key->kind == KEY_DKIM_RSA) {
        return dkim_dns_text(DKIM_RSA_SHA256, key->public, arena);
    }
    if (key->kind == KEY_DKIM_ED25519 && key->public.len >= ED25519_LEN) {
        return dkim_dns_text(DKIM_ED25519_SHA256,
                             slice_from(key->public, key->public.len - ED25519_LEN), arena);
    }
    return SLICE_NONE;
}
