/* A filter that somebody wrote: a look must answer or fail, whatever stands there.
 *
 * The first byte says whether check sums are made to fit (bit 0), so that what lies behind them is
 * reached; the next eight are the hash that is looked for. */
#include "base/bytes.h"

#include "passwords/internal.h"

#define FILTER_FUZZ_MAX 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void mend(uint8_t *bytes, size_t len)
{
    uint64_t blocks = get64(bytes + FILTER_AT_BLOCKS);

    put32(bytes + FILTER_AT_CHECK, filter_check(0, slice_of(bytes, FILTER_AT_CHECK)));
    for (uint64_t i = 0; i < blocks && filter_data_at(i + 1) <= len; i++) {
        uint8_t *index = bytes + FILTER_HEADER_LEN + i * FILTER_INDEX_LEN;
        uint64_t from = get64(index);
        uint64_t to = get64(index + FILTER_INDEX_LEN);
        size_t data_at = (size_t)filter_data_at(blocks < len ? blocks : len);
        if (from <= to && data_at <= len && to <= len - data_at) {
            put32(index + 8,
                  filter_check(i, slice_of(bytes + data_at + from, (size_t)(to - from))));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static uint8_t bytes[FILTER_FUZZ_MAX];
    struct filter filter;
    struct error e;

    if (len < 9 || len - 9 > sizeof(bytes)) {
        return 0;
    }
    (void)memcpy(bytes, data + 9, len - 9);
    if ((data[0] & 1) && len - 9 >= FILTER_HEADER_LEN) {
        mend(bytes, len - 9);
    }
    if (filter_open_memory(&filter, slice_of(bytes, len - 9), &e)) {
        enum filter_answer answer = filter_look(&filter, get64(data + 1), &e);
        if (filter_verify(&filter, &e) && answer == FILTER_FAILED) {
            __builtin_trap(); /* what is whole can be looked into */
        }
    }
    return 0;
}
