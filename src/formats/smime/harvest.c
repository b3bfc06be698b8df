#include "formats/smime/harvest.h"

#include "base/buf.h"

#include "formats/mail/address.h"
#include "formats/mail/header.h"
#include "formats/smime/internal.h"

#define PARAMETERS_MAX  20
#define BOUNDARY_MAX    70 /* RFC 2046 section 5.1.1 */
#define SIGNED_DATA_MAX ((size_t)256 << 10)
#define TYPE_MAX        80

static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;

/* ── the form ── */

/* Of a Content-Type, as far as it is written plainly; what is written otherwise is of another form. */
struct type {
    struct slice name;
    struct slice boundary;
    struct slice protocol;
    struct slice smime_type;
};

static struct slice trim(struct slice s)
{
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t' || s.ptr[0] == '\r' || s.ptr[0] == '\n')) {
        s = slice_from(s, 1);
    }
    while (s.len && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t' ||
                     s.ptr[s.len - 1] == '\r' || s.ptr[s.len - 1] == '\n')) {
        s.len--;
    }
    return s;
}

/* A token, or a quoted string without a backslash. */
static bool read_value(struct slice *rest, struct slice *value)
{
    *rest = trim(*rest);
    if (rest->len && rest->ptr[0] == '"') {
        struct slice inside = slice_from(*rest, 1);
        size_t end = slice_find(inside, '"');
        *value = slice_head(inside, end);
        *rest = trim(slice_from(inside, end + 1));
        return end < inside.len && slice_find(*value, '\\') == value->len &&
               (rest->len == 0 || rest->ptr[0] == ';');
    }
    size_t end = slice_find(*rest, ';');
    *value = trim(slice_head(*rest, end));
    *rest = slice_from(*rest, end);
    return value->len > 0;
}

/* False when it is there already. */
static bool keep(struct slice *where, struct slice value)
{
    bool first = where->ptr == NULL;

    *where = value;
    return first;
}

static bool read_type(const struct mail_field *field, struct type *out)
{
    struct slice rest = field->value;
    size_t end = slice_find(rest, ';');
    bool good = true;

    *out = (struct type){.name = trim(slice_head(rest, end))};
    /* -fanalyzer: it takes what a function of another file returns for unset */
    rest = slice_from(rest, end);
    for (size_t i = 0; good && rest.len && i < PARAMETERS_MAX; i++) {
        struct slice value = SLICE_NONE;
        struct slice name = trim(slice_cut(slice_from(rest, 1), '=', &rest));
        if (name.len == 0 && rest.len == 0) {
            break; /* a semicolon at the end */
        }
        good = read_value(&rest, &value);
        if (slice_equal_nocase(name, SLICE("boundary"))) {
            good = good && keep(&out->boundary, value);
        } else if (slice_equal_nocase(name, SLICE("protocol"))) {
            good = good && keep(&out->protocol, value);
        } else if (slice_equal_nocase(name, SLICE("smime-type"))) {
            good = good && keep(&out->smime_type, value);
        } else { /* boundary*0=, boundary*= and so on: RFC 2231 */
            good = good && !slice_starts_nocase(name, SLICE("boundary"));
        }
    }
    return good && rest.len == 0;
}

/* The only field of that name; NULL. */
static const struct mail_field *only(const struct mail_header *h, enum mail_name name)
{
    const struct mail_field *found = NULL;
    size_t n = 0;

    for (size_t i = 0; i < h->n_fields; i++) {
        if (h->fields[i].name == name) {
            found = &h->fields[i];
            n++;
        }
    }
    return n == 1 ? found : NULL;
}

