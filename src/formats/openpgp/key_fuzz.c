#include <stdlib.h>

#include "formats/openpgp/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1800000000) /* 2027-01-15 */

/* What is taken from a key is within its bounds, and is taken again from what is kept of it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena a = {.max = 8 << 20};
    struct openpgp_key key;
    struct openpgp_key again;
    struct error e;

    (void)openpgp_looks_like_key(slice_of(data, size));
    if (!openpgp_key_read(slice_of(data, size), NOW, &a, &key, &e)) {
        return 0;
    }
    if (key.bytes.len > OPENPGP_KEY_MAX || key.n_names > OPENPGP_NAMES_MAX ||
        !slice_is_utf8(key.user_id) || (key.ends_ms && key.ends_ms / 1000 < (uint64_t)NOW) ||
        !openpgp_key_read(key.bytes, NOW, &a, &again, &e) ||
        !slice_equal(key.fingerprint, again.fingerprint) || again.n_names != key.n_names) {
        abort();
    }
    return 0;
}
