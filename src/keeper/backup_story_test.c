#include <stdio.h>

#include "keeper/backup_story.h"
#include "tests/test.h"

static void made(struct backup_story *s, const char *prefix, const char *place, uint64_t at,
                 struct arena *arena)
{
    const struct backup_record r = {.number = at / 1000,
                                    .at = at,
                                    .prefix = slice_text(prefix),
                                    .place = slice_text(place),
                                    .digest = SLICE("0123456789abcdef0123456789abcdef")};
    OWN(buf) struct buf text = {.max = BACKUP_STORY_MAX};
    struct error e;

    backup_story_made(s, &r, SLICE_NONE, arena);
    cbor_write(&text, &backup_story_schema, s); /* as it comes back after a restart */
    assert_ok(cbor_read(arena_copy(arena, buf_slice(&text)), &backup_story_schema, arena, s, &e),
              e);
}

static size_t left(const struct backup_story *s, const char *prefix, const char *place,
                   const char *at, struct arena *arena)
{
    const struct backup_vault now = {slice_text(prefix), slice_text(place)};

    return backup_story_left(s, &now, slice_text(at), arena).count;
}

static void test_moves(void **state)
{
    OWN(arena) struct arena arena = {.max = 1 << 24};
    struct backup_story s = {0};
    struct backup_next known = {0};

    (void)state;
    made(&s, "a-", "one", 1000, &arena);
    assert_int_equal(left(&s, "a-", "one", "", &arena), 0);
    assert_int_equal(left(&s, "", "one", "", &arena), 0); /* after a start it is not known yet */
    assert_int_equal(left(&s, "b-", "one", "", &arena), 1);
    assert_int_equal(left(&s, "a-", "", "", &arena), 1); /* no target any more */
    made(&s, "b-", "one", 2000, &arena);
    made(&s, "b-", "two", 3000, &arena);
    assert_int_equal(left(&s, "b-", "two", "", &arena), 2);
    assert_int_equal(left(&s, "b-", "two", "two", &arena), 0);
    assert_int_equal(left(&s, "b-", "one", "one", &arena), 1);

    const struct backup_vault back = {SLICE("b-"), SLICE("one")};
    backup_story_known(&s, &back, &known);
    assert_int_equal(known.number, 2);
    assert_int_equal(known.digest.len, 32);
    known = (struct backup_next){0};
    const struct backup_vault new = {SLICE("c-"), SLICE("one")};
    backup_story_known(&s, &new, &known);
    assert_int_equal(known.number, 0);

    made(&s, "b-", "one", 4000, &arena); /* back again */
    assert_int_equal(left(&s, "b-", "one", "", &arena), 2);
    backup_story_ended(&s, SLICE("a-"), SLICE("one"), &arena);
    assert_int_equal(left(&s, "b-", "one", "", &arena), 1);
    backup_story_ended(&s, SLICE("b-"), SLICE("two"), &arena);
    assert_int_equal(left(&s, "b-", "one", "", &arena), 0);
    backup_story_ended(&s, SLICE("b-"), SLICE("one"),
                       &arena); /* the last that was used, now unset */
    assert_int_equal(left(&s, "b-", "", "", &arena), 0);
    assert_int_equal(s.number, 0);
}

/* A target that is written in another way is the same: the vault in use would be taken for one that was left. */
static void test_spelling(void **state)
{
    static const char *const same[] = {"sftp://u@host.test/a", "sftp://u@Host.Test/a/",
                                       "sftp://u@host.test:22/a"};
    OWN(arena) struct arena arena = {.max = 1 << 24};
    struct backup_story s = {0};

    (void)state;
    made(&s, "a-", "sftp://u@other.test/a", 500, &arena);
    for (size_t i = 0; i < 3; i++) {
        const struct backup_vault now = {SLICE("a-"), slice_text(same[i])};
        struct backup_next known = {0};
        assert_true(backup_story_moved(&s, &now) == (i == 0));
        made(&s, "a-", same[i], 1000 * (i + 1), &arena);
        assert_int_equal(left(&s, "a-", same[0], "", &arena), 1);
        assert_int_equal(left(&s, "a-", same[1], same[2], &arena), 0);
        backup_story_known(&s, &now, &known);
        assert_int_equal(known.number, i + 1);
    }
    backup_story_ended(&s, SLICE("a-"), SLICE("sftp://u@other.test:22/a/"), &arena);
    assert_int_equal(left(&s, "a-", same[2], "", &arena), 0);
    backup_story_ended(&s, SLICE("a-"), slice_text(same[0]), &arena);
    assert_int_equal(s.number, 0);
}

/* A round that locks objects for longer goes on where it was, for a later backup from there on; in another vault anew. */
static void test_locks(void **state)
{
    OWN(arena) struct arena arena = {.max = 1 << 24};
    struct backup_story s = {0};
    struct backup_next next = {0};
    struct backup_locked l = {
        .number = 1, .from = SLICE("0000000000000000"), .next = SLICE("5555555555555555")};

    (void)state;
    backup_story_locks(&s, &next);
    assert_false(next.lock_due);
    made(&s, "a-", "one", 1000, &arena);
    backup_story_locks(&s, &next);
    assert_true(next.lock_due);
    assert_int_equal(next.lock_next.len, 0);
    backup_story_locked(&s, &l);
    next = (struct backup_next){0};
    backup_story_locks(&s, &next);
    assert_true(slice_equal(next.lock_from, l.from) && slice_equal(next.lock_next, l.next));
    l.number = 7; /* of no backup that is known */
    l.done = true;
    backup_story_locked(&s, &l);
    backup_story_locks(&s, &next);
    assert_true(next.lock_due);

    made(&s, "a-", "one", 2000, &arena);
    next = (struct backup_next){0};
    backup_story_locks(&s, &next);
    assert_true(slice_equal(next.lock_from, l.next) && slice_equal(next.lock_next, l.next));
    l.number = 2;
    backup_story_locked(&s, &l);
    next = (struct backup_next){0};
    backup_story_locks(&s, &next);
    assert_false(next.lock_due);

    made(&s, "a-", "two", 2000, &arena); /* of the same number */
    backup_story_locks(&s, &next);
    assert_true(next.lock_due);
    assert_int_equal(next.lock_next.len, 0);
}

/* More than there is room for: that there are such is not forgotten. */
static void test_many(void **state)
{
    OWN(arena) struct arena arena = {.max = 1 << 26};
    struct backup_story s = {0};
    char place[16];

    (void)state;
    for (unsigned i = 0; i <= BACKUPS_LEFT_MAX + 1; i++) {
        assert_int_equal(s.more_left_at, 0);
        (void)snprintf(place, sizeof(place), "place-%u", i);
        made(&s, "a-", place, 1000 + i, &arena);
    }
    assert_int_equal(s.left.count, BACKUPS_LEFT_MAX);
    assert_int_equal(s.more_left_at, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_spelling),
        cmocka_unit_test(test_locks),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