/* Take what stands before the next line that is --boundary, and with `last` --boundary--; its line end belongs to the line. */
static bool cut_part(struct slice *rest, struct slice boundary, bool last, struct slice *part)
{
    size_t at = 0;

    while (at < rest->len) {
        struct slice line = slice_from(*rest, at);
        line = slice_head(line, slice_find(line, '\n') + 1);
        struct slice text = trim(line);
        bool closes = text.len == boundary.len + 4 && text.ptr[text.len - 1] == '-' &&
                      text.ptr[text.len - 2] == '-';
        if (slice_starts(line, SLICE("--")) && (closes || text.len == boundary.len + 2) &&
            slice_starts(slice_from(text, 2), boundary)) {
            size_t end = at >= 2 ? at - 2 : at;
            *part = slice_head(*rest, end);
            *rest = slice_from(*rest, at + line.len);
            return closes == last && (at == 0 || (at >= 2 && part->ptr[end] == '\r'));
        }
        at += line.len;
    }
    return false;
}

/* Base64 (RFC 2045 section 6.8) and nothing else. */
static bool decode(struct slice text, struct buf *out)
{
    EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
    uint8_t *room = text.len <= 2 * SIGNED_DATA_MAX ? buf_room(out, text.len + 80) : NULL;
    int len = 0;
    int more = 0;

    bool good = ctx && room;
    if (good) {
        EVP_DecodeInit(ctx);
        good = EVP_DecodeUpdate(ctx, room, &len, text.ptr, (int)text.len) >= 0 &&
               EVP_DecodeFinal(ctx, room + len, &more) == 1;
    }
    EVP_ENCODE_CTX_free(ctx);
    out->len += good ? (size_t)(len + more) : 0;
    return good && out->len > 0;
}

/* What was signed, and the signature as a part says it in base64. */
struct form {
    struct slice content; /* of multipart/signed; empty: it is in the SignedData */
    struct buf der;
};

static void form_done(struct form *f)
{
    buf_done(&f->der);
}
OWN_VALUE(form, struct form, form_done)

static bool is_base64(const struct mail_header *h)
{
    const struct mail_field *f = only(h, MAIL_CONTENT_TRANSFER_ENCODING);

    return f && slice_equal_nocase(trim(f->value), SLICE("base64"));
}

static bool is_pkcs7(struct slice name, const char *what)
{
    name = slice_starts_nocase(name, SLICE("application/x-")) ? slice_from(name, 14)
                                                              : slice_from(name, 12);
    return slice_equal_nocase(name, slice_text(what));
}

static enum smime_offer read_multipart(const struct mail_header *h, const struct type *type,
                                       struct arena *arena, struct form *out)
{
    struct mail_header part;
    struct slice rest = h->body;
    struct slice preamble;
    struct slice signature;
    struct type inner;

    if (type->boundary.len == 0 || type->boundary.len > BOUNDARY_MAX ||
        !cut_part(&rest, type->boundary, false, &preamble) ||
        !cut_part(&rest, type->boundary, false, &out->content) ||
        !cut_part(&rest, type->boundary, true, &signature)) {
        return SMIME_OTHER_FORM;
    }
    mail_header_read(signature, &limits, false, arena, &part);
    const struct mail_field *field = only(&part, MAIL_CONTENT_TYPE);
    if (part.defect != MAIL_SOUND || !field || !read_type(field, &inner) ||
        !slice_starts_nocase(inner.name, SLICE("application/")) ||
        !is_pkcs7(inner.name, "pkcs7-signature") || !is_base64(&part) ||
        !decode(part.body, &out->der)) {
        return SMIME_OTHER_FORM;
    }
    return SMIME_OFFERED;
}

static enum smime_offer read_form(const struct mail_header *h, struct arena *arena,
                                  struct form *out)
{
    const struct mail_field *field = only(h, MAIL_CONTENT_TYPE);
    struct type type;

    if (!field) {
        return SMIME_NOT_SIGNED;
    }
    if (!read_type(field, &type)) {
        return SMIME_OTHER_FORM;
    }
    if (slice_equal_nocase(type.name, SLICE("multipart/signed"))) {
        return slice_starts_nocase(type.protocol, SLICE("application/")) &&
                       is_pkcs7(type.protocol, "pkcs7-signature")
                   ? read_multipart(h, &type, arena, out)
                   : SMIME_NOT_SIGNED;
    }
    if (!slice_starts_nocase(type.name, SLICE("application/")) ||
        !is_pkcs7(type.name, "pkcs7-mime") ||
        !slice_equal_nocase(type.smime_type, SLICE("signed-data"))) {
        return SMIME_NOT_SIGNED;
    }
    return is_base64(h) && decode(h->body, &out->der) ? SMIME_OFFERED : SMIME_OTHER_FORM;
}

