/* Books, how much of them is shown, and what a decoy looks like. */
#include <stdio.h>

#include "keeper/contact_book.h"
#include "keeper/contact_meter.h"
#include "keeper/decoy_mint.h"
#include "tests/test.h"

#define HOUR INT64_C(3600000)

static void put(struct contact_book *b, const char *owner, const char *address, const char *name,
                enum contact_kind kind)
{
    const struct contact_row row = {
        .owner = slice_text(owner),
        .contact = {.address = slice_text(address), .name = slice_text(name)},
        .kind = kind
    };

    contact_book_put(b, &row);
}

static size_t found(const struct contact_book *b, const char *owner, const char *words,
                    struct contact_probe *probe)
{
    const struct contact_row *rows[3];

    return contact_book_find(b, slice_text(owner), slice_text(words), rows, 3, probe);
}

static void what_is_found_is_no_decoy(void **unused)
{
    (void)unused;
    OWN(contact_book) struct contact_book *b = contact_book_new();
    struct contact_probe probe = {.whole = true, .missed = 7};

    put(b, "", "paula.partner@p.test", "Paula Partner", CONTACT_REAL);
    put(b, "", "Peter.Lang@p.test", "Peter Lang", CONTACT_DECOY);
    put(b, "", "old@p.test", "Olga Alt", CONTACT_RETIRED);
    put(b, "a@e.test", "petra@p.test", "Petra M\xc3\xbcller", CONTACT_REAL);
    assert_int_equal(found(b, "a@e.test", "p", &probe), 2);
    assert_false(probe.whole);
    assert_int_equal(probe.missed, 0); /* Peter is called so, and others */
    assert_int_equal(found(b, "b@e.test", "mueller", &probe), 0);
    assert_int_equal(probe.missed, 0); /* nobody is */
    assert_int_equal(found(b, "a@e.test", "muller pet", &probe), 1);
    assert_int_equal(found(b, "a@e.test", "lang", &probe), 0);
    assert_false(probe.whole);
    assert_int_not_equal(probe.missed, 0); /* a decoy alone is */
    uint64_t lang = probe.missed;
    assert_int_equal(found(b, "a@e.test", "pet lan", &probe), 0);
    assert_int_equal(probe.missed, lang);
    assert_int_equal(found(b, "a@e.test", "lang PETER", &probe), 0);
    assert_true(probe.whole);
    assert_int_equal(found(b, "", "peter.lang@p.test", &probe), 0);
    assert_true(probe.whole);
    assert_int_equal(found(b, "", "olga alt", &probe), 0);
    assert_false(probe.whole); /* it stands in no list any more */
}

static void a_book_is_listed_by_name(void **unused)
{
    (void)unused;
    OWN(contact_book) struct contact_book *b = contact_book_new();
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct contact_row **rows = NULL;

    put(b, "", "c@p.test", "C", CONTACT_REAL);
    put(b, "", "a@p.test", "A", CONTACT_DECOY);
    put(b, "", "b@p.test", "B", CONTACT_REAL);
    put(b, "", "B@P.TEST", "Bb", CONTACT_REAL); /* the same */
    put(b, "", "r@p.test", "R", CONTACT_RETIRED);
    put(b, "x@e.test", "c@p.test", "C", CONTACT_REAL);
    assert_int_equal(contact_book_list(b, SLICE_NONE, &arena, &rows), 3);
    assert_slice(rows[0]->contact.name, "A");
    assert_slice(rows[1]->contact.name, "Bb");
    assert_slice(rows[2]->contact.name, "C");
    assert_non_null(contact_book_decoy(b, SLICE("R@p.test")));
    assert_null(contact_book_decoy(b, SLICE("c@p.test")));
    contact_book_remove(b, SLICE_NONE, SLICE("C@p.test"));
    assert_true(contact_book_has(b, SLICE("c@p.test"))); /* another one's */
    contact_book_remove(b, SLICE("x@e.test"), SLICE("c@p.test"));
    assert_false(contact_book_has(b, SLICE("c@p.test")));
    assert_int_equal(contact_book_size(b), 3);
}

