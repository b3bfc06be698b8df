#include "letter/id.h"

#include <sys/random.h>

#include "base/arena.h"

static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

struct letter_id letter_id_new(void)
{
    struct letter_id id;

    if (getrandom(id.bytes, sizeof(id.bytes), 0) != (ssize_t)sizeof(id.bytes)) {
        arena_panic("the kernel gives no random numbers");
    }
    return id;
}

/* Five bytes are eight digits of five bits; an id is two such groups. */
void letter_id_text(const struct letter_id *id, char text[static LETTER_ID_TEXT])
{
    for (size_t group = 0; group < 2; group++) {
        uint64_t bits = 0;
        for (size_t i = 0; i < 5; i++) {
            bits = bits << 8 | id->bytes[group * 5 + i];
        }
        for (size_t i = 0; i < 8; i++) {
            text[group * 8 + i] = digits[bits >> (35 - 5 * i) & 31];
        }
    }
    text[16] = '\0';
}

static int digit_value(uint8_t c)
{
    c = ascii_lower(c);
    if (c == 'o') {
        c = '0';
    } else if (c == 'i' || c == 'l') {
        c = '1';
    }
    const char *at = c ? memchr(digits, c, sizeof(digits) - 1) : NULL;
    return at ? (int)(at - digits) : -1;
}

bool letter_id_parse(struct slice text, struct letter_id *id)
{
    struct letter_id parsed;

    if (text.len != LETTER_ID_TEXT - 1) {
        return false;
    }
    for (size_t group = 0; group < 2; group++) {
        uint64_t bits = 0;
        for (size_t i = 0; i < 8; i++) {
            int value = digit_value(text.ptr[group * 8 + i]);
            if (value < 0) {
                return false;
            }
            bits = bits << 5 | (uint64_t)value;
        }
        for (size_t i = 0; i < 5; i++) {
            parsed.bytes[group * 5 + i] = (uint8_t)(bits >> (32 - 8 * i));
        }
    }
    *id = parsed;
    return true;
}

bool letter_id_from(struct slice bytes, struct letter_id *id)
{
    if (bytes.len != LETTER_ID_LEN) {
        return false;
    }
    (void)memcpy(id->bytes, bytes.ptr, LETTER_ID_LEN);
    return true;
}
