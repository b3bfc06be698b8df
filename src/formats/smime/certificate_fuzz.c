/* Files with certificates: none may be taken that the judge then cannot read. */
#include <assert.h>

#include "formats/smime/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = (size_t)4 << 20};
    struct smime_certificate c;
    struct error e;

    if (smime_certificate_read(slice_of(data, size), &arena, &c, &e)) {
        const struct smime_wish wish = {.vouched = true, .now_s = 1796000000};
        struct slice urls[4];
        struct smime_places places = {.arena = &arena, .urls = urls, .max = 4};
        enum smime_worth worth = smime_judge(c.bytes, &wish, &places);
        assert(places.n <= 4 && (worth == SMIME_GOOD || places.n == 0));
        assert(c.bytes.len <= SMIME_CHAIN_MAX && c.n_names <= SMIME_NAMES_MAX);
        assert(slice_is_utf8(c.subject) && smime_worth_text(worth)[0]);
    }
    return 0;
}
