#include <stdlib.h>

#include "formats/text/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Terms are bounded and, but for a cut, stable: normalising a term gives that term. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text_words words;
    struct text_term term;
    size_t count = 0;

    text_words_init(&words, slice_of(data, size));
    while (text_words_next(&words, &term)) {
        struct text_words again;
        struct text_term same;
        uint8_t copy[TEXT_TERM_MAX];
        if (term.bytes.len == 0 || term.bytes.len > TEXT_TERM_MAX || ++count > 2 * size) {
            abort();
        }
        (void)memcpy(copy, term.bytes.ptr, term.bytes.len);
        text_words_init(&again, slice_of(copy, term.bytes.len));
        if (!term.whole && term.bytes.len < TEXT_TERM_MAX - 16 &&
            (!text_words_next(&again, &same) || !slice_is_utf8(same.bytes))) {
            abort();
        }
    }
    return 0;
}
