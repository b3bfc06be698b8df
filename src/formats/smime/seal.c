#include "formats/smime/seal.h"

#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>

#include "formats/cms/signing.h"
#include "formats/mail/covered.h"
#include "formats/smime/internal.h"
#include "formats/smime/signed.h"

#define LINE_BYTES   57 /* 76 characters of base64 */
#define BOUNDARY_LEN 40
#define SLACK        ((size_t)1 << 20)

static X509 *signer_of(STACK_OF(X509) * chain, struct error *e)
{
    X509 *signer = chain ? sk_X509_value(chain, 0) : NULL;

    if (!signer || !smime_key_is_good(signer)) {
        (void)error_set(e, ERROR_INPUT, "the sender's certificate cannot be used to sign");
        return NULL;
    }
    return signer;
}

/* ── encodings ── */

static void add_base64(struct buf *out, struct slice s)
{
    uint8_t *room = buf_room(out, (s.len / LINE_BYTES + 1) * (LINE_BYTES / 3 * 4 + 3));

    while (room && s.len) {
        struct slice line = slice_head(s, LINE_BYTES);
        int n = EVP_EncodeBlock(room, line.ptr, (int)line.len);
        room[n++] = '\r';
        room[n++] = '\n';
        room += n;
        out->len += (size_t)n;
        s = slice_from(s, line.len);
    }
}

static void make_boundary(char text[static BOUNDARY_LEN])
{
    uint8_t random[16];

    if (RAND_bytes(random, sizeof(random)) != 1) {
        arena_panic("no random numbers");
    }
    int n = snprintf(text, BOUNDARY_LEN, "=_");
    for (size_t i = 0; i < sizeof(random);
         i++) { /* "=_" stands in no encoded line: RFC 2045 section 6.7 */
        n += snprintf(text + n, BOUNDARY_LEN - (size_t)n, "%02x", random[i]);
    }
}

/* multipart/signed, RFC 8551 section 3.5.3. */
static bool add_signed(const struct smime_ask *ask, struct slice payload, struct buf *out,
                       struct error *e)
{
    OWN(certificates) STACK_OF(X509) *chain = smime_chain(ask->signer);
    OWN(buf) struct buf der = {.max = (size_t)64 << 10};
    X509 *signer = signer_of(chain, e);
    char boundary[BOUNDARY_LEN];
    uint8_t digest[SMIME_DIGEST_LEN];
    bool found = false;

    if (!signer) {
        return false;
    }
    if (!smime_sha256(payload, digest)) {
        return error_set(e, ERROR_BUSY, "SHA-256 is not available");
    }
    for (size_t i = 0; i + sizeof(digest) <= ask->attributes.len && !found; i++) {
        found = memcmp(ask->attributes.ptr + i, digest, sizeof(digest)) == 0;
    }
    if (!found || ask->attributes.len > CMS_ATTRIBUTES_MAX ||
        !smime_signature_is(signer, ask->attributes, ask->signature)) {
        return error_set(e, ERROR_INPUT, "the signature is another letter's or another key's");
    }
    if (!smime_signed_data(signer, ask->signer, ask->attributes, ask->signature, &der)) {
        return error_set(e, ERROR_LIMIT, "the signature does not fit");
    }
    make_boundary(boundary);
    buf_printf(out,
               "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\";\r\n"
               " micalg=sha-256; boundary=\"%s\"\r\n\r\n--%s\r\n",
               boundary, boundary);
    buf_add(out, payload);
    buf_printf(out,
               "\r\n--%s\r\n"
               "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
               "Content-Transfer-Encoding: base64\r\n"
               "Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n",
               boundary);
    add_base64(out, buf_slice(&der));
    buf_printf(out, "--%s--\r\n", boundary);
    return true;
}

/* ── encryption ── */

static bool all_read(const struct smime_ask *ask, unsigned what)
{
    bool all = true;

    for (size_t i = 0; i < ask->n_recipients; i++) {
        all = all && (ask->recipients[i].reads & what) != 0;
    }
    return all;
}

/* RSAES-OAEP with SHA-256 for what can read it; RFC 3560. */
static bool set_oaep(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
           EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
}

static bool add_recipient(CMS_ContentInfo *cms, const struct smime_recipient *r, bool oaep,
                          struct smime_made *made)
{
    OWN(certificates) STACK_OF(X509) *chain = smime_chain(r->chain);
    X509 *c = chain ? sk_X509_value(chain, 0) : NULL;

