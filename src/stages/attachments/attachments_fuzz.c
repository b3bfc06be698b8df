#include <stdlib.h>

#include "letter/records.h"
#include "stages/attachments/attachments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever a letter is, it comes out bounded and without the password, or not at all and with a reason. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    OWN(arena) struct arena arena = {.max = ATTACHMENTS_ARENA_MAX};
    OWN(buf) struct buf letter = {.max = 1 << 20};
    OWN(buf) struct buf out = {.max = LETTER_BYTES_MAX};
    struct cbor_list texts;
    struct error e = {0};

    if (!ready) {
        attachments_init();
        ready = true;
    }
    const struct attachments_wish wish = {
        .password = SLICE("tango-42-whiskey"),
        .scrub = true,
        .text_stays = size && data[0] & 1,
        .language = size ? data[0] % 3 : 0,
    };
    buf_add(&letter, slice_of(data, size));
    if (attachments_protect(buf_slice(&letter), &wish, &arena, &out, &texts, &e)) {
        if (texts.count > ATTACHMENTS_TEXTS_MAX + 1 ||
            memmem(out.ptr, out.len, wish.password.ptr, wish.password.len)) {
            abort();
        }
    } else if (e.kind == ERROR_NONE) {
        abort();
    }
    return 0;
}
