#include <stdlib.h>

#include "formats/mail/date.h"
#include "formats/mail/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct slice in = slice_of(data, size);
    struct slice text = mail_text_decode(in, &a);
    char date[MAIL_DATE_MAX];
    int64_t ms = 0;
    int64_t again = 0;

    if (!slice_is_utf8(text) || text.len > MAIL_TEXT_MAX) {
        abort();
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < ' ' || text.ptr[i] == 0x7f) {
            abort();
        }
    }
    if (mail_date_read(in, &ms)) {
        mail_date_write(ms, date);
        if (!mail_date_read(slice_text(date), &again) || again != ms) {
            abort();
        }
    }
    return 0;
}
