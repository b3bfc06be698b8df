#include "processes/certify.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"

#define SERIAL_LEN    16 /* bytes, random: RFC 5280 section 4.1.2.2 */
#define NAME_SIZE_MAX 64 /* of a common name, X.520 */
#define ADDRESS_MAX   254

OWN_BY(x509, X509, X509_free)
OWN_BY(name, X509_NAME, X509_NAME_free)

bool certify_name_is_good(struct slice name)
{
    bool good = name.len > 0 && name.len <= NAME_SIZE_MAX && name.ptr[0] != ' ' &&
                name.ptr[name.len - 1] != ' ';

    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = ascii_lower(name.ptr[i]);
        good = good &&
               ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && memchr(" .&-'", c, 5)));
    }
    return good;
}

/* What stands in a certificate's extension must not be read as more than an address. */
static bool address_is_good(struct slice s)
{
    bool good = s.len > 2 && s.len <= ADDRESS_MAX && slice_find(s, '@') > 0 &&
                slice_find(s, '@') + 1 < s.len;

    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = ascii_lower(s.ptr[i]);
        good = good &&
               ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && memchr("@.-_+=", c, 6)));
    }
    return good;
}

static bool add_extension(X509 *c, int nid, const char *value)
{
    X509V3_CTX ctx;

    X509V3_set_ctx(&ctx, NULL, c, NULL, NULL, 0);
    X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool good = x && X509_add_ext(c, x, -1) == 1;
    X509_EXTENSION_free(x);
    return good;
}

/* RFC 7093 section 2, method 1: a name of the key, for who builds chains. */
static bool key_id(const struct private_key *k, ASN1_OCTET_STRING *out)
{
    return ASN1_OCTET_STRING_set(out, private_key_id(k).ptr, 20) == 1;
}

static bool add_key_ids(X509 *c, const struct certify_wish *wish)
{
    ASN1_OCTET_STRING *own = ASN1_OCTET_STRING_new();
    AUTHORITY_KEYID *issuer = AUTHORITY_KEYID_new();

    bool good = own && issuer && (issuer->keyid = ASN1_OCTET_STRING_new()) != NULL &&
                key_id(wish->subject, own) && key_id(wish->issuer, issuer->keyid) &&
                X509_add1_ext_i2d(c, NID_subject_key_identifier, own, 0, 0) == 1 &&
                X509_add1_ext_i2d(c, NID_authority_key_identifier, issuer, 0, 0) == 1;
    ASN1_OCTET_STRING_free(own);
    AUTHORITY_KEYID_free(issuer);
    return good;
}

static bool add_extensions(X509 *c, const struct certify_wish *wish)
{
    char san[ADDRESS_MAX + sizeof("email:")];

    if (!add_key_ids(c, wish)) {
        return false;
    }
    if (wish->authority) {
        return add_extension(c, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
               add_extension(c, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    (void)snprintf(san, sizeof(san), "email:%.*s", SLICE_ARG(wish->name));
    return add_extension(c, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(c, NID_key_usage, "critical,digitalSignature") &&
           add_extension(c, NID_ext_key_usage, "emailProtection") &&
           add_extension(c, NID_subject_alt_name, san);
}

static bool set_name(X509 *c, int (*set)(X509 *, const X509_NAME *), struct slice name)
{
    OWN(name) X509_NAME *n = X509_NAME_new();

    return n &&
           X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, name.ptr,
                                      (int)(name.len < NAME_SIZE_MAX ? name.len : NAME_SIZE_MAX),
                                      -1, 0) == 1 &&
           set(c, n) == 1;
}

static bool set_serial(X509 *c)
{
    uint8_t random[SERIAL_LEN];

    if (RAND_bytes(random, sizeof(random)) != 1) {
        return false;
    }
    random[0] = (uint8_t)((random[0] & 0x7f) | 0x40); /* positive, and always as long */
    BIGNUM *n = BN_bin2bn(random, sizeof(random), NULL);
    bool good = n && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(c)) != NULL;
    BN_free(n);
    return good;
}

static bool fill(X509 *c, const struct certify_wish *wish)
{
    return X509_set_version(c, X509_VERSION_3) == 1 && set_serial(c) &&
           set_name(c, X509_set_subject_name, wish->name) &&
           set_name(c, X509_set_issuer_name, wish->issuer_name) &&
           ASN1_TIME_set(X509_getm_notBefore(c), (time_t)wish->not_before_s) &&
           ASN1_TIME_set(X509_getm_notAfter(c), (time_t)wish->not_after_s) &&
           X509_set_pubkey(c, private_key_handle(wish->subject)) == 1 && add_extensions(c, wish) &&
           X509_sign(c, private_key_handle(wish->issuer), EVP_sha256()) > 0;
}

bool certify(const struct certify_wish *wish, struct buf *out, struct error *e)
{
    OWN(x509) X509 *c = X509_new();

    if (!(wish->authority ? certify_name_is_good(wish->name) : address_is_good(wish->name)) ||
        !certify_name_is_good(wish->issuer_name) || wish->not_after_s <= wish->not_before_s ||
        wish->not_after_s > UINT32_MAX) {
        return error_set(e, ERROR_INPUT,
                         "no certificate can be made with this name: letters, digits, blanks and "
                         "`.&-'` alone");
    }
    int len = c && fill(c, wish) ? i2d_X509(c, NULL) : 0;
    uint8_t *room = len > 0 ? buf_room(out, (size_t)len) : NULL;
    bool good = room && i2d_X509(c, &room) == len;
    ERR_clear_error();
    if (!good) {
        return error_set(e, ERROR_BUSY, "the certificate cannot be made");
    }
    out->len += (size_t)len;
    return true;
}
