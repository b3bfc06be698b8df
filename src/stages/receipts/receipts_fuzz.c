#include <stdlib.h>

#include "stages/receipts/receipts.h"

#define RECIPIENTS_MAX 16

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte: RET and null path; then two bytes a recipient; the rest is the letter. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = 1 << 20};
    OWN(buf) struct buf out = {.max = 4 << 20};
    struct receipt_recipient all[RECIPIENTS_MAX];
    size_t due[RECIPIENTS_MAX];
    bool utf8 = false;

    if (size < 1 + 2 * RECIPIENTS_MAX) {
        return 0;
    }
    for (size_t i = 0; i < RECIPIENTS_MAX; i++) {
        const uint8_t *two = data + 1 + 2 * i;
        all[i] = (struct receipt_recipient){.state = two[0] % (RECEIPT_FAILED + 1),
                                            .notify = two[1] & 15U,
                                            .delay_reported = two[1] & 16,
                                            .final_reported = two[1] & 32,
                                            .about = {.address = SLICE("joe@partner.test")}};
    }
    struct receipt_letter letter = {
        .reverse_path = data[0] & 2 ? SLICE("ann@example.test") : SLICE_NONE,
        .return_full = data[0] & 1,
        .copy = slice_from(slice_of(data, size), 1 + 2 * RECIPIENTS_MAX),
        .host = SLICE("gate.example.test"),
        .from = SLICE("postmaster@example.test")};
    const uint8_t *end =
        letter.copy.len ? memmem(letter.copy.ptr, letter.copy.len, "\r\n\r\n", 4) : NULL;
    letter.header_len = end ? (size_t)(end - letter.copy.ptr) + 2 : letter.copy.len;
    size_t n = receipts_due(letter.reverse_path, all, RECIPIENTS_MAX, due);
    check(letter.reverse_path.len || n == 0);
    for (size_t i = 0; i < n; i++) {
        check(!(all[due[i]].notify & RECEIPT_NEVER) && all[due[i]].state != RECEIPT_SENT);
    }
    if (n) {
        receipts_write(&out, &letter, all, due, n, &arena, &utf8);
        check(!out.full && out.len > letter.header_len);
    }
    return 0;
}
