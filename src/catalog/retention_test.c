#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "catalog/retention.h"
#include "letter/removal.h"
#include "tests/test.h"

/* Three letters and two classes. */
struct story {
    char path[64];
    struct catalog *catalog;
    struct arena arena;
    struct letter_id ids[3];
    uint64_t seq;
};

static const uint8_t key[CATALOG_KEY_LEN] = "a key for the tests of catalogs";

static void tell(struct story *s, uint16_t type, const struct cbor_schema *schema,
                 const void *value)
{
    OWN(buf) struct buf body = {.max = 65536};
    struct ledger_entry entry = {
        .ref = {.seq = s->seq, .segment = 1, .offset = 100 * s->seq},
          .type = type
    };
    struct error e;

    cbor_write(&body, schema, value);
    entry.body = arena_copy(&s->arena, buf_slice(&body));
    s->seq++;
    assert_ok(catalog_apply(s->catalog, &entry, &s->arena, &e), e);
}

static void set_rule(struct story *s, const char *class, bool removed)
{
    const struct rule r = {.class = slice_text(class),
                           .term = SLICE("7y"),
                           .start = 1,
                           .by = SLICE("x"),
                           .removed = removed};

    tell(s, RECORD_RULE, &rule_schema, &r);
}

static void stamp(struct story *s, size_t letter, uint64_t first, uint64_t second)
{
    struct class_stamp stamps[] = {
        {.class = SLICE("one"), .rule = 0, .ends = first },
        {.class = SLICE("two"), .rule = 1, .ends = second}
    };
    const struct classes c = {
        .id = letter_id_slice(&s->ids[letter]),
        .classes = {stamps, second  ? 2
                            : first ? 1
                                    : 0},
        .until = first > second ? first : second,
    };

    tell(s, RECORD_CLASSES, &classes_schema, &c);
}

/* Records 0 and 1 are the rules, 2 to 4 the letters. */
static void tell_story(struct story *s)
{
    static const uint8_t digest[32] = {7};
    struct recipient to = {.address = SLICE("a@one.test")};

    set_rule(s, "one", false);
    set_rule(s, "two", false);
    for (size_t i = 0; i < 3; i++) {
        const struct facts f = {
            .id = letter_id_slice(&s->ids[i]),
            .kind = LETTER_SUBMITTED,
            .received_at = 1000,
            .size = 42,
            .recipients = {&to, 1},
            .digest = slice_of(digest, 32)
        };
        tell(s, RECORD_FACTS, &facts_schema, &f);
    }
    stamp(s, 0, 500, 0);
    stamp(s, 1, 400, 900);
}

static int begin(void **state)
{
    struct story *s = calloc(1, sizeof(*s));
    struct error e;

    assert_non_null(s);
    arena_init(&s->arena, 16 << 20);
    (void)snprintf(s->path, sizeof(s->path), "/tmp/catalog_retention_%d.db", (int)getpid());
    (void)unlink(s->path);
    for (size_t i = 0; i < 3; i++) {
        s->ids[i] = letter_id_new();
    }
    assert_ok(catalog_open(s->path, true, slice_of(key, sizeof(key)), &s->catalog, &e), e);
    tell_story(s);
    *state = s;
    return 0;
}

static int finish(void **state)
{
    struct story *s = *state;

    catalog_close(s->catalog);
    (void)unlink(s->path);
    arena_done(&s->arena);
    free(s);
    return 0;
}

static size_t ended(struct story *s, uint64_t at, uint64_t from, size_t max, uint64_t *first)
{
    struct catalog_letter *letters = NULL;
    size_t count = 0;
    struct error e;

    assert_ok(catalog_ended(s->catalog, at, from, max, &s->arena, &letters, &count, &e), e);
    *first = count ? letters[0].seq : 0;
    return count;
}

static void who_is_over_comes_page_by_page(void **state)
{
    struct story *s = *state;
    uint64_t first = 0;

    assert_int_equal(ended(s, 499, 0, 10, &first), 0);
    assert_int_equal(ended(s, 500, 0, 10, &first), 1);
    assert_int_equal(first, 2);
    assert_int_equal(ended(s, 899, 0, 10, &first), 1); /* the longest decides */
    assert_int_equal(ended(s, UINT64_MAX, 0, 10, &first), 2);
    assert_int_equal(ended(s, 900, 0, 1, &first), 1);
    assert_int_equal(ended(s, 900, first + 1, 1, &first), 1);
    assert_int_equal(first, 3);
    assert_int_equal(ended(s, 900, 4, 1, &first), 0); /* the third is under no rule */
}

static void counts(struct story *s, uint64_t unruled, uint64_t for_ever, uint64_t over)
{
    struct catalog_retention_counts c;
    struct error e;

    assert_ok(catalog_retention_counts(s->catalog, 600, &c, &e), e);
    assert_int_equal(c.letters, 3);
    assert_int_equal(c.unruled, unruled);
    assert_int_equal(c.for_ever, for_ever);
    assert_int_equal(c.ended, over);
}

