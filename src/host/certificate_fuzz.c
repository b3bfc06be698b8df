/* Fuzz: the chain of certificates that a client showed, as the auth process reads it. */
#include <assert.h>

#include "host/certificate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct slice chain = {data, size};
    uint8_t pin[TLS_DIGEST_LEN];

    enum certificate_worth alone = certificate_judge(chain, SLICE_NONE, 1800000000, pin);
    enum certificate_worth issued = certificate_judge(chain, SLICE("no anchors"), 1800000000, pin);
    assert(issued != CERTIFICATE_GOOD);
    assert((alone == CERTIFICATE_UNREADABLE) == (issued == CERTIFICATE_UNREADABLE));
    assert((alone != CERTIFICATE_UNREADABLE) == certificate_pin(chain, pin));
    assert(size <= CERTIFICATE_CHAIN_MAX || alone == CERTIFICATE_UNREADABLE);
    return 0;
}
