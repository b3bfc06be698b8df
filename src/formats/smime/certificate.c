#include "formats/smime/certificate.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <time.h>

#include "base/buf.h"

#include "formats/smime/internal.h"

#define SUBJECT_MAX 400

void smime_init(void)
{
    (void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
                                  OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_ADD_ALL_CIPHERS,
                              NULL);
}

static STACK_OF(X509) * new_chain(void)
{
    STACK_OF(X509) *chain = sk_X509_new_null();

    if (!chain) {
        arena_panic("out of memory");
    }
    return chain;
}

/* The chain takes it over; false when there are too many. */
static bool push(STACK_OF(X509) * chain, X509 *one)
{
    if (sk_X509_num(chain) == SMIME_CERTIFICATES_MAX) {
        X509_free(one);
        return false;
    }
    if (!sk_X509_push(chain, one)) {
        arena_panic("out of memory");
    }
    return true;
}

STACK_OF(X509) * smime_chain(struct slice der)
{
    OWN(certificates) STACK_OF(X509) *chain = new_chain();
    const unsigned char *at = der.ptr;
    const unsigned char *end = der.ptr + der.len;

    if (der.len == 0 || der.len > SMIME_FILE_MAX) {
        return NULL;
    }
    while (at < end) {
        X509 *next = d2i_X509(NULL, &at, end - at);
        if (!next || !push(chain, next)) {
            return NULL;
        }
    }
    return TAKE(chain, NULL);
}

/* ── files ── */

/* The certificates of a PKCS #7, which stay its own. */
static bool take_bag(PKCS7 *bag, STACK_OF(X509) * chain)
{
    STACK_OF(X509) *certificates =
        bag && PKCS7_type_is_signed(bag) && bag->d.sign ? bag->d.sign->cert : NULL;
    bool good = certificates != NULL;

    for (int i = 0; good && i < sk_X509_num(certificates); i++) {
        X509 *one = sk_X509_value(certificates, i);
        good = X509_up_ref(one) == 1 && push(chain, one);
    }
    PKCS7_free(bag);
    return good;
}

static bool read_pem(struct slice file, STACK_OF(X509) * chain)
{
    OWN(bio) BIO *in = BIO_new_mem_buf(file.ptr, (int)file.len);
    bool good = in != NULL;

    while (good) {
        char *name = NULL;
        char *header = NULL;
        unsigned char *der = NULL;
        long len = 0;
        if (PEM_read_bio(in, &name, &header, &der, &len) != 1) {
            break; /* the end */
        }
        const unsigned char *at = der;
        if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_TRUSTED) == 0) {
            X509 *one = d2i_X509(NULL, &at, len);
            good = one && push(chain, one);
        } else if (strcmp(name, PEM_STRING_PKCS7) == 0) {
            good = take_bag(d2i_PKCS7(NULL, &at, len), chain);
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    return good;
}

static STACK_OF(X509) * read_file(struct slice file)
{
    OWN(certificates) STACK_OF(X509) *chain = smime_chain(file);
    const unsigned char *at = file.ptr;

    if (chain) {
        return TAKE(chain, NULL);
    }
    chain = new_chain();
    bool good = file.len && file.ptr[0] == 0x30 /* SEQUENCE: DER */
                    ? take_bag(d2i_PKCS7(NULL, &at, (long)file.len), chain)
                    : read_pem(file, chain);
    return good && sk_X509_num(chain) ? TAKE(chain, NULL) : NULL;
}

/* ── what stands in one ── */

static struct slice print_subject(const X509 *c, struct arena *arena)
{
    OWN(bio) BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (!out || X509_NAME_print_ex(out, X509_get_subject_name(c), 0,
                                   XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0) {
        return SLICE_NONE;
    }
    long len = BIO_get_mem_data(out, &text);
    struct slice s = slice_head(slice_of(text, len > 0 ? (size_t)len : 0), SUBJECT_MAX);
    while (s.len && !slice_is_utf8(s)) { /* cut within a character, or none of it is UTF-8 */
        s.len--;
    }
    return arena_copy(arena, s);
}

static struct slice print_algorithm(const X509 *c, struct arena *arena)
{
    EVP_PKEY *key = X509_get0_pubkey(c);
    char group[32] = "?";
    size_t len = 0;

    if (key && EVP_PKEY_is_a(key, "RSA")) {
        return arena_printf(arena, "RSA %d", EVP_PKEY_get_bits(key));
    }
    if (key && EVP_PKEY_is_a(key, "EC") &&
        EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1) {
        return arena_printf(arena, "EC %s",
                            strcmp(group, "prime256v1") == 0  ? "P-256"
                            : strcmp(group, "secp384r1") == 0 ? "P-384"
                            : strcmp(group, "secp521r1") == 0 ? "P-521"
                                                              : group);
    }
    const char *name = key ? EVP_PKEY_get0_type_name(key) : NULL;
    return arena_printf(arena, "%s", name ? name : "unknown");
}

static int64_t time_ms(const ASN1_TIME *t)
{
    struct tm tm = {0};

    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : 0;
}

static struct slice lower_copy(struct slice s, struct arena *arena)
{
    uint8_t *copy = arena_alloc(arena, s.len + 1);

