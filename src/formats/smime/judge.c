/* What a certificate is worth before a letter is encrypted with it (RFC 5280 section 6, RFC 8550 section 4). */
#include <openssl/pem.h>

#include "formats/smime/internal.h"
#include "formats/smime/ocsp.h"

OWN_BY(context, X509_STORE_CTX, X509_STORE_CTX_free)

bool smime_key_is_good(const X509 *c)
{
    EVP_PKEY *key = X509_get0_pubkey(c);
    char group[32];
    size_t len = 0;

    if (!key || EVP_PKEY_get_security_bits(key) < SMIME_SECURITY_MIN) {
        return false;
    }
    if (EVP_PKEY_is_a(key, "RSA")) {
        return EVP_PKEY_get_bits(key) <= 8192;
    }
    return EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0 ||
            strcmp(group, "secp521r1") == 0);
}

static bool is_valid_at(const X509 *own, int64_t now_s)
{
    time_t now = (time_t)now_s;

    return X509_cmp_time(X509_get0_notBefore(own), &now) < 0 &&
           X509_cmp_time(X509_get0_notAfter(own), &now) > 0;
}

/* RFC 8550 section 4.4: a certificate without a usage is for all. */
static bool is_for_mail(X509 *own, bool signing)
{
    EVP_PKEY *key = X509_get0_pubkey(own);
    uint32_t usage = X509_get_key_usage(own);
    uint32_t purposes = X509_get_extended_key_usage(own);
    bool mail = purposes == UINT32_MAX || (purposes & (XKU_SMIME | XKU_ANYEKU)) != 0;
    uint32_t wanted = signing                     ? KU_DIGITAL_SIGNATURE | KU_NON_REPUDIATION
                      : EVP_PKEY_is_a(key, "RSA") ? KU_KEY_ENCIPHERMENT
                                                  : KU_KEY_AGREEMENT;

    return (X509_get_extension_flags(own) & EXFLAG_INVALID) == 0 && mail && (usage & wanted) != 0;
}

bool smime_holds_address(X509 *own, struct slice address)
{
    STACK_OF(OPENSSL_STRING) *found = X509_get1_email(own);
    bool named = false;

    for (int i = 0; i < sk_OPENSSL_STRING_num(found); i++) {
        named = named || slice_equal_nocase(slice_text(sk_OPENSSL_STRING_value(found, i)), address);
    }
    X509_email_free(found);
    return named;
}

static enum smime_worth judge_own(X509 *own, const struct smime_wish *wish)
{
    if (!smime_key_is_good(own)) {
        return SMIME_WEAK;
    }
    if (!is_valid_at(own, wish->now_s)) {
        return SMIME_NOT_NOW;
    }
    if (!is_for_mail(own, wish->signing)) {
        return SMIME_WRONG_USE;
    }
    return wish->address.len && !smime_holds_address(own, wish->address) ? SMIME_WRONG_ADDRESS
                                                                         : SMIME_GOOD;
}

/* ── who issued it ── */

static bool add_anchors(X509_STORE *store, struct slice pem)
{
    OWN(bio) BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    size_t n = 0;

    for (;;) {
        OWN(certificate) X509 *one = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
        if (!one) {
            break;
        }
        n += X509_STORE_add_cert(store, one) == 1;
    }
    return n > 0;
}

/* One that cannot be read is left out: the others count all the same. */
static STACK_OF(X509_CRL) * read_crls(const struct smime_wish *wish)
{
    OWN(crls) STACK_OF(X509_CRL) *all = sk_X509_CRL_new_null();

    for (size_t i = 0; all && i < wish->n_crls; i++) {
        const unsigned char *at = wish->crls[i].ptr;
        X509_CRL *next = d2i_X509_CRL(NULL, &at, (long)wish->crls[i].len);
        if (next && !sk_X509_CRL_push(all, next)) {
            arena_panic("out of memory");
        }
    }
    return TAKE(all, NULL);
}

static enum smime_worth worth_of(int why)
{
    switch (why) {
    case X509_V_ERR_CERT_REVOKED:
        return SMIME_REVOKED;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
        return SMIME_UNKNOWN;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return SMIME_NOT_NOW;
    case X509_V_ERR_INVALID_PURPOSE:
        return SMIME_WRONG_USE;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return SMIME_WEAK;
    default:
        return SMIME_UNTRUSTED;
    }
}

/* ── where lists are ── */

#define URL_MAX 1000

