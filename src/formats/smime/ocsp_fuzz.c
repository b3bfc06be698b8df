/* Answers of responders: two bytes of length, the chain that is asked about with its anchor behind, the answer. */
#include <assert.h>
#include <openssl/pem.h>

#include "formats/smime/internal.h"

#define NOW INT64_C(1796000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice anchor_of(struct slice chain, struct arena *arena)
{
    OWN(certificates) STACK_OF(X509) *all = smime_chain(chain);
    OWN(bio) BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (!all || !out || !PEM_write_bio_X509(out, sk_X509_value(all, sk_X509_num(all) - 1))) {
        return SLICE_NONE;
    }
    long len = BIO_get_mem_data(out, &text);
    return arena_copy(arena, slice_of(text, (size_t)len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = (size_t)4 << 20};
    size_t len = size > 2 ? (size_t)data[0] << 8 | data[1] : 0;

    if (len == 0 || len > size - 2) {
        return 0;
    }
    struct slice chain = slice_of(data + 2, len);
    struct slice said = slice_of(data + 2 + len, size - 2 - len);
    int64_t until_s = 0;
    struct smime_question questions[4];
    struct smime_places places = {
        .arena = &arena, .questions = questions, .max_questions = 4, .until_s = &until_s};
    struct smime_wish wish = {
        .anchors = anchor_of(chain, &arena), .now_s = NOW, .answers = &said, .n_answers = 1};
    enum smime_worth soft = smime_judge(chain, &wish, &places);
    wish.must_know = true;
    enum smime_worth hard = smime_judge(chain, &wish, NULL);
    assert(places.n_questions <= 4 && (soft == SMIME_GOOD || places.n_questions == 0));
    assert(until_s == 0 || until_s > NOW - 301);
    assert(soft == hard || (soft == SMIME_GOOD && hard == SMIME_UNKNOWN));
    return 0;
}
