#include "letter/secret.h"

#define RARE_WORD_MIN 4 /* characters of a word that has a letter and a digit */
#define RARE_MIN      8 /* of all such words together */

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    c = ascii_lower(c);
    return c >= 'a' && c <= 'z';
}

/* Characters in words that have letters and digits: such ones hardly stand in a letter by chance. */
static size_t count_rare(struct slice password)
{
    size_t rare = 0;

    for (size_t i = 0; i < password.len;) {
        size_t letters = 0;
        size_t digits = 0;
        for (; i < password.len && (is_letter(password.ptr[i]) || is_digit(password.ptr[i])); i++) {
            letters += is_letter(password.ptr[i]);
            digits += is_digit(password.ptr[i]);
        }
        if (letters && digits && letters + digits >= RARE_WORD_MIN) {
            rare += letters + digits;
        }
        if (letters + digits == 0) {
            i++;
        }
    }
    return rare;
}

bool secret_telephone_sound(struct slice number)
{
    for (size_t i = 1; i < number.len; i++) {
        if (!is_digit(number.ptr[i])) {
            return false;
        }
    }
    return number.len > TELEPHONE_DIGITS_MIN && number.len <= TELEPHONE_MAX &&
           number.ptr[0] == '+' && number.ptr[1] != '0';
}

bool secret_sound(struct slice password)
{
    for (size_t i = 0; i < password.len; i++) {
        if (password.ptr[i] <= ' ' || password.ptr[i] > '~') {
            return false;
        }
    }
    return password.len >= SECRET_BYTES_MIN && password.len <= SECRET_BYTES_MAX &&
           count_rare(password) >= RARE_MIN;
}
