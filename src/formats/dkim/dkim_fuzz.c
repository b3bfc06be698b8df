#include <openssl/evp.h>
#include <stdlib.h>

#include "formats/dkim/internal.h"
#include "formats/dkim/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The fast body hash equals the slow one; any header's fields make a draft within bounds. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct mail_limits limits = MAIL_LIMITS_DEFAULT;
    OWN(arena) struct arena a = {.max = 8 << 20};
    OWN(buf) struct buf relaxed = {.max = size + 2};
    struct dkim_key key = {DKIM_RSA_SHA256, SLICE("x.test"), SLICE("s")};
    uint8_t expected[DKIM_DIGEST_LEN];
    uint8_t hash[DKIM_DIGEST_LEN];
    struct mail_header h;
    struct dkim_draft draft;
    struct mail_field again;

    mail_header_read(slice_of(data, size), &limits, true, &a, &h);
    struct slice body = h.body.len ? h.body : slice_of(data, size);
    reference_relax_body(&relaxed, body);
    if (relaxed.full ||
        EVP_Digest(relaxed.ptr, relaxed.len, expected, NULL, EVP_sha256(), NULL) != 1) {
        abort();
    }
    dkim_body_hash(body, hash);
    if (memcmp(hash, expected, DKIM_DIGEST_LEN) != 0) {
        abort();
    }
    dkim_prepare(h.fields, h.n_fields, &key, hash, 1700000000, &a, &draft);
    struct slice field = dkim_finish(&draft, slice_of(hash, sizeof(hash)), &a);
    if (!mail_field_read(field, &again) || again.name != MAIL_DKIM_SIGNATURE) {
        abort();
    }
    return 0;
}