/* ── the signature ── */

static bool is_strong(const CMS_SignerInfo *info)
{
    X509_ALGOR *digest = NULL;
    const ASN1_OBJECT *object = NULL;

    CMS_SignerInfo_get0_algs((CMS_SignerInfo *)(uintptr_t)info, NULL, NULL, &digest, NULL);
    X509_ALGOR_get0(&object, NULL, NULL, digest);
    int nid = OBJ_obj2nid(object);
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

/* The one who signed all of it; NULL. The certificate is the SignedData's. */
static X509 *verify(CMS_ContentInfo *cms, const struct form *form, CMS_SignerInfo **info)
{
    OWN(bio)
    BIO *content =
        form->content.len ? BIO_new_mem_buf(form->content.ptr, (int)form->content.len) : NULL;
    OWN(bio) BIO *out = BIO_new(BIO_s_null());
    bool detached = OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed && CMS_is_detached(cms);

    if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed ||
        OBJ_obj2nid(CMS_get0_eContentType(cms)) != NID_pkcs7_data ||
        detached != (form->content.len > 0)) {
        return NULL;
    }
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);
    if (sk_CMS_SignerInfo_num(infos) != 1 || !is_strong(sk_CMS_SignerInfo_value(infos, 0))) {
        return NULL;
    }
    *info = sk_CMS_SignerInfo_value(infos, 0);
    if (CMS_verify(cms, NULL, NULL, content, out, CMS_BINARY | CMS_NO_SIGNER_CERT_VERIFY) != 1) {
        return NULL;
    }
    X509 *signer = NULL;
    CMS_SignerInfo_get0_algs(*info, NULL, &signer, NULL, NULL);
    return signer;
}

/* ── the certificate ── */

/* A chain as smime_judge() takes it: one certificate, then all others of the bag. */
static bool write_chain(X509 *first, STACK_OF(X509) * all, struct buf *out)
{
    bool good = true;

    for (int i = -1; good && i < sk_X509_num(all); i++) {
        X509 *c = i < 0 ? first : sk_X509_value(all, i);
        int len = i2d_X509(c, NULL);
        if (i >= 0 && (X509_cmp(c, first) == 0 || X509_check_ca(c) != 1)) {
            continue;
        }
        uint8_t *room = len > 0 ? buf_room(out, (size_t)len) : NULL;
        good = room && i2d_X509(c, &room) == len;
        out->len += good ? (size_t)len : 0;
    }
    return good;
}

static bool is_good(X509 *c, STACK_OF(X509) * all, struct smime_wish wish, bool signing,
                    struct buf *chain)
{
    buf_reset(chain);
    wish.signing = signing;
    return write_chain(c, all, chain) && smime_judge(buf_slice(chain), &wish, NULL) == SMIME_GOOD;
}

static unsigned reads_of(const CMS_SignerInfo *info)
{
    const ASN1_TYPE *value = NULL;
    int at = CMS_signed_get_attr_by_NID(info, NID_SMIMECapabilities, -1);
    const X509_ATTRIBUTE *a = at >= 0 ? CMS_signed_get_attr(info, at) : NULL;

    value = a ? X509_ATTRIBUTE_get0_type((X509_ATTRIBUTE *)(uintptr_t)a, 0) : NULL;
    if (!value || value->type != V_ASN1_SEQUENCE) {
        return 0;
    }
    return smime_capabilities(value->value.sequence->data, value->value.sequence->length);
}