/* Visible ASCII, and HTTP: what a list says is signed. */
static bool is_url(struct slice s)
{
    bool good = s.len < URL_MAX && (slice_starts_nocase(s, SLICE("http://")) ||
                                    slice_starts_nocase(s, SLICE("https://")));

    for (size_t i = 0; i < s.len; i++) {
        good = good && s.ptr[i] > ' ' && s.ptr[i] < 0x7f;
    }
    return good;
}

bool smime_url(const GENERAL_NAME *name, struct slice *url)
{
    int type = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
    struct slice text =
        type == GEN_URI ? slice_of(ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value))
                        : SLICE_NONE;

    if (is_url(text)) {
        *url = text;
        return true;
    }
    return false;
}

static void add_urls(const GENERAL_NAMES *names, struct smime_places *places)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && places->n < places->max; i++) {
        struct slice url = SLICE_NONE;
        bool known = !smime_url(sk_GENERAL_NAME_value(names, i), &url);
        for (size_t k = 0; k < places->n; k++) {
            known = known || slice_equal(places->urls[k], url);
        }
        if (!known) {
            places->urls[places->n++] = arena_copy(places->arena, url);
        }
    }
}

static void find_places(STACK_OF(X509) * path, struct smime_places *places)
{
    for (int i = 0; places && i < sk_X509_num(path); i++) {
        STACK_OF(DIST_POINT) *points =
            X509_get_ext_d2i(sk_X509_value(path, i), NID_crl_distribution_points, NULL, NULL);
        for (int k = 0; k < sk_DIST_POINT_num(points); k++) {
            const DIST_POINT_NAME *name = sk_DIST_POINT_value(points, k)->distpoint;
            if (name && name->type == 0) {
                add_urls(name->name.fullname, places);
            }
        }
        sk_DIST_POINT_pop_free(points, DIST_POINT_free);
    }
}

/* ── the path ── */

/* A path that was verified, and what answers say of its certificates. */
struct path {
    STACK_OF(X509) * all; /* holder first, anchor last */
    enum smime_status of[SMIME_PATH_MAX];
    bool must_know;
};

/* Of the anchor nobody need say anything. */
static bool is_known(const struct path *path, const X509 *c)
{
    int last = sk_X509_num(path->all) - 1;

    for (int i = 0; i <= last; i++) {
        if (X509_cmp(sk_X509_value(path->all, i), c) == 0) {
            return i == last || path->of[i] == SMIME_STATUS_GOOD;
        }
    }
    return false;
}

/* Of what a CRL could not be found is no matter where it need not be known, or is known otherwise. */
static int pass_unknown(int ok, X509_STORE_CTX *ctx)
{
    const struct path *path = X509_STORE_CTX_get_app_data(ctx);

    return ok || (worth_of(X509_STORE_CTX_get_error(ctx)) == SMIME_UNKNOWN &&
                  (!path->must_know || is_known(path, X509_STORE_CTX_get_current_cert(ctx))));
}

static bool is_signed_in(const struct path *path, X509_CRL *crl)
{
    bool is = false;

    for (int i = 0; !is && i < sk_X509_num(path->all); i++) {
        X509 *issuer = sk_X509_value(path->all, i);
        is = X509_NAME_cmp(X509_get_subject_name(issuer), X509_CRL_get_issuer(crl)) == 0 &&
             X509_CRL_verify(crl, X509_get0_pubkey(issuer)) == 1;
    }
    return is;
}

/* One that nobody in the path signed says nothing, not even that something was revoked. */
static void drop_forged(const struct path *path, STACK_OF(X509_CRL) * crls)
{
    for (int i = sk_X509_CRL_num(crls) - 1; i >= 0; i--) {
        if (!is_signed_in(path, sk_X509_CRL_value(crls, i))) {
            X509_CRL_free(sk_X509_CRL_delete(crls, i));
        }
    }
}

static X509_STORE_CTX *new_context(X509_STORE *store, STACK_OF(X509) * chain)
{
    OWN(context) X509_STORE_CTX *ctx = X509_STORE_CTX_new();

    if (!ctx || !X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain)) {
        arena_panic("out of memory");
    }
    return TAKE(ctx, NULL);
}

