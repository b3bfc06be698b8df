#include <stdlib.h>

#include "formats/nsupdate/nsupdate.h"

/* An answer from the network, to a question about TXT or, by its first byte, to a change. The seeds are proven ones. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct nsupdate_key key = {.name = SLICE_INIT("postern"),
                                        .secret = SLICE_INIT("0123456789abcdef0123456789abcdef")};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena arena = {.max = (size_t)4 << 20};
    struct nsupdate_asked asked = {
        .id = 0x1234, .name = SLICE("a._domainkey.example.test"), .type = 16, .mac_len = 32};
    struct nsupdate_answer answer = {0};

    if (size == 0) {
        return 0;
    }
    asked.update = data[0] & 1;
    enum nsupdate_verdict verdict =
        nsupdate_read(slice_of(data + 1, size - 1), &asked, &key, 1800000000, &arena, &answer);
    if (answer.n_records > NSUPDATE_RECORDS_MAX ||
        (verdict != NSUPDATE_PROVEN && (answer.n_records || answer.alias))) {
        abort();
    }
    for (size_t i = 0; i < answer.n_records; i++) {
        if (answer.records[i].len > NSUPDATE_RDATA_MAX) {
            abort();
        }
    }
    return 0;
}