    for (size_t i = 0; i < s.len; i++) {
        copy[i] = ascii_lower(s.ptr[i]);
    }
    return slice_of(copy, s.len);
}

static void list_names(X509 *c, struct arena *arena, struct smime_certificate *out)
{
    STACK_OF(OPENSSL_STRING) *found = X509_get1_email(c);

    out->names = arena_array(arena, SMIME_NAMES_MAX, sizeof(*out->names));
    for (int i = 0; i < sk_OPENSSL_STRING_num(found) && out->n_names < SMIME_NAMES_MAX; i++) {
        struct slice name = slice_text(sk_OPENSSL_STRING_value(found, i));
        if (name.len && name.len <= 320 && slice_is_utf8(name)) {
            out->names[out->n_names++] = lower_copy(name, arena);
        }
    }
    X509_email_free(found);
}

/* SMIMECapabilities, RFC 8551 section 2.5.2. */
unsigned smime_capabilities(const unsigned char *der, long len)
{
    X509_ALGORS *all = d2i_X509_ALGORS(NULL, &der, len);
    unsigned reads = 0;

    for (int i = 0; i < sk_X509_ALGOR_num(all); i++) {
        const ASN1_OBJECT *object = NULL;
        X509_ALGOR_get0(&object, NULL, NULL, sk_X509_ALGOR_value(all, i));
        int nid = OBJ_obj2nid(object);
        reads |= nid == NID_aes_256_gcm || nid == NID_aes_128_gcm ? SMIME_READS_GCM : 0;
        reads |= nid == NID_rsaesOaep ? SMIME_READS_OAEP : 0;
    }
    sk_X509_ALGOR_pop_free(all, X509_ALGOR_free);
    return reads;
}

static unsigned capabilities_of(const X509 *c)
{
    int at = X509_get_ext_by_NID(c, NID_SMIMECapabilities, -1);
    const ASN1_OCTET_STRING *value = at >= 0 ? X509_EXTENSION_get_data(X509_get_ext(c, at)) : NULL;

    return value ? smime_capabilities(ASN1_STRING_get0_data(value), ASN1_STRING_length(value)) : 0;
}

/* ── the holder's, and who issued it ── */

static bool is_authority(X509 *c)
{
    return X509_check_ca(c) == 1 || (X509_get_extension_flags(c) & EXFLAG_CA) != 0;
}

/* The one that issued none; -1: none or several. */
static int find_holder(STACK_OF(X509) * chain)
{
    int found = -1;

    if (sk_X509_num(chain) == 1) {
        return 0;
    }
    for (int i = 0; i < sk_X509_num(chain); i++) {
        if (!is_authority(sk_X509_value(chain, i))) {
            if (found >= 0) {
                return -1;
            }
            found = i;
        }
    }
    return found;
}

static bool add_der(X509 *c, struct buf *out)
{
    int len = i2d_X509(c, NULL);
    uint8_t *room = len > 0 ? buf_room(out, (size_t)len) : NULL;

    if (!room || i2d_X509(c, &room) != len) {
        return false;
    }
    out->len += (size_t)len;
    return true;
}

static bool write_chain(STACK_OF(X509) * chain, int holder, struct buf *out)
{
    bool good = add_der(sk_X509_value(chain, holder), out);

    for (int i = 0; good && i < sk_X509_num(chain); i++) {
        good = i == holder || add_der(sk_X509_value(chain, i), out);
    }
    return good;
}

static struct slice fingerprint_of(const X509 *c, struct arena *arena)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    char *text = arena_alloc(arena, SMIME_FINGERPRINT_LEN + 1);
    unsigned len = 0;

    if (X509_digest(c, EVP_sha256(), digest, &len) != 1) {
        return SLICE_NONE;
    }
    for (unsigned i = 0; i < len; i++) {
        (void)snprintf(text + (size_t)2 * i, 3, "%02x", digest[i]);
    }
    return slice_text(text);
}

static bool describe(STACK_OF(X509) * chain, struct arena *arena, struct smime_certificate *out,
                     struct error *e)
{
    OWN(buf) struct buf der = {.max = SMIME_CHAIN_MAX};
    struct smime_certificate c = {0};
    int holder = find_holder(chain);

    if (holder < 0) {
        return error_set(e, ERROR_INPUT,
                         "the file holds certificates of several persons, or of authorities alone: "
                         "give one person's certificate, with those that issued it if you like");
    }
    X509 *own = sk_X509_value(chain, holder);
    if (!write_chain(chain, holder, &der)) {
        return error_set(e, ERROR_LIMIT, "the certificates are longer than %zu bytes",
                         SMIME_CHAIN_MAX);
    }
    c.bytes = arena_copy(arena, buf_slice(&der));
    c.fingerprint = fingerprint_of(own, arena);
    c.subject = print_subject(own, arena);
    c.algorithm = print_algorithm(own, arena);
    c.not_before_ms = time_ms(X509_get0_notBefore(own));
    c.not_after_ms = time_ms(X509_get0_notAfter(own));
    c.reads = capabilities_of(own);
    list_names(own, arena, &c);
    *out = c;
    return c.fingerprint.len == SMIME_FINGERPRINT_LEN ||
           error_set(e, ERROR_INPUT, "the certificate cannot be read");
}

bool smime_certificate_read(struct slice file, struct arena *arena, struct smime_certificate *out,
                            struct error *e)
{
    OWN(certificates) STACK_OF(X509) *chain = file.len <= SMIME_FILE_MAX ? read_file(file) : NULL;

    bool good = chain
                    ? describe(chain, arena, out, e)
                    : error_set(e, ERROR_INPUT,
                                "this is no certificate: give a file as `.cer`, `.crt`, `.pem` or "
                                "`.p7b` usually are");
    ERR_clear_error();
    return good;
}

bool smime_names(const struct smime_certificate *c, struct slice address)
{
    for (size_t i = 0; i < c->n_names; i++) {
        if (slice_equal_nocase(c->names[i], address)) {
            return true;
        }
    }
    return false;
}
