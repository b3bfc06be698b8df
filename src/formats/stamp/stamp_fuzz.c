#include <stdlib.h>

#include "tests/stamp.h"

/* A response from the network. Only one was ever signed for this digest and nonce, so whatever is
 * taken for good says the time of that one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    struct stamp s;
    struct error e;

    if (stamp_verify(slice_of(data, size), stamp_test_digest, stamp_test_nonce,
                     SLICE(STAMP_TEST_TRUST), &arena, &s, &e) &&
        (s.time_ms != STAMP_TEST_TIME_MS || s.token.len == 0)) {
        abort();
    }
    return 0;
}