static enum smime_worth judge_by_lists(STACK_OF(X509) * chain, const struct smime_wish *wish,
                                       X509_STORE *store, struct path *path)
{
    OWN(context) X509_STORE_CTX *ctx = new_context(store, chain);
    OWN(crls) STACK_OF(X509_CRL) *crls = read_crls(wish);

    if (!crls) {
        arena_panic("out of memory");
    }
    drop_forged(path, crls);
    if (!wish->must_know && sk_X509_CRL_num(crls) == 0) {
        return SMIME_GOOD;
    }
    X509_STORE_CTX_set0_crls(ctx, crls);
    (void)X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(ctx),
                                      X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    X509_STORE_CTX_set_verify_cb(ctx, pass_unknown);
    (void)X509_STORE_CTX_set_app_data(ctx, path);
    return X509_verify_cert(ctx) == 1 ? SMIME_GOOD : worth_of(X509_STORE_CTX_get_error(ctx));
}

static enum smime_worth judge_revocation(STACK_OF(X509) * chain, const struct smime_wish *wish,
                                         X509_STORE *store, STACK_OF(X509) * all,
                                         struct smime_places *places)
{
    struct path path = {.all = all, .must_know = wish->must_know};

    smime_ocsp_read(all, store, wish, places, path.of);
    for (int i = 0; i < sk_X509_num(all); i++) {
        if (path.of[i] == SMIME_STATUS_REVOKED) {
            return SMIME_REVOKED;
        }
    }
    return judge_by_lists(chain, wish, store, &path);
}

static X509_STORE *new_store(X509 *own, const struct smime_wish *wish)
{
    OWN(store) X509_STORE *store = X509_STORE_new();

    if (!store) {
        arena_panic("out of memory");
    }
    X509_VERIFY_PARAM *param = X509_STORE_get0_param(store);
    X509_VERIFY_PARAM_set_auth_level(param, SMIME_AUTH_LEVEL);
    X509_VERIFY_PARAM_set_depth(param, SMIME_CERTIFICATES_MAX);
    X509_VERIFY_PARAM_set_time(param, (time_t)wish->now_s);
    if (wish->vouched) {
        (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    }
    bool anchored =
        wish->vouched ? X509_STORE_add_cert(store, own) == 1 : add_anchors(store, wish->anchors);
    return anchored ? TAKE(store, NULL) : NULL;
}

static enum smime_worth judge_issuer(STACK_OF(X509) * chain, const struct smime_wish *wish,
                                     struct smime_places *places)
{
    OWN(store) X509_STORE *store = new_store(sk_X509_value(chain, 0), wish);
    enum smime_worth worth = SMIME_GOOD;

    if (!store) {
        return SMIME_UNTRUSTED;
    }
    OWN(context) X509_STORE_CTX *ctx = new_context(store, chain);
    if (X509_verify_cert(ctx) != 1) {
        return worth_of(X509_STORE_CTX_get_error(ctx));
    }
    STACK_OF(X509) *path = X509_STORE_CTX_get0_chain(ctx);
    if (sk_X509_num(path) > SMIME_PATH_MAX) {
        return SMIME_UNTRUSTED;
    }
    if (!wish->vouched) {
        worth = judge_revocation(chain, wish, store, path, places);
    }
    if (worth == SMIME_GOOD && places) {
        find_places(path, places);
        smime_ocsp_ask(path, places);
    }
    return worth;
}

enum smime_worth smime_judge(struct slice chain, const struct smime_wish *wish,
                             struct smime_places *places)
{
    OWN(certificates) STACK_OF(X509) *read = smime_chain(chain);
    X509 *own = read ? sk_X509_value(read, 0) : NULL;
    enum smime_worth worth = own && X509_get0_pubkey(own) ? judge_own(own, wish) : SMIME_UNREADABLE;

    if (worth == SMIME_GOOD) {
        worth = judge_issuer(read, wish, places);
    }
    ERR_clear_error();
    return worth;
}

const char *smime_worth_text(enum smime_worth worth)
{
    switch (worth) {
    case SMIME_GOOD:
        return "it is good";
    case SMIME_UNREADABLE:
        return "it cannot be read";
    case SMIME_WEAK:
        return "its key or a signature is too weak, or of a kind that is not used";
    case SMIME_NOT_NOW:
        return "it has expired or is not valid yet";
    case SMIME_WRONG_USE:
        return "it is not for encrypting mail";
    case SMIME_WRONG_ADDRESS:
        return "it names another address";
    case SMIME_UNTRUSTED:
        return "nobody whom we trust issued it";
    case SMIME_REVOKED:
        return "it was revoked";
    case SMIME_UNKNOWN:
        return "whether it was revoked cannot be found out";
    }
    return "unknown";
}
