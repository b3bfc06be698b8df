#include <openssl/evp.h>
#include <stdlib.h>

#include "base/buf.h"

#include "stages/protect/protect.h"

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static bool sign(void *ctx, const struct dkim_draft *drafts, size_t n,
                 struct protect_signature *signatures, struct error *e)
{
    (void)ctx;
    (void)e;
    for (size_t i = 0; i < n; i++) {
        (void)memcpy(signatures[i].bytes, drafts[i].digest, DKIM_DIGEST_LEN);
        signatures[i].len = i ? DKIM_DIGEST_LEN : PROTECT_SIGNATURE_MAX;
    }
    return true;
}

/* The copy is a sound letter without Bcc, with the same body, and rebuilds to the same digest. */
static void check_copy(const struct edit_script *s, struct slice letter,
                       const struct mail_header *h, const struct mail_limits *limits,
                       struct arena *a)
{
    OWN(buf) struct buf copy = {.max = letter.len + 65536};
    struct mail_header again;
    struct slice piece;
    struct error e;
    uint8_t digest[PROTECT_DIGEST_LEN];

    for (size_t i = 0; i < s->n_edits; i++) {
        check(protect_piece(&s->edits[i], letter, &piece, &e));
        buf_add(&copy, piece);
    }
    check(!copy.full && copy.len == s->size && protect_verify(s, letter, &e));
    check(EVP_Digest(copy.ptr, copy.len, digest, NULL, EVP_sha256(), NULL) == 1);
    check(memcmp(digest, s->digest, sizeof(digest)) == 0);
    mail_header_read(buf_slice(&copy), limits, true, a, &again);
    check(again.defect == MAIL_SOUND && slice_equal(again.body, h->body));
    check(!mail_header_find(&again, MAIL_BCC) && !mail_header_find(&again, MAIL_RESENT_BCC));
    check(mail_header_find(&again, MAIL_DATE) && mail_header_find(&again, MAIL_MESSAGE_ID));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Up to the first NUL: what the client calls itself; behind it: the letter. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;
    static const struct dkim_key keys[] = {
        {DKIM_RSA_SHA256,     SLICE_INIT("x"), SLICE_INIT("r")},
        {DKIM_ED25519_SHA256, SLICE_INIT("x"), SLICE_INIT("e")}
    };
    OWN(arena) struct arena a = {.max = 64 << 20};
    struct slice letter = slice_of(data, size);
    struct slice name = slice_cut(letter, 0, &letter);
    struct mail_header h;
    struct edit_script s;
    struct error e;
    struct protect_context c = {.host = SLICE("h"),
                                .letter_id = SLICE("i"),
                                .client_name = name,
                                .tls_version = SLICE("TLSv1.3"),
                                .keys = keys,
                                .n_keys = 2,
                                .sign = sign};

    mail_header_read(letter, &limits, true, &a, &h);
    if (h.defect != MAIL_SOUND) {
        return 0;
    }
    check(protect_letter(letter, &h, &c, &a, &s, &e));
    check_copy(&s, letter, &h, &limits, &a);
    return 0;
}
