#include "processes/signer_smime.h"

#include "processes/certify.h"

#define CERTIFICATE_MAX 4096

/* What somebody gave us, or a new one. NULL with ERROR_INPUT, ERROR_BUSY. */
static struct private_key *get_key(struct slice der, enum key_kind kind, struct error *e)
{
    OWN(private_key)
    struct private_key *key = der.len ? private_key_from_der(der, e) : private_key_new(kind, 0, e);

    if (key && private_key_type(key) == PRIVATE_KEY_ED25519) {
        (void)error_set(e, ERROR_INPUT, "an S/MIME key is RSA or EC");
        return NULL;
    }
    if (!key && der.len) {
        e->kind = ERROR_INPUT; /* nothing that is stored is damaged */
    }
    return TAKE(key, NULL);
}

bool signer_smime_keep(struct signer_store *s, const struct signer_smime_key_ask *ask,
                       struct arena *arena, struct signer_smime_key_answer *out, struct error *e)
{
    OWN(buf) struct buf certificate = {.max = CERTIFICATE_MAX};
    bool authority = ask->key.len == 0 && ask->address.len == 0;
    OWN(private_key) struct private_key *issuer = NULL;

    if (ask->key.len == 0 && !authority) {
        issuer = signer_store_smime(s, ask->issuer_key, KEY_SMIME_AUTHORITY);
        if (!issuer) {
            return error_set(e, ERROR_INPUT, "there is no such authority");
        }
    }
    if (authority && !certify_name_is_good(ask->name)) {
        return error_set(e, ERROR_INPUT,
                         "an authority's name has up to 64 letters, digits, blanks and `.&-'`");
    }
    enum key_kind kind = authority ? KEY_SMIME_AUTHORITY : KEY_SMIME;
    OWN(private_key) struct private_key *key = get_key(ask->key, kind, e);
    if (!key || !signer_store_add_smime(s, kind, key, arena, &out->name, e)) {
        return false;
    }
    if (ask->key.len) {
        return true;
    }
    const struct certify_wish wish = {.subject = key,
                                      .issuer = authority ? key : issuer,
                                      .name = authority ? ask->name : ask->address,
                                      .issuer_name = authority ? ask->name : ask->issuer,
                                      .authority = authority,
                                      .not_before_s = ask->not_before_s,
                                      .not_after_s = ask->not_after_s};
    if (!certify(&wish, &certificate, e)) {
        return false;
    }
    out->certificate = arena_copy(arena, buf_slice(&certificate));
    return true;
}

bool signer_smime_signature(struct signer_store *s, const struct signer_smime_sign_ask *ask,
                            struct arena *arena, struct signer_signature *out, struct error *e)
{
    OWN(buf) struct buf signature = {.max = SIGNER_SIGNATURE_MAX};
    OWN(private_key) struct private_key *k = signer_store_smime(s, ask->key, KEY_SMIME);

    if (!k || ask->digest.len != PRIVATE_KEY_ID_LEN) {
        return error_set(e, ERROR_INPUT, "there is no such S/MIME key, or this is no digest");
    }
    bool rsa = private_key_type(k) == PRIVATE_KEY_RSA;
    if (!private_key_sign(k, rsa ? SCHEME_RSA_PKCS1 : SCHEME_ECDSA, ask->digest, &signature, e)) {
        return false;
    }
    out->signature = arena_copy(arena, buf_slice(&signature));
    return true;
}
