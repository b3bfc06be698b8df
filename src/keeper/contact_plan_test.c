/* What a directory's entries make of a book. */
#include "keeper/contact_plan.h"
#include "tests/test.h"

static void put(struct contact_book *b, const char *address, const char *name,
                enum contact_kind kind, const char *directory)
{
    const struct contact_row row = {
        .contact = {.address = slice_text(address), .name = slice_text(name)},
        .kind = kind,
        .until = kind == CONTACT_DECOY ? 7 : 0,
        .directory = slice_text(directory)
    };

    contact_book_put(b, &row);
}

static struct contact entry(const char *address, const char *name)
{
    return (struct contact){.address = slice_text(address), .name = slice_text(name)};
}

static const struct contact_change nothing = {.kind = CONTACT_PLAN_KINDS};

/* What is to become of that address; `nothing` when it stays as it is. */
static const struct contact_change *of(const struct contact_plan *plan, struct slice address)
{
    const struct contact_change *found = &nothing;

    for (size_t i = 0; i < plan->n_changes; i++) {
        if (slice_equal(plan->changes[i].row.contact.address, address)) {
            found = &plan->changes[i];
        }
    }
    return found;
}

static void what_a_person_said_stays(void **unused)
{
    (void)unused;
    OWN(contact_book) struct contact_book *b = contact_book_new();
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct contact there[] = {entry("new@e.test", "New"),     entry("SAME@e.test", "Same"),
                                    entry("same@e.test", "Again"),  entry("hand@e.test", "Other"),
                                    entry("other@e.test", "Other"), entry("no address", "None"),
                                    entry("old@e.test", "Newer")};
    struct contact_plan plan;

    put(b, "SAME@e.test", "Same", CONTACT_REAL, "office");
    put(b, "old@e.test", "Old", CONTACT_REAL, "office");
    put(b, "hand@e.test", "By hand", CONTACT_REAL, "");
    put(b, "other@e.test", "Another's", CONTACT_REAL, "lab");
    put(b, "gone@e.test", "Gone", CONTACT_REAL, "office");
    put(b, "stays@e.test", "By hand", CONTACT_REAL, "");
    contact_plan_make(b, SLICE("office"), '+', there, 7, &arena, &plan);
    assert_int_equal(plan.owned, 3);
    assert_int_equal(plan.n_changes, 3);
    assert_int_equal(plan.counts[CONTACT_PLAN_ADD], 1);
    assert_int_equal(of(&plan, SLICE("new@e.test"))->kind, CONTACT_PLAN_ADD);
    assert_true(slice_equal(of(&plan, SLICE("new@e.test"))->row.directory, SLICE("office")));
    assert_int_equal(of(&plan, SLICE("old@e.test"))->kind, CONTACT_PLAN_SET);
    assert_int_equal(of(&plan, SLICE("gone@e.test"))->kind, CONTACT_PLAN_REMOVE);
    assert_ptr_equal(of(&plan, SLICE("hand@e.test")), &nothing);
    assert_ptr_equal(of(&plan, SLICE("stays@e.test")), &nothing);
    assert_int_equal(plan.left_out, 4); /* twice, no address, a person's, another directory's */
    assert_false(contact_plan_is_alarming(&plan));
}

