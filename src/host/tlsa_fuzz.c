/* Fuzz: RDATA of a TLSA record, as a stranger's zone holds it, judged and given to a session. */
#include <assert.h>

#include "host/tlsa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tlsa t;

    if (!tlsa_read(slice_of(data, size), &t)) {
        assert(size < 3);
        return 0;
    }
    assert(t.data.len == size - 3);
    if (!tlsa_unusable(&t)) {
        assert(t.usage == TLSA_DANE_TA || t.usage == TLSA_DANE_EE);
        assert(t.selector <= TLSA_PUBLIC_KEY && t.matching <= TLSA_SHA512);
        assert(t.data.len > 0 && t.data.len <= TLSA_DATA_MAX);
    }
    return 0;
}