/* Against a plain array: 20,000 random changes. */
static void a_book_is_what_was_put_into_it(void **unused)
{
    (void)unused;
    OWN(contact_book) struct contact_book *b = contact_book_new();
    bool there[500] = {false};
    char address[32];
    size_t count = 0;

    for (int i = 0; i < 20000; i++) {
        size_t n = decoy_draw(500);
        (void)snprintf(address, sizeof(address), "x%zu@p.test", n);
        if (there[n]) {
            contact_book_remove(b, SLICE_NONE, slice_text(address));
        } else {
            put(b, "", address, "X", CONTACT_REAL);
        }
        there[n] = !there[n];
        count = there[n] ? count + 1 : count - 1;
        assert_int_equal(contact_book_size(b), count);
    }
    for (size_t n = 0; n < 500; n++) {
        (void)snprintf(address, sizeof(address), "x%zu@p.test", n);
        assert_int_equal(contact_book_get(b, SLICE_NONE, slice_text(address)) != NULL, there[n]);
    }
}

static void what_is_shown_is_limited(void **unused)
{
    (void)unused;
    OWN(contact_meter) struct contact_meter *m = contact_meter_new();
    const struct contact_limits limits = {.hour = 100, .day = 150, .alarm = 50};
    struct slice eve = SLICE("eve@e.test");

    assert_int_equal(contact_meter_take(m, eve, 50, &limits, 1), CONTACT_GRANTED);
    assert_int_equal(contact_meter_take(m, eve, 1, &limits, 2), CONTACT_GRANTED_ALARM);
    assert_int_equal(contact_meter_take(m, eve, 1, &limits, 3), CONTACT_GRANTED);
    assert_int_equal(contact_meter_take(m, eve, 49, &limits, 4), CONTACT_REFUSED_ALARM);
    assert_int_equal(contact_meter_take(m, eve, 49, &limits, 5), CONTACT_REFUSED);
    assert_int_equal(contact_meter_left(m, eve, &limits, 5), 48);
    assert_int_equal(contact_meter_take(m, SLICE("anna@e.test"), 49, &limits, 5), CONTACT_GRANTED);
    assert_int_equal(contact_meter_take(m, eve, 48, &limits, 6), CONTACT_GRANTED);
    assert_int_equal(contact_meter_left(m, eve, &limits, HOUR), 0);
    assert_int_equal(contact_meter_left(m, eve, &limits, HOUR + 1), 50);
    assert_int_equal(contact_meter_take(m, eve, 51, &limits, HOUR + 1), CONTACT_REFUSED_ALARM);
    assert_int_equal(contact_meter_take(m, eve, 50, &limits, HOUR + 2), CONTACT_GRANTED);
    assert_int_equal(contact_meter_left(m, eve, &limits, 23 * HOUR), 0);
    assert_int_equal(contact_meter_left(m, eve, &limits, 24 * HOUR + 1), 100);
}

static void what_was_shown_counts_after_a_restart(void **unused)
{
    const struct contact_limits limits = {.hour = 50, .day = 100, .alarm = 49};
    OWN(contact_meter) struct contact_meter *m = contact_meter_new();
    OWN(contact_meter) struct contact_meter *later = contact_meter_new();
    const struct slice eve = SLICE("eve@e.test");
    struct contact_shown shown = {.hour = 99};

    (void)unused;
    assert_false(contact_meter_has(m, eve));
    assert_false(contact_meter_is_due(m, eve, 2, &shown));
    assert_int_equal(contact_meter_take(m, eve, 40, &limits, 1000), CONTACT_GRANTED);
    assert_true(contact_meter_is_due(m, eve, 2, &shown));
    assert_int_equal(shown.hour, 42); /* a little ahead, ... */
    assert_int_equal(shown.day, 42);
    assert_int_equal(shown.hour_from_ms, 1000);
    assert_true(contact_meter_is_due(m, eve, 2, &shown)); /* not written yet */
    contact_meter_kept(m, eve, &shown);
    assert_int_equal(contact_meter_take(m, eve, 2, &limits, 1001), CONTACT_GRANTED);
    assert_false(contact_meter_is_due(m, eve, 2, &shown)); /* ... so not each one is written */
    assert_int_equal(contact_meter_take(m, eve, 1, &limits, 1002), CONTACT_GRANTED);
    assert_true(contact_meter_is_due(m, eve, 2, &shown));
    assert_int_equal(shown.hour, 45);
    contact_meter_restore(later, eve, &shown, 2000);
    assert_true(contact_meter_has(later, eve));
    assert_int_equal(contact_meter_left(later, eve, &limits, 2000), 5);
    assert_int_equal(contact_meter_take(later, eve, 6, &limits, 2000), CONTACT_REFUSED_ALARM);
    contact_meter_restore(later, eve, &(struct contact_shown){0}, 2001); /* what is counted stays */
    assert_int_equal(contact_meter_left(later, eve, &limits, 2001), 5);
    assert_int_equal(contact_meter_left(later, eve, &limits, 1000 + HOUR), 50);
    assert_int_equal(contact_meter_take(later, eve, 50, &limits, 1000 + HOUR),
                     CONTACT_GRANTED_ALARM);
    assert_true(contact_meter_is_due(later, eve, 0, &shown)); /* another hour */
    assert_int_equal(shown.hour, 50);
    assert_int_equal(shown.day, 95);
    assert_int_equal(contact_meter_left(later, eve, &limits, 1000 + 2 * HOUR), 5);
}

