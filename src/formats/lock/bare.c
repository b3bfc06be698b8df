/* What of an encrypted ZIP archive (APPNOTE 6.3.10) would be read without its password. */
#include "formats/lock/internal.h"

#define LOCAL_LEN     30
#define DIRECTORY_LEN 46
#define END_LEN       22
#define FLAG_SEALED   1
#define FLAG_LATER    8 /* sizes stand behind the bytes: where they end is not known here */
#define EXTRA_MAX                                                                                  \
    128 /* bytes of further data: times, owners, sizes of 64 bits, how it is encrypted */

static size_t number(struct slice s, size_t at, size_t bytes)
{
    size_t value = 0;

    for (size_t i = 0; i < bytes && at + i < s.len; i++) {
        value |= (size_t)s.ptr[at + i] << 8 * i;
    }
    return value;
}

/* Take an entry with its bytes off *rest; false when it is clear, not whole, or says more than an entry does. */
static bool take_entry(struct slice *rest)
{
    struct slice s = *rest;
    size_t flags = number(s, 6, 2);
    size_t packed = number(s, 18, 4);
    size_t extra = number(s, 28, 2);
    size_t len = LOCAL_LEN + number(s, 26, 2) + extra + packed;

    if (s.len < LOCAL_LEN || flags & FLAG_LATER || extra > EXTRA_MAX || len > s.len ||
        (packed && !(flags & FLAG_SEALED))) {
        return false;
    }
    *rest = slice_from(s, len);
    return true;
}

static bool take_directory_entry(struct slice *rest)
{
    struct slice s = *rest;
    size_t extra = number(s, 30, 2);
    size_t len = DIRECTORY_LEN + number(s, 28, 2) + extra;

    if (s.len < DIRECTORY_LEN || extra > EXTRA_MAX || number(s, 32, 2) || len > s.len) {
        return false;
    }
    *rest = slice_from(s, len);
    return true;
}

bool lock_zip_is_bare(struct slice bytes)
{
    size_t entries = 0;
    size_t listed = 0;

    while (slice_starts(bytes, SLICE("PK\3\4"))) {
        if (!take_entry(&bytes)) {
            return false;
        }
        entries++;
    }
    while (slice_starts(bytes, SLICE("PK\1\2"))) {
        if (!take_directory_entry(&bytes)) {
            return false;
        }
        listed++;
    }
    return entries == listed && slice_starts(bytes, SLICE("PK\5\6")) && bytes.len == END_LEN;
}