    if (!c || !smime_key_is_good(c)) {
        return false;
    }
    bool rsa = EVP_PKEY_is_a(X509_get0_pubkey(c), "RSA");
    CMS_RecipientInfo *info = CMS_add1_recipient_cert(cms, c, CMS_KEY_PARAM);
    EVP_PKEY_CTX *ctx = info ? CMS_RecipientInfo_get0_pkey_ctx(info) : NULL;
    if (!ctx) {
        return false;
    }
    if (!rsa) { /* dhSinglePass-stdDH-sha256kdf-scheme, RFC 8551 section 2.3 */
        made->n_ecdh++;
        return EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) == 1;
    }
    bool newer = oaep || (r->reads & SMIME_READS_OAEP);
    made->n_oaep += newer;
    made->n_rsa += !newer;
    return !newer || set_oaep(ctx);
}

static bool write_der(CMS_ContentInfo *cms, struct buf *out)
{
    int len = i2d_CMS_ContentInfo(cms, NULL);
    uint8_t *room = len > 0 ? buf_room(out, (size_t)len) : NULL;

    if (!room || i2d_CMS_ContentInfo(cms, &room) != len) {
        return false;
    }
    out->len += (size_t)len;
    return true;
}

static bool encrypt(const struct smime_ask *ask, struct slice content, struct buf *der,
                    struct smime_made *made, struct error *e)
{
    made->gcm = ask->gcm || all_read(ask, SMIME_READS_GCM);
    const EVP_CIPHER *cipher = made->gcm ? EVP_aes_256_gcm() : EVP_aes_256_cbc();
    OWN(cms) CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, cipher, CMS_PARTIAL | CMS_BINARY);
    OWN(bio) BIO *in = BIO_new_mem_buf(content.ptr, (int)content.len);

    if (!cms || !in) {
        return error_set(e, ERROR_BUSY, "the letter cannot be encrypted");
    }
    for (size_t i = 0; i < ask->n_recipients; i++) {
        if (!add_recipient(cms, &ask->recipients[i], ask->oaep, made)) {
            return error_set(e, ERROR_INPUT, "a recipient's certificate cannot be encrypted with");
        }
    }
    return (CMS_final(cms, in, NULL, CMS_BINARY) == 1 && write_der(cms, der)) ||
           error_set(e, ERROR_LIMIT, "the letter cannot be encrypted: it is too long");
}

static bool add_encrypted(const struct smime_ask *ask, struct slice content, struct buf *out,
                          struct smime_made *made, struct error *e)
{
    OWN(buf) struct buf der = {.max = content.len + SLACK + ask->n_recipients * 4096};

    if (!encrypt(ask, content, &der, made, e)) {
        return false;
    }
    buf_printf(out,
               "Content-Type: application/pkcs7-mime; smime-type=%s;\r\n name=\"smime.p7m\"\r\n"
               "Content-Transfer-Encoding: base64\r\n"
               "Content-Disposition: attachment; filename=\"smime.p7m\"\r\n\r\n",
               made->gcm ? "authEnveloped-data" : "enveloped-data");
    add_base64(out, buf_slice(&der));
    return true;
}

/* ── the letter ── */

static bool seal(const struct smime_ask *ask, struct slice payload, struct buf *out,
                 struct smime_made *made, struct error *e)
{
    OWN(buf) struct buf body = {.max = payload.len + SLACK};

    if (!ask->encrypt) {
        return add_signed(ask, payload, out, e);
    }
    if (ask->signer.len == 0) {
        return add_encrypted(ask, payload, out, made, e);
    }
    return add_signed(ask, payload, &body, e) &&
           (!body.full || error_set(e, ERROR_LIMIT, "the signed letter is too long")) &&
           add_encrypted(ask, buf_slice(&body), out, made, e);
}

bool smime_seal(const struct smime_ask *ask, struct arena *arena, struct buf *out,
                struct smime_made *made, struct error *e)
{
    OWN(buf) struct buf outer = {.max = 0};
    OWN(buf) struct buf payload = {.max = 0};

    *made = (struct smime_made){0};
    if (ask->encrypt ? ask->n_recipients == 0 || ask->n_recipients > SMIME_RECIPIENTS_MAX
                     : ask->signer.len == 0) {
        return error_set(e, ERROR_INPUT, "nobody to encrypt for, or nobody who signs");
    }
    if (!cms_payload_write(ask->letter, ask->encrypt, &outer, &payload, e)) {
        return false;
    }
    made->outer = ask->encrypt ? covered_outer_text(buf_slice(&outer), arena) : SLICE_NONE;
    buf_add(out, buf_slice(&outer));
    buf_add_text(out, "MIME-Version: 1.0\r\n");
    bool sealed = seal(ask, buf_slice(&payload), out, made, e);
    ERR_clear_error();
    return sealed && (!out->full || error_set(e, ERROR_LIMIT, "the protected letter is too long"));
}
