#include <stdlib.h>

#include "formats/ldap/entry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t hex(uint8_t c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* What is written for a filter holds no byte that means something there, and stands for what went in. */
static void check_filter(struct slice value)
{
    OWN(buf) struct buf out = {.max = value.len * 3 + 1};
    size_t n = 0;

    entry_filter_value(value, &out);
    for (size_t i = 0; i < out.len; n++) {
        bool escaped = out.ptr[i] == '\\';
        uint8_t c =
            escaped ? (uint8_t)(hex(out.ptr[i + 1]) << 4 | hex(out.ptr[i + 2])) : out.ptr[i];
        if (n >= value.len || c != value.ptr[n] || (!escaped && memchr("*()\\=&|!~<>:", c, 12))) {
            abort();
        }
        i += escaped ? 3 : 1;
    }
    if (out.full || n != value.len) {
        abort();
    }
}

/* An address has something on both sides of its @, and no blank or control character in it. */
static void check_address(struct slice value)
{
    OWN(arena) struct arena arena = {.max = 1 << 16};
    struct slice address = SLICE_NONE;

    if (entry_address(value, &arena, &address) == ENTRY_NO_ADDRESS) {
        if (address.len) {
            abort();
        }
        return;
    }
    size_t at = slice_find(address, '@');
    if (address.len > ENTRY_ADDRESS_MAX || at == 0 || at + 1 >= address.len ||
        !slice_is_utf8(address)) {
        abort();
    }
    for (size_t i = 0; i < address.len; i++) {
        if (address.ptr[i] <= ' ' || (address.ptr[i] >= 'A' && address.ptr[i] <= 'Z')) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice value = slice_of(data, size);

    if (size > 4096) {
        return 0;
    }
    check_filter(value);
    check_address(value);
    for (size_t i = 0; entry_locks[i]; i++) {
        (void)entry_is_locked(i, value, INT64_C(1796000000000));
    }
    return 0;
}