static void who_looks_for_many_decoys_is_noticed(void **unused)
{
    (void)unused;
    OWN(contact_meter) struct contact_meter *m = contact_meter_new();
    struct slice eve = SLICE("eve@e.test");

    assert_false(contact_meter_missed(m, eve, 1, 1));
    assert_false(contact_meter_missed(m, eve, 1, 2)); /* the same */
    assert_false(contact_meter_missed(m, eve, 2, 3));
    assert_false(contact_meter_missed(m, SLICE("anna@e.test"), 3, 4));
    assert_true(contact_meter_missed(m, eve, 3, 5));
    assert_false(contact_meter_missed(m, eve, 4, 6));
    assert_false(contact_meter_missed(m, eve, 5, 7));
    assert_false(contact_meter_missed(m, eve, 6, 7 + 24 * HOUR)); /* another day */
    assert_true(contact_meter_probed(m, eve, 1));
    assert_false(contact_meter_probed(m, eve, HOUR)); /* once an hour ... */
    assert_true(contact_meter_probed(m, SLICE("drill-x@e.test"), 2));
    assert_true(contact_meter_probed(m, SLICE("anna@e.test"), 3)); /* ... and caller */
    assert_true(contact_meter_probed(m, eve, HOUR + 1));
}

static void a_decoy_looks_like_the_others(void **unused)
{
    (void)unused;
    OWN(arena) struct arena arena = {.max = 1 << 24};
    const struct contact models[] = {
        {.address = SLICE("k.klein@e.test"),
         .name = SLICE("Karl Klein"),
         .organisation = SLICE("E Ltd"),
         .phone = SLICE("+49 30 1234567")},
        {.address = SLICE("paula@p.test"),   .name = SLICE("Paula P"),                   .note = SLICE("secret")},
        {.address = SLICE("J.Weiss@e.test"),        .name = SLICE("J\xc3\xb6rg Wei\xc3\x9f")},
    };
    size_t same = 0;
    struct slice last = SLICE_NONE;

    for (int i = 0; i < 1000; i++) {
        struct contact c = decoy_mint(SLICE("e.test"), models, 3, 1, &arena);
        size_t at = slice_find(c.address, '@');
        assert_true(slice_is_ascii(c.address) && slice_is_utf8(c.name));
        assert_slice(slice_from(c.address, at), "@e.test");
        assert_int_equal(c.address.ptr[1], '.');
        assert_slice(c.organisation, "E Ltd");
        assert_slice(slice_head(c.phone, 11), "+49 30 1234");
        assert_int_equal(c.phone.len, models[0].phone.len);
        assert_int_equal(c.note.len, 0);
        same += slice_equal(c.address, last);
        last = c.address;
    }
    assert_true(same < 5);
    struct contact alone = decoy_mint(SLICE("other.de"), models, 3, 1, &arena);
    assert_slice(alone.organisation,
                 "Other"); /* none of the domain: no barer than the others for that */
    assert_int_equal(alone.phone.len, models[0].phone.len);
    alone = decoy_mint(SLICE("other.de"), models, 3, 0, &arena);
    assert_int_equal(alone.organisation.len + alone.phone.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_is_no_decoy),
        cmocka_unit_test(a_book_is_listed_by_name),
        cmocka_unit_test(a_book_is_what_was_put_into_it),
        cmocka_unit_test(what_is_shown_is_limited),
        cmocka_unit_test(who_looks_for_many_decoys_is_noticed),
        cmocka_unit_test(a_decoy_looks_like_the_others),
        cmocka_unit_test(what_was_shown_counts_after_a_restart),
    };
    return cmocka_run_group_tests_name("contact_book", tests, NULL, NULL);
}
