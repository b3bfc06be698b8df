#include <stdio.h>

#include "formats/text/numbers.h"
#include "tests/test.h"

/* The numbers in a text, "C" or "I" before each, with a space between. */
static const char *numbers_of(struct slice text)
{
    static char all[1024];
    struct number n;
    uint8_t previous = 0;
    size_t len = 0;

    while (number_next(&text, &previous, &n)) {
        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%c%.*s", len ? " " : "",
                                n.kind == NUMBER_CARD ? 'C' : 'I', (int)n.len, n.text);
    }
    all[len] = '\0';
    return all;
}

#define assert_numbers(text, wanted) assert_string_equal(numbers_of(SLICE(text)), wanted)

/* Numbers that the networks publish for tests. */
static void cards_of_every_network(void **unused)
{
    (void)unused;
    assert_numbers("4111111111111111", "C4111111111111111");
    assert_numbers("4222222222222", "C4222222222222");
    assert_numbers("5555555555554444", "C5555555555554444");
    assert_numbers("2223003122003222", "C2223003122003222");
    assert_numbers("378282246310005", "C378282246310005");
    assert_numbers("6011111111111117", "C6011111111111117");
    assert_numbers("30569309025904", "C30569309025904");
    assert_numbers("3530111333300000", "C3530111333300000");
}

static void cards_as_they_are_printed(void **unused)
{
    (void)unused;
    assert_numbers("card: 4111 1111 1111 1111.", "C4111111111111111");
    assert_numbers("4111-1111-1111-1111", "C4111111111111111");
    assert_numbers("3782 822463 10005", "C378282246310005");
    assert_numbers("3056 930902 5904", "C30569309025904");
    assert_numbers("4111\xc2\xa0"
                   "1111\xe2\x80\xaf"
                   "1111\xe2\x80\x91"
                   "1111",
                   "C4111111111111111");
    assert_numbers("4111111111111111,5555555555554444", "C4111111111111111 C5555555555554444");
    assert_numbers("1234 4111 1111 1111 1111 12/29 123", "C4111111111111111");
    assert_numbers("\xc3\xa9 4111111111111111\xc3\xa9", "C4111111111111111");
}

static void what_is_no_card(void **unused)
{
    (void)unused;
    assert_numbers("4111111111111112", ""); /* the check digit */
    assert_numbers("9111111111111111", ""); /* no network's */
    assert_numbers("0000000000000000", "");
    assert_numbers("411111111111111", "");         /* too short for its range */
    assert_numbers("41111111111111111111111", ""); /* part of a longer one */
    assert_numbers("A4111111111111111", "");
    assert_numbers("4111111111111111B", "");
    assert_numbers("41 11 11 11 11 11 11 11", ""); /* nobody prints it so */
    assert_numbers("4111  1111  1111  1111", "");
    assert_numbers("4111 1111 1111 111", "");
    assert_numbers("", "");
    assert_numbers("4111 1111 1111 ", "");
    assert_numbers("4111-", "");
}

static void accounts(void **unused)
{
    (void)unused;
    assert_numbers("DE89370400440532013000", "IDE89370400440532013000");
    assert_numbers("IBAN DE89 3704 0044 0532 0130 00 BIC COBADEFF", "IDE89370400440532013000");
    assert_numbers("gb82 west 1234 5698 7654 32", "IGB82WEST12345698765432");
    assert_numbers("FR1420041010050500013M02606", "IFR1420041010050500013M02606");
    assert_numbers("NO9386011117947;", "INO9386011117947");
    assert_numbers("MT84 MALT 0110 0001 2345 MTLC AST0 01S", "IMT84MALT011000012345MTLCAST001S");
    assert_numbers("DE88370400440532013000", "");
    assert_numbers("DE893704004405320130001", "");
    assert_numbers("ZZ89370400440532013000", "");
    assert_numbers("XDE89370400440532013000", "");
    assert_numbers("DE8 9370400440532013000", "");
    assert_numbers("DE89", "");
    assert_numbers("D", "");
    assert_numbers("DE89 3704 0044 0532 0130 0", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cards_of_every_network),
        cmocka_unit_test(cards_as_they_are_printed),
        cmocka_unit_test(what_is_no_card),
        cmocka_unit_test(accounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
