#include <stdlib.h>

#include "stages/retention/book.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A rule as a record, its length before it, then a letter's text: what is judged twice is judged alike, and
 * a rule without conditions is about every letter. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = (size_t)256 << 20};
    OWN(text_list) struct text_list list;
    OWN(buf) struct buf bytes = {.max = TEXT_LIST_BYTES_MAX};
    struct retention_version v = {.seq = 1};
    struct text_terms terms;
    struct error e;

    text_list_init(&list);
    if (size < 2) {
        return 0;
    }
    size_t len = (size_t)data[0] << 8 | data[1];
    struct slice rest = slice_of(data + 2, size - 2);
    struct slice text = slice_from(rest, len);
    if (!cbor_read(slice_head(rest, len), &rule_schema, &arena, &v.rule, &e) ||
        !retention_rule_check(&v.rule, &e)) {
        return 0;
    }
    text_list_add(&list, TEXT_BODY, text);
    text_list_write(&list, &bytes);
    struct facts f = {.kind = LETTER_SUBMITTED, .account = slice_head(text, 40), .from = text};
    const struct retention_letter letter = {
        .facts = &f, .terms = text_terms_read(buf_slice(&bytes), &terms, &e) ? &terms : NULL};
    struct retention_book book;
    struct classes first;
    struct classes again;
    retention_book_make(&v, 1, NULL, 0, 1, &arena, &book);
    retention_stamp(&book, &letter, &arena, &first);
    retention_stamp(&book, &letter, &arena, &again);
    bool any = v.rule.senders.count || v.rule.accounts.count || v.rule.domains.count ||
               v.rule.words.count || v.rule.findings.count || v.rule.labels.count;
    if (first.classes.count != again.classes.count || first.until != again.until ||
        (!any && first.classes.count != 1)) {
        abort();
    }
    return 0;
}
