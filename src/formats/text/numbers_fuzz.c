#include <stdlib.h>

#include "formats/text/numbers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is found has a length that such a number can have, and is found again by itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct number number;
    uint8_t previous = 0;

    while (number_next(&text, &previous, &number)) {
        struct slice alone = slice_of(number.text, number.len);
        struct number again;
        uint8_t before = 0;
        if (number.len < 12 || number.len > NUMBER_LEN_MAX ||
            !number_next(&alone, &before, &again) || again.kind != number.kind ||
            !slice_equal(slice_of(again.text, again.len), slice_of(number.text, number.len))) {
            abort();
        }
    }
    return 0;
}
