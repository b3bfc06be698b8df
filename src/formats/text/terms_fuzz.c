#include <stdlib.h>

#include "formats/text/terms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is accepted can be walked to its end, and holds as many terms as was said. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text_terms terms;
    struct text_term term;
    struct error e;
    size_t count = 0;

    if (!text_terms_read(slice_of(data, size), &terms, &e)) {
        return 0;
    }
    for (size_t i = 0; i < TEXT_FIELDS; i++) {
        struct slice rest = terms.fields[i];
        while (text_terms_next(&rest, &term)) {
            count++;
        }
        if (rest.len) {
            abort();
        }
    }
    if (count != terms.count) {
        abort();
    }
    return 0;
}
