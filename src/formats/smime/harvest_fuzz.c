/* Signed letters from outside. Nobody is trusted here, so none may offer a certificate. */
#include <assert.h>

#include "formats/smime/harvest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = (size_t)64 << 20};
    const struct smime_wish wish = {.now_s = 1796000000};
    struct smime_certificate c;
    struct slice from = SLICE_NONE;

    enum smime_offer offer = smime_harvest(slice_of(data, size), &wish, &arena, &c, &from);
    assert(offer != SMIME_OFFERED && from.len == 0 && smime_offer_text(offer)[0]);
    return 0;
}
