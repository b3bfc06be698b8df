#include "stages/protect/plan.h"
#include "tests/test.h"

#define N 6

/* Rulings of a test: recipients as a string of digits. */
struct row {
    const char *domain;
    uint64_t method;
    const char *recipients;
    uint64_t clean;
};

static void decide(const struct row *rows, size_t n, struct arena *a, struct decision *d)
{
    struct ruling *rulings = arena_array(a, n, sizeof(*rulings));

    for (size_t i = 0; i < n; i++) {
        size_t count = strlen(rows[i].recipients);
        uint8_t *indexes = arena_alloc(a, 2 * count);
        for (size_t k = 0; k < count; k++) {
            indexes[2 * k] = 0;
            indexes[2 * k + 1] = (uint8_t)(rows[i].recipients[k] - '0');
        }
        rulings[i] = (struct ruling){.domain = slice_text(rows[i].domain),
                                     .method = rows[i].method,
                                     .clean = rows[i].clean,
                                     .hold = i == 0,
                                     .recipients = slice_of(indexes, 2 * count)};
    }
    *d = (struct decision){
        .rulings = {rulings, n}
    };
}

/* "a:01>1 b:2>2": domain, recipients, copy. */
static struct slice rulings_text(const struct decision *d, struct arena *a)
{
    const struct ruling *r = d->rulings.items;
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < d->rulings.count; i++) {
        text =
            arena_printf(a, "%.*s%s%.*s:", SLICE_ARG(text), i ? " " : "", SLICE_ARG(r[i].domain));
        for (size_t k = 0; k < r[i].recipients.len; k += 2) {
            text = arena_printf(a, "%.*s%u", SLICE_ARG(text), (unsigned)r[i].recipients.ptr[k + 1]);
        }
        text = arena_printf(a, "%.*s>%u", SLICE_ARG(text), (unsigned)r[i].copy);
    }
    return text;
}

/* "0: 16:012": method, recipients. */
static struct slice copies_text(const struct plan *p, struct arena *a)
{
    struct slice text = SLICE_NONE;

    for (size_t i = 0; i < p->n_copies; i++) {
        text = arena_printf(a, "%.*s%s%u:", SLICE_ARG(text), i ? " " : "",
                            (unsigned)p->copies[i].method);
        for (size_t k = 0; k < p->copies[i].n_recipients; k++) {
            text = arena_printf(a, "%.*s%u", SLICE_ARG(text), p->copies[i].recipients[k]);
        }
    }
    return text;
}

static void check(const struct row *rows, size_t n, const bool *own, const char *rulings,
                  const char *copies)
{
    OWN(arena) struct arena a = {.max = 1 << 20};
    struct decision d;
    struct plan p;
    struct error e;

    decide(rows, n, &a, &d);
    assert_ok(plan_copies(&d, own, N, &a, &p, &e), e);
    assert_slice(rulings_text(&d, &a), rulings);
    assert_slice(copies_text(&p, &a), copies);
}

static const bool nobody[N] = {false};

static void one_copy_is_as_it_always_was(void **unused)
{
    (void)unused;
    const struct row rows[] = {
        {"a", 0, "01"},
        {"b", 0, "2" }
    };
    static const bool all[N] = {true, true, true, true, true, true};

    check(rows, 2, nobody, "a:01>0 b:2>0", "0:");
    check(rows, 2, all, "a:01>0 b:2>0", "0:"); /* without a method nothing names a Bcc */
    check(rows, 0, nobody, "", "0:");
}

static void who_shares_a_method_shares_a_copy(void **unused)
{
    (void)unused;
    const struct row all[] = {
        {"a", RUNG_SMIME, "01"},
        {"b", RUNG_SMIME, "2" }
    };
    const struct row mixed[] = {
        {"a", RUNG_SMIME,   "01"},
        {"b", 0,            "2" },
        {"b", RUNG_OPENPGP, "3" },
        {"c", RUNG_SMIME,   "4" },
        {"d", 0,            "5" }
    };

    check(all, 2, nobody, "a:01>1 b:2>1", "16:012");
    check(mixed, 5, nobody, "a:01>2 b:2>1 b:3>3 c:4>2 d:5>1", "0: 16:014 17:3");
}

static void who_gets_cleaned_files_gets_another_copy(void **unused)
{
    (void)unused;
    static const bool own[N] = {false, false, false, false, true, false};
    const struct row all[] = {
        {"a", 0, "01", CLEAN_REMOVE},
        {"b", 0, "2",  CLEAN_REMOVE}
    };
    const struct row mixed[] = {
        {"a", RUNG_SMIME, "01", CLEAN_REMOVE },
        {"b", 0,          "2",  CLEAN_REMOVE },
        {"b", 0,          "3",  CLEAN_NOT    },
        {"c", RUNG_SMIME, "4",  CLEAN_NOT    },
        {"d", 0,          "5",  CLEAN_REQUIRE}
    };

    check(all, 2, nobody, "a:01>1 b:2>1", "0:012");
    check(mixed, 5, own, "a:01>2 b:2>3 b:3>1 c:4>4 d:5>5", "0: 16:01 0:2 16:4 0:5");
}

static void each_bcc_has_his_own(void **unused)
{
    (void)unused;
    static const bool own[N] = {false, true, false, true, true, false};
    const struct row rows[] = {
        {"a", RUNG_SMIME,       "012"},
        {"b", RUNG_SMIME,       "3"  },
        {"b", RUNG_ATTACHMENTS, "5"  },
        {"c", 0,                "4"  }
    };

    check(rows, 4, own, "a:02>2 a:1>3 b:3>4 b:5>5 c:4>1", "0: 16:02 16:1 16:3 18:5");
}

static void a_divided_ruling_keeps_what_it_says(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    static const bool own[N] = {true, true, false, false, false, false};
    const struct row rows[] = {
        {"a", RUNG_SMIME, "012"}
    };
    struct decision d;
    struct plan p;
    struct error e;

    decide(rows, 1, &a, &d);
    ((struct ruling *)d.rulings.items)[0].level = LEVEL_VERIFIED;
    assert_ok(plan_copies(&d, own, N, &a, &p, &e), e);
    const struct ruling *r = d.rulings.items;
    assert_int_equal(d.rulings.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(r[i].hold);
        assert_int_equal(r[i].level, LEVEL_VERIFIED);
        assert_int_equal(r[i].method, RUNG_SMIME);
    }
}

static void what_names_nobody_is_refused(void **unused)
{
    (void)unused;
    OWN(arena) struct arena a = {.max = 1 << 20};
    const struct row rows[] = {
        {"a", RUNG_SMIME, "06"}
    };
    const struct row twice[] = {
        {"a", RUNG_SMIME, "012345"},
        {"b", RUNG_SMIME, "0"     }
    };
    struct decision d;
    struct plan p;
    struct error e;

    decide(rows, 1, &a, &d);
    assert_false(plan_copies(&d, nobody, N, &a, &p, &e));
    assert_int_equal(e.kind, ERROR_CORRUPT);
    decide(twice, 2, &a, &d);
    assert_false(plan_copies(&d, nobody, N, &a, &p, &e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_copy_is_as_it_always_was),
        cmocka_unit_test(who_shares_a_method_shares_a_copy),
        cmocka_unit_test(who_gets_cleaned_files_gets_another_copy),
        cmocka_unit_test(each_bcc_has_his_own),
        cmocka_unit_test(a_divided_ruling_keeps_what_it_says),
        cmocka_unit_test(what_names_nobody_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
