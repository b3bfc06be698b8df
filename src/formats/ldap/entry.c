#include "formats/ldap/entry.h"

#define ACCOUNT_DISABLED                                                                           \
    0x0002U /* MS-ADTS section 2.2.16: ADS_UF_ACCOUNT_DISABLE, ADS_UF_LOCKOUT */
#define ACCOUNT_LOCKED 0x0010U

/* MS-ADTS section 2.2.20 and 6.1.1: 100 ns since 1601; two values mean never. */
#define FILETIME_A_MS  UINT64_C(10000)
#define FILETIME_EPOCH UINT64_C(11644473600000) /* ms from 1601 to 1970 */
#define FILETIME_NEVER UINT64_C(0x7FFFFFFFFFFFFFFF)

enum { CONTROL, EXPIRES, NS_LOCK, LOCKED_TIME };

const char *const entry_locks[] = {"userAccountControl", "accountExpires", "nsAccountLock",
                                   "pwdAccountLockedTime", NULL};

static bool is_address_byte(uint8_t c)
{
    return c > ' ' && c != 0x7f;
}

/* RFC 3986 section 3.1, as far as proxy addresses have it. */
static size_t scheme_len(struct slice value)
{
    size_t n = 0;

    while (n < value.len &&
           ((ascii_lower(value.ptr[n]) >= 'a' && ascii_lower(value.ptr[n]) <= 'z') ||
            (n && value.ptr[n] >= '0' && value.ptr[n] <= '9'))) {
        n++;
    }
    return n && n < value.len && value.ptr[n] == ':' ? n : 0;
}

enum entry_address entry_address(struct slice value, struct arena *arena, struct slice *address)
{
    struct slice text = slice_trim(value);
    size_t scheme = scheme_len(text);
    enum entry_address kind = slice_starts(text, SLICE("SMTP:")) ? ENTRY_PRIMARY : ENTRY_ADDRESS;

    if (scheme) {
        if (!slice_equal_nocase(slice_head(text, scheme), SLICE("smtp"))) {
            return ENTRY_NO_ADDRESS;
        }
        text = slice_from(text, scheme + 1);
    }
    size_t at = slice_find(text, '@');
    if (text.len > ENTRY_ADDRESS_MAX || at == 0 || at + 1 >= text.len || !slice_is_utf8(text)) {
        return ENTRY_NO_ADDRESS;
    }
    uint8_t *lower = arena_alloc(arena, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (!is_address_byte(text.ptr[i])) {
            return ENTRY_NO_ADDRESS;
        }
        lower[i] = ascii_lower(text.ptr[i]);
    }
    *address = slice_of(lower, text.len);
    return kind;
}

/* A number may be negative, of 32 bits: the highest bit of userAccountControl is none that matters. */
static bool is_disabled(struct slice value)
{
    uint64_t flags = 0;

    if (value.len && value.ptr[0] == '-') {
        if (!slice_decimal(slice_from(value, 1), UINT32_MAX, &flags)) {
            return true;
        }
        flags = (uint32_t)(0 - (uint32_t)flags);
    } else if (!slice_decimal(value, UINT32_MAX, &flags)) {
        return true;
    }
    return flags & (ACCOUNT_DISABLED | ACCOUNT_LOCKED);
}

static bool is_expired(struct slice value, int64_t now_ms)
{
    uint64_t at = 0;

    if (!slice_decimal(value, FILETIME_NEVER, &at)) {
        return true;
    }
    return at != 0 && at != FILETIME_NEVER &&
           at / FILETIME_A_MS <= (uint64_t)now_ms + FILETIME_EPOCH;
}

bool entry_is_locked(size_t lock, struct slice value, int64_t now_ms)
{
    switch (lock) {
    case CONTROL:
        return is_disabled(value);
    case EXPIRES:
        return is_expired(value, now_ms);
    case NS_LOCK:
        return !slice_equal_nocase(value, SLICE("false"));
    case LOCKED_TIME: /* for ever; for a while the server itself refuses */
        return slice_equal(value, SLICE("000001010000Z"));
    default:
        return true;
    }
}

void entry_filter_value(struct slice value, struct buf *out)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (plain) {
            buf_add_byte(out, c);
        } else {
            buf_printf(out, "\\%02x", c);
        }
    }
}
