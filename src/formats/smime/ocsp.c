#include "formats/smime/ocsp.h"

#include <openssl/ocsp.h>
#include <time.h>

#define SKEW_S       300  /* clocks may differ */
#define FRESH_S      3600 /* how old an answer may be that names no next one */
#define DIGEST_MIN   28   /* bytes: SHA-224 */
#define QUESTION_MAX SMIME_QUESTION_MAX

OWN_BY(request, OCSP_REQUEST, OCSP_REQUEST_free)
OWN_BY(response, OCSP_RESPONSE, OCSP_RESPONSE_free)
OWN_BY(basic, OCSP_BASICRESP, OCSP_BASICRESP_free)
OWN_BY(certid, OCSP_CERTID, OCSP_CERTID_free)

/* By SHA-1, which is all that many responders know (RFC 5019 section 2.1.1). It names, and proves nothing. */
static OCSP_CERTID *id_of(STACK_OF(X509) * path, int i)
{
    return OCSP_cert_to_id(EVP_sha1(), sk_X509_value(path, i), sk_X509_value(path, i + 1));
}

/* ── questions ── */

static struct slice find_url(X509 *c, struct arena *arena)
{
    AUTHORITY_INFO_ACCESS *all = X509_get_ext_d2i(c, NID_info_access, NULL, NULL);
    struct slice found = SLICE_NONE;

    for (int i = 0; found.len == 0 && i < sk_ACCESS_DESCRIPTION_num(all); i++) {
        const ACCESS_DESCRIPTION *one = sk_ACCESS_DESCRIPTION_value(all, i);
        struct slice url = SLICE_NONE;
        if (OBJ_obj2nid(one->method) == NID_ad_OCSP && smime_url(one->location, &url)) {
            found = arena_copy(arena, url);
        }
    }
    AUTHORITY_INFO_ACCESS_free(all);
    return found;
}

static struct slice question_of(STACK_OF(X509) * path, int i, struct arena *arena)
{
    OWN(request) OCSP_REQUEST *request = OCSP_REQUEST_new();
    OWN(certid) OCSP_CERTID *id = id_of(path, i);
    struct slice made = SLICE_NONE;
    unsigned char *der = NULL;

    if (!request || !id || !OCSP_request_add0_id(request, id)) {
        return SLICE_NONE;
    }
    (void)TAKE(id, NULL); /* the request's */
    int len = i2d_OCSP_REQUEST(request, &der);
    if (len > 0 && len <= QUESTION_MAX) {
        made = arena_copy(arena, slice_of(der, (size_t)len));
    }
    OPENSSL_free(der);
    return made;
}

void smime_ocsp_ask(STACK_OF(X509) * path, struct smime_places *places)
{
    for (int i = 0; i + 1 < sk_X509_num(path) && places->n_questions < places->max_questions; i++) {
        struct smime_question *q = &places->questions[places->n_questions];
        struct slice url = find_url(sk_X509_value(path, i), places->arena);
        if (url.len) {
            *q = (struct smime_question){url, question_of(path, i, places->arena)};
            places->n_questions += q->request.len ? 1 : 0;
        }
    }
}

/* ── answers ── */

static bool is_strong(const OCSP_BASICRESP *basic)
{
    const X509_ALGOR *how = OCSP_resp_get0_tbs_sigalg(basic);
    const ASN1_OBJECT *object = NULL;
    int digest = NID_undef;
    int key = NID_undef;

    X509_ALGOR_get0(&object, NULL, NULL, how);
    if (!OBJ_find_sigid_algs(OBJ_obj2nid(object), &digest, &key)) {
        return false;
    }
    if (key == NID_ED25519 || key == NID_ED448) {
        return true;
    }
    const EVP_MD *md = digest == NID_undef ? NULL : EVP_get_digestbynid(digest);
    return md && EVP_MD_get_size(md) >= DIGEST_MIN;
}

/* What is said in the name of the path's issuers, by themselves or a responder of theirs; NULL when it is not. */
static OCSP_BASICRESP *open_answer(struct slice der, STACK_OF(X509) * path, X509_STORE *store)
{
    const unsigned char *at = der.ptr;
    OWN(response)
    OCSP_RESPONSE *response = der.len ? d2i_OCSP_RESPONSE(NULL, &at, (long)der.len) : NULL;

    if (!response || at != der.ptr + der.len ||
        OCSP_response_status(response) != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
        return NULL;
    }
    OWN(basic) OCSP_BASICRESP *basic = OCSP_response_get1_basic(response);
    bool good =
        basic && is_strong(basic) && OCSP_basic_verify(basic, path, store, OCSP_NOEXPLICIT) == 1;
    return good ? TAKE(basic, NULL) : NULL;
}

static int64_t seconds_of(const ASN1_GENERALIZEDTIME *t)
{
    struct tm tm = {0};

    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

/* What one entry says now, and until when that holds. */
static enum smime_status status_of(OCSP_SINGLERESP *single, int64_t now_s, int64_t *until_s)
{
    ASN1_GENERALIZEDTIME *said = NULL;
    ASN1_GENERALIZEDTIME *next = NULL;
    int status = OCSP_single_get0_status(single, NULL, NULL, &said, &next);
    int64_t from_s = seconds_of(said);
    int64_t to_s = next ? seconds_of(next) : from_s + FRESH_S;

    if (from_s == 0 || from_s > now_s + SKEW_S || to_s < from_s || to_s + SKEW_S <= now_s) {
        return SMIME_STATUS_NONE;
    }
    *until_s = *until_s == 0 || to_s < *until_s ? to_s : *until_s;
    return status == V_OCSP_CERTSTATUS_REVOKED ? SMIME_STATUS_REVOKED
           : status == V_OCSP_CERTSTATUS_GOOD  ? SMIME_STATUS_GOOD
                                               : SMIME_STATUS_NONE;
}

/* All that is said of one certificate: revoked comes before good. */
static enum smime_status find_status(OCSP_BASICRESP *basic, OCSP_CERTID *id, int64_t now_s,
                                     int64_t *until_s)
{
    enum smime_status found = SMIME_STATUS_NONE;

    for (int at = OCSP_resp_find(basic, id, -1); at >= 0; at = OCSP_resp_find(basic, id, at)) {
        enum smime_status status = status_of(OCSP_resp_get0(basic, at), now_s, until_s);
        found = status > found ? status : found;
    }
    return found;
}

static int64_t read_answer(struct slice der, STACK_OF(X509) * path, X509_STORE *store,
                           int64_t now_s, enum smime_status *of)
{
    OWN(basic) OCSP_BASICRESP *basic = open_answer(der, path, store);
    int64_t until_s = 0;

    for (int i = 0; basic && i + 1 < sk_X509_num(path); i++) {
        OWN(certid) OCSP_CERTID *id = id_of(path, i);
        enum smime_status status = id ? find_status(basic, id, now_s, &until_s) : SMIME_STATUS_NONE;
        of[i] = status > of[i] ? status : of[i];
    }
    return until_s;
}

void smime_ocsp_read(STACK_OF(X509) * path, X509_STORE *store, const struct smime_wish *wish,
                     struct smime_places *places, enum smime_status *of)
{
    for (size_t i = 0; i < wish->n_answers; i++) {
        int64_t until_s = read_answer(wish->answers[i], path, store, wish->now_s, of);
        if (places && places->until_s) {
            places->until_s[i] = until_s;
        }
    }
}
