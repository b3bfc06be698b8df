#include <stdlib.h>

#include "stages/inspection/inspection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the letter, the findings fit their schema and the terms their format. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    OWN(arena) struct arena arena = {.max = INSPECTION_ARENA_MAX};
    OWN(text_list) struct text_list list;
    OWN(buf) struct buf record = {.max = FINDINGS_CBOR_MAX};
    OWN(buf) struct buf bytes = {.max = TEXT_LIST_BYTES_MAX};
    struct findings findings;
    struct findings again;
    struct text_terms terms;
    struct error e;

    if (!ready) {
        inspection_init();
        ready = true;
    }
    text_list_init(&list);
    inspection_read(slice_of(data, size), false, &arena, &findings, &list);
    cbor_write(&record, &findings_schema, &findings);
    text_list_write(&list, &bytes);
    if (record.full || !cbor_read(buf_slice(&record), &findings_schema, &arena, &again, &e) ||
        again.parts.count == 0) {
        abort();
    }
    if (bytes.full || !text_terms_read(buf_slice(&bytes), &terms, &e) ||
        terms.count != findings.terms) {
        abort();
    }
    return 0;
}
