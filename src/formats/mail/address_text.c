#include "formats/mail/address.h"
#include "formats/mail/internal.h"

bool mail_is_atext(uint8_t c)
{
    static const char marks[] = "!#$%&'*+-/=?^_`{|}~";

    return (c >= '0' && c <= '9') || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
           c >= 0x80 || (c && memchr(marks, c, sizeof(marks) - 1));
}

bool mail_is_dot_atom(struct slice s)
{
    bool dot = true; /* what may not be followed by a dot, nor end */

    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '.' ? dot : !mail_is_atext(s.ptr[i])) {
            return false;
        }
        dot = s.ptr[i] == '.';
    }
    return !dot;
}

/* Octets of the at sign at the start of s, as people see it: the real one, U+FE6B or U+FF20. */
static size_t at_sign(struct slice s)
{
    if (slice_starts(s, SLICE("@"))) {
        return 1;
    }
    return slice_starts(s, SLICE("\xef\xb9\xab")) || slice_starts(s, SLICE("\xef\xbc\xa0")) ? 3 : 0;
}

/* The same of a dot: U+3002, U+FF0E and U+FF61 separate labels as well (RFC 3490 section 3.1). */
static size_t dot(struct slice s)
{
    if (slice_starts(s, SLICE("."))) {
        return 1;
    }
    return slice_starts(s, SLICE("\xe3\x80\x82")) || slice_starts(s, SLICE("\xef\xbc\x8e")) ||
                   slice_starts(s, SLICE("\xef\xbd\xa1"))
               ? 3
               : 0;
}

static size_t find_at_sign(struct slice s)
{
    size_t i = 0;

    while (i < s.len && !at_sign(slice_from(s, i))) {
        i++;
    }
    return i;
}

bool mail_shows_address(struct slice text)
{
    for (size_t i = find_at_sign(text); i < text.len; i++) {
        size_t dots = dot(slice_from(text, i));
        struct slice behind = slice_from(text, i + dots);
        while (behind.len && (behind.ptr[0] == '"' || behind.ptr[0] == '\\')) {
            behind = slice_from(behind, 1); /* which some programs leave out */
        }
        if (dots && behind.len && mail_is_atext(behind.ptr[0])) {
            return true;
        }
    }
    return false;
}

bool mail_shown_word(struct slice *text, struct slice *word)
{
    static const char between[] = " \t\r\n<>()[],;:";
    static const char around[] = "'\".\\";

    while (text->len) {
        size_t len = 0;
        while (len < text->len && !memchr(between, text->ptr[len], sizeof(between) - 1)) {
            len++;
        }
        *word = slice_head(*text, len);
        *text = slice_from(*text, len + 1);
        if (find_at_sign(*word) < word->len) {
            while (word->len && memchr(around, word->ptr[0], 4)) {
                *word = slice_from(*word, 1);
            }
            while (word->len && memchr(around, word->ptr[word->len - 1], 4)) {
                word->len--;
            }
            return true;
        }
    }
    return false;
}

bool mail_address_same(const struct mail_address *a, const struct mail_address *b,
                       bool local_nocase)
{
    bool same_local =
        local_nocase ? slice_equal_nocase(a->local, b->local) : slice_equal(a->local, b->local);
    return same_local && slice_equal_nocase(a->domain, b->domain);
}

void mail_address_write(struct buf *out, const struct mail_address *address)
{
    if (mail_is_dot_atom(address->local)) {
        buf_add(out, address->local);
    } else {
        buf_add_byte(out, '"');
        for (size_t i = 0; i < address->local.len; i++) {
            if (address->local.ptr[i] == '"' || address->local.ptr[i] == '\\') {
                buf_add_byte(out, '\\');
            }
            buf_add_byte(out, address->local.ptr[i]);
        }
        buf_add_byte(out, '"');
    }
    buf_add_byte(out, '@');
    buf_add(out, address->domain);
}

struct slice mail_address_text(const struct mail_address *address, struct arena *arena)
{
    OWN(buf) struct buf text = {.max = 2 * MAIL_LOCAL_MAX + MAIL_DOMAIN_MAX + 8};

    mail_address_write(&text, address);
    return arena_copy(arena, buf_slice(&text));
}

const char *mail_address_flaw_text(enum mail_address_flaw flaw)
{
    switch (flaw) {
    case MAIL_ADDRESS_CLEAR:
        return "is fine";
    case MAIL_ADDRESS_MALFORMED:
        return "is not a correct mail address (a name with special characters needs quotes)";
    case MAIL_ADDRESS_OBSOLETE:
        return "uses an outdated way of writing addresses that programs read differently";
    case MAIL_ADDRESS_ENCODED:
        return "holds an encoded word inside the address, which may hide another address";
    case MAIL_ADDRESS_CONFUSING:
        return "has something in the name that may look like or hide another address";
    case MAIL_ADDRESS_EIGHT_BIT:
        return "holds letters outside ASCII that the mail program did not encode";
    case MAIL_ADDRESS_LONG:
        return "holds an address that is too long";
    case MAIL_ADDRESS_MANY:
        return "holds too many addresses";
    }
    return "is not a correct mail address";
}
