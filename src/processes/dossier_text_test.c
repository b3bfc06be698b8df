/* Evidence of more letters than a text holds. */
#include <stdio.h>

#include "processes/dossier.h"
#include "tests/test.h"

#define TAIL 65536 /* what is kept free behind the letters */

static void add_letter(struct dossier *x, uint8_t number)
{
    uint8_t id[LETTER_ID_LEN] = {number};
    const struct facts facts = {
        .id = SLICE_ARRAY(id), .account = SLICE("anna@e.test"), .subject = SLICE("Figures")};
    OWN(buf) struct buf body = {.max = 10000};
    struct opened record = {.seq = number, .type = RECORD_FACTS};
    struct error e;

    cbor_write(&body, &facts_schema, &facts);
    assert_false(body.full);
    record.body = buf_slice(&body);
    assert_ok(certificate_keep(&x->file, &record, &e), e);
    x->n_letters++;
}

static size_t count(struct slice text, const char *word)
{
    size_t n = 0;
    size_t len = strlen(word);

    for (size_t i = 0; i + len <= text.len; i++) {
        n += memcmp(text.ptr + i, word, len) == 0;
    }
    return n;
}

/* Those that do not fit are counted; the others are told whole, and so is what stands behind them. */
static void letters_that_do_not_fit_are_counted(void **state)
{
    (void)state;
    OWN(dossier) struct dossier x = {.account = SLICE("anna@e.test")};
    OWN(buf) struct buf whole = {.max = 1 << 20};
    struct error e;

    arena_init(&x.file.arena, 1 << 20);
    for (uint8_t i = 1; i <= 40; i++) {
        add_letter(&x, i);
    }
    assert_ok(dossier_text(&x, &whole, &e), e);
    assert_int_equal(count(buf_slice(&whole), "  subject    Figures\n"), 40);
    assert_int_equal(count(buf_slice(&whole), "Not told"), 0);

    OWN(buf) struct buf out = {.max = TAIL + whole.len / 2};
    assert_ok(dossier_text(&x, &out, &e), e);
    assert_false(out.full);
    size_t told = count(buf_slice(&out), "  subject    Figures\n");
    char line[100];
    assert_true(told > 0 && told < 40);
    assert_int_equal(count(buf_slice(&out), "\nLetter "), told);
    (void)snprintf(line, sizeof(line), "\nNot told     %zu letters", 40 - told);
    assert_int_equal(count(buf_slice(&out), line), 1);
    assert_int_equal(count(buf_slice(&out), "postern-verify --certificate"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_that_do_not_fit_are_counted),
    };
    return cmocka_run_group_tests_name("processes/dossier_text", tests, NULL, NULL);
}