/* The signer's own, or another one of the same address that is for encrypting. */
static enum smime_offer choose(CMS_ContentInfo *cms, X509 *signer, const CMS_SignerInfo *info,
                               const struct smime_wish *wish, struct arena *arena,
                               struct smime_certificate *out)
{
    OWN(certificates) STACK_OF(X509) *all = CMS_get1_certs(cms);
    OWN(buf) struct buf chain = {.max = SMIME_CHAIN_MAX};
    struct error e;
    bool found = false;

    if (!is_good(signer, all, *wish, true, &chain)) {
        return SMIME_NOT_TRUSTED;
    }
    found = is_good(signer, all, *wish, false, &chain);
    for (int i = 0; !found && i < sk_X509_num(all) && i < SMIME_CERTIFICATES_MAX; i++) {
        found = is_good(sk_X509_value(all, i), all, *wish, false, &chain);
    }
    if (!found || !smime_certificate_read(buf_slice(&chain), arena, out, &e)) {
        return SMIME_NOT_TRUSTED;
    }
    out->reads |= reads_of(info);
    return SMIME_OFFERED;
}

/* The one address in From. */
static bool read_from(const struct mail_header *h, struct arena *arena, struct slice *from)
{
    const struct mail_field *field = only(h, MAIL_FROM);
    struct mail_addresses all;

    if (!field) {
        return false;
    }
    mail_addresses_read(field->value, true, arena, &all);
    if (all.flaw != MAIL_ADDRESS_CLEAR || all.count != 1 || all.groups) {
        return false;
    }
    struct slice text = mail_address_text(&all.items[0], arena);
    uint8_t *copy = arena_alloc(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        copy[i] = ascii_lower(text.ptr[i]);
    }
    *from = slice_of(copy, text.len);
    return true;
}

static enum smime_offer look(const struct mail_header *h, const struct form *form,
                             struct smime_wish wish, struct arena *arena,
                             struct smime_certificate *out, struct slice *from)
{
    const unsigned char *at = form->der.ptr;
    OWN(cms) CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)form->der.len);
    CMS_SignerInfo *info = NULL;
    struct slice address;

    if (!cms || at != form->der.ptr + form->der.len) {
        return SMIME_OTHER_FORM;
    }
    X509 *signer = verify(cms, form, &info);
    if (!signer) {
        return SMIME_BAD_SIGNATURE;
    }
    if (!read_from(h, arena, &address) || !smime_holds_address(signer, address)) {
        return SMIME_NOT_THE_SENDERS;
    }
    wish.address = address;
    wish.vouched = false;
    enum smime_offer offer = choose(cms, signer, info, &wish, arena, out);
    *from = offer == SMIME_OFFERED ? address : *from;
    return offer;
}

enum smime_offer smime_harvest(struct slice letter, const struct smime_wish *wish,
                               struct arena *arena, struct smime_certificate *out,
                               struct slice *from)
{
    OWN(form) struct form form = {.der = {.max = 4 * SIGNED_DATA_MAX}};
    struct mail_header h;

    mail_header_read(letter, &limits, true, arena, &h);
    enum smime_offer offer = read_form(&h, arena, &form);
    if (offer == SMIME_OFFERED && h.defect != MAIL_SOUND) {
        offer = SMIME_OTHER_FORM;
    }
    if (offer == SMIME_OFFERED) {
        offer = look(&h, &form, *wish, arena, out, from);
    }
    ERR_clear_error();
    return offer;
}

const char *smime_offer_text(enum smime_offer offer)
{
    switch (offer) {
    case SMIME_OFFERED:
        return "it offers a certificate";
    case SMIME_NOT_SIGNED:
        return "it is not signed as a whole by S/MIME";
    case SMIME_OTHER_FORM:
        return "it is signed in a form that programs could read differently";
    case SMIME_BAD_SIGNATURE:
        return "the signature is not of this text, or not strong enough";
    case SMIME_NOT_THE_SENDERS:
        return "the certificate does not name the address in From";
    case SMIME_NOT_TRUSTED:
        return "nobody whom we trust issued the certificate, or it is not for this";
    }
    return "unknown";
}
