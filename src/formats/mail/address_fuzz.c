#include <stdlib.h>

#include "formats/mail/address.h"

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* What was read as an address is written so that it is read as the same address. */
static void check_address(const struct mail_address *address, bool utf8, struct arena *a)
{
    struct mail_address again;
    struct mail_addresses list;
    struct slice text = mail_address_text(address, a);

    if (!utf8 && !slice_is_ascii(text)) {
        return;
    }
    check(slice_is_utf8(address->name));
    if (utf8 && !slice_is_utf8(text)) {
        return;
    }
    check(mail_address_read(text, utf8, a, &again) == MAIL_ADDRESS_CLEAR);
    check(mail_address_same(address, &again, false));
    mail_addresses_read(text, utf8, a, &list);
    check(list.flaw == MAIL_ADDRESS_CLEAR && list.count == 1 && !list.groups);
    check(mail_address_same(address, &list.items[0], false));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWN(arena) struct arena a = {.max = 64 << 20};
    struct mail_addresses list;
    struct mail_address one;

    if (size == 0 || size > 4096) {
        return 0;
    }
    bool utf8 = data[0] & 1;
    struct slice value = slice_of(data + 1, size - 1);
    mail_addresses_read(value, utf8, &a, &list);
    for (size_t i = 0; i < list.count; i++) {
        check_address(&list.items[i], utf8, &a);
    }
    if (mail_address_read(value, utf8, &a, &one) == MAIL_ADDRESS_CLEAR) {
        check_address(&one, utf8, &a);
    }
    return 0;
}
