#include <stdlib.h>

#include "formats/journal/journal.h"

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = 16 << 20};
    struct journal j;

    if (size > 65536 || journal_read(slice_of(data, size), &arena, &j)) {
        return 0;
    }
    check(j.letter.len && j.letter.ptr >= data && j.letter.ptr + j.letter.len <= data + size);
    check(j.n_recipients > 0 && j.n_recipients <= JOURNAL_RECIPIENTS_MAX);
    check(j.sender.len <= JOURNAL_ADDRESS_MAX && slice_is_utf8(j.sender));
    for (size_t i = 0; i < j.n_recipients; i++) {
        check(slice_find(j.recipients[i], '@') < j.recipients[i].len);
        check(j.recipients[i].len <= JOURNAL_ADDRESS_MAX && slice_is_utf8(j.recipients[i]));
    }
    return 0;
}