static void the_newest_stamp_holds(void **state)
{
    struct story *s = *state;
    struct catalog_stamp now;
    bool found = false;
    uint64_t first = 0;
    struct error e;

    counts(s, 1, 0, 1);
    stamp(s, 0, 0, 0);
    assert_ok(catalog_stamp(s->catalog, 2, &now, &found, &e), e);
    assert_false(found);
    assert_int_equal(ended(s, UINT64_MAX, 0, 10, &first), 1);
    counts(s, 2, 0, 0);
    const struct class_stamp for_ever = {.class = SLICE("one"), .rule = 0};
    const struct classes c = {
        .id = letter_id_slice(&s->ids[0]), .classes = {(void *)(uintptr_t)&for_ever, 1}
    };
    tell(s, RECORD_CLASSES, &classes_schema, &c);
    assert_ok(catalog_stamp(s->catalog, 2, &now, &found, &e), e);
    assert_true(found);
    assert_int_equal(now.until, INT64_MAX);
    assert_int_equal(ended(s, UINT64_MAX, 0, 10, &first), 1);
    counts(s, 1, 1, 0);
}

static void rules_are_counted(void **state)
{
    struct story *s = *state;
    struct catalog_rule *rules = NULL;
    size_t count = 0;
    struct error e;

    set_rule(s, "one", true);
    assert_ok(catalog_rules(s->catalog, true, &s->arena, &rules, &count, &e), e);
    assert_int_equal(count, 2);
    assert_true(rules[0].removed);
    assert_int_equal(rules[0].ref.seq, s->seq - 1);
    assert_int_equal(rules[0].letters, 2);
    assert_false(rules[1].removed);
    assert_int_equal(rules[1].letters, 1);
}

static void dates_are_known_by_their_key(void **state)
{
    struct story *s = *state;
    struct ledger_ref *refs = NULL;
    size_t count = 0;
    struct error e;

    for (uint64_t i = 0; i < 3; i++) {
        const struct rule_date d = {
            .key = i == 1 ? SLICE("b") : SLICE("a"), .date = i, .by = SLICE("x")};
        tell(s, RECORD_DATE, &rule_date_schema, &d);
    }
    assert_ok(catalog_rule_dates(s->catalog, &s->arena, &refs, &count, &e), e);
    assert_int_equal(count, 2);
    assert_int_equal(refs[0].seq + refs[1].seq, 2 * s->seq - 3);
    /* However many were removed, one row is left of them, for the version. */
    for (uint64_t i = 0; i < 5; i++) {
        char name[2] = {(char)('a' + i), '\0'};
        const struct rule_date d = {.key = slice_text(name), .removed = true, .by = SLICE("x")};
        tell(s, RECORD_DATE, &rule_date_schema, &d);
        assert_ok(catalog_rule_dates(s->catalog, &s->arena, &refs, &count, &e), e);
        assert_int_equal(count, i == 0 ? 2 : 1);
    }
    assert_int_equal(refs[0].seq, s->seq - 1);
}

static void remove_the_second(struct story *s)
{
    struct removed_letter gone = {.id = letter_id_slice(&s->ids[1]), .seq = 3};
    const struct removal r = {
        .id = gone.id, .by = SLICE("x"), .reason = SLICE("y"), .letters = {&gone, 1}
    };

    tell(s, RECORD_REMOVAL, &removal_schema, &r);
}

static void a_removed_letter_has_no_stamp(void **state)
{
    struct story *s = *state;
    uint64_t first = 0;

    remove_the_second(s);
    assert_int_equal(ended(s, UINT64_MAX, 0, 10, &first), 1);
    stamp(s, 1, 400, 900); /* what was under way when it was erased */
    assert_int_equal(ended(s, UINT64_MAX, 0, 10, &first), 1);
}

static void expect_letters(struct story *s, uint64_t letters)
{
    struct catalog_counts counts;
    struct error e;

    assert_ok(catalog_counts(s->catalog, &counts, &e), e);
    assert_int_equal(counts.letters, letters);
}

static void letters_are_counted(void **state)
{
    struct story *s = *state;
    struct error e;

    expect_letters(s, 3);
    remove_the_second(s);
    expect_letters(s, 2);
    assert_ok(catalog_clear(s->catalog, &e), e);
    expect_letters(s, 0);
    s->seq = 0;
    tell_story(s);
    expect_letters(s, 3);
    remove_the_second(s);
    expect_letters(s, 2);
}

static void letters_of_an_older_program_are_counted(void **state)
{
    static const char older[] = "DROP TRIGGER letters_came; DROP TRIGGER letters_went;"
                                "DELETE FROM meta WHERE name = 'letters'";
    struct story *s = *state;
    sqlite3 *db = NULL;
    struct error e;

    catalog_close(TAKE(s->catalog, NULL));
    assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, older, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    for (int writable = 0; writable < 2; writable++) { /* a reader may come before the keeper */
        catalog_close(TAKE(s->catalog, NULL));
        assert_ok(catalog_open(s->path, writable, slice_of(key, sizeof(key)), &s->catalog, &e), e);
        expect_letters(s, 3);
    }
    remove_the_second(s);
    expect_letters(s, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)
    const struct CMUnitTest tests[] = {
        TEST(who_is_over_comes_page_by_page),
        TEST(the_newest_stamp_holds),
        TEST(rules_are_counted),
        TEST(dates_are_known_by_their_key),
        TEST(a_removed_letter_has_no_stamp),
        TEST(letters_are_counted),
        TEST(letters_of_an_older_program_are_counted),
    };
    return cmocka_run_group_tests_name("catalog/retention", tests, NULL, NULL);
}
