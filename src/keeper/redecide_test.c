#include <stdio.h>

#include "keeper/redecide.h"
#include "keeper/redecide_names.h"
#include "keeper/scanning.h"
#include "keeper/secrets.h"
#include "keeper/suspend.h"
#include "tests/test.h"

static struct ruling_try stopped[] = {
    {RUNG_SMIME, SLICE_INIT("no certificate")},
    {RUNG_HOLD,  SLICE_INIT("none works")    }
};

static struct ruling held(void)
{
    return (struct ruling){
        .hold = true,
        .guard = GUARD_POLICY,
        .reason = SLICE("(policy secret; not smime: no certificate)"),
        .tried = {stopped, 2}
    };
}

static void a_policy_alone_holds_it(void **unused)
{
    (void)unused;
    struct ruling r = held();

    assert_true(redecide_is_policys(&r));
    r.tried.count = 1; /* its policy found a way, and its text a password */
    assert_false(redecide_is_policys(&r));
    r = held();
    r.hold = false;
    assert_false(redecide_is_policys(&r));
    r = held();
    r.replaced = true;
    assert_false(redecide_is_policys(&r));
    r = held();
    r.guard = GUARD_OFFICER;
    assert_false(redecide_is_policys(&r));
}

/* What else holds it as well keeps it from being decided anew. */
static void others_hold_it_too(void **unused)
{
    (void)unused;
    static const char *const why[] = {SUSPENSION_WHY_HELD,
                                      SECRETS_WHY_HELD,
                                      SECRETS_WHY_UNREAD,
                                      SCANNING_WHY_MALWARE ": Eicar",
                                      SCANNING_WHY_PART ": a file",
                                      SCANNING_WHY_LARGE " (its StreamMaxLength)",
                                      SCANNING_WHY_AWAY ": time-out",
                                      SCANNING_WHY_UNSCORED ": time-out",
                                      SCANNING_WHY_SCORED " 9.10 points"};
    OWN(arena) struct arena arena = {.max = 1 << 16};

    for (size_t i = 0; i < sizeof(why) / sizeof(why[0]); i++) {
        struct ruling r = held();
        ruling_hold(&r, slice_text(why[i]), &arena);
        assert_false(redecide_is_policys(&r));
        ruling_hold(&r, SLICE("something else"), &arena); /* and stands first */
        assert_false(redecide_is_policys(&r));
    }
}

/* Less may not be known of a letter than when it was decided. */
static void what_was_read_must_be_read(void **unused)
{
    (void)unused;
    struct part parts[] = {{.reading = PART_CONTAINER}, {.reading = PART_DOCUMENT}};
    struct part closed[] = {{.reading = PART_CONTAINER}, {.reading = PART_UNREADABLE}};
    struct slice gap[] = {SLICE("too many parts")};
    const struct findings then = {
        .parts = {parts, 2}
    };
    const struct findings unread = {
        .unread = true, .gaps = {gap, 1}
    };
    const struct findings gaps = {
        .parts = {parts, 2},
          .gaps = {gap,   1}
    };
    const struct findings shallow = {
        .parts = {closed, 2}
    };
    const struct findings fewer = {
        .parts = {parts, 1}
    };

    assert_false(redecide_reads_less(&then, &then));
    assert_true(redecide_reads_less(&then, &unread));
    assert_true(redecide_reads_less(&then, &gaps));
    assert_true(redecide_reads_less(&then, &shallow));
    assert_true(redecide_reads_less(&then, &fewer));
    assert_false(redecide_reads_less(&shallow, &shallow)); /* it was so then, too */
    assert_true(redecide_reads_less(&shallow, &unread));
    assert_false(redecide_reads_less(&unread, &shallow));
}

static void an_entry_is_stuck_until_somebody_speaks(void **unused)
{
    (void)unused;
    struct queue *q = queue_new();
    struct parcel *p = parcel_new();
    const struct catalog_queue_row row = {.state = QUEUE_HELD, .pending = SLICE("\0\0")};
    const struct ruling ruling = {.domain = SLICE("one.test"), .hold = true, .guard = GUARD_POLICY};
    uint64_t later = 0;

    p->id = letter_id_new();
    for (uint64_t i = 0; i < 2; i++) {
        struct catalog_queue_row one = row;
        one.ruling = i;
        queue_add(q, queue_entry_new(p, &one, &ruling, false));
    }
    struct queue_entry *taken = queue_take_stuck(q, &p->id);
    assert_non_null(taken);
    assert_non_null(taken->next);
    assert_null(queue_take_stuck(q, &p->id)); /* they are busy */
    struct queue_entry *second = taken->next;
    queue_put_back(q, taken);
    queue_finish(q, second);
    assert_int_equal(queue_order(q, &p->id, 0, 0, 0, &later), 1); /* tried at once: as it is */
    taken = queue_take_stuck(q, &p->id);
    assert_non_null(taken);
    assert_null(taken->next);
    queue_put_back(q, taken);
    assert_int_equal(queue_order(q, &p->id, 0, QUEUE_HELD, 0, &later), 1);
    assert_null(queue_take_stuck(q, &p->id)); /* held by an order too */
    queue_free(q);
    parcel_drop(p);
}

static void names_are_found(void **unused)
{
    (void)unused;
    static struct redecide_names s;

    assert_true(redecide_names_are_empty(&s));
    redecide_names_add(&s, SLICE("anna@one.test"));
    redecide_names_add(&s, SLICE("two.test"));
    redecide_names_add(&s, SLICE("anna@one.test"));
    redecide_names_add(&s, SLICE_NONE);
    assert_int_equal(s.n, 2);
    assert_true(redecide_names_has(&s, SLICE("Anna@One.test")));
    assert_false(redecide_names_has(&s, SLICE("bert@one.test")));
    assert_true(redecide_names_has(&s, SLICE("bert@two.test")));
    assert_true(redecide_names_has_domain(&s, SLICE("one.test")));
    assert_true(redecide_names_has_domain(&s, SLICE("two.test")));
    assert_false(redecide_names_has_domain(&s, SLICE("three.test")));
    redecide_names_add(&s, SLICE("x@b\xc3\xbc.test")); /* rulings have its A-label */
    assert_true(redecide_names_has_domain(&s, SLICE("xn--b-xka.test")));
    redecide_names_clear(&s);
    assert_true(redecide_names_are_empty(&s));
}

static void more_names_than_fit_are_all(void **unused)
{
    (void)unused;
    static struct redecide_names s;
    static struct redecide_names both;
    char name[32];

    for (int i = 0; i <= REDECIDE_NAMES_MAX; i++) {
        assert_false(s.all);
        (void)snprintf(name, sizeof(name), "u%d@one.test", i);
        redecide_names_add(&s, slice_text(name));
    }
    assert_true(s.all);
    assert_int_equal(s.n, REDECIDE_NAMES_MAX);
    redecide_names_join(&both, &s);
    assert_true(both.all);
    assert_true(redecide_names_has(&both, SLICE("u7@one.test")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_alone_holds_it),
        cmocka_unit_test(others_hold_it_too),
        cmocka_unit_test(what_was_read_must_be_read),
        cmocka_unit_test(an_entry_is_stuck_until_somebody_speaks),
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(more_names_than_fit_are_all),
    };
    return cmocka_run_group_tests_name("keeper/redecide", tests, NULL, NULL);
}