/* Nothing tells a decoy from what a person added; one that has served serves again. */
static void decoys_stay_decoys(void **unused)
{
    (void)unused;
    OWN(contact_book) struct contact_book *b = contact_book_new();
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct contact there[] = {entry("decoy@e.test", "Guess"), entry("served@e.test", "Guess"),
                                    entry("mine@e.test", "Changed")};
    struct contact_plan plan;

    put(b, "decoy@e.test", "Nobody", CONTACT_DECOY, "");
    put(b, "served@e.test", "Nobody", CONTACT_RETIRED, "");
    put(b, "mine@e.test", "Nobody", CONTACT_DECOY, "office");
    put(b, "left@e.test", "Nobody", CONTACT_DECOY, "office");
    contact_plan_make(b, SLICE("office"), '+', there, 3, &arena, &plan);
    assert_ptr_equal(of(&plan, SLICE("decoy@e.test")), &nothing);
    assert_int_equal(of(&plan, SLICE("served@e.test"))->kind, CONTACT_PLAN_ADD);
    assert_int_equal(of(&plan, SLICE("served@e.test"))->row.kind, CONTACT_DECOY);
    assert_int_equal(of(&plan, SLICE("mine@e.test"))->kind, CONTACT_PLAN_SET);
    assert_int_equal(of(&plan, SLICE("mine@e.test"))->row.kind, CONTACT_DECOY);
    assert_int_equal(of(&plan, SLICE("mine@e.test"))->row.until, 7);
    assert_int_equal(of(&plan, SLICE("left@e.test"))->kind, CONTACT_PLAN_REMOVE);
    assert_int_equal(of(&plan, SLICE("left@e.test"))->row.kind, CONTACT_RETIRED);
}

/* Whoever writes to the directory makes no decoy findable, in whosever book it stands: by its address, or by one with a tag. */
static void anybodys_decoy_comes_as_one(void **unused)
{
    (void)unused;
    OWN(contact_book) struct contact_book *b = contact_book_new();
    OWN(arena) struct arena arena = {.max = 1 << 20};
    const struct contact there[] = {entry("THEIRS@e.test", "Guess"), entry("gone@e.test", "Guess"),
                                    entry("ours+tag@e.test", "Guess"),
                                    entry("theirs+x@e.test", "Guess"),
                                    entry("real@e.test", "Real")};
    struct contact_row row = {
        .owner = SLICE("anna@e.test"),
        .contact = {.address = SLICE("theirs@e.test"), .name = SLICE("Nobody")},
        .kind = CONTACT_DECOY,
        .until = 7,
    };
    struct contact_plan plan;

    contact_book_put(b, &row);
    row.contact.address = SLICE("gone@e.test");
    row.kind = CONTACT_RETIRED;
    contact_book_put(b, &row);
    row.contact.address = SLICE("real@e.test");
    row.kind = CONTACT_REAL;
    contact_book_put(b, &row);
    put(b, "ours@e.test", "Nobody", CONTACT_DECOY, "");
    contact_plan_make(b, SLICE("office"), '+', there, 5, &arena, &plan);
    assert_int_equal(plan.counts[CONTACT_PLAN_ADD], 5);
    assert_int_equal(of(&plan, SLICE("THEIRS@e.test"))->row.kind, CONTACT_DECOY);
    assert_int_equal(of(&plan, SLICE("gone@e.test"))->row.kind, CONTACT_DECOY);
    assert_int_equal(of(&plan, SLICE("ours+tag@e.test"))->row.kind, CONTACT_DECOY);
    assert_int_equal(of(&plan, SLICE("theirs+x@e.test"))->row.kind, CONTACT_DECOY);
    assert_int_equal(of(&plan, SLICE("real@e.test"))->row.kind, CONTACT_REAL);
    contact_plan_make(b, SLICE("office"), 0, there, 5, &arena, &plan);
    assert_int_equal(of(&plan, SLICE("ours+tag@e.test"))->row.kind, CONTACT_REAL);
}

static void many_that_go_are_an_alarm(void **unused)
{
    (void)unused;

    static const struct {
        size_t owned, removed;
        bool alarming;
    } rows[] = {
        {0,  0, false},
        {9,  1, false},
        {9,  4, false},
        {15, 5, false},
        {14, 5, true },
        {3,  3, true },
        {1,  1, true }
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct contact_plan plan = {.owned = rows[i].owned,
                                          .counts = {[CONTACT_PLAN_REMOVE] = rows[i].removed}};
        assert_int_equal(contact_plan_is_alarming(&plan), rows[i].alarming);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_person_said_stays),
        cmocka_unit_test(decoys_stay_decoys),
        cmocka_unit_test(anybodys_decoy_comes_as_one),
        cmocka_unit_test(many_that_go_are_an_alarm),
    };
    return cmocka_run_group_tests_name("keeper/contact_plan", tests, NULL, NULL);
}
